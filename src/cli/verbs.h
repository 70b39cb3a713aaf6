/*
 * verbs - the commands of zenml-login. Each says what went wrong and returns the exit code.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_VERBS_H
#define ZC_VERBS_H

#include "options.h"
#include "process.h"

/* zenml-login env: log in, then write the variables for the CI platform or in --format. */
int zc_env_run(const struct zc_options *options);

/* zenml-login exec: log in, then become the command. Returns only on failure. */
int zc_exec_run(const struct zc_options *options, const struct zc_process *process);

/* zenml-login whoami: log in, then print the account. */
int zc_whoami_run(const struct zc_options *options);

/* zenml-login login: log a person in by a browser, or out again. */
int zc_login_run(const struct zc_options *options);

/* zenml-login clear: undo what env wrote. */
int zc_clear_run(const struct zc_options *options);

/* zenml-login doctor pam: look at PAM files and what they need; with --try, log in as well. */
int zc_doctor_run(const struct zc_options *options);

#endif
