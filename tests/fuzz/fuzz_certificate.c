/*
 * What a server's certificates say, as lines of libcurl: an empty line begins the next certificate.
 * The names stay inside their array, are safe to show, and are made of nothing but what was read
 * and our own words.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "core/certificate.h"
#include "core/date.h"
#include "fuzz.h"

static void check_chain(const struct zn_chain *chain, struct zn_span bytes)
{
    const char *end = memchr(chain->names, '\0', sizeof(chain->names));

    REQUIRE(end != NULL);
    for (const char *at = chain->names; at < end; at++) {
        const bool is_ours = strchr(", by?.", *at) != NULL; /* '?' and '.' for what is not safe */
        REQUIRE(is_ours || memchr(bytes.ptr, *at, bytes.len) != NULL);
    }
    REQUIRE(zn_text_is_printable(zn_span_of(chain->names)));
    REQUIRE(strstr(chain->names, "::") == NULL && strstr(chain->names, "##") == NULL);
    REQUIRE(chain->expires_s >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct zn_span bytes = fuzz_span(data, size);
    struct zn_certificate certificate = {0};
    struct zn_chain chain = {0};
    struct zn_span rest = bytes;

    while (rest.len > 0) {
        const struct zn_span line = zn_span_cut(&rest, '\n');
        zn_certificate_take_line(&certificate, line);
        if (line.len > 0 && rest.len > 0)
            continue;
        zn_chain_add(&chain, &certificate);
        certificate = (struct zn_certificate){0};
    }
    check_chain(&chain, bytes);
    return 0;
}
