/*
 * GitHub Actions, and Gitea and Forgejo, which copy it: the file named by GITHUB_ENV takes
 * NAME=value lines (actions/runner, FileCommandManager), standard output takes "::add-mask::".
 * Values have no line break, so the form with a delimiter is not needed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "format.h"

const struct zc_format zc_format_github = {
    .name = "github",
    .detect_variable = "GITHUB_ACTIONS",
    .detect_value = "true",
    .file_variable = "GITHUB_ENV",
    .appends = true,
    .mask_command = "::add-mask::",
    .writer = {.can_hold = zc_value_is_one_line, .encode = zc_encode_plain},
};
