/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "hostcfg/options.h"
#include "memory.h"
#include "problems.h"

#define UUID "01234567-89ab-4cde-8f01-23456789abcd"
#define PIN  "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct problems problems;
static struct zh_config config;
static struct zh_config defaults;

static int start(void **state)
{
    (void)state;
    zh_config_init(&defaults);
    return 0;
}

static const struct zh_option *find(const char *name)
{
    size_t count = 0;
    const struct zh_option *options = zh_options(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    fail_msg("no such option: %s", name);
    return options;
}

static bool read_file(const char *text)
{
    const struct zh_reporter reporter = problems_reporter(&problems);

    return zh_config_read_text(&config, zn_span_of(text), "F", &reporter);
}

/* Takes the arguments in `words`, which are separated by '|'. */
static bool take_arguments(const char *words)
{
    const struct zh_reporter reporter = problems_reporter(&problems);
    char copy[4096];
    const char *argv[8];
    int argc = 0;

    snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = copy, *end = NULL; word != NULL && argc < 8; word = end) {
        end = strchr(word, '|');
        argv[argc++] = word;
        if (end != NULL)
            *end++ = '\0';
    }
    return zh_config_take_arguments(&config, argc, argv, &reporter);
}

/* --- the table ------------------------------------------------------------------------------ */

static void the_table_is_sorted_and_complete(void **state)
{
    size_t count = 0;
    const struct zh_option *options = zh_options(&count);

    (void)state;
    assert_int_equal(count, 29);
    for (size_t i = 0; i < count; i++) {
        const char *name = options[i].name;
        CHECK_ROW(name, i == 0 || strcmp(options[i - 1].name, name) < 0);
        CHECK_ROW(name, options[i].type[0] != '\0' && options[i].help[0] != '\0');
        CHECK_ROW(name, strchr(options[i].help, '\n') == NULL && strlen(options[i].help) <= 80);
        CHECK_ROW(name, options[i].where > 0 && options[i].where <= ZH_ANYWHERE);
        CHECK_ROW(name, options[i].read != NULL);
    }
}

/* What makes a login easier must not be set for all services at once. */
static void the_scope_and_what_weakens_a_login_stand_on_the_pam_line_only(void **state)
{
    static const char *const names[] = {"config",         "services",       "users",
                                        "groups",         "min_uid",        "unavailable",
                                        "use_first_pass", "try_first_pass", "set_authtok"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char text[64];
        char problem[128];
        assert_int_equal(find(names[i])->where, ZH_IN_ARGUMENTS);
        snprintf(text, sizeof(text), "\n%s = x\n", names[i]);
        snprintf(problem, sizeof(problem),
                 "config: F:2: not allowed in the file: %s; move it to the PAM line", names[i]);
        config = defaults;
        assert_false(read_file(text));
        problems_check(&problems, names[i], problem);
        assert_memory_equal(&config, &defaults, sizeof(config));
    }
}

static void the_defaults_are_those_of_the_table(void **state)
{
    struct zh_config expected;

    (void)state;
    memset(&expected, 0, sizeof(expected));
    snprintf(expected.config, sizeof(expected.config), "/etc/security/pam_zenml.conf");
    snprintf(expected.prompt, sizeof(expected.prompt), "ZenML API key: ");
    expected.timeout = 10;
    expected.credential = ZH_API_KEY;
    expected.device_timeout = 300;
    expected.match = ZH_MATCH_NONE;
    expected.account_type = ZH_ACCOUNT_SERVICE;
    expected.session_env = ZH_SESSION_NONE;
    expected.session_token_ttl = (int64_t)8 * 3600;
    expected.min_uid = 1000;
    expected.unavailable = ZH_UNAVAILABLE_DENY;
    assert_memory_equal(&defaults, &expected, sizeof(expected));
}

/* --- values --------------------------------------------------------------------------------- */

