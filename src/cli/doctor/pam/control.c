/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#define UNSET    (-6)
#define JUMP_MAX 1000000 /* far beyond the end of any file; libpam overflows later */

static const char *const code_names[ZC_PAM_CODES] = {
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
};

const char *zc_pam_code_name(int code)
{
    return code >= 0 && code < ZC_PAM_CODES ? code_names[code] : "?";
}

int zc_pam_code_of(struct zn_span name)
{
    for (int code = 0; code < ZC_PAM_CODES; code++)
        if (zn_span_equal(name, zn_span_of(code_names[code])))
            return code;
    return -1;
}

/* --- the four old words --------------------------------------------------------------------- */

static const struct {
    const char *word;
    int success; /* also for new_authtok_reqd */
    int ignore;
    int otherwise;
} words[] = {
    {"required", ZC_ACTION_OK, ZC_ACTION_IGNORE, ZC_ACTION_BAD},
    {"requisite", ZC_ACTION_OK, ZC_ACTION_IGNORE, ZC_ACTION_DIE},
    {"sufficient", ZC_ACTION_DONE, ZC_ACTION_IGNORE, ZC_ACTION_IGNORE},
    {"optional", ZC_ACTION_OK, ZC_ACTION_IGNORE, ZC_ACTION_IGNORE},
};

static void fill(int actions[ZC_PAM_CODES], int from, int to)
{
    for (int code = 0; code < ZC_PAM_CODES; code++)
        if (actions[code] == from)
            actions[code] = to;
}

static bool parse_word(struct zn_span text, int actions[ZC_PAM_CODES])
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!zn_text_equal_ignoring_case(text, zn_span_of(words[i].word)))
            continue;
        actions[ZC_PAM_SUCCESS] = words[i].success;
        actions[ZC_PAM_NEW_AUTHTOK_REQD] = words[i].success;
        actions[ZC_PAM_IGNORE] = words[i].ignore;
        fill(actions, UNSET, words[i].otherwise);
        return true;
    }
    return false;
}

/* --- value=action --------------------------------------------------------------------------- */

static void skip_blanks(struct zn_span *rest)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || (rest->ptr[0] >= '\t' && rest->ptr[0] <= '\r')))
        *rest = zn_span_skip(*rest, 1);
}

/* Takes the first of the names that the text begins with, as libpam does. -1: with none. */
static int take_name(struct zn_span *rest, const char *const names[], int count)
{
    for (int i = 0; i < count; i++) {
        const struct zn_span name = zn_span_of(names[i]);
        if (zn_span_starts_with(*rest, name)) {
            *rest = zn_span_skip(*rest, name.len);
            return i;
        }
    }
    return -1;
}

/* The length of a jump, and 0 when there is none: libpam refuses the number 0. */
static int take_jump(struct zn_span *rest)
{
    int jump = 0;

    while (rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9') {
        jump = jump < JUMP_MAX ? jump * 10 + (rest->ptr[0] - '0') : JUMP_MAX;
        *rest = zn_span_skip(*rest, 1);
    }
    return jump;
}

static bool take_action(struct zn_span *rest, int *ret_action)
{
    static const char *const actions[] = {"ignore", "ok", "done", "bad", "die", "reset"};
    const int action = take_name(rest, actions, sizeof(actions) / sizeof(actions[0]));

    *ret_action = action < 0 ? take_jump(rest) : -action;
    return action >= 0 || *ret_action > 0;
}

static bool take_pair(struct zn_span *rest, int actions[ZC_PAM_CODES])
{
    static const char *const otherwise[] = {"default"};
    const int code = take_name(rest, code_names, ZC_PAM_CODES);
    int action = UNSET;

    if (code < 0 && take_name(rest, otherwise, 1) < 0)
        return false;
    skip_blanks(rest);
    if (!zn_span_starts_with(*rest, ZN_SPAN("=")))
        return false;
    *rest = zn_span_skip(*rest, 1);
    skip_blanks(rest);
    if (!take_action(rest, &action))
        return false;
    if (code >= 0)
        actions[code] = action;
    else
        fill(actions, UNSET, action);
    return true;
}

static bool parse_pairs(struct zn_span text, int actions[ZC_PAM_CODES])
{
    for (skip_blanks(&text); text.len > 0; skip_blanks(&text))
        if (!take_pair(&text, actions))
            return false;
    fill(actions, UNSET, ZC_ACTION_BAD);
    return true;
}

bool zc_pam_control_parse(struct zn_span text, int ret_actions[ZC_PAM_CODES])
{
    for (int code = 0; code < ZC_PAM_CODES; code++)
        ret_actions[code] = UNSET;
    if (parse_word(text, ret_actions) || parse_pairs(text, ret_actions))
        return true;
    for (int code = 0; code < ZC_PAM_CODES; code++)
        ret_actions[code] = ZC_ACTION_BAD;
    return false;
}
