/* SPDX-License-Identifier: Apache-2.0 */
#include "variables.h"

#include <string.h>

const char *const zc_variable_names[] = {
    "ZENML_STORE_URL",         "ZENML_STORE_API_TOKEN",
    "ZENML_STORE_API_KEY",     "ZENML_STORE_VERIFY_SSL",
    "ZENML_ACTIVE_PROJECT_ID", "DISABLE_CREDENTIALS_DISK_CACHING",
    "ZENML_PRO_API_URL",       NULL,
};

bool zc_variable_may_be_empty(const char *name)
{
    return strcmp(name, "ZENML_STORE_URL") != 0 && strcmp(name, "ZENML_STORE_VERIFY_SSL") != 0;
}
