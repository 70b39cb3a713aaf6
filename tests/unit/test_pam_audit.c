/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <syslog.h>

#include "check.h"
#include "pam_zenml/audit.h"
#include "pam_zenml/reason.h"

#define UUID "787ffa87-c7e8-440c-ba04-a0989561ffd8"

/* --- what zp_audit_log says to libpam --------------------------------------------------------- */

static const void *host_items[PAM_RHOST + 1]; /* by the type of the item */
static int logged_priority;
static char logged[ZP_AUDIT_MAX + 16];

/* libpam says that there always is a handle; nobody looks into it here. */
static pam_handle_t *host(void)
{
    return (pam_handle_t *)(void *)host_items;
}

int __wrap_pam_get_item(const pam_handle_t *pamh, int type, const void **item);
void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

int __wrap_pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
    (void)pamh;
    *item = "left over"; /* of no meaning when the call failed */
    if (host_items[type] == NULL)
        return PAM_BAD_ITEM;
    *item = host_items[type];
    return PAM_SUCCESS;
}

void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
    va_list arguments;

    (void)pamh;
    logged_priority = priority;
    va_start(arguments, format);
    vsnprintf(logged, sizeof(logged), format, arguments);
    va_end(arguments);
}

/* --- reading a line the way a log analyser does ----------------------------------------------- */

static const char *const keys[] = {"result",     "reason",     "service", "user",
                                   "account",    "account_id", "server",  "rhost",
                                   "elapsed_ms", "request",    "detail"};

#define KEYS   COUNT(keys)
#define DETAIL (KEYS - 1) /* the one that may be missing */

/* The values of a line as they stand there, quotes included. */
struct fields {
    char copy[ZP_AUDIT_MAX];
    const char *values[KEYS]; /* NULL: not there */
};

/* Where the value at `at` ends: after its second quote, or before the next blank. */
static char *end_of_value(char *at)
{
    if (*at != '"')
        return at + strcspn(at, " ");
    at += 1 + strcspn(at + 1, "\"");
    return *at == '"' ? at + 1 : NULL;
}

/* Splits `line`. False unless it is exactly the known keys in their order, one blank between. */
static bool split(const char *line, struct fields *ret)
{
    char *at = ret->copy;

    memset(ret, 0, sizeof(*ret));
    snprintf(ret->copy, sizeof(ret->copy), "%s", line);
    for (size_t i = 0; i < KEYS; i++) {
        const size_t len = strlen(keys[i]);
        if (*at == '\0')
            return i == DETAIL;
        if (strncmp(at, keys[i], len) != 0 || at[len] != '=')
            return false;
        ret->values[i] = at + len + 1;
        at = end_of_value(at + len + 1);
        if (at == NULL || (*at != ' ' && *at != '\0'))
            return false;
        if (*at == ' ')
            *at++ = '\0';
    }
    return *at == '\0';
}

static const char *value_of(const struct fields *fields, const char *key)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i], key) == 0 && fields->values[i] != NULL)
            return fields->values[i];
    return "(not there)";
}

static int digit_of(char c)
{
    const char *digit = memchr("0123456789abcdef", c, 16);
    return digit == NULL ? -1 : (int)(digit - "0123456789abcdef");
}

/* Undoes the quoting. Returns the length; -1 when the value is not a sound one. */
static int unquote(const char *value, char *ret, size_t size)
{
    size_t len = 0;

    if (*value != '"')
        return snprintf(ret, size, "%s", value);
    for (value++; *value != '"' && len < size; len++) {
        if (*value != '\\') {
            ret[len] = *value++;
            continue;
        }
        if (value[1] != 'x' || digit_of(value[2]) < 0 || digit_of(value[3]) < 0)
            return -1;
        ret[len] = (char)(digit_of(value[2]) * 16 + digit_of(value[3]));
        value += 4;
    }
    return value[0] == '"' && value[1] == '\0' ? (int)len : -1;
}

/* --- the line --------------------------------------------------------------------------------- */

static const struct zp_audit refusal = {
    .reason = ZN_REJECTED,
    .user = "alice",
    .server = "https://zenml.example.com:8080/prefix",
    .elapsed_ms = 123,
    .request_id = 0x0badcafe,
};

