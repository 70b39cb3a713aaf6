/*
 * NAME='value' lines, in which everything between the quotes is taken literally.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "format.h"

#define ON_UNDO "delete the file"

static bool encode(const struct zc_variables *variables, struct zn_buf *out)
{
    bool ok = true;

    for (size_t i = 0; ok && i < variables->count; i++)
        ok = zn_buf_append_text(out, variables->list[i].name) && zn_buf_append_text(out, "='") &&
             zn_buf_append(out, variables->list[i].value) && zn_buf_append_text(out, "'\n");
    return ok;
}

/* There is no way to write the quote itself. */
static bool can_quote(struct zn_span value)
{
    return zn_text_is_printable(value) &&
           (value.len == 0 || memchr(value.ptr, '\'', value.len) == NULL);
}

/* compose-go takes a quote after a backslash for a part of the value. */
static bool can_quote_for_compose(struct zn_span value)
{
    return can_quote(value) && (value.len == 0 || memchr(value.ptr, '\\', value.len) == NULL);
}

/* U+FDD0 to U+FDEF, and the last two of each plane (Unicode 23.7): systemd drops the whole file. */
static bool has_noncharacter(struct zn_span value)
{
    for (size_t i = 0; i + 2 < value.len; i++) {
        const unsigned char *in = (const unsigned char *)value.ptr + i;
        if (in[0] == 0xef &&
            ((in[1] == 0xb7 && in[2] >= 0x90 && in[2] <= 0xaf) || (in[1] == 0xbf && in[2] >= 0xbe)))
            return true;
        if (i + 3 < value.len && in[0] >= 0xf0 && (in[1] & 0x0f) == 0x0f && in[2] == 0xbf &&
            in[3] >= 0xbe)
            return true;
    }
    return false;
}

static bool can_quote_for_systemd(struct zn_span value)
{
    return can_quote(value) && !has_noncharacter(value);
}

/* Docker Compose, env_file and .env (compose-go, dotenv). */
const struct zc_format zc_format_compose = {
    .name = "compose",
    .writer = {.can_hold = can_quote_for_compose, .encode = encode},
    .on_undo = ON_UNDO,
};

/* Kubernetes, env.valueFrom.fileKeyRef (since 1.34), which takes no other form. */
const struct zc_format zc_format_kubernetes = {
    .name = "kubernetes",
    .writer = {.can_hold = can_quote, .encode = encode},
    .on_undo = ON_UNDO,
};

/* systemd, EnvironmentFile= of systemd.exec(5). */
const struct zc_format zc_format_systemd = {
    .name = "systemd",
    .writer = {.can_hold = can_quote_for_systemd, .encode = encode},
    .on_undo = ON_UNDO,
};
