/*
 * spy - a PAM module for tests that tells the application what it finds in PAM_AUTHTOK:
 * `spy: PAM_AUTHTOK is TEXT` or `spy: PAM_AUTHTOK is not set`, as an information text.
 *
 * Arguments: set=TEXT first sets PAM_AUTHTOK, as a module before ours would have left it.
 *            is=TEXT tells only whether it is TEXT, which need not be shown then.
 *            silent tells nothing.
 *            refuse returns PAM_CRED_EXPIRED.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

/* The value of the argument NAME=VALUE, "" of the argument NAME; NULL when there is none. */
static const char *argument(const char *name, int count, const char **arguments)
{
    const size_t len = strlen(name);

    for (int i = 0; i < count; i++)
        if (strncmp(arguments[i], name, len) == 0)
            return arguments[i] + len + (arguments[i][len] == '=');
    return NULL;
}

static int spy(pam_handle_t *pam, int count, const char **arguments)
{
    const char *set = argument("set", count, arguments);
    const char *is = argument("is", count, arguments);
    const void *item = NULL;

    if (argument("refuse", count, arguments) != NULL)
        return PAM_CRED_EXPIRED;
    if (set != NULL && pam_set_item(pam, PAM_AUTHTOK, set) != PAM_SUCCESS)
        return PAM_SERVICE_ERR;
    if (argument("silent", count, arguments) != NULL)
        return PAM_SUCCESS;
    if (pam_get_item(pam, PAM_AUTHTOK, &item) != PAM_SUCCESS)
        return PAM_SERVICE_ERR;
    const char *found = item;
    if (is != NULL && found != NULL && strcmp(found, is) == 0)
        found = "as it should be";
    return found == NULL ? pam_info(pam, "spy: PAM_AUTHTOK is not set")
                         : pam_info(pam, "spy: PAM_AUTHTOK is %s", found);
}

int pam_sm_authenticate(pam_handle_t *pam, int flags, int count, const char **arguments)
{
    (void)flags;
    return spy(pam, count, arguments);
}

int pam_sm_setcred(pam_handle_t *pam, int flags, int count, const char **arguments)
{
    (void)pam;
    (void)flags;
    (void)count;
    (void)arguments;
    return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *pam, int flags, int count, const char **arguments)
{
    (void)flags;
    return spy(pam, count, arguments);
}
