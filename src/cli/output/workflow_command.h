/*
 * workflow_command - escapes of the commands that the runners of GitHub read in the log, "::name
 * property=value::data" (actions/runner, ActionCommand).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_WORKFLOW_COMMAND_H
#define ZC_WORKFLOW_COMMAND_H

#include "core/text.h"

/* Appends `text` as the data of a command. False when the buffer refuses it. */
ZN_MUST_CHECK bool zc_workflow_data(struct zn_span text, struct zn_buf *out);

/* Appends `text` as the value of a property. False when the buffer refuses it. */
ZN_MUST_CHECK bool zc_workflow_property(struct zn_span text, struct zn_buf *out);

#endif
