/*
 * exit_code - the exit codes of zenml-login, in one table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_EXIT_CODE_H
#define ZC_EXIT_CODE_H

#include "core/status.h"

/* whoami --min-ttl. */
#define ZC_EXIT_ENDS_SOON 15

/* Of env(1) and the shells, for exec. */
#define ZC_EXIT_CANNOT_RUN 126
#define ZC_EXIT_NOT_FOUND  127

/* One code and what it means. README, manual page and --help hold the same table (a test). */
struct zc_exit_code {
    int code;
    const char *meaning;
};

/* The table in ascending order, ended by a row without meaning. */
extern const struct zc_exit_code zc_exit_codes[];

/* The exit code of a status. 1 for a status out of range. */
int zc_exit_code_of(enum zn_status status);

#endif
