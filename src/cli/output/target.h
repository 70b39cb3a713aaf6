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
 * Chooses by --format, --output and --allow-secret-artifact (NULL, NULL, false: not given), and
 * finds out whether it can be written, all before anything is sent to a server. ZN_CONFIG: options
 * that contradict each other, or a terminal; ZN_CANNOT_WRITE; ZN_UNSUPPORTED: no platform found.
 */
ZN_MUST_CHECK enum zn_status zc_target_choose(const char *format, const char *output,
                                              bool secret_artifact, struct zc_target *ret,
                                              struct zn_error *error);

/*
 * Masks `credential` and `token` (may be empty) in the log, then writes the variables, all or
 * nothing. `*ret_left_out`: a secret was not written, since others can read an artifact.
 * ZN_UNSUPPORTED: a value that the format cannot hold; nothing has been written then.
 */
ZN_MUST_CHECK enum zn_status zc_target_write(const struct zc_target *target,
                                             const struct zc_variables *variables,
                                             const struct zn_credential *credential,
                                             const struct zn_secret *token, bool *ret_left_out,
                                             struct zn_error *error);

#endif
