/*
 * java.util.Properties, and Jenkins, whose plugins read that; within one "sh" of a Jenkins job,
 * export lines. The loader reads ISO 8859-1, drops blanks before a value and takes "\" for an
 * escape (java.util.Properties, load).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "format.h"

static bool is_ascii(struct zn_span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e)
            return false;
    return true;
}

static bool escape(struct zn_span value, struct zn_buf *out)
{
    const bool blank_first = value.len > 0 && value.ptr[0] == ' ';
    bool ok = zn_buf_append_text(out, blank_first ? "\\" : "");

    while (ok && value.ptr != NULL) {
        ok = zn_buf_append(out, zn_span_cut(&value, '\\')) &&
             (value.ptr == NULL || zn_buf_append_text(out, "\\\\"));
    }
    return ok;
}

static bool encode(const struct zc_variables *variables, struct zn_buf *out)
{
    bool ok = true;

    for (size_t i = 0; ok && i < variables->count; i++)
        ok = zn_buf_append_text(out, variables->list[i].name) && zn_buf_append_text(out, "=") &&
             escape(variables->list[i].value, out) && zn_buf_append_text(out, "\n");
    return ok;
}

const struct zc_format zc_format_properties = {
    .name = "properties",
    .writer = {.can_hold = is_ascii, .encode = encode},
    .on_undo = "delete the file",
};

const struct zc_format zc_format_jenkins = {
    .name = "jenkins",
    .writer = ZC_SHELL_WRITER,
    .output_writer = {.can_hold = is_ascii, .encode = encode},
};