static void flags_are_yes_or_no(void **state)
{
    static const struct {
        const char *argument;
        bool good;
        bool value;
    } rows[] = {
        {"debug", true, true},       {"debug=yes", true, true},    {"debug=no", true, false},
        {"debug=", false, false},    {"debug=true", false, false}, {"debug=1", false, false},
        {"debug=Yes", false, false}, {"debug= yes", false, false}, {"debug=yes ", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        config = defaults;
        CHECK_ROW(rows[i].argument, take_arguments(rows[i].argument) == rows[i].good);
        CHECK_ROW(rows[i].argument, config.debug == rows[i].value);
        problems_check(
            &problems, rows[i].argument,
            rows[i].good ? "" : "config: argument debug: bad value of debug; it takes: yes, no");
    }
}

static void words_are_those_of_the_option(void **state)
{
    static const struct {
        const char *argument;
        size_t member;
        int value; /* -1: refused */
    } rows[] = {
#define WORD(name, word, value) {#name "=" word, offsetof(struct zh_config, name), value}
        WORD(match, "none", ZH_MATCH_NONE),
        WORD(match, "name", ZH_MATCH_NAME),
        WORD(match, "Name", -1),
        WORD(match, "name,", -1),
        WORD(match, "none,name", -1),
        WORD(match, "", -1),
        WORD(account_type, "service", ZH_ACCOUNT_SERVICE),
        WORD(account_type, "user", ZH_ACCOUNT_USER),
        WORD(account_type, "any", ZH_ACCOUNT_ANY),
        WORD(account_type, "users", -1),
        WORD(session_env, "none", ZH_SESSION_NONE),
        WORD(session_env, "url", ZH_SESSION_URL),
        WORD(session_env, "token", ZH_SESSION_TOKEN),
        WORD(session_env, "key", -1),
        WORD(unavailable, "deny", ZH_UNAVAILABLE_DENY),
        WORD(unavailable, "ignore", ZH_UNAVAILABLE_IGNORE),
        WORD(unavailable, "allow", -1),
        WORD(credential, "api_key", ZH_API_KEY),
        WORD(credential, "api_token", ZH_API_TOKEN),
        WORD(credential, "api_key,api_token", ZH_API_KEY | ZH_API_TOKEN),
        WORD(credential, "api_token api_key", ZH_API_KEY | ZH_API_TOKEN),
        WORD(credential, "api_key,", -1),
        WORD(credential, "", -1),
        WORD(credential, "device", ZH_DEVICE),
        WORD(credential, "api_key, device", ZH_API_KEY | ZH_DEVICE),
        WORD(credential, "device api_token api_key", ZH_API_KEY | ZH_API_TOKEN | ZH_DEVICE),
        WORD(credential, "api_key, browser", -1),
        WORD(credential, "api-key", -1),
#undef WORD
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int before = 0;
        int after = 0;
        config = defaults;
        memcpy(&before, (const char *)&config + rows[i].member, sizeof(before));
        CHECK_ROW(rows[i].argument, take_arguments(rows[i].argument) == (rows[i].value >= 0));
        memcpy(&after, (const char *)&config + rows[i].member, sizeof(after));
        CHECK_ROW(rows[i].argument, after == (rows[i].value >= 0 ? rows[i].value : before));
    }
}

static void numbers_have_limits(void **state)
{
    static const struct {
        const char *argument;
        size_t member;
        int64_t value; /* -1: refused */
    } rows[] = {
#define NUMBER(name, text, value) {#name "=" text, offsetof(struct zh_config, name), value}
        NUMBER(timeout, "1", 1),
        NUMBER(timeout, "120", 120),
        NUMBER(timeout, "0", -1),
        NUMBER(timeout, "121", -1),
        NUMBER(timeout, "10s", -1),
        NUMBER(timeout, "-1", -1),
        NUMBER(timeout, "+1", -1),
        NUMBER(timeout, "1.5", -1),
        NUMBER(timeout, "0x10", -1),
        NUMBER(timeout, " 10", -1),
        NUMBER(timeout, "", -1),
        NUMBER(timeout, "18446744073709551617", -1),
        NUMBER(min_uid, "0", 0),
        NUMBER(min_uid, "4294967294", 4294967294),
        NUMBER(min_uid, "4294967295", -1),
        NUMBER(min_uid, "4294968296", -1),
        NUMBER(min_uid, "-1", -1),
        NUMBER(session_token_ttl, "60", 60),
        NUMBER(session_token_ttl, "60s", 60),
        NUMBER(session_token_ttl, "59", -1),
        NUMBER(session_token_ttl, "59s", -1),
        NUMBER(session_token_ttl, "1m", 60),
        NUMBER(session_token_ttl, "1h", 3600),
        NUMBER(session_token_ttl, "7d", (int64_t)7 * 86400),
        NUMBER(session_token_ttl, "168h", (int64_t)7 * 86400),
        NUMBER(session_token_ttl, "604800", (int64_t)7 * 86400),
        NUMBER(session_token_ttl, "604801", -1),
        NUMBER(session_token_ttl, "169h", -1),
        NUMBER(session_token_ttl, "8d", -1),
        NUMBER(session_token_ttl, "999999999999999d", -1),
        NUMBER(session_token_ttl, "0h", -1),
        NUMBER(session_token_ttl, "h", -1),
        NUMBER(session_token_ttl, "1w", -1),
        NUMBER(session_token_ttl, "1 h", -1),
        NUMBER(session_token_ttl, "1hh", -1),
        NUMBER(session_token_ttl, "", -1),
#undef NUMBER
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 0;
        config = defaults;
        CHECK_ROW(rows[i].argument, take_arguments(rows[i].argument) == (rows[i].value >= 0));
        memcpy(&value, (const char *)&config + rows[i].member, sizeof(value));
        if (rows[i].value >= 0)
            CHECK_ROW(rows[i].argument, value == rows[i].value);
        config.in_arguments = 0;
        if (rows[i].value < 0)
            CHECK_ROW(rows[i].argument, memcmp(&config, &defaults, sizeof(config)) == 0);
    }
}

static void a_person_has_half_a_minute_to_a_quarter_of_an_hour(void **state)
{
    static const struct {
        const char *argument;
        int64_t value; /* the default: refused */
    } rows[] = {
        {"device_timeout=30", 30},   {"device_timeout=900", 900}, {"device_timeout=29", 300},
        {"device_timeout=901", 300}, {"device_timeout=5m", 300},  {"device_timeout=", 300},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        config = defaults;
        CHECK_ROW(rows[i].argument, take_arguments(rows[i].argument) == (rows[i].value != 300));
        CHECK_ROW(rows[i].argument, config.device_timeout == rows[i].value);
    }
}

static const struct {
    const char *name;
    const char *value;
    const char *stored; /* NULL: refused */
} TEXTS[] = {
    {"server", "https://zenml.example.com", "https://zenml.example.com"},
    {"server", "http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"},
    {"server", "zenml.example.com", NULL},
    {"server", "https://", NULL},
    {"server", "https:/zenml.example.com", NULL},
    {"server", "HTTPS://zenml.example.com", NULL},
    {"server", "ftp://zenml.example.com", NULL},
    {"server", "file:///etc/passwd", NULL},
    {"server", "https://zenml.example.com more", NULL},
    {"server", "https://zenml\xc3\xa9.example.com", NULL},
    {"server", "https://ada:secret@zenml.example.com", NULL},
    {"proxy", "http://proxy.example.com:3128", "http://proxy.example.com:3128"},
    {"proxy", "https://ada:secret@proxy.example.com", "https://ada:secret@proxy.example.com"},
    {"proxy", "socks5://proxy.example.com", NULL},
    {"proxy", "none", NULL},
    {"ca_file", "/etc/ssl/my ca.pem", "/etc/ssl/my ca.pem"},
    {"ca_file", "ca.pem", NULL},
    {"ca_file", "~/ca.pem", NULL},
    {"ca_file", "/etc/ssl/\nca.pem", NULL},
    {"map_file", "/etc/security/map", "/etc/security/map"},
    {"map_file", "../map", NULL},
    {"config", "/etc/other.conf", "/etc/other.conf"},
    {"config", "other.conf", NULL},
    {"pin", PIN, PIN},
    {"pin", PIN ";" PIN, PIN ";" PIN},
    {"pin", PIN ";", NULL},
    {"pin", PIN "," PIN, NULL},
    {"pin", "/etc/ssl/key.pem", NULL},
    {"pin", "sha256//AAAA", NULL},
    {"pin", "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL},
    {"pin", "sha256//AAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA=", NULL},
    {"server_id", UUID, UUID},
    {"server_id", "01234567", NULL},
    {"server_id", UUID "0", NULL},
    {"prompt", "Key:", "Key:"},
    {"prompt", "Key: ", "Key: "},
    {"prompt", "\" Key: \"", " Key: "},
    {"prompt", "Cl\xc3\xa9: ", "Cl\xc3\xa9: "},
    {"prompt", "\"", "\""},
    {"prompt", "\"\"", NULL},
    {"prompt", "a\nb", NULL},
    {"prompt", "\x1b[2J", NULL},
    {"services", "sshd", "sshd"},
    {"services", "sshd, su-l", "sshd, su-l"},
    {"services", "sshd,", NULL},
    {"services", ",sshd", NULL},
    {"services", "sshd,,su", NULL},
    {"services", "*", NULL},
    {"services", "ssh*", NULL},
    {"users", "!root", NULL},
    {"users", "-root", NULL},
    {"users", "_apt alice", "_apt alice"},
    {"groups", "@staff", NULL},
    {"groups", "%staff", NULL},
    {"groups", "+staff", NULL},
    {"groups", "(staff)", NULL},
    {"groups", "\"staff\"", NULL},
    {"groups", "\xc3\xa9lan", "\xc3\xa9lan"},
    {"allow_groups", "developers, operators", "developers, operators"},
    {"allow_groups", "\t", NULL},
};

static void texts_have_the_form_of_their_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        const struct zh_option *option = find(TEXTS[i].name);
        const char *member = (const char *)&config + option->member;
        const char *expected = TEXTS[i].stored;
        char argument[256];
        snprintf(argument, sizeof(argument), "%s=%s", TEXTS[i].name, TEXTS[i].value);
        config = defaults;
        CHECK_ROW(argument, take_arguments(argument) == (TEXTS[i].stored != NULL));
        if (expected == NULL)
            expected = (const char *)&defaults + option->member;
        CHECK_ROW_TEXT(argument, member, expected);
        CHECK_ROW(argument, problems.count == (TEXTS[i].stored == NULL ? 1 : 0));
        CHECK_ROW(argument, problems.count == 0 || strstr(problems.lines[0], option->type) != NULL);
    }
}

