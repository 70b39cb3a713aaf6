/*
 * pam_zenml - lets a local user in on a ZenML identity.
 *
 * The path, top to bottom: options and scope, conversation, helper, policy, effect. It starts at
 * refusal; PAM_SUCCESS leaves authenticate from one line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "attempt.h"
#include "conversation.h"
#include "session.h"

#define FAIL_DELAY_US 2000000
#define EXPORT        __attribute__((visibility("default")))

/* --- conversation --------------------------------------------------------------------------- */

static int reason_of_answer(enum zp_answer answer)
{
    return answer == ZP_ANSWER_GIVEN      ? ZN_OK
           : answer == ZP_ANSWER_TOO_LONG ? ZN_MALFORMED
                                          : ZP_CONVERSATION;
}

/* The prompt of the configuration, or one that tells what else an empty answer is good for. */
static const char *prompt_of(const struct zh_config *config)
{
    const bool is_default = strcmp(config->prompt, "ZenML API key: ") == 0;

    return (config->credential & ZH_DEVICE) != 0 && is_default
               ? "ZenML API key (empty: log in with a browser): "
               : config->prompt;
}

/* The credential that is tried first: typed now, or what an earlier module got. */
static int get_credential(struct zp_attempt *attempt, bool from_first_pass,
                          struct zn_secret *credential)
{
    if (!from_first_pass && attempt->config.credential == ZH_DEVICE) {
        zn_secret_clear(credential);
        return ZN_OK; /* there is nothing to type */
    }
    if (!from_first_pass)
        return reason_of_answer(zp_ask(attempt->pamh, prompt_of(&attempt->config), credential));
    const int reason = reason_of_answer(zp_take_first_pass(attempt->pamh, credential));
    return reason == ZP_CONVERSATION ? ZN_MISSING : reason;
}

/* Another credential may do better where this one was refused as such. */
static bool is_worth_asking(int reason)
{
    return reason == ZN_MISSING || reason == ZN_MALFORMED || reason == ZN_REJECTED;
}

/* --- the decision --------------------------------------------------------------------------- */

static int try_credential(struct zp_attempt *attempt, bool from_first_pass,
                          struct zn_secret *credential)
{
    int reason = get_credential(attempt, from_first_pass, credential);

    if (reason == ZN_OK)
        reason = zp_attempt_prove(attempt, credential, zp_attempt_check_policy);
    return reason;
}

static int take_effect(struct zp_attempt *attempt, const struct zn_secret *credential)
{
    const char *text = zn_secret_reveal(credential).ptr;

    if (attempt->config.set_authtok &&
        pam_set_item(attempt->pamh, PAM_AUTHTOK, text) != PAM_SUCCESS)
        return ZN_INTERNAL;
    return zp_session_keep(attempt) ? ZN_OK : ZN_INTERNAL;
}

/* ZN_OK, or the reason why not. */
static int decide(struct zp_attempt *attempt, int argc, const char **argv)
{
    const struct zh_config *config = &attempt->config;
    struct zn_secret credential = {0};
    int reason = zp_attempt_prepare(attempt, argc, argv);

    if (reason == ZN_OK) {
        const bool first = config->use_first_pass || config->try_first_pass;
        reason = try_credential(attempt, first, &credential);
        if (config->try_first_pass && is_worth_asking(reason))
            reason = try_credential(attempt, false, &credential);
    }
    if (reason == ZN_OK)
        reason = take_effect(attempt, &credential);
    zn_secret_clear(&credential);
    return reason;
}

static int code_of(const struct zp_attempt *attempt, int reason)
{
    const bool ignore = attempt->config.unavailable == ZH_UNAVAILABLE_IGNORE;

    return ignore && zp_reason_is_outage(reason) ? PAM_IGNORE : zp_reason_code(reason);
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct zp_attempt *attempt = zp_attempt_begin(pamh);

    (void)flags;
    if (attempt == NULL)
        return PAM_BUF_ERR;
    zp_session_forget(pamh);
    const int reason = decide(attempt, argc, argv);
    const int code = code_of(attempt, reason);
    zp_attempt_log(attempt, reason);
    zp_attempt_end(attempt);
    if (reason == ZN_OK)
        return PAM_SUCCESS;
    if (code != PAM_IGNORE)
        pam_fail_delay(pamh, FAIL_DELAY_US);
    return code;
}

/* --- the account stage: the policy again, and only for whom we let in ----------------------- */

static int check_account(struct zp_attempt *attempt, int argc, const char **argv)
{
    bool anybody = false;
    const void *user = NULL;

    if (pam_get_item(attempt->pamh, PAM_USER, &user) != PAM_SUCCESS)
        return ZN_INTERNAL;
    attempt->user.name = user;
    if (!zp_session_recall(attempt->pamh, user, &attempt->identity, &anybody))
        return anybody ? ZP_NO_MAPPING : ZP_SCOPE;
    int reason = zp_attempt_prepare(attempt, argc, argv);
    if (reason == ZN_OK)
        reason = zp_attempt_check_policy(attempt);
    return reason;
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct zp_attempt *attempt = zp_attempt_begin(pamh);

    (void)flags;
    if (attempt == NULL)
        return PAM_BUF_ERR;
    const int reason = check_account(attempt, argc, argv);
    if (reason != ZN_OK)
        zp_attempt_log(attempt, reason);
    zp_attempt_end(attempt);
    if (reason == ZN_OK)
        return PAM_SUCCESS;
    return zp_reason_code(reason) == PAM_AUTH_ERR ? PAM_PERM_DENIED : zp_reason_code(reason);
}

/* There is nothing to set, and nothing that could go wrong. */
EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}
