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
 * KbdInteractiveAuthentication that are off, PasswordAuthentication that is on, and a
 * LoginGraceTime that is over before `device_timeout_s`; 0: nobody logs in by a browser.
 */
void zc_sshd_check(int64_t device_timeout_s, struct zc_findings *findings);

#endif
