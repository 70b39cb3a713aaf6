/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "core/status.h"

#define ABOUT_MAX ((size_t)36) /* a UUID has room, a credential has not */

static void append(char *line, size_t size, const char *text)
{
    zn_text_append_safe(line, size, zn_span_of(text));
}

static void append_number(char *line, size_t size, size_t number)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    zn_text_append_safe(line, size, (struct zn_span){digits + at, sizeof(digits) - at});
}

/* zn_error_quote() knows a credential where it sees one. */
static void append_foreign(char *line, size_t size, struct zn_span text)
{
    struct zn_error quote = {.detail = ""};

    zn_error_quote(&quote, text);
    append(line, size, quote.detail);
}

static void append_about(char *line, size_t size, struct zn_span about)
{
    append_foreign(line, size, about.len <= ABOUT_MAX ? about : ZN_SPAN("(a long word)"));
}

bool zh_report(const struct zh_reporter *reporter, struct zh_place place, const char *problem,
               struct zn_span about, const char *fix)
{
    char line[1024] = "config: ";

    if (place.file == NULL) {
        append(line, sizeof(line), "argument ");
        append_about(line, sizeof(line), place.argument);
    } else {
        append_foreign(line, sizeof(line), zn_span_of(place.file));
    }
    if (place.file != NULL && place.line > 0) {
        append(line, sizeof(line), ":");
        append_number(line, sizeof(line), place.line);
    }
    append(line, sizeof(line), ": ");
    append(line, sizeof(line), problem);
    append_about(line, sizeof(line), about);
    append(line, sizeof(line), "; ");
    append(line, sizeof(line), fix);
    reporter->problem(reporter->ctx, line);
    return false;
}
