/*
 * docker run --env-file: NAME=value lines, taken raw. The readers of such files agree on nothing
 * but values that need no quoting, so only those are written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "format.h"

const struct zc_format zc_format_dotenv = {
    .name = "dotenv",
    .writer = {.can_hold = zc_value_is_portable, .encode = zc_encode_plain},
};
