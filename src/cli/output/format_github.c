/*
 * GitHub Actions, and Gitea and Forgejo, which copy it: the file named by GITHUB_ENV takes
 * NAME=value lines (actions/runner, FileCommandManager), standard output takes "::add-mask::".
 * Values have no line break, so the form with a delimiter is not needed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "format.h"

/* The runner unescapes the data of a command: "%25" is "%". Forms of a secret have no line break.
 */
static bool mask(struct zn_span text, struct zn_buf *out)
{
    bool ok = zn_buf_append_text(out, "::add-mask::");

    while (ok && text.ptr != NULL) {
        ok = zn_buf_append(out, zn_span_cut(&text, '%')) &&
             (text.ptr == NULL || zn_buf_append_text(out, "%25"));
    }
    return ok && zn_buf_append_text(out, "\n");
}

const struct zc_format zc_format_github = {
    .name = "github",
    .detect_variable = "GITHUB_ACTIONS",
    .detect_value = "true",
    .file_variable = "GITHUB_ENV",
    .appends = true,
    .mask = mask,
    .writer = {.can_hold = zc_value_is_one_line, .encode = zc_encode_plain},
};
