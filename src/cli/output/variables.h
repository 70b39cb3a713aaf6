/*
 * variables - a set of environment variables: what env writes and exec gives to its command.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_VARIABLES_H
#define ZC_VARIABLES_H

#include "core/credential.h"

#define ZC_VARIABLES_MAX 6

/* One variable. Both texts are borrowed. */
struct zc_variable {
    const char *name;
    struct zn_span value;
    enum zn_credential_kind secret; /* ZN_CREDENTIAL_NONE: not a secret */
};

/* The variables, in the order in which they are written. */
struct zc_variables {
    struct zc_variable list[ZC_VARIABLES_MAX];
    size_t count;
};

#endif
