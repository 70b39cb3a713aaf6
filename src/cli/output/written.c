/* SPDX-License-Identifier: Apache-2.0 */
#include "written.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * FNV-1a. It tells values apart that nobody forged; the secret itself stands beside it, so it need
 * not withstand anybody, and 64 bits do not lead back to the 256 of a key.
 */
static void fingerprint(struct zn_span value, char dst[17])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < value.len; i++)
        hash = (hash ^ (unsigned char)value.ptr[i]) * UINT64_C(0x100000001b3);
    snprintf(dst, 17, "%016" PRIx64, hash);
}

bool zc_written_encode(const struct zc_variables *variables, struct zn_buf *out)
{
    bool ok = zn_buf_append_text(out, "");

    for (size_t i = 0; ok && i < variables->count; i++) {
        char mark[17] = "";
        fingerprint(variables->list[i].value, mark);
        ok = zn_buf_append_text(out, i == 0 ? "" : ",") &&
             zn_buf_append_text(out, variables->list[i].name) && zn_buf_append_text(out, ":") &&
             zn_buf_append_text(out, mark);
    }
    return ok;
}

enum zc_written_state zc_written_look_up(const char *name)
{
    const char *value = getenv(name);
    struct zn_span rest = zn_span_of(getenv(ZC_WRITTEN));
    char mark[17] = "";

    fingerprint(zn_span_of(value), mark);
    while (rest.ptr != NULL) {
        struct zn_span noted = zn_span_cut(&rest, ',');
        if (!zn_span_equal(zn_span_cut(&noted, ':'), zn_span_of(name)))
            continue;
        return value != NULL && zn_span_equal(noted, zn_span_of(mark)) ? ZC_WRITTEN_AND_PRESENT
                                                                       : ZC_WRITTEN_AND_CHANGED;
    }
    return ZC_NOT_WRITTEN;
}

bool zc_written_is_there(void)
{
    const char *note = getenv(ZC_WRITTEN);
    return note != NULL && note[0] != '\0';
}
