/*
 * written - the note that env leaves beside the variables it writes, ZENML_LOGIN_WRITTEN: their
 * names, each with a fingerprint of its value. By it, clear and the next login of the same job know
 * which variables are still as env wrote them. Anybody may have changed the note, so no name is
 * taken from it: it only answers for names of ours.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_WRITTEN_H
#define ZC_WRITTEN_H

#include "variables.h"

#define ZC_WRITTEN "ZENML_LOGIN_WRITTEN"

/* What became of a variable since env wrote it. */
enum zc_written_state {
    ZC_NOT_WRITTEN = 0,
    ZC_WRITTEN_AND_CHANGED, /* by somebody else */
    ZC_WRITTEN_AND_PRESENT
};

/* Appends the note for `variables`. False when the buffer refuses it. */
ZN_MUST_CHECK bool zc_written_encode(const struct zc_variables *variables, struct zn_buf *out);

/* Compares the variable `name` of the environment with the note that is there. */
enum zc_written_state zc_written_look_up(const char *name);

/* True when there is a note at all. */
bool zc_written_is_there(void);

#endif
