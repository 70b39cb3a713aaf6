/*
 * A POSIX shell: export lines in single quotes, in which only the quote itself is special
 * (POSIX.1-2017, Shell Command Language, 2.2.2). The formats of CI platforms that have nothing but
 * a shell to offer are here as well.
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

bool zc_undo_in_shell(const char *name, struct zn_buf *out)
{
    return zn_buf_append_text(out, "unset ") && zn_buf_append_text(out, name) &&
           zn_buf_append_text(out, "\n");
}

const struct zc_format zc_format_shell = {.name = "shell", .writer = ZC_SHELL_WRITER};

/* Every step of a CircleCI job starts with a bash that reads the file named by BASH_ENV. */
const struct zc_format zc_format_circleci = {
    .name = "circleci",
    .file_variable = "BASH_ENV",
    .creates = true,
    .output_rule = ZC_OUTPUT_APPENDS,
    .writer = ZC_SHELL_WRITER,
};

/* Buildkite's hooks are sourced; what one of them exports, later ones and the command see. */
const struct zc_format zc_format_buildkite = {.name = "buildkite", .writer = ZC_SHELL_WRITER};
