/* SPDX-License-Identifier: Apache-2.0 */
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"

#define ADDRESSES_MAX 16
#define ADDRESS_MS    3000 /* for one of several */

static const struct zc_place dns = {"dns", 0};
static const struct zc_place tcp = {"tcp", 0};

/* --- the name ------------------------------------------------------------------------------- */

void zc_network_split(const struct zn_url *url, char host[ZC_HOST_MAX + 1], char port[8])
{
    struct zn_span rest =
        zn_span_skip(zn_span_of(url->text), strlen(url->is_http ? "http://" : "https://"));
    struct zn_span authority = zn_span_cut(&rest, '/');
    const bool literal = authority.len > 0 && authority.ptr[0] == '[';
    const struct zn_span name =
        literal ? zn_span_cut(&authority, ']') : zn_span_cut(&authority, ':');

    snprintf(host, ZC_HOST_MAX + 1, "%.*s", (int)(name.len - (literal ? 1 : 0)),
             name.ptr + (literal ? 1 : 0));
    if (literal && authority.len > 0)
        authority = zn_span_skip(authority, 1);
    snprintf(port, 8, "%.*s", (int)authority.len, authority.len > 0 ? authority.ptr : "");
    if (port[0] == '\0')
        snprintf(port, 8, "%s", url->is_http ? "80" : "443");
}

/* Looks a name up in a thread of its own, since a resolver knows no deadline. */
struct lookup {
    char host[ZC_HOST_MAX + 1];
    char port[8];
    int code; /* of getaddrinfo */
    struct addrinfo *found;
    int done[2]; /* a pipe: its end says that the thread has ended */
};

static void *look_up(void *ctx)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = ctx;

    lookup->code = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
    close(lookup->done[1]);
    return NULL;
}

/* 0, or a code of getaddrinfo. A thread that is too late keeps what it has until the process ends.
 */
static int look_up_until(const struct zn_url *url, int64_t deadline_ms, struct addrinfo **ret)
{
    static struct lookup lookup;
    const struct zn_clock clock = zn_clock_system();
    struct pollfd end = {.events = POLLIN};
    pthread_t thread;

    zc_network_split(url, lookup.host, lookup.port);
    if (pipe2(lookup.done, O_CLOEXEC) != 0 || pthread_create(&thread, NULL, look_up, &lookup) != 0)
        return EAI_SYSTEM;
    end.fd = lookup.done[0];
    const int64_t left_ms = deadline_ms - clock.now_ms(clock.ctx);
    if (poll(&end, 1, left_ms > 0 ? (int)left_ms : 0) != 1) {
        pthread_detach(thread);
        return EAI_AGAIN;
    }
    pthread_join(thread, NULL);
    close(lookup.done[0]);
    *ret = lookup.found;
    return lookup.code;
}

static enum zn_status resolve(const struct zn_url *url, int64_t deadline_ms, struct addrinfo **ret,
                              struct zc_findings *findings, struct zn_error *error)
{
    const int code = look_up_until(url, deadline_ms, ret);
    size_t count = 0;
    char about[32];

    if (code != 0) {
        zn_error_set(error, ZN_UNREACHABLE, "the server's name does not resolve: ",
                     "check the host name in the server URL, and DNS");
        zn_error_quote(error, zn_span_of(gai_strerror(code)));
        zc_find_error(findings, dns, ZC_LEVEL_FAIL, error);
        return ZN_UNREACHABLE;
    }
    for (const struct addrinfo *one = *ret; one != NULL; one = one->ai_next)
        count++;
    snprintf(about, sizeof(about), "%zu", count);
    zc_find(findings, dns, ZC_LEVEL_OK, "addresses of the server: ", about, NULL);
    return ZN_OK;
}

/* --- the connection ------------------------------------------------------------------------- */

