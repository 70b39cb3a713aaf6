/*
 * session - what a login leaves behind: the environment of the session, and the memory that this
 * module let somebody in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_SESSION_H
#define ZP_SESSION_H

#include "attempt.h"

/* Takes back what an earlier login of this transaction left. Comes before each decision. */
void zp_session_forget(pam_handle_t *pamh);

/*
 * Puts the variables of the option session_env into the environment of the session
 * (pam_putenv(3)), and remembers, for the account stage, who was let in as whom: all of it, or
 * nothing. The API key is never among the variables.
 */
ZN_MUST_CHECK bool zp_session_keep(const struct zp_attempt *attempt);

/*
 * What was remembered: true, and the identity, when this module let in the very user whom the
 * transaction is about now. `*ret_anybody`: it let in somebody, perhaps another user.
 */
ZN_MUST_CHECK bool zp_session_recall(pam_handle_t *pamh, const char *user, struct zn_identity *ret,
                                     bool *ret_anybody);

#endif
