/*
 * control - the answers that PAM modules give, and the second word of a PAM line: what libpam makes
 * of each of them. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_CONTROL_H
#define ZC_DOCTOR_CONTROL_H

#include "core/text.h"

#define ZC_PAM_CODES 32

/* The return values of Linux-PAM that matter here (security/_pam_types.h). */
enum zc_pam_code {
    ZC_PAM_SUCCESS = 0,
    ZC_PAM_SERVICE_ERR = 3,
    ZC_PAM_SYSTEM_ERR = 4,
    ZC_PAM_PERM_DENIED = 6,
    ZC_PAM_AUTH_ERR = 7,
    ZC_PAM_AUTHINFO_UNAVAIL = 9,
    ZC_PAM_NEW_AUTHTOK_REQD = 12,
    ZC_PAM_CONV_ERR = 19,
    ZC_PAM_IGNORE = 25,
    ZC_PAM_MODULE_UNKNOWN = 28
};

/* What libpam does about an answer; a positive number is a jump over so many lines. */
enum zc_pam_action {
    ZC_ACTION_IGNORE = 0,
    ZC_ACTION_OK = -1,
    ZC_ACTION_DONE = -2,
    ZC_ACTION_BAD = -3,
    ZC_ACTION_DIE = -4,
    ZC_ACTION_RESET = -5
};

/* The name of a code as PAM files have it ("auth_err"); "?" out of range. */
const char *zc_pam_code_name(int code);

/* The code with that name; -1: there is none. */
int zc_pam_code_of(struct zn_span name);

/*
 * Reads a control: one of the four old words, or "value=action ..." without its brackets. False
 * when libpam cannot read it and takes every answer for bad; `ret_actions` says so, too.
 */
bool zc_pam_control_parse(struct zn_span text, int ret_actions[ZC_PAM_CODES]);

#endif
