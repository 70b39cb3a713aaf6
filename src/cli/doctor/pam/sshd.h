/*
 * sshd - does the configuration of sshd let pam_zenml ask its question?
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_SSHD_H
#define ZC_DOCTOR_SSHD_H

#include "doctor/findings.h"

/*
 * Reads /etc/ssh/sshd_config and what it includes, without its Match blocks, and finds UsePAM and
 * KbdInteractiveAuthentication that are off, and PasswordAuthentication that is on.
 */
void zc_sshd_check(struct zc_findings *findings);

#endif