/* Waits for a connection that is being made. 0, or why there is none. */
static int await(int fd, int64_t deadline_ms)
{
    const struct zn_clock clock = zn_clock_system();
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof(int);
    int problem = 0;
    const int64_t left_ms = deadline_ms - clock.now_ms(clock.ctx);

    if (left_ms <= 0 || poll(&poll_fd, 1, (int)left_ms) != 1)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) == 0 ? problem : errno;
}

/* 0, or why the address does not answer. */
static int try_address(const struct addrinfo *address, int64_t deadline_ms)
{
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int problem = 0;

    if (fd < 0)
        return errno;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        problem = errno == EINPROGRESS ? await(fd, deadline_ms) : errno;
    close(fd);
    return problem;
}

/* Without "::", which is a command to a CI runner and would not be printed. */
static void write_in_full(const struct in6_addr *address, char dst[64])
{
    const uint8_t *byte = address->s6_addr;

    snprintf(dst, 64, "IPv6 %x:%x:%x:%x:%x:%x:%x:%x", byte[0] << 8 | byte[1],
             byte[2] << 8 | byte[3], byte[4] << 8 | byte[5], byte[6] << 8 | byte[7],
             byte[8] << 8 | byte[9], byte[10] << 8 | byte[11], byte[12] << 8 | byte[13],
             byte[14] << 8 | byte[15]);
}

static void name_address(const struct addrinfo *address, const char *why, char *dst, size_t size)
{
    char numeric[NI_MAXHOST] = "?";
    struct sockaddr_in6 ipv6;

    if (address->ai_family == AF_INET6 && address->ai_addrlen == sizeof(ipv6)) {
        memcpy(&ipv6, address->ai_addr, sizeof(ipv6));
        write_in_full(&ipv6.sin6_addr, numeric);
    } else {
        getnameinfo(address->ai_addr, address->ai_addrlen, numeric, sizeof(numeric), NULL, 0,
                    NI_NUMERICHOST);
    }
    snprintf(dst, size, "%.60s%s%.50s", numeric, why[0] == '\0' ? "" : ", ", why);
}

static enum zn_status connect_to_any(const struct addrinfo *addresses, int64_t deadline_ms,
                                     struct zc_findings *findings, struct zn_error *error)
{
    const struct zn_clock clock = zn_clock_system();
    char bad[ADDRESSES_MAX][128];
    size_t bad_count = 0;
    size_t good = 0;

    for (const struct addrinfo *one = addresses; one != NULL && bad_count < ADDRESSES_MAX;
         one = one->ai_next) {
        const int64_t until_ms = clock.now_ms(clock.ctx) + ADDRESS_MS;
        const int problem = try_address(one, until_ms < deadline_ms ? until_ms : deadline_ms);
        if (problem == 0)
            good++;
        else
            name_address(one, strerror(problem), bad[bad_count++], sizeof(bad[0]));
    }
    for (size_t i = 0; i < bad_count; i++)
        zc_find(findings, tcp, good > 0 ? ZC_LEVEL_WARN : ZC_LEVEL_FAIL,
                "an address of the server does not answer: ", bad[i],
                good > 0 ? "repair the route to it, or take the address out of DNS"
                         : "check that the server runs, and firewall and proxy");
    if (good == 0) {
        zn_error_set(error, ZN_UNREACHABLE, "no address of the server answers",
                     "check that the server runs, and firewall and proxy");
        return ZN_UNREACHABLE;
    }
    zc_find(findings, tcp, ZC_LEVEL_OK, "the server takes connections", "", NULL);
    return ZN_OK;
}

enum zn_status zc_network_check(const struct zn_url *url, int64_t deadline_ms,
                                struct zc_findings *findings, struct zn_error *error)
{
    struct addrinfo *addresses = NULL;
    enum zn_status status = resolve(url, deadline_ms, &addresses, findings, error);

    if (status == ZN_OK)
        status = connect_to_any(addresses, deadline_ms, findings, error);
    if (addresses != NULL)
        freeaddrinfo(addresses);
    return status;
}
