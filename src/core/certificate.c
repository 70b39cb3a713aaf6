/* SPDX-License-Identifier: Apache-2.0 */
#include "certificate.h"

#include <string.h>

#include "date.h"

/*
 * The value of an attribute of a distinguished name: "C = DE, CN = Example", by OpenSSL with quotes
 * where they are needed, "C=DE, CN=Example" by libcurl. Empty: it has none.
 */
static struct zn_span attribute(struct zn_span name, struct zn_span type)
{
    while (name.len > 0) {
        struct zn_span value = zn_span_cut(&name, ',');
        const struct zn_span key = zn_span_trim(zn_span_cut(&value, '='));
        value = zn_span_trim(value);
        if (zn_span_equal(key, type) && value.len > 0)
            return value;
    }
    return (struct zn_span){0};
}

/* What people call the holder: the common name, else the organization, else all of it. */
static struct zn_span name_of(struct zn_span name)
{
    const struct zn_span common_name = attribute(name, ZN_SPAN("CN"));
    const struct zn_span organization = attribute(name, ZN_SPAN("O"));

    return common_name.len > 0    ? common_name
           : organization.len > 0 ? organization
                                  : zn_span_trim(name);
}

void zn_certificate_take_line(struct zn_certificate *certificate, struct zn_span line)
{
    const struct zn_span label = zn_span_cut(&line, ':');

    if (zn_text_equal_ignoring_case(label, ZN_SPAN("subject")))
        certificate->subject = line;
    else if (zn_text_equal_ignoring_case(label, ZN_SPAN("issuer")))
        certificate->issuer = line;
    else if (zn_text_equal_ignoring_case(label, ZN_SPAN("expire date")))
        certificate->expires = line;
}

/* A name that does not fit is left out: half of one could be another. */
static void add_name(struct zn_chain *chain, struct zn_span prefix, struct zn_span name)
{
    const size_t size = sizeof(chain->names);
    const struct zn_span between = chain->names[0] != '\0' ? ZN_SPAN(", ") : ZN_SPAN("");

    if (name.len == 0 || strlen(chain->names) + between.len + prefix.len + name.len >= size)
        return;
    zn_text_append_safe(chain->names, size, between);
    zn_text_append_safe(chain->names, size, prefix);
    zn_text_append_safe(chain->names, size, name);
}

void zn_chain_add(struct zn_chain *chain, const struct zn_certificate *certificate)
{
    if (chain->count++ == 0) {
        chain->expires_s = zn_date_from_certificate(certificate->expires);
        add_name(chain, ZN_SPAN(""), name_of(certificate->subject));
    }
    if (!zn_span_equal(certificate->subject, certificate->issuer))
        add_name(chain, ZN_SPAN("by "), name_of(certificate->issuer));
}
