"""What a CI job does with ZenML: python pipeline.py [run] [project]

Prints `RESULT {…}` with the active user; with `run` it runs a pipeline of two steps first and tells its status, with
`project` it tells the active project. Runs in the virtual environment of the ZenML client, see zenml_client.py.
"""

import json
import sys

from zenml import pipeline, step
from zenml.client import Client


@step(enable_cache=False)
def make_number() -> int:
    """The first step."""
    return 20


@step(enable_cache=False)
def add_one(number: int) -> int:
    """The second step, which gets what the first one returned."""
    return number + 1


@pipeline(enable_cache=False)
def two_steps():
    """Two steps, one after the other."""
    add_one(make_number())


def main():
    """See the top of this file."""
    client = Client()
    told = {"user": client.active_user.name, "is_service_account": client.active_user.is_service_account}
    if "project" in sys.argv:
        told["project"] = str(client.active_project.id)
    if "run" in sys.argv:
        run = client.get_pipeline_run(two_steps().id)
        told["status"] = run.status.value
        told["steps"] = {name: made.outputs["output"][0].load() for name, made in run.steps.items()}
        told["run_by"] = run.user.name
    print("RESULT", json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
