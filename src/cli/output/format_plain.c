/*
 * NAME=value lines without quotes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "format.h"

#define ON_UNDO "delete the file"

/* What calls itself dotenv agrees on nothing but values that need no quotes. */
const struct zc_format zc_format_dotenv = {
    .name = "dotenv",
    .writer = {.can_hold = zc_value_is_portable, .encode = zc_encode_plain},
    .on_undo = ON_UNDO,
};

/* docker run --env-file takes the rest of the line as it is (docker/cli, kvfile). */
const struct zc_format zc_format_docker = {
    .name = "docker",
    .writer = {.can_hold = zc_value_is_one_line, .encode = zc_encode_plain},
    .on_undo = ON_UNDO,
};

/*
 * Bitbucket Pipelines: export lines within the step; with --output the file for later steps named
 * by BITBUCKET_PIPELINES_VARIABLES_PATH. It has no documented quotes, and the log masks nothing
 * that comes from it.
 */
const struct zc_format zc_format_bitbucket = {
    .name = "bitbucket",
    .creates = true,
    .output_rule = ZC_OUTPUT_APPENDS,
    .writer = ZC_SHELL_WRITER,
    .output_writer = {.can_hold = zc_value_is_portable,
                      .encode = zc_encode_plain,
                      .is_artifact = true},
};