/* Each text option takes one byte less than it has room for, and not one more. */
static void texts_have_a_longest_form(void **state)
{
    static const struct {
        const char *name;
        const char *start; /* goes on with 'a' */
        size_t longest;
    } rows[] = {
        {"server", "https://", 511}, {"proxy", "http://", 511}, {"ca_file", "/", 255},
        {"map_file", "/", 255},      {"config", "/", 255},      {"prompt", "a", 80},
        {"allow_groups", "a", 511},  {"services", "a", 511},    {"users", "a", 511},
        {"groups", "a", 511},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char argument[600];
        char problem[256];
        const size_t at = strlen(rows[i].name) + 1;
        memset(argument, 'a', sizeof(argument));
        argument[snprintf(argument, sizeof(argument), "%s=%s", rows[i].name, rows[i].start)] = 'a';
        argument[at + rows[i].longest] = '\0';
        config = defaults;
        CHECK_ROW(rows[i].name, take_arguments(argument));
        argument[at + rows[i].longest] = 'a';
        argument[at + rows[i].longest + 1] = '\0';
        config = defaults;
        CHECK_ROW(rows[i].name, !take_arguments(argument));
        snprintf(problem, sizeof(problem),
                 "config: argument %s: too long a value of %s; it takes: %s", rows[i].name,
                 rows[i].name, find(rows[i].name)->type);
        problems_check(&problems, rows[i].name, problem);
    }
}

