/*
 * channel - putting bytes where they belong: all of them or none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_CHANNEL_H
#define ZC_CHANNEL_H

#include "core/status.h"

/* Where output goes. */
enum zc_channel_kind {
    ZC_CHANNEL_STDOUT = 0,
    ZC_CHANNEL_APPEND, /* to a file that exists, in one write; as it was on failure */
    ZC_CHANNEL_REPLACE /* a new file, mode 0600, takes the place of the old one, or not */
};

struct zc_channel {
    enum zc_channel_kind kind;
    const char *path; /* borrowed; NULL for standard output */
    bool creates;     /* an append makes the file, mode 0600, when it is missing */
};

/* Whole lines, and where they belong. Both are borrowed. */
struct zc_output {
    const struct zc_channel *channel;
    struct zn_span bytes;
};

/*
 * Finds out, before anything is sent to a server, whether the channel can be written: a symbolic
 * link, a folder, a missing file to append to, a missing folder are refused with ZN_CANNOT_WRITE.
 */
ZN_MUST_CHECK enum zn_status zc_channel_check(const struct zc_channel *channel,
                                              struct zn_error *error);

/*
 * Writes `bytes`, whole lines. ZN_CANNOT_WRITE: nothing of it is in the file. When the file's last
 * line lacks its end, an append supplies it.
 */
ZN_MUST_CHECK enum zn_status zc_channel_write(const struct zc_channel *channel,
                                              struct zn_span bytes, struct zn_error *error);

#define ZC_OUTPUTS_MAX 2

/*
 * Appends to up to ZC_OUTPUTS_MAX files, to all of them or to none: each is as it was when one
 * fails with ZN_CANNOT_WRITE. All channels have the kind ZC_CHANNEL_APPEND.
 */
ZN_MUST_CHECK enum zn_status zc_channel_append_all(const struct zc_output *outputs, size_t count,
                                                   struct zn_error *error);

#endif
