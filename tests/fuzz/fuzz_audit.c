/*
 * The line in the log: whatever users, servers and clients call themselves, it is one line of
 * printable ASCII from which the pairs can be read that it was made of, all of them. The input:
 * reason, whether allowed, and then, each ended by NUL, the values in the order of the line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pam_zenml/audit.h"
#include "pam_zenml/reason.h"

#define SHORT ((size_t)(150 / 4)) /* bytes of a value that is never cut, all of them escaped */

/* The values of the input, in the order in which the line has them. */
enum { SERVICE, USER, ACCOUNT, ACCOUNT_ID, SERVER, RHOST, DETAIL, VALUES };

static const char *const keys[] = {"service", "user", "account", "account_id", "server", "rhost"};

/* --- reading a line ------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    const char *at = c == '\0' ? NULL : strchr("0123456789abcdef", c);

    REQUIRE(at != NULL);
    return (int)(at - "0123456789abcdef");
}

/* Reads a value in quotes, behind the first of them, into `out`. Returns what follows it. */
static const char *read_quoted(const char *at, char *out)
{
    for (; *at != '"'; at++) {
        REQUIRE(*at != '\0'); /* the quotes are never closed */
        if (*at != '\\') {
            *out++ = *at;
            continue;
        }
        REQUIRE(at[1] == 'x');
        *out++ = (char)(hex_digit(at[2]) << 4 | hex_digit(at[3]));
        at += 3;
    }
    *out = '\0';
    return at + 1;
}

/* Reads "key=value" and the blank behind it. Returns what follows. */
static const char *read_pair(const char *at, const char *key, char out[ZP_AUDIT_MAX])
{
    const size_t len = strlen(key);

    REQUIRE(strncmp(at, key, len) == 0 && at[len] == '=');
    at += len + 1;
    if (*at == '"') {
        at = read_quoted(at + 1, out);
    } else {
        const size_t plain = strcspn(at, " \"\\=");
        REQUIRE(plain > 0);
        memcpy(out, at, plain);
        out[plain] = '\0';
        at += plain;
    }
    REQUIRE(*at == ' ' || *at == '\0');
    return *at == ' ' ? at + 1 : at;
}

/* --- the comparison ------------------------------------------------------------------------- */

/* A value is there whole, or, where it is long, cut and with a mark that says so. */
static void check_value(const char *read, const char *value)
{
    const char *expected = value[0] == '\0' ? "-" : value;

    if (strcmp(read, expected) == 0)
        return;
    REQUIRE(strlen(read) >= SHORT + 3 && strlen(expected) > SHORT);
    const size_t kept = strlen(read) - 3;
    REQUIRE(strncmp(read, expected, kept) == 0 && strcmp(read + kept, "...") == 0);
}

static void check_line(const char *line, const struct zp_audit *audit, char *const values[VALUES])
{
    const char *result = audit->allowed ? "allow" : zp_reason_result(audit->reason);
    char read[ZP_AUDIT_MAX];

    const char *at = read_pair(line, "result", read);
    REQUIRE(strcmp(read, result) == 0);
    at = read_pair(at, "reason", read);
    REQUIRE(strcmp(read, zp_reason_name(audit->reason)) == 0);
    for (int i = 0; i < DETAIL; i++) {
        at = read_pair(at, keys[i], read);
        check_value(read, values[i]);
    }
    at = read_pair(at, "elapsed_ms", read);
    REQUIRE(strtoll(read, NULL, 10) == audit->elapsed_ms);
    at = read_pair(at, "request", read);
    REQUIRE(strlen(read) == 8 && strtoul(read, NULL, 16) == audit->request_id);
    if (values[DETAIL][0] != '\0') {
        at = read_pair(at, "detail", read);
        check_value(read, values[DETAIL]);
    }
    REQUIRE(*at == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zn_span rest = zn_span_skip(fuzz_span(data, size), 2);
    char *values[VALUES];
    char line[ZP_AUDIT_MAX];

    for (int i = 0; i < VALUES; i++)
        values[i] = fuzz_string(zn_span_cut(&rest, '\0'));
    const struct zp_audit audit = {
        .allowed = size > 1 && (data[1] & 1) != 0,
        .reason = size > 0 ? data[0] % ZP_REASON_COUNT : 0,
        .user = values[USER],
        .account = values[ACCOUNT],
        .account_id = values[ACCOUNT_ID],
        .server = values[SERVER],
        .detail = values[DETAIL],
        .elapsed_ms = (int64_t)size * 1000003,
        .request_id = (uint32_t)size * 2654435761U,
    };
    memset(line, UINT8_MAX, sizeof(line));
    zp_audit_format(&audit, values[SERVICE], values[RHOST], line);
    REQUIRE(memchr(line, '\0', sizeof(line)) != NULL);
    for (const char *c = line; *c != '\0'; c++)
        REQUIRE(*c >= ' ' && *c <= '~');
    check_line(line, &audit, values);
    for (int i = 0; i < VALUES; i++)
        free(values[i]);
    return 0;
}