/* --- files and arguments -------------------------------------------------------------------- */

static void all_problems_of_a_file_are_reported_at_once(void **state)
{
    (void)state;
    config = defaults;
    assert_false(read_file("sever = https://a.example\n"
                           "# comment\n"
                           "timeout = soon\n"
                           "timeout = 10\n"
                           "services = sshd\n"
                           "Match = name\n"
                           "match\n"
                           "session_env = key # oops\n"
                           "ZENKEY_0123456789 = x\n"
                           "0123456789012345678901234567890123456789 = x\n"
                           "prompt =\n"
                           "pin = /etc/key.pem\n"));
    problems_check(&problems, "file",
                   "config: F:1: unknown option: sever; see pam_zenml.conf(5)\n"
                   "config: F:3: bad value of timeout; it takes: 1 to 120\n"
                   "config: F:4: given twice: timeout; give it once\n"
                   "config: F:5: not allowed in the file: services; move it to the PAM line\n"
                   "config: F:6: unknown option: Match; see pam_zenml.conf(5)\n"
                   "config: F:7: the line has no '='; write key = value\n"
                   "config: F:8: a comment stands after the value; give the comment its own line\n"
                   "config: F:9: unknown option: (a credential); see pam_zenml.conf(5)\n"
                   "config: F:10: unknown option: (a long word); see pam_zenml.conf(5)\n"
                   "config: F:11: nothing stands after the '='; write a value, or remove the line\n"
                   "config: F:12: bad value of pin; it takes: sha256//BASE64");
}

