/*
 * dispatch - what becomes of a login, when each module gives a certain answer: the rules of
 * libpam's pam_dispatch.c. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_DISPATCH_H
#define ZC_DOCTOR_DISPATCH_H

#include "pam_stack.h"

/* What came of it. */
struct zc_pam_outcome {
    int code;                         /* what the application gets; ZC_PAM_SUCCESS: let in */
    bool called[ZC_PAM_HANDLERS_MAX]; /* per line of the chain */
};

/*
 * Calls the modules of a chain, of which each answers with the code in `answers`, and combines the
 * answers. A chain without lines denies (libpam looks at the service "other" then).
 */
void zc_pam_dispatch(const struct zc_pam_chain *chain, const int answers[ZC_PAM_HANDLERS_MAX],
                     struct zc_pam_outcome *ret);

/* Where a jump over `lines` lines from line `at` lands; false when there are not so many. */
bool zc_pam_jump(const struct zc_pam_chain *chain, size_t at, int lines, size_t *ret_next);

#endif
