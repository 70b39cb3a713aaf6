/*
 * trial - would pam_zenml let somebody in with this credential? Asks the server.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_TRIAL_H
#define ZC_DOCTOR_TRIAL_H

#include "doctor/findings.h"
#include "hostcfg/options.h"
#include "options.h"

/*
 * Proves the credential of `options` against the server of `config`, and applies the policy to the
 * user of `options`, if it names one. Finds what came of it, at `place`. ZN_OK: let in.
 */
ZN_MUST_CHECK enum zn_status zc_trial_run(const struct zc_options *options,
                                          const struct zh_config *config, struct zc_place place,
                                          struct zc_findings *findings, struct zn_error *error);

#endif
