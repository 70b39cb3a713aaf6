/*
 * fuzz - what every fuzz target includes.
 *
 * A target is one function, LLVMFuzzerTestOneInput: it gives any bytes to one parser, and ends the
 * program where the parser breaks what its header promises. libFuzzer calls it with bytes that it
 * makes up (clang), replay.c with those of the files in corpus/ (any compiler).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_TESTS_FUZZ_H
#define ZN_TESTS_FUZZ_H

#include <stdint.h>

#include "core/http.h"
#include "core/status.h"

/* Takes one input; returns 0. The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, and so makes the input a finding, unless the condition holds. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_fail(__FILE__, __LINE__, #condition);                                             \
    } while (0)

/* Says what does not hold, and aborts. */
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* The input as a span. Reading one byte beyond it is a finding, too, under AddressSanitizer. */
struct zn_span fuzz_span(const uint8_t *data, size_t size);

/*
 * Copies of a part of the input in blocks of exactly that size, with and without a NUL behind it,
 * so that reading beyond the part is a finding. The caller frees `ptr`, or the string.
 */
struct zn_span fuzz_copy(struct zn_span part);
char *fuzz_string(struct zn_span part);

/*
 * The input as a reply: "HTTP/1.1 200 OK", headers, an empty line, the body. What does not look so
 * is an odd reply. The caller clears it.
 */
void fuzz_read_reply(struct zn_span rest, struct zn_reply *reply);

/*
 * A slow and simple reading of "key = value" lines, right for a text without problems: takes the
 * next line that is neither empty nor a comment off `*rest`. False at the end.
 */
bool fuzz_next_rule(struct zn_span *rest, struct zn_span *ret_key, struct zn_span *ret_value);

/* True when the string is one line that is safe to show, as zn_text_append_safe makes them. */
bool fuzz_is_safe(const char *text);

/* True when the string shows the beginning of an API key or of a token. */
bool fuzz_shows_credential(const char *text);

/* Requires of an error what status.h says: this status, a cause, and texts that are safe. */
void fuzz_check_error(const struct zn_error *error, enum zn_status status);

/* True when all `size` bytes are `byte`. */
bool fuzz_is_filled(const void *memory, int byte, size_t size);

#endif
