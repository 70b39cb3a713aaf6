/*
 * mask - the forms in which a secret may turn up in a CI log.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_MASK_H
#define ZC_MASK_H

#include "core/credential.h"

/* Appends the line that masks `text` in the log. False when the buffer refuses it. */
typedef bool zc_mask_line(struct zn_span text, struct zn_buf *out);

/*
 * Appends a line for every form of `secret` to `out`: as it is, URL-encoded, and in base64 and
 * base64url at each of the three alignments that it can have inside a longer text, cut to whole
 * groups so that what follows does not matter. A form shorter than 4 bytes is left out. False when
 * the buffer refuses it.
 */
ZN_MUST_CHECK bool zc_mask_secret(struct zn_span secret, zc_mask_line *line, struct zn_buf *out);

/*
 * Appends the forms of a credential, as zc_mask_secret: for an API key also of what stands behind
 * its prefix (servers take that for the key, too) and of the secret inside it.
 */
ZN_MUST_CHECK bool zc_mask_credential(const struct zn_credential *credential, zc_mask_line *line,
                                      struct zn_buf *out);

#endif
