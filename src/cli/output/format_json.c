/*
 * One JSON object of strings (docs/schema/env.schema.json).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/json.h"
#include "format.h"

static bool encode(const struct zc_variables *variables, struct zn_buf *out)
{
    bool ok = zn_buf_append_text(out, "{");

    for (size_t i = 0; ok && i < variables->count; i++)
        ok = zn_buf_append_text(out, i == 0 ? "" : ",") &&
             zn_json_write_string(out, zn_span_of(variables->list[i].name)) &&
             zn_buf_append_text(out, ":") && zn_json_write_string(out, variables->list[i].value);
    return ok && zn_buf_append_text(out, "}\n");
}

const struct zc_format zc_format_json = {
    .name = "json",
    .writer = {.can_hold = zc_value_is_one_line, .encode = encode},
    .on_undo = "delete the file",
};
