/*
 * GitHub Actions, and Gitea and Forgejo, which copy it: the file named by GITHUB_ENV takes
 * NAME=value lines (actions/runner, FileCommandManager), standard output takes "::add-mask::".
 * Values have no line break, so the form with a delimiter is not needed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "workflow_command.h"
#include "format.h"

/* Forms of a secret have no line break. */
static bool mask(struct zn_span text, struct zn_buf *out)
{
    return zn_buf_append_text(out, "::add-mask::") && zc_workflow_data(text, out) &&
           zn_buf_append_text(out, "\n");
}

/* There is no way to take a variable away again. */
static bool undo(const char *name, struct zn_buf *out)
{
    return zn_buf_append_text(out, name) && zn_buf_append_text(out, "=\n");
}

const struct zc_format zc_format_github = {
    .name = "github",
    .file_variable = "GITHUB_ENV",
    .output_rule = ZC_OUTPUT_APPENDS,
    .mask = mask,
    .writer = {.can_hold = zc_value_is_one_line, .encode = zc_encode_plain, .undo = undo},
};
