/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <string.h>

#define QUOTE_MAX 200

static const struct {
    const char *name;
    enum zn_class class;
    const char *text;
} table[ZN_STATUS_COUNT] = {
#define ROW(constant, name, class, text) [constant] = {name, class, text},
    ZN_STATUS_LIST(ROW)
#undef ROW
};

static bool known(enum zn_status status)
{
    return (unsigned)status < ZN_STATUS_COUNT;
}

const char *zn_status_name(enum zn_status status)
{
    return known(status) ? table[status].name : "unknown";
}

const char *zn_status_text(enum zn_status status)
{
    return known(status) ? table[status].text : "unknown status";
}

enum zn_class zn_status_class(enum zn_status status)
{
    return known(status) ? table[status].class : ZN_CLASS_REFUSED;
}

enum zn_status zn_error_set(struct zn_error *error, enum zn_status status, const char *detail,
                            const char *next)
{
    error->status = status;
    error->detail[0] = '\0';
    error->next[0] = '\0';
    zn_error_add(error, detail != NULL ? detail : zn_status_text(status));
    zn_text_append_safe(error->next, sizeof(error->next), zn_span_of(next));
    return status;
}

/* Where a credential begins in `text`: ZENKEY_, ZENPROKEY_, or the header of a JWT. */
static size_t find_credential(struct zn_span text)
{
    static const char *const marks[] = {"ZENKEY_", "ZENPROKEY_", "eyJ"};

    for (size_t at = 0; at < text.len; at++)
        for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
            if (zn_span_starts_with(zn_span_skip(text, at), zn_span_of(marks[i])))
                return at;
    return text.len;
}

void zn_error_quote(struct zn_error *error, struct zn_span text)
{
    if (text.len > QUOTE_MAX)
        text.len = QUOTE_MAX;
    while (text.len > 0) {
        const size_t at = find_credential(text);
        zn_text_append_safe(error->detail, sizeof(error->detail), (struct zn_span){text.ptr, at});
        if (at < text.len)
            zn_error_add(error, "(a credential)");
        text = zn_span_skip(text, at);
        while (text.len > 0 && text.ptr[0] != ' ')
            text = zn_span_skip(text, 1);
    }
}

void zn_error_add(struct zn_error *error, const char *text)
{
    zn_text_append_safe(error->detail, sizeof(error->detail), zn_span_of(text));
}

void zn_error_prefix(struct zn_error *error, const char *text)
{
    char detail[sizeof(error->detail)];

    memcpy(detail, error->detail, sizeof(detail));
    error->detail[0] = '\0';
    zn_error_add(error, text);
    zn_error_add(error, ": ");
    zn_error_add(error, detail);
}

void zn_error_advise(struct zn_error *error, const char *next)
{
    error->next[0] = '\0';
    zn_text_append_safe(error->next, sizeof(error->next), zn_span_of(next));
}

enum zn_status zn_error_no_memory(struct zn_error *error)
{
    return zn_error_set(error, ZN_INTERNAL, "out of memory", NULL);
}
