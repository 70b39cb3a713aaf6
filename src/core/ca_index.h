/*
 * ca_index - finds certificates by subject in a bundle, without parsing the bundle.
 *
 * A TLS library that is given a bundle decodes and parses all of its 150 certificates to use one.
 * The index reads each only as far as its subject, and decodes those alone that are asked for.
 * Nothing is verified here: what is found is a candidate, which a TLS library has yet to check.
 *
 * What is read as a certificate in a PEM file (RFC 7468):
 * - A line "-----BEGIN CERTIFICATE-----" opens a block. It begins at the beginning of a line, or
 *   right behind an END line, as where files were joined that lack a final newline; blanks may
 *   follow. Other labels ("TRUSTED CERTIFICATE", a private key) and everything between blocks are
 *   text that is passed over, NUL bytes included.
 * - Base64 with blanks and line ends (LF, CRLF, CR) anywhere, padded, and then
 *   "-----END CERTIFICATE-----".
 * - A block with anything else in it, or with no END, or whose contents are not exactly one DER
 *   structure, holds no certificate; the search goes on behind its BEGIN line, so that the next
 *   block is found. libcurl with mbedTLS passes over such blocks, too; OpenSSL refuses the file.
 *
 * Lengths have to be DER: definite and in the shortest form. A certificate is read as far as its
 * subject, and its rest only when it is asked for: the index may list what zn_ca_index_find passes
 * over.
 *
 * Layer 1. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_CA_INDEX_H
#define ZN_CORE_CA_INDEX_H

#include <stdint.h>

#include "text.h"

/* Bytes of DER. Certificates that are longer, or whose subject ends later, are passed over. */
#define ZN_CA_CERTIFICATE_MAX ((size_t)65535)
#define ZN_CA_SUBJECT_END_MAX ((size_t)4096)

/* One certificate: its bytes in the bundle (base64 without BEGIN and END, or DER). */
struct zn_ca_entry {
    struct zn_span bytes;
    uint32_t subject_hash;
    bool is_der;
};

/* All zero is a valid empty index. The bundles are borrowed and have to outlive it. */
struct zn_ca_index {
    struct zn_ca_entry *entries;
    size_t count;
    size_t allocated;
};

/*
 * Adds the certificates of a PEM file. False when memory is short: the index then holds some of
 * them, and is to be cleared.
 */
ZN_MUST_CHECK bool zn_ca_index_add_pem(struct zn_ca_index *index, struct zn_span pem);

/* Adds certificates that stand one behind the other in DER, up to the first that is none. As above.
 */
ZN_MUST_CHECK bool zn_ca_index_add_der(struct zn_ca_index *index, struct zn_span der);

/* Frees the entries. The index is empty and usable again. */
void zn_ca_index_clear(struct zn_ca_index *index);

enum zn_ca_answer { ZN_CA_NONE = 0, ZN_CA_FOUND, ZN_CA_NO_MEMORY };

/*
 * Finds the next certificate, from entry `*at` on, whose subject is `name`, a Name in DER with its
 * header. Names that differ in the case of ASCII letters, or in UTF8String against PrintableString,
 * are taken for the same (RFC 5280 section 7.1), so that none is missed that a TLS library takes
 * for the same; it compares again.
 *
 * `der` has to be initialised, with a cap of ZN_CA_CERTIFICATE_MAX. On ZN_CA_FOUND it holds the
 * whole certificate, and `*at` is the entry behind it: call again for the next one.
 */
ZN_MUST_CHECK enum zn_ca_answer zn_ca_index_find(const struct zn_ca_index *index,
                                                 struct zn_span name, size_t *at,
                                                 struct zn_buf *der);

#endif
