/*
 * variables - a set of environment variables: what env writes and exec gives to its command.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_VARIABLES_H
#define ZC_VARIABLES_H

#include "core/credential.h"

#define ZC_VARIABLES_MAX 8

/* All names that are ever written, ended by NULL. */
extern const char *const zc_variable_names[];

/*
 * False for those that the ZenML client takes for given when they are empty, and then fails
 * (zenml-protocol 11.6): they can be unset, but not emptied.
 */
bool zc_variable_may_be_empty(const char *name);

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
