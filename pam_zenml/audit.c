/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"

#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

#include "reason.h"

/* Bytes of one value, about: eleven of them and their keys fit into a line. */
#define VALUE_MAX ((size_t)150)

/* A line under construction. What does not fit is left out, never the NUL. */
struct line {
    char *text;
    size_t len;
};

static void add_byte(struct line *line, char c)
{
    if (line->len + 1 < ZP_AUDIT_MAX)
        line->text[line->len++] = c;
}

static void add_text(struct line *line, const char *text)
{
    while (*text != '\0')
        add_byte(line, *text++);
}

static bool is_plain(const char *value)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789._:/@+-";
    return value[strspn(value, plain)] == '\0';
}

/* One byte as it stands between quotes. */
static void add_escaped(struct line *line, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
        add_byte(line, (char)c);
        return;
    }
    add_text(line, "\\x");
    add_byte(line, hex[c >> 4]);
    add_byte(line, hex[c & 15]);
}

/* A long value is cut, so that none pushes those behind it out of the line. */
static void add_value(struct line *line, const char *value, bool plain)
{
    const size_t end = line->len + VALUE_MAX;

    while (*value != '\0' && line->len < end) {
        if (plain)
            add_byte(line, *value++);
        else
            add_escaped(line, (unsigned char)*value++);
    }
    add_text(line, *value == '\0' ? "" : "...");
}

static void add_pair(struct line *line, const char *key, const char *value)
{
    if (line->len > 0)
        add_byte(line, ' ');
    add_text(line, key);
    add_byte(line, '=');
    if (value == NULL || value[0] == '\0')
        add_byte(line, '-');
    else if (is_plain(value))
        add_value(line, value, true);
    else {
        add_byte(line, '"');
        add_value(line, value, false);
        add_byte(line, '"');
    }
}

static void add_number(struct line *line, const char *key, int64_t number)
{
    char digits[24] = "";
    size_t at = sizeof(digits) - 1;
    int64_t rest = number < 0 ? 0 : number;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    add_pair(line, key, digits + at);
}

static void add_request_id(struct line *line, uint32_t id)
{
    char text[9] = "";

    for (int i = 7; i >= 0; i--, id >>= 4)
        text[i] = "0123456789abcdef"[id & 15];
    add_pair(line, "request", text);
}

void zp_audit_format(const struct zp_audit *audit, const char *service, const char *rhost,
                     char dst[ZP_AUDIT_MAX])
{
    struct line line = {dst, 0};

    add_pair(&line, "result", audit->allowed ? "allow" : zp_reason_result(audit->reason));
    add_pair(&line, "reason", zp_reason_name(audit->reason));
    add_pair(&line, "service", service);
    add_pair(&line, "user", audit->user);
    add_pair(&line, "account", audit->account);
    add_pair(&line, "account_id", audit->account_id);
    add_pair(&line, "server", audit->server);
    add_pair(&line, "rhost", rhost);
    add_number(&line, "elapsed_ms", audit->elapsed_ms);
    add_request_id(&line, audit->request_id);
    if (audit->detail != NULL && audit->detail[0] != '\0')
        add_pair(&line, "detail", audit->detail);
    dst[line.len] = '\0';
}

static const char *item(pam_handle_t *pamh, int type)
{
    const void *value = NULL;
    return pam_get_item(pamh, type, &value) == PAM_SUCCESS ? value : NULL;
}

static int priority_of(const struct zp_audit *audit)
{
    const char *result = zp_reason_result(audit->reason);

    return audit->allowed                  ? LOG_INFO
           : strcmp(result, "deny") == 0   ? LOG_NOTICE
           : strcmp(result, "ignore") == 0 ? LOG_DEBUG
                                           : LOG_ERR;
}

void zp_audit_log(pam_handle_t *pamh, const struct zp_audit *audit)
{
    char line[ZP_AUDIT_MAX];

    zp_audit_format(audit, item(pamh, PAM_SERVICE), item(pamh, PAM_RHOST), line);
    pam_syslog(pamh, priority_of(audit), "%s", line);
}