/* The line of `audit`, split. Valid until the next call. */
static const struct fields *line_of(const struct zp_audit *audit, const char *rhost)
{
    static struct fields fields;
    char line[ZP_AUDIT_MAX];

    memset(line, 'X', sizeof(line));
    zp_audit_format(audit, "sshd", rhost, line);
    assert_non_null(memchr(line, '\0', sizeof(line)));
    for (const char *c = line; *c != '\0'; c++)
        assert_true(*c >= ' ' && *c <= '~');
    if (!split(line, &fields))
        fail_msg("not the keys in their order: %s", line);
    return &fields;
}

static void a_refusal_as_documented(void **state)
{
    struct zp_audit audit = refusal;
    char line[ZP_AUDIT_MAX];

    (void)state;
    audit.detail = "the server rejected the credential";
    zp_audit_format(&audit, "sshd", "203.0.113.9", line);
    assert_string_equal(line, "result=deny reason=rejected service=sshd user=alice account=- "
                              "account_id=- server=https://zenml.example.com:8080/prefix "
                              "rhost=203.0.113.9 elapsed_ms=123 request=0badcafe "
                              "detail=\"the server rejected the credential\"");
}

static void an_allow_as_documented(void **state)
{
    const struct zp_audit audit = {.allowed = true,
                                   .reason = ZN_OK,
                                   .user = "alice",
                                   .account = "ci-bot",
                                   .account_id = UUID,
                                   .server = "https://zenml.example.com"};
    char line[ZP_AUDIT_MAX];

    (void)state;
    zp_audit_format(&audit, "su-l", NULL, line);
    assert_string_equal(line, "result=allow reason=ok service=su-l user=alice account=ci-bot "
                              "account_id=" UUID " server=https://zenml.example.com rhost=- "
                              "elapsed_ms=0 request=00000000");
}

static void without_allowed_no_line_says_allow(void **state)
{
    (void)state;
    for (int reason = -1; reason <= ZP_REASON_COUNT; reason++) {
        struct zp_audit audit = refusal;
        audit.reason = reason;
        const struct fields *fields = line_of(&audit, NULL);
        assert_string_equal(value_of(fields, "result"), zp_reason_result(reason));
        assert_string_equal(value_of(fields, "reason"), zp_reason_name(reason));
        assert_string_not_equal(value_of(fields, "result"), "allow");
    }
}

static void numbers_are_plain(void **state)
{
    static const struct {
        int64_t elapsed_ms;
        uint32_t request_id;
        const char *elapsed;
        const char *request;
    } rows[] = {
        {0, 0, "0", "00000000"},
        {9, 9, "9", "00000009"},
        {10, 0xa0, "10", "000000a0"},
        {INT64_MAX, UINT32_MAX, "9223372036854775807", "ffffffff"},
        {-1, 0x12345678, "0", "12345678"}, /* no clock goes back; a sign would break analysers */
        {INT64_MIN, 0x80000000, "0", "80000000"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zp_audit audit = refusal;
        audit.elapsed_ms = rows[i].elapsed_ms;
        audit.request_id = rows[i].request_id;
        const struct fields *fields = line_of(&audit, NULL);
        CHECK_ROW_TEXT(rows[i].request, value_of(fields, "elapsed_ms"), rows[i].elapsed);
        CHECK_ROW_TEXT(rows[i].request, value_of(fields, "request"), rows[i].request);
    }
}

/* --- values ----------------------------------------------------------------------------------- */

/* Each byte, alone and between others, in each field that is foreign text. */
static void every_byte_comes_back_and_harms_nothing(void **state)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789._:/@+-";

    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char alone[] = {(char)byte, '\0'};
        const char between[] = {'a', (char)byte, 'b', '\0'};
        struct zp_audit audit = refusal;
        char back[16];
        audit.user = alone;
        audit.account = audit.account_id = audit.server = audit.detail = between;
        const struct fields *fields = line_of(&audit, between);
        const bool quoted = strchr(plain, byte) == NULL;
        assert_int_equal(unquote(value_of(fields, "user"), back, sizeof(back)), 1);
        assert_int_equal((unsigned char)back[0], byte);
        for (size_t i = 4; i < KEYS; i++) {
            if (strcmp(keys[i], "elapsed_ms") == 0 || strcmp(keys[i], "request") == 0)
                continue;
            assert_int_equal(fields->values[i][0] == '"', quoted);
            assert_int_equal(unquote(fields->values[i], back, sizeof(back)), 3);
            assert_memory_equal(back, between, 3);
        }
    }
}

