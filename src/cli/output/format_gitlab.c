/*
 * GitLab CI: export lines for eval within the job; with --output a dotenv report for later jobs.
 * GitLab reads the report line by line, strips blanks, keeps quotes, refuses comments and blank
 * lines, expands "$", and takes at most 5 KiB (Ci::ParseDotenvArtifactService). Whoever may
 * download artifacts can read it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "format.h"

const struct zc_format zc_format_gitlab = {
    .name = "gitlab",
    .writer = ZC_SHELL_WRITER,
    .output_writer = {.can_hold = zc_value_is_portable,
                      .encode = zc_encode_plain,
                      .is_artifact = true,
                      .cap = 5 * 1024 - 1},
};
