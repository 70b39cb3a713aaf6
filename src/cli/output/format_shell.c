/*
 * A POSIX shell: export lines in single quotes, in which only the quote itself is special
 * (POSIX.1-2017, Shell Command Language, 2.2.2).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "format.h"

static bool quote(struct zn_span value, struct zn_buf *out)
{
    bool ok = zn_buf_append_text(out, "'");

    while (ok && value.ptr != NULL) {
        const struct zn_span piece = zn_span_cut(&value, '\'');
        ok = zn_buf_append(out, piece) && (value.ptr == NULL || zn_buf_append_text(out, "'\\''"));
    }
    return ok && zn_buf_append_text(out, "'");
}

bool zc_encode_shell(const struct zc_variables *variables, struct zn_buf *out)
{
    bool ok = true;

    for (size_t i = 0; ok && i < variables->count; i++)
        ok = zn_buf_append_text(out, "export ") &&
             zn_buf_append_text(out, variables->list[i].name) && zn_buf_append_text(out, "=") &&
             quote(variables->list[i].value, out) && zn_buf_append_text(out, "\n");
    return ok;
}

const struct zc_format zc_format_shell = {
    .name = "shell",
    .writer = {.can_hold = zc_value_is_one_line, .encode = zc_encode_shell},
};
