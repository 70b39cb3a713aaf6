/*
 * text - bytes with a length: borrowed spans, owned bounded buffers, and checks on them.
 *
 * Layer 0. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_TEXT_H
#define ZN_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* On every function whose failure would otherwise go unseen. */
#define ZN_MUST_CHECK __attribute__((warn_unused_result))

/* Borrowed bytes. Not NUL-terminated; valid as long as their owner is. */
struct zn_span {
    const char *ptr;
    size_t len;
};

/* A span of a string literal or an array of char that holds one. */
#define ZN_SPAN(literal) ((struct zn_span){(literal), sizeof(literal) - 1})

/* The bytes of a NUL-terminated string without the NUL; an empty span for NULL. */
struct zn_span zn_span_of(const char *text);

/* True when both spans have the same length and bytes. */
bool zn_span_equal(struct zn_span a, struct zn_span b);

/* True when `text` begins with `prefix`. */
bool zn_span_starts_with(struct zn_span text, struct zn_span prefix);

/* `text` without its first `count` bytes; empty when it has no more than that. */
struct zn_span zn_span_skip(struct zn_span text, size_t count);

/*
 * Cuts `*rest` at the first `mark`: returns what stands before it and leaves in `*rest` what stands
 * after it. Without a mark, returns all of it and leaves `*rest` empty with a NULL pointer.
 */
struct zn_span zn_span_cut(struct zn_span *rest, char mark);

/* `text` without blanks and tabs at its ends. */
struct zn_span zn_span_trim(struct zn_span text);

/* What the last operation on a zn_buf that returned false failed of. */
enum zn_buf_state { ZN_BUF_GOOD = 0, ZN_BUF_OVER_CAP, ZN_BUF_NO_MEMORY };

/*
 * Owned bytes that may grow up to `cap`. The bytes are wiped whenever memory is given up, since
 * requests and replies carry credentials. After a failure the buffer is empty and every further
 * append fails, so a chain of appends needs one check at its end.
 */
struct zn_buf {
    char *ptr; /* always NUL-terminated once non-NULL; the NUL is not counted in len */
    size_t len;
    size_t allocated;
    size_t cap; /* bytes, without the NUL */
    enum zn_buf_state state;
};

/* Makes `buf` an empty buffer that never holds more than `cap` bytes. Allocates nothing. */
void zn_buf_init(struct zn_buf *buf, size_t cap);

/* Wipes and frees the bytes. The buffer is empty, good and usable again with the same cap. */
void zn_buf_clear(struct zn_buf *buf);

/*
 * Makes room for `len` bytes in all, so that appends up to that length move nothing. False, and
 * the buffer as after a failed append, when that exceeds the cap or memory is short.
 */
ZN_MUST_CHECK bool zn_buf_reserve(struct zn_buf *buf, size_t len);

/* Appends `bytes`. False when that exceeds the cap or memory is short: see zn_buf. */
ZN_MUST_CHECK bool zn_buf_append(struct zn_buf *buf, struct zn_span bytes);

/* Appends a NUL-terminated string. As zn_buf_append. */
ZN_MUST_CHECK bool zn_buf_append_text(struct zn_buf *buf, const char *text);

/* Appends `number` in decimal. As zn_buf_append. */
ZN_MUST_CHECK bool zn_buf_append_number(struct zn_buf *buf, long long number);

/* Appends `bytes` percent-encoded, all but RFC 3986 "unreserved" characters. As zn_buf_append. */
ZN_MUST_CHECK bool zn_buf_append_percent(struct zn_buf *buf, struct zn_span bytes);

/* The bytes of the buffer, borrowed until it changes. */
struct zn_span zn_buf_span(const struct zn_buf *buf);

/* True when every byte is printable ASCII without the blank (0x21..0x7e). True for no bytes. */
bool zn_text_is_graphic(struct zn_span text);

/* True when `text` is UTF-8 (RFC 3629) without control characters (C0, DEL, C1). */
bool zn_text_is_printable(struct zn_span text);

/* True when `text` is well-formed UTF-8 (RFC 3629), control characters included. */
bool zn_text_is_utf8(struct zn_span text);

/* True when `text` is a UUID in its 8-4-4-4-12 form, either case (RFC 9562 section 4). */
bool zn_text_is_uuid(struct zn_span text);

/* True when `a` and `b` are equal but for the case of ASCII letters. */
bool zn_text_equal_ignoring_case(struct zn_span a, struct zn_span b);

/* Reads all of `text` as a decimal number without sign. False when it is none, or over 10^15. */
ZN_MUST_CHECK bool zn_text_to_number(struct zn_span text, long long *ret_number);

/*
 * Appends to the string in `dst` (`size` bytes, NUL included) as much of `src` as fits, made safe
 * to show: one line of printable ASCII in which no CI runner finds a command. Other bytes become
 * '?'; the second of two colons or number signs becomes '.' ("::error", "##vso[").
 */
void zn_text_append_safe(char *dst, size_t size, struct zn_span src);

#endif
