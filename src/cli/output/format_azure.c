/*
 * Azure Pipelines: commands in the log, "##vso[area.action property=value;...]data", in which the
 * agent unescapes "%AZP25" to "%" (azure-pipelines-agent, CommandStringConvertor). A secret
 * variable is masked, and no step sees it unless it maps it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "format.h"

/* Values have no line break. */
static bool escape(struct zn_span text, struct zn_buf *out)
{
    bool ok = true;

    while (ok && text.ptr != NULL) {
        ok = zn_buf_append(out, zn_span_cut(&text, '%')) &&
             (text.ptr == NULL || zn_buf_append_text(out, "%AZP25"));
    }
    return ok;
}

/* The agent takes "$(NAME)" in a value for another variable. */
static bool can_hold(struct zn_span value)
{
    return zn_text_is_printable(value) && memmem(value.ptr, value.len, "$(", 2) == NULL;
}

static bool mask(struct zn_span text, struct zn_buf *out)
{
    return zn_buf_append_text(out, "##vso[task.setsecret]") && escape(text, out) &&
           zn_buf_append_text(out, "\n");
}

static bool encode(const struct zc_variables *variables, struct zn_buf *out)
{
    bool ok = true;

    for (size_t i = 0; ok && i < variables->count; i++) {
        const struct zc_variable *variable = &variables->list[i];
        ok = zn_buf_append_text(out, "##vso[task.setvariable variable=") &&
             zn_buf_append_text(out, variable->name) &&
             zn_buf_append_text(out,
                                variable->secret != ZN_CREDENTIAL_NONE ? ";issecret=true]" : "]") &&
             escape(variable->value, out) && zn_buf_append_text(out, "\n");
    }
    return ok;
}

const struct zc_format zc_format_azure = {
    .name = "azure",
    .output_rule = ZC_OUTPUT_REFUSED,
    .mask = mask,
    .writer = {.can_hold = can_hold, .encode = encode},
    .maps_secrets = true,
    .on_undo = "nothing: the variables end with the job, and steps that do not map the secret "
               "have never seen it",
};
