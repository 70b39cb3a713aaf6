/*
 * target - where and how variables are written: a format, one of its writers, and a channel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_TARGET_H
#define ZC_TARGET_H

#include "channel.h"
#include "format.h"

struct zc_target {
    const struct zc_format *format;
    const struct zc_writer *writer;
    struct zc_channel channel;
    bool secret_artifact;
};

/*
 * The format named `name`, or that of the platform when it is NULL. ZN_CONFIG: no such name;
 * ZN_UNSUPPORTED: no platform found.
 */
ZN_MUST_CHECK enum zn_status zc_target_find_format(const char *name, const struct zc_format **ret,
                                                   struct zn_error *error);

/* Where the format writes by itself. ZN_CANNOT_WRITE: the variable that names it is not set. */
ZN_MUST_CHECK enum zn_status zc_target_find_channel(const struct zc_format *format,
                                                    struct zc_channel *ret, struct zn_error *error);

/*
 * After a failure: where a shell evaluates what these options (NULL: not given) make of standard
 * output, prints the line that makes it fail with `code`. To evaluate nothing would be a success.
 */
void zc_target_fail(const char *format, const char *output, int code);

/*
 * Chooses by --format, --output and --allow-secret-artifact (NULL, NULL, false: not given), and
 * finds out whether it can be written, all before anything is sent to a server. ZN_CONFIG: options
 * that contradict each other, or a terminal; ZN_CANNOT_WRITE; ZN_UNSUPPORTED: no platform found.
 */
ZN_MUST_CHECK enum zn_status zc_target_choose(const char *format, const char *output,
                                              bool secret_artifact, struct zc_target *ret,
                                              struct zn_error *error);

/* What must not be seen in a log. Borrowed; the token may be empty. */
struct zc_secrets {
    const struct zn_credential *credential;
    const struct zn_secret *token;
};

/*
 * Masks the secrets in the log, then writes the variables, and with them `beside` (NULL: nothing),
 * which has to be an append like the target: all or nothing. `*ret_left_out`: a secret was not
 * written, since others can read an artifact. ZN_UNSUPPORTED: a value that the format cannot hold;
 * nothing has been written then.
 */
ZN_MUST_CHECK enum zn_status zc_target_write(const struct zc_target *target,
                                             const struct zc_variables *variables,
                                             const struct zc_secrets *secrets,
                                             const struct zc_output *beside, bool *ret_left_out,
                                             struct zn_error *error);

#endif
