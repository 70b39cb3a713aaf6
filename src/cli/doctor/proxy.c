/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

/* --- no_proxy: CURLOPT_NOPROXY(3) ----------------------------------------------------------- */

static bool has_same_bits(const uint8_t *a, const uint8_t *b, size_t bits)
{
    const uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

    return memcmp(a, b, bits / 8) == 0 &&
           (bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

static bool is_address(const char *host, uint8_t ret[16])
{
    return inet_pton(strchr(host, ':') != NULL ? AF_INET6 : AF_INET, host, ret) == 1;
}

/* "10.0.0.0/8", or an address alone, which is what libcurl takes "/0" for. */
static bool is_in_network(const char *host, const uint8_t address[16], struct zn_span network)
{
    const long long most = strchr(host, ':') != NULL ? 128 : 32;
    struct zn_span bits_text = network;
    const struct zn_span base_text = zn_span_cut(&bits_text, '/');
    long long bits = 0;
    uint8_t base[16];
    char text[INET6_ADDRSTRLEN];

    snprintf(text, sizeof(text), "%.*s", (int)base_text.len, base_text.ptr);
    if (bits_text.ptr != NULL && !zn_text_to_number(bits_text, &bits))
        return false;
    return bits <= most && (strchr(text, ':') != NULL) == (most == 128) && is_address(text, base) &&
           has_same_bits(address, base, (size_t)(bits == 0 ? most : bits));
}

/* A name stands for all below it, too. */
static bool is_in_domain(const char *host, struct zn_span domain)
{
    const struct zn_span name = zn_span_of(host);

    while (zn_span_starts_with(domain, ZN_SPAN(".")))
        domain = zn_span_skip(domain, 1);
    if (domain.len == 0 || domain.len > name.len)
        return false;
    const size_t before = name.len - domain.len;
    return zn_text_equal_ignoring_case(zn_span_skip(name, before), domain) &&
           (before == 0 || host[before - 1] == '.');
}

static const char *no_proxy(void)
{
    const char *list = getenv("no_proxy");

    return list != NULL && list[0] != '\0' ? list : getenv("NO_PROXY");
}

static bool is_spared(const struct zn_url *url)
{
    const char *list = no_proxy();
    char host[ZC_HOST_MAX + 1];
    char port[8];
    uint8_t address[16];

    zc_network_split(url, host, port);
    const bool has_address = is_address(host, address);
    if (list != NULL && strcmp(list, "*") == 0)
        return true;
    struct zn_span rest = zn_span_of(list);
    while (rest.len > 0) {
        const struct zn_span entry = zn_span_trim(zn_span_cut(&rest, ','));
        if (has_address ? is_in_network(host, address, entry) : is_in_domain(host, entry))
            return true;
    }
    return false;
}

/* --- the proxy: curl(1), ENVIRONMENT -------------------------------------------------------- */

/* The name of the variable that names it; NULL: there is none. */
static const char *find_proxy(const struct zn_url *url)
{
    static const char *const https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                        NULL};
    static const char *const http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    const char *const *name = url->is_http ? http : https;

    if (url->is_http && url->is_loopback)
        return NULL;
    while (*name != NULL && (getenv(*name) == NULL || getenv(*name)[0] == '\0'))
        name++;
    return *name;
}

/* "http://user:password@host:port" without what stands before the host. */
static const char *without_user(const char *proxy)
{
    const char *at = strrchr(proxy, '@');

    return at == NULL ? proxy : at + 1;
}

bool zc_proxy_check(const struct zn_url *url, struct zc_findings *findings)
{
    const struct zc_place place = {"proxy", 0};
    const char *name = find_proxy(url);
    const bool spared = name != NULL && is_spared(url);
    char cause[64];

    if (name == NULL || spared) {
        snprintf(cause, sizeof(cause), "none%s%s",
                 spared ? ": no_proxy spares the server from " : "", spared ? name : "");
        zc_find(findings, place, ZC_LEVEL_OK, cause, "", NULL);
        return false;
    }
    snprintf(cause, sizeof(cause), "%s names ", name);
    zc_find(findings, place, ZC_LEVEL_OK, cause, without_user(getenv(name)), NULL);
    return true;
}