static void what_needs_quotes_gets_them(void **state)
{
    static const struct {
        const char *given;
        const char *shown;
    } rows[] = {
        {"", "-"},
        {"-", "-"},
        {"alice", "alice"},
        {"a b", "\"a b\""},
        {"\"", "\"\\x22\""},
        {"\\", "\"\\x5c\""},
        {"\\x41", "\"\\x5cx41\""},
        {"a\nb", "\"a\\x0ab\""},
        {"\r\x1b[2J\x7f", "\"\\x0d\\x1b[2J\\x7f\""},
        {"\xc3\xa9", "\"\\xc3\\xa9\""},
        {"user=root", "\"user=root\""},
        {"%s%n", "\"%s%n\""},
        {"fe80::1%eth0", "\"fe80::1%eth0\""},
        {"2001:db8::9", "2001:db8::9"},
        {"a,b;c'd`$(e)", "\"a,b;c'd`$(e)\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zp_audit audit = refusal;
        audit.user = rows[i].given;
        const struct fields *fields = line_of(&audit, rows[i].given);
        CHECK_ROW_TEXT(rows[i].given, value_of(fields, "user"), rows[i].shown);
        CHECK_ROW_TEXT(rows[i].given, value_of(fields, "rhost"), rows[i].shown);
    }
}

/* Whatever a caller types as user or a resolver says about a host, no field becomes another. */
static void no_value_pretends_to_be_a_field(void **state)
{
    static const char *const attacks[] = {
        "alice rhost=192.0.2.1",
        "alice\" rhost=192.0.2.1 user=\"",
        "alice\\\" rhost=192.0.2.1 user=\\\"",
        "alice\nresult=allow reason=ok service=sshd user=root",
        "alice\n<85>Nov 20 22:00:00 host sshd[1]: pam_zenml(sshd:auth): result=allow",
        "\" result=allow reason=ok \"",
        "=",
        " ",
        "\t",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(attacks); i++) {
        struct zp_audit audit = refusal;
        char back[256];
        audit.user = audit.account = attacks[i];
        const struct fields *fields = line_of(&audit, attacks[i]);
        CHECK_ROW_TEXT(attacks[i], value_of(fields, "result"), "deny");
        const int len = unquote(value_of(fields, "user"), back, sizeof(back) - 1);
        CHECK_ROW(attacks[i], len == (int)strlen(attacks[i]));
        CHECK_ROW(attacks[i], memcmp(back, attacks[i], (size_t)len) == 0);
    }
}

static void nothing_and_null_are_shown_alike(void **state)
{
    const struct zp_audit nothing = {.reason = ZN_MISSING};
    const struct zp_audit empty = {.reason = ZN_MISSING,
                                   .user = "",
                                   .account = "",
                                   .account_id = "",
                                   .server = "",
                                   .detail = ""};
    char a[ZP_AUDIT_MAX];
    char b[ZP_AUDIT_MAX];

    (void)state;
    zp_audit_format(&nothing, NULL, NULL, a);
    zp_audit_format(&empty, "", "", b);
    assert_string_equal(a, b);
    assert_string_equal(a, "result=deny reason=missing service=- user=- account=- account_id=- "
                           "server=- rhost=- elapsed_ms=0 request=00000000");
}

/* --- length ----------------------------------------------------------------------------------- */

/* A line that ended before rhost would hide its sender from fail2ban. */
static void no_value_is_so_long_that_another_gets_lost(void **state)
{
    static const char bytes[] = {'a', '\n', '"', ' '};
    static char long_text[3 * ZP_AUDIT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(bytes); i++)
        for (size_t len = 1; len < sizeof(long_text); len += 1 + len / 8) {
            struct zp_audit audit = refusal;
            memset(long_text, bytes[i], len);
            long_text[len] = '\0';
            audit.reason = ZN_SSO_REQUIRED; /* the longest words */
            audit.user = audit.account = audit.account_id = audit.server = long_text;
            audit.detail = long_text;
            audit.elapsed_ms = INT64_MAX;
            const struct fields *fields = line_of(&audit, "203.0.113.9");
            assert_string_equal(value_of(fields, "rhost"), "203.0.113.9");
            assert_string_equal(value_of(fields, "request"), "0badcafe");
            assert_ptr_not_equal(fields->values[DETAIL], NULL);
            assert_int_equal(fields->values[DETAIL][0] == '"', bytes[i] != 'a');
        }
}

static void the_line_never_leaves_its_array(void **state)
{
    static char long_text[3 * ZP_AUDIT_MAX];
    struct zp_audit audit = refusal;
    struct {
        char line[ZP_AUDIT_MAX];
        char after[8];
    } place;

    (void)state;
    memset(&place, 'X', sizeof(place));
    memset(long_text, '\n', sizeof(long_text) - 1);
    audit.user = audit.account = audit.account_id = audit.server = audit.detail = long_text;
    zp_audit_format(&audit, long_text, long_text, place.line);
    assert_non_null(memchr(place.line, '\0', sizeof(place.line)));
    assert_memory_equal(place.after, "XXXXXXXX", sizeof(place.after));
}

/* --- the log ---------------------------------------------------------------------------------- */

static int priority_of(const char *result)
{
    return strcmp(result, "deny") == 0     ? LOG_NOTICE
           : strcmp(result, "ignore") == 0 ? LOG_DEBUG
                                           : LOG_ERR;
}

static void each_result_has_its_priority(void **state)
{
    (void)state;
    for (int reason = 0; reason < ZP_REASON_COUNT; reason++) {
        struct zp_audit audit = refusal;
        audit.reason = reason;
        zp_audit_log(host(), &audit);
        CHECK_ROW(zp_reason_name(reason), logged_priority == priority_of(zp_reason_result(reason)));
        audit.allowed = true;
        zp_audit_log(host(), &audit);
        CHECK_ROW(zp_reason_name(reason), logged_priority == LOG_INFO);
    }
}

static void service_and_rhost_come_from_the_host(void **state)
{
    struct zp_audit audit = refusal;
    struct fields fields;

    (void)state;
    host_items[PAM_SERVICE] = "sshd";
    host_items[PAM_RHOST] = "203.0.113.9";
    zp_audit_log(host(), &audit);
    assert_true(split(logged, &fields));
    assert_string_equal(value_of(&fields, "service"), "sshd");
    assert_string_equal(value_of(&fields, "rhost"), "203.0.113.9");
    host_items[PAM_SERVICE] = host_items[PAM_RHOST] = NULL;
    zp_audit_log(host(), &audit);
    assert_true(split(logged, &fields));
    assert_string_equal(value_of(&fields, "service"), "-");
    assert_string_equal(value_of(&fields, "rhost"), "-");
}

static void nothing_in_a_value_is_a_format(void **state)
{
    struct zp_audit audit = refusal;
    struct fields fields;

    (void)state;
    audit.user = audit.detail = "%s%s%s%n%1000000d";
    zp_audit_log(host(), &audit);
    assert_true(split(logged, &fields));
    assert_string_equal(value_of(&fields, "user"), "\"%s%s%s%n%1000000d\"");
    assert_string_equal(value_of(&fields, "detail"), "\"%s%s%s%n%1000000d\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_as_documented),
        cmocka_unit_test(an_allow_as_documented),
        cmocka_unit_test(without_allowed_no_line_says_allow),
        cmocka_unit_test(numbers_are_plain),
        cmocka_unit_test(every_byte_comes_back_and_harms_nothing),
        cmocka_unit_test(what_needs_quotes_gets_them),
        cmocka_unit_test(no_value_pretends_to_be_a_field),
        cmocka_unit_test(nothing_and_null_are_shown_alike),
        cmocka_unit_test(no_value_is_so_long_that_another_gets_lost),
        cmocka_unit_test(the_line_never_leaves_its_array),
        cmocka_unit_test(each_result_has_its_priority),
        cmocka_unit_test(service_and_rhost_come_from_the_host),
        cmocka_unit_test(nothing_in_a_value_is_a_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
