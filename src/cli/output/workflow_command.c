/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow_command.h"

#include <stdio.h>
#include <string.h>

static bool escape(struct zn_span text, const char *special, struct zn_buf *out)
{
    bool ok = true;

    for (size_t i = 0; ok && i < text.len; i++) {
        char escaped[4] = {text.ptr[i]};
        if (text.ptr[i] != '\0' && strchr(special, text.ptr[i]) != NULL)
            snprintf(escaped, sizeof(escaped), "%%%02X", (unsigned char)text.ptr[i]);
        ok = zn_buf_append(out, (struct zn_span){escaped, escaped[1] != '\0' ? 3 : 1});
    }
    return ok;
}

bool zc_workflow_data(struct zn_span text, struct zn_buf *out)
{
    return escape(text, "%\r\n", out);
}

bool zc_workflow_property(struct zn_span text, struct zn_buf *out)
{
    return escape(text, "%\r\n:,", out);
}
