"""What the ZenML client takes for it: its own login and its active user. Prints the name of the service account.

ZENML_STORE_URL and ZENML_STORE_API_KEY name the server and the key. The configuration folder is new, as in a CI job.
"""

import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    os.environ["ZENML_CONFIG_PATH"] = folder

    from zenml.client import Client

    print(Client().active_user.name)