static void all_problems_of_the_arguments_are_reported_at_once(void **state)
{
    (void)state;
    config = defaults;
    assert_false(take_arguments("nullok|server|debug=maybe|debug|=x||users=a|timeout=0"));
    problems_check(&problems, "arguments",
                   "config: argument nullok: unknown option: nullok; see pam_zenml.conf(5)\n"
                   "config: argument server: no value of server; it takes: https:// URL\n"
                   "config: argument debug: bad value of debug; it takes: yes, no\n"
                   "config: argument debug: given twice: debug; give it once\n"
                   "config: argument : unknown option: ; see pam_zenml.conf(5)\n"
                   "config: argument : unknown option: ; see pam_zenml.conf(5)\n"
                   "config: argument timeout: bad value of timeout; it takes: 1 to 120");
}

static void a_file_sets_what_it_says(void **state)
{
    (void)state;
    config = defaults;
    assert_true(
        read_file("server = https://zenml.example.com\nmatch=name\n  timeout  =\t5\n"
                  "allow_root = yes\nprompt = \"Key: \"\ncredential = api_key, api_token\n"));
    problems_check(&problems, "file", "");
    assert_string_equal(config.server, "https://zenml.example.com");
    assert_int_equal(config.match, ZH_MATCH_NAME);
    assert_int_equal(config.timeout, 5);
    assert_true(config.allow_root);
    assert_string_equal(config.prompt, "Key: ");
    assert_int_equal(config.credential, ZH_API_KEY | ZH_API_TOKEN);
    assert_string_equal(config.ca_file, "");
}

static void arguments_win_over_the_file(void **state)
{
    (void)state;
    config = defaults;
    assert_true(take_arguments("server=https://a.example|timeout=3|allow_root=no"));
    assert_true(read_file("server = https://b.example\ntimeout = 30\nallow_root = yes\n"
                          "require_admin = yes\n"));
    assert_string_equal(config.server, "https://a.example");
    assert_int_equal(config.timeout, 3);
    assert_false(config.allow_root);
    assert_true(config.require_admin);
}

static void what_an_argument_overrules_is_checked_nevertheless(void **state)
{
    (void)state;
    config = defaults;
    assert_true(take_arguments("timeout=3"));
    assert_false(read_file("timeout = 300\ntimeout = 30\n"));
    problems_check(&problems, "overruled",
                   "config: F:1: bad value of timeout; it takes: 1 to 120\n"
                   "config: F:2: given twice: timeout; give it once");
    assert_int_equal(config.timeout, 3);
}

static void an_unsafe_file_is_not_read(void **state)
{
    const struct zh_reporter reporter = problems_reporter(&problems);

    (void)state;
    config = defaults;
    assert_false(zh_config_read(&config, "x.conf", &reporter));
    problems_check(&problems, "x.conf", "config: x.conf: is not an absolute path; begin it with /");
    assert_memory_equal(&config, &defaults, sizeof(config));
}

static void nothing_is_allocated_for_texts(void **state)
{
    (void)state;
    memory_reset();
    memory_fail_at(1);
    config = defaults;
    assert_true(read_file("server = https://a.example\n"));
    assert_true(take_arguments("users=alice"));
    assert_false(memory_has_failed());
    memory_reset();
}

/* --- all together --------------------------------------------------------------------------- */

#define FILE_NAME "config: /etc/security/pam_zenml.conf: "
#define NO_SERVER FILE_NAME "no server is named; add the line server = https://HOST"
#define NO_MAP    FILE_NAME "no account may log in as any user; set map_file, or match = name"

#define PERSON "server=https://a|match=name|account_type=user|credential=device"
#define NO_PERSON                                                                                  \
    FILE_NAME "who logs in with a browser is no service account: credential = device; set "        \
              "account_type = user, or any"
#define NO_PASSWORD                                                                                \
    "config: argument set_authtok: there is no password after a login in a browser: "              \
    "credential = device; leave out one of them"
#define NO_QUESTION                                                                                \
    "config: argument use_first_pass: nobody can be asked to open a browser: "                     \
    "credential = device; use try_first_pass"

