/* SPDX-License-Identifier: Apache-2.0 */
#include "answers.h"

#include <string.h>

/* Modules that are common on Linux hosts. */
static const struct {
    const char *name;
    struct zc_answer answer;
} modules[] = {
    {"pam_permit.so", {ZC_ANSWER_FIXED, ZC_PAM_SUCCESS}},
    {"pam_deny.so", {ZC_ANSWER_FIXED, ZC_PAM_AUTH_ERR}},
    {"pam_cap.so", {ZC_ANSWER_FIXED, ZC_PAM_IGNORE}},
    {"pam_echo.so", {ZC_ANSWER_FIXED, ZC_PAM_IGNORE}},
    {"pam_env.so", {ZC_ANSWER_FIXED, ZC_PAM_IGNORE}},
    {"pam_faildelay.so", {ZC_ANSWER_FIXED, ZC_PAM_IGNORE}},
    {"pam_group.so", {ZC_ANSWER_FIXED, ZC_PAM_IGNORE}},
    {"pam_nologin.so", {ZC_ANSWER_FIXED, ZC_PAM_IGNORE}},
    {"pam_warn.so", {ZC_ANSWER_FIXED, ZC_PAM_IGNORE}},
    {"pam_access.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_exec.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_faillock.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_gnome_keyring.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_keyinit.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_kwallet5.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_listfile.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_localuser.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_mount.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_securetty.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_sepermit.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_shells.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_succeed_if.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_tally2.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_time.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_usertype.so", {ZC_ANSWER_CHECK, 0}},
    {"pam_wheel.so", {ZC_ANSWER_CHECK, 0}},
};

/* pam_debug answers what its arguments say. */
static struct zc_answer debug_answer(const struct zc_pam_handler *handler)
{
    const struct zn_span key = handler->type == ZC_PAM_AUTH ? ZN_SPAN("auth=") : ZN_SPAN("acct=");
    int code = ZC_PAM_SUCCESS;
    const char *argument = NULL;

    for (size_t i = 0; (argument = zc_pam_argument(handler, i)) != NULL; i++) {
        const struct zn_span text = zn_span_of(argument);
        if (!zn_span_starts_with(text, key))
            continue;
        code = zc_pam_code_of(zn_span_skip(text, key.len));
        break;
    }
    return (struct zc_answer){ZC_ANSWER_FIXED, code < 0 ? ZC_PAM_SUCCESS : code};
}

struct zc_answer zc_answer_of(const struct zc_pam_handler *handler)
{
    if (zc_pam_is_module(handler, "pam_debug.so"))
        return debug_answer(handler);
    if (zc_pam_is_ours(handler)) /* another line of ours, which is not meant for this user */
        return (struct zc_answer){ZC_ANSWER_FIXED, ZC_PAM_IGNORE};
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
        if (zc_pam_is_module(handler, modules[i].name))
            return modules[i].answer;
    return (struct zc_answer){ZC_ANSWER_PROOF, 0};
}
