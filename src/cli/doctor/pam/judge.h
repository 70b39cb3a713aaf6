/*
 * judge - does a PAM service keep out whom pam_zenml refuses, and let in whom it accepts?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_JUDGE_H
#define ZC_DOCTOR_JUDGE_H

#include "pam_stack.h"

/*
 * Plays every answer that pam_zenml can give, with every answer that the other lines can give, for
 * each of our lines of the service, and finds what comes of it. With `verbose` it also prints, on
 * standard error, what comes of each answer of ours when all others succeed, and when they fail.
 */
void zc_judge(const struct zc_pam_stack *stack, bool verbose, struct zc_findings *findings);

#endif
