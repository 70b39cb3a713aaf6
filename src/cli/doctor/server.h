/*
 * server - the doctor for logging in: everything between the command line and a proven identity,
 * in the order in which it is needed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_SERVER_H
#define ZC_DOCTOR_SERVER_H

#include "options.h"

/* zenml-login doctor: returns the exit code of the first thing that fails. */
int zc_doctor_server_run(const struct zc_options *options);

#endif
