/*
 * secret - the only type that holds a credential.
 *
 * Layer 0. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_SECRET_H
#define ZN_CORE_SECRET_H

#include "text.h"

/* The longest credential that is accepted, in bytes. */
#define ZN_SECRET_MAX ((size_t)4096)

/* So many bytes of a secret in a row are too many to be shown. */
#define ZN_SECRET_PART ((size_t)16)

/* A credential. All zero is a valid empty secret. Its bytes are wiped over the whole allocation. */
struct zn_secret {
    struct zn_buf bytes;
};

/*
 * Replaces the secret by a copy of `bytes`. False, and the secret empty, when there are more than
 * ZN_SECRET_MAX of them or memory is short.
 */
ZN_MUST_CHECK bool zn_secret_set(struct zn_secret *secret, struct zn_span bytes);

/* Takes the bytes over from `source`, which is empty afterwards. What `secret` held is wiped. */
void zn_secret_take(struct zn_secret *secret, struct zn_secret *source);

/* Wipes and frees the bytes; the secret is empty and usable again. */
void zn_secret_clear(struct zn_secret *secret);

/* True when the secret holds no bytes. */
bool zn_secret_is_empty(const struct zn_secret *secret);

/* The bytes, borrowed until the secret changes. The one way to them: search for its callers. */
struct zn_span zn_secret_reveal(const struct zn_secret *secret);

/*
 * True when `text` shows a part of the secret: ZN_SECRET_PART bytes in a row, or all of a shorter
 * one. Fewer than 8 bytes are no secret.
 */
bool zn_secret_is_shown(const struct zn_secret *secret, struct zn_span text);

/* Overwrites with '*' whatever of the string `text` shows a part of the secret, as above. */
void zn_secret_redact(const struct zn_secret *secret, char *text);

#endif