static void values_have_to_belong_together(void **state)
{
    static const struct {
        const char *arguments;
        const char *problems;
    } rows[] = {
        {"server=https://a|match=name", ""},
        {"server=https://a|map_file=/m", ""},
        {"server=https://a|map_file=/m|match=name|allow_root=yes", ""},
        {"server=https://a|match=name|session_token_ttl=1h", ""},
        {"server=https://a|match=name|use_first_pass", ""},
        {"server=https://a|match=name|try_first_pass", ""},
        {PERSON, ""},
        {"server=https://a|match=name|account_type=any|credential=api_key,device", ""},
        {PERSON "|try_first_pass", ""},
        {"server=https://a|match=name|credential=device", NO_PERSON},
        {"server=https://a|match=name|credential=api_key,device", NO_PERSON},
        {"server=https://a|match=name|account_type=service|credential=device", NO_PERSON},
        {PERSON "|set_authtok", NO_PASSWORD},
        {PERSON "|use_first_pass", NO_QUESTION},
        {PERSON "|use_first_pass|try_first_pass", "config: argument use_first_pass: excludes "
                                                  "try_first_pass; give one of them\n" NO_QUESTION},
        {"server=https://a|match=name|credential=device|set_authtok|use_first_pass",
         NO_PERSON "\n" NO_PASSWORD "\n" NO_QUESTION},
        {"debug", NO_SERVER "\n" NO_MAP},
        {"server=https://a", NO_MAP},
        {"server=https://a|match=none", NO_MAP},
        {"match=name", NO_SERVER},
        {"server=https://a|match=name|use_first_pass|try_first_pass",
         "config: argument use_first_pass: excludes try_first_pass; give one of them"},
        {"use_first_pass|try_first_pass",
         NO_SERVER "\n" NO_MAP
                   "\nconfig: argument use_first_pass: excludes try_first_pass; give one of them"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        config = defaults;
        CHECK_ROW(rows[i].arguments, take_arguments(rows[i].arguments));
        const struct zh_reporter reporter = problems_reporter(&problems);
        CHECK_ROW(rows[i].arguments,
                  zh_config_check(&config, &reporter) == (rows[i].problems[0] == '\0'));
        problems_check(&problems, rows[i].arguments, rows[i].problems);
    }
}

/* --- the example ---------------------------------------------------------------------------- */

/* The example file with its options no longer commented out: "#key" begins one, "# text" does not.
 */
static void read_example(char *text, size_t size)
{
    FILE *file = fopen(ZN_EXAMPLE_CONFIG, "r");
    char line[256];

    assert_non_null(file);
    text[0] = '\0';
    while (fgets(line, sizeof(line), file) != NULL) {
        const bool is_option = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
        const size_t len = strlen(text);
        assert_true((size_t)snprintf(text + len, size - len, "%s", line + is_option) < size - len);
    }
    fclose(file);
}

static void the_example_sets_every_option_of_the_file_to_its_default(void **state)
{
    static char text[8192];
    size_t count = 0;
    const struct zh_option *options = zh_options(&count);

    (void)state;
    read_example(text, sizeof(text));
    config = defaults;
    assert_true(read_file(text));
    problems_check(&problems, "example", "");
    for (size_t i = 0; i < count; i++) {
        const bool is_set = (config.in_file >> i & 1) != 0;
        CHECK_ROW(options[i].name, is_set == ((options[i].where & ZH_IN_FILE) != 0));
        if (options[i].by_default == NULL)
            memset((char *)&config + options[i].member, 0, options[i].size);
    }
    config.in_file = 0;
    assert_memory_equal(&config, &defaults, sizeof(config));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted_and_complete),
        cmocka_unit_test(the_scope_and_what_weakens_a_login_stand_on_the_pam_line_only),
        cmocka_unit_test(the_defaults_are_those_of_the_table),
        cmocka_unit_test(flags_are_yes_or_no),
        cmocka_unit_test(words_are_those_of_the_option),
        cmocka_unit_test(numbers_have_limits),
        cmocka_unit_test(a_person_has_half_a_minute_to_a_quarter_of_an_hour),
        cmocka_unit_test(texts_have_the_form_of_their_option),
        cmocka_unit_test(texts_have_a_longest_form),
        cmocka_unit_test(all_problems_of_a_file_are_reported_at_once),
        cmocka_unit_test(all_problems_of_the_arguments_are_reported_at_once),
        cmocka_unit_test(a_file_sets_what_it_says),
        cmocka_unit_test(arguments_win_over_the_file),
        cmocka_unit_test(what_an_argument_overrules_is_checked_nevertheless),
        cmocka_unit_test(an_unsafe_file_is_not_read),
        cmocka_unit_test(nothing_is_allocated_for_texts),
        cmocka_unit_test(values_have_to_belong_together),
        cmocka_unit_test(the_example_sets_every_option_of_the_file_to_its_default),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
