/*
 * conversation - getting the credential from the person, through the host.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_CONVERSATION_H
#define ZP_CONVERSATION_H

#include <security/pam_modules.h>

#include "core/secret.h"

/* How the question went. */
enum zp_answer {
    ZP_ANSWER_FAILED = 0, /* the host asked nobody, was interrupted, or memory is short */
    ZP_ANSWER_GIVEN,
    ZP_ANSWER_TOO_LONG /* more than ZN_SECRET_MAX bytes */
};

/*
 * Asks `prompt` without echo, in one message, and nothing else, and takes a copy of the answer,
 * which may be empty. The host's own copy is wiped and freed. Unlike pam_get_authtok(3) this
 * neither reuses nor sets PAM_AUTHTOK.
 */
ZN_MUST_CHECK enum zp_answer zp_ask(pam_handle_t *pamh, const char *prompt, struct zn_secret *ret);

/* Takes a copy of PAM_AUTHTOK, what an earlier module got. ZP_ANSWER_FAILED: there is none. */
ZN_MUST_CHECK enum zp_answer zp_take_first_pass(pam_handle_t *pamh, struct zn_secret *ret);

#endif
