/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#define DATA_NAME    "pam_zenml_identity"
#define VARIABLE_MAX ((size_t)(ZN_SECRET_MAX + 64))

/* What pam_set_data(3) keeps. sshd runs later stages in other processes, where it is not. */
struct memory {
    struct zn_identity identity;
    char user[256];
};

/* --- environment ---------------------------------------------------------------------------- */

static bool put(pam_handle_t *pamh, const char *name, struct zn_span value)
{
    struct zn_buf text;

    zn_buf_init(&text, VARIABLE_MAX);
    const bool ok = zn_buf_append_text(&text, name) && zn_buf_append_text(&text, "=") &&
                    zn_buf_append(&text, value) && pam_putenv(pamh, text.ptr) == PAM_SUCCESS;
    zn_buf_clear(&text);
    return ok;
}

static bool put_all(const struct zp_attempt *attempt)
{
    const struct zn_span token = {attempt->reply.token, attempt->reply.token_len};
    pam_handle_t *pamh = attempt->pamh;

    if (attempt->config.session_env == ZH_SESSION_NONE)
        return true;
    if (!put(pamh, "ZENML_STORE_URL", zn_span_of(attempt->reply.server_url)))
        return false;
    if (attempt->config.session_env != ZH_SESSION_TOKEN)
        return true;
    return put(pamh, "ZENML_STORE_API_TOKEN", token) &&
           put(pamh, "DISABLE_CREDENTIALS_DISK_CACHING", ZN_SPAN("true"));
}

static void take_back(pam_handle_t *pamh)
{
    static const char *const names[] = {"ZENML_STORE_URL", "ZENML_STORE_API_TOKEN",
                                        "DISABLE_CREDENTIALS_DISK_CACHING"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (pam_getenv(pamh, names[i]) != NULL)
            pam_putenv(pamh, names[i]);
}

/* --- memory --------------------------------------------------------------------------------- */

static void forget(pam_handle_t *pamh, void *data, int status)
{
    (void)pamh;
    (void)status;
    free(data);
}

static bool remember(const struct zp_attempt *attempt)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    const size_t len = strlen(attempt->user.name);

    if (memory == NULL || len >= sizeof(memory->user)) {
        free(memory);
        return false;
    }
    memory->identity = attempt->identity;
    memcpy(memory->user, attempt->user.name, len);
    if (pam_set_data(attempt->pamh, DATA_NAME, memory, forget) == PAM_SUCCESS)
        return true;
    free(memory);
    return false;
}

void zp_session_forget(pam_handle_t *pamh)
{
    const void *data = NULL;

    if (pam_get_data(pamh, DATA_NAME, &data) != PAM_SUCCESS || data == NULL)
        return;
    take_back(pamh);
    pam_set_data(pamh, DATA_NAME, NULL, NULL);
}

bool zp_session_keep(const struct zp_attempt *attempt)
{
    const bool ok = put_all(attempt) && remember(attempt);

    if (!ok)
        take_back(attempt->pamh);
    return ok;
}

bool zp_session_recall(pam_handle_t *pamh, const char *user, struct zn_identity *ret,
                       bool *ret_anybody)
{
    const void *data = NULL;

    *ret_anybody = pam_get_data(pamh, DATA_NAME, &data) == PAM_SUCCESS && data != NULL;
    if (!*ret_anybody)
        return false;
    const struct memory *memory = data;
    if (user == NULL || strcmp(memory->user, user) != 0)
        return false;
    *ret = memory->identity;
    return true;
}
