/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <string.h>

#include "file.h"
#include "lines.h"
#include "lists.h"

#define HOUR_S 3600
#define DAY_S  (24 * HOUR_S)

/* --- values --------------------------------------------------------------------------------- */

/* These are the `read` of struct zh_option. */

static bool read_yes_no(const struct zh_option *option, struct zn_span value, void *member)
{
    const bool yes = zn_span_equal(value, ZN_SPAN("yes"));

    (void)option;
    if (!yes && !zn_span_equal(value, ZN_SPAN("no")))
        return false;
    *(bool *)member = yes;
    return true;
}

/* The place of `word` in the type of the option, which lists its words; -1: not in it. */
static int find_word(const struct zh_option *option, struct zn_span word)
{
    struct zn_span rest = zn_span_of(option->type);
    struct zn_span known;

    for (int at = 0; zh_list_next(&rest, &known); at++)
        if (zn_span_equal(known, word))
            return at;
    return -1;
}

/* One word. The enum of the option has the order of the words. */
static bool read_word(const struct zh_option *option, struct zn_span value, void *member)
{
    const int word = find_word(option, value);

    if (word < 0)
        return false;
    *(int *)member = word;
    return true;
}

/* One or more of the words. The bits of the option have the order of the words. */
static bool read_words(const struct zh_option *option, struct zn_span value, void *member)
{
    struct zn_span name;
    int words = 0;

    while (zh_list_next(&value, &name)) {
        const int word = find_word(option, name);
        if (word < 0)
            return false;
        words |= 1 << word;
    }
    *(int *)member = words;
    return true;
}

static bool store_number(const struct zh_option *option, struct zn_span digits, int64_t unit,
                         void *member)
{
    long long number = 0;

    if (!zn_text_to_number(digits, &number) || number > option->most / unit ||
        number * unit < option->least)
        return false;
    *(int64_t *)member = number * unit;
    return true;
}

static bool read_number(const struct zh_option *option, struct zn_span value, void *member)
{
    return store_number(option, value, 1, member);
}

static bool read_duration(const struct zh_option *option, struct zn_span value, void *member)
{
    static const struct {
        char suffix;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', HOUR_S}, {'d', DAY_S}};

    for (size_t i = 0; value.len > 0 && i < sizeof(units) / sizeof(units[0]); i++)
        if (value.ptr[value.len - 1] == units[i].suffix)
            return store_number(option, (struct zn_span){value.ptr, value.len - 1},
                                units[i].seconds, member);
    return store_number(option, value, 1, member);
}

static bool store_text(const struct zh_option *option, struct zn_span value, void *member)
{
    char *text = member;

    if (value.len == 0 || value.len >= option->size || !zn_text_is_printable(value))
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    return true;
}

/* Quotes keep the blanks at its ends. */
static bool read_text(const struct zh_option *option, struct zn_span value, void *member)
{
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = (struct zn_span){value.ptr + 1, value.len - 2};
    return store_text(option, value, member);
}

static bool read_path(const struct zh_option *option, struct zn_span value, void *member)
{
    return zn_span_starts_with(value, ZN_SPAN("/")) && store_text(option, value, member);
}

/* The helper looks closer (core/url.h); here it is told from what was meant for another option. */
static bool read_url(const struct zh_option *option, struct zn_span value, void *member)
{
    struct zn_span rest = value;
    const struct zn_span scheme = zn_span_cut(&rest, ':');
    const bool known =
        zn_span_equal(scheme, ZN_SPAN("https")) || zn_span_equal(scheme, ZN_SPAN("http"));

    return known && zn_text_is_graphic(value) && zn_span_starts_with(rest, ZN_SPAN("//")) &&
           rest.len > 2 && store_text(option, value, member);
}

/* No user information: this URL is logged. */
static bool read_server(const struct zh_option *option, struct zn_span value, void *member)
{
    return memchr(value.ptr, '@', value.len) == NULL && read_url(option, value, member);
}

/* libcurl would take anything else for the name of a file. */
static bool read_pins(const struct zh_option *option, struct zn_span value, void *member)
{
    struct zn_span rest = value;

    while (rest.ptr != NULL) {
        const struct zn_span pin = zn_span_cut(&rest, ';');
        if (pin.len != strlen("sha256//") + 44 || !zn_span_starts_with(pin, ZN_SPAN("sha256//")) ||
            !zn_text_is_graphic(pin))
            return false;
    }
    return store_text(option, value, member);
}

static bool read_uuid(const struct zh_option *option, struct zn_span value, void *member)
{
    return zn_text_is_uuid(value) && store_text(option, value, member);
}

/* Names only: a pattern or a "@group" of other programs would silently be nobody's name here. */
static bool read_names(const struct zh_option *option, struct zn_span value, void *member)
{
    struct zn_span rest = value;
    struct zn_span name;

    while (zh_list_next(&rest, &name))
        if (name.len == 0 || strchr("!\"#$%&'()*+-./:;<=>?@[\\]^`{|}~", name.ptr[0]) != NULL ||
            memchr(name.ptr, '*', name.len) != NULL)
            return false;
    return store_text(option, value, member);
}

/* --- the table ------------------------------------------------------------------------------ */

#define AT(name)   .member = offsetof(struct zh_config, name)
#define TEXT(name) AT(name), .size = sizeof(((struct zh_config *)NULL)->name)

/* tests/pam/test_options_documented.py reads these lines as they stand. */
static const struct zh_option options[] = {
    {"account_type", "service, user, any", "service", ZH_ANYWHERE,
     "which kind of ZenML account may log in", AT(account_type), .read = read_word},
    {"allow_groups", "list of names", NULL, ZH_ANYWHERE,
     "the user has to be in one of these local groups", TEXT(allow_groups), .read = read_names},
    {"allow_root", "yes, no", "no", ZH_ANYWHERE,
     "uid 0 may log in, if the map file lists it as well", AT(allow_root), .read = read_yes_no},
    {"ca_file", "absolute path", NULL, ZH_ANYWHERE,
     "trust the authorities in this PEM file instead of the system's", TEXT(ca_file),
     .read = read_path},
    {"config", "absolute path", "/etc/security/pam_zenml.conf", ZH_IN_ARGUMENTS,
     "the configuration file", TEXT(config), .read = read_path},
    {"credential", "api_key, api_token, device", "api_key", ZH_ANYWHERE,
     "what is accepted at the prompt: one of them, or several as a list", AT(credential),
     .read = read_words},
    {"debug", "yes, no", "no", ZH_ANYWHERE, "log more, but never a secret", AT(debug),
     .read = read_yes_no},
    {"device_qr", "none, blocks, letters", "none", ZH_ANYWHERE,
     "the page as a QR code as well: in UTF-8, or in ASCII for 120 columns", AT(device_qr),
     .read = read_word},
    {"device_timeout", "30 to 900", "300", ZH_ANYWHERE,
     "seconds for the whole decision when a person has to approve it in a browser",
     AT(device_timeout), .read = read_number, .least = 30, .most = 900},
    {"groups", "list of names", NULL, ZH_IN_ARGUMENTS,
     "ignore users who are in none of these local groups", TEXT(groups), .read = read_names},
    {"map_file", "absolute path", NULL, ZH_ANYWHERE,
     "the file that lists which account may log in as which local users", TEXT(map_file),
     .read = read_path},
    {"match", "none, name", "none", ZH_ANYWHERE,
     "name: an account may log in as the local user of exactly its name", AT(match),
     .read = read_word},
    {"min_uid", "number", "1000", ZH_IN_ARGUMENTS,
     "ignore users with a smaller uid, but not uid 0 with allow_root = yes", AT(min_uid),
     .read = read_number, .least = 0, .most = UINT32_MAX - 1},
    {"pin", "sha256//BASE64", NULL, ZH_ANYWHERE,
     "accept the server only with this public key; several are separated by ';'", TEXT(pin),
     .read = read_pins},
    {"pro_api_url", "https:// URL", NULL, ZH_ANYWHERE,
     "the API of a self-hosted ZenML Pro, for workspaces that cannot read its keys",
     TEXT(pro_api_url), .read = read_server},
    {"prompt", "text of at most 80 bytes", "\"ZenML API key: \"", ZH_ANYWHERE,
     "what the user is asked; double quotes keep blanks at its ends", TEXT(prompt),
     .read = read_text},
    {"proxy", "http:// or https:// URL", NULL, ZH_ANYWHERE,
     "reach the server through this proxy; the environment is never looked at", TEXT(proxy),
     .read = read_url},
    {"require_admin", "yes, no", "no", ZH_ANYWHERE,
     "the account has to be an admin of the ZenML server", AT(require_admin), .read = read_yes_no},
    {"server", "https:// URL", NULL, ZH_ANYWHERE, "the ZenML server; plain http only on this host",
     TEXT(server), .read = read_server},
    {"server_id", "UUID", NULL, ZH_ANYWHERE, "the server has to have this id", TEXT(server_id),
     .read = read_uuid},
    {"services", "list of names", NULL, ZH_IN_ARGUMENTS, "ignore logins through other PAM services",
     TEXT(services), .read = read_names},
    {"session_env", "none, url, token", "none", ZH_ANYWHERE,
     "what the session's environment gets: the server's URL, or a token as well", AT(session_env),
     .read = read_word},
    {"session_token_ttl", "60s to 7d", "8h", ZH_ANYWHERE,
     "lifetime of that token: seconds, or a number with s, m, h or d", AT(session_token_ttl),
     .read = read_duration, .least = 60, .most = 7 * DAY_S},
    {"set_authtok", "yes, no", "no", ZH_IN_ARGUMENTS,
     "hand the credential on to later modules as the password", AT(set_authtok),
     .read = read_yes_no},
    {"timeout", "1 to 120", "10", ZH_ANYWHERE, "seconds for the whole decision", AT(timeout),
     .read = read_number, .least = 1, .most = 120},
    {"try_first_pass", "yes, no", "no", ZH_IN_ARGUMENTS,
     "try the password of an earlier module, and ask when it is refused", AT(try_first_pass),
     .read = read_yes_no},
    {"unavailable", "deny, ignore", "deny", ZH_IN_ARGUMENTS,
     "what a server that cannot be reached means for the login", AT(unavailable),
     .read = read_word},
    {"use_first_pass", "yes, no", "no", ZH_IN_ARGUMENTS,
     "take the password of an earlier module, and never ask", AT(use_first_pass),
     .read = read_yes_no},
    {"users", "list of names", NULL, ZH_IN_ARGUMENTS, "ignore all other local users", TEXT(users),
     .read = read_names},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))
_Static_assert(OPTIONS <= 32, "struct zh_config has 32 bits for them");

const struct zh_option *zh_options(size_t *ret_count)
{
    *ret_count = OPTIONS;
    return options;
}

/* --- reading -------------------------------------------------------------------------------- */

/* Why something cannot be taken: see zh_report. */
struct refusal {
    const char *problem;
    struct zn_span about;
    char fix[96];
};

static bool refuse(struct refusal *ret, const char *problem, struct zn_span about, const char *fix)
{
    *ret = (struct refusal){.problem = problem, .about = about};
    zn_text_append_safe(ret->fix, sizeof(ret->fix), zn_span_of(fix));
    return false;
}

static bool refuse_value(struct refusal *ret, const char *problem, const struct zh_option *option)
{
    refuse(ret, problem, zn_span_of(option->name), "it takes: ");
    zn_text_append_safe(ret->fix, sizeof(ret->fix), zn_span_of(option->type));
    return false;
}

static const struct zh_option *find_option(struct zn_span name)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (zn_span_equal(name, zn_span_of(options[i].name)))
            return &options[i];
    return NULL;
}

static bool read_value(struct zh_config *config, const struct zh_option *option,
                       struct zn_span value, struct refusal *ret)
{
    if (option->read(option, value, (char *)config + option->member))
        return true;
    if (option->size > 0 && value.len >= option->size)
        return refuse_value(ret, "too long a value of ", option);
    return refuse_value(ret, "bad value of ", option);
}

/* Takes `key = value`; a value without bytes is a key that stands alone. */
static bool take(struct zh_config *config, enum zh_where where, struct zn_span key,
                 struct zn_span value, struct refusal *ret)
{
    const struct zh_option *option = find_option(key);
    uint32_t *given = where == ZH_IN_FILE ? &config->in_file : &config->in_arguments;
    struct zh_config unused = *config; /* what the file says and an argument overrules */

    if (option == NULL)
        return refuse(ret, "unknown option: ", key, "see pam_zenml.conf(5)");
    if ((option->where & where) == 0)
        return refuse(ret, "not allowed in the file: ", key, "move it to the PAM line");

    const uint32_t bit = (uint32_t)1 << (option - options);
    if ((*given & bit) != 0)
        return refuse(ret, "given twice: ", key, "give it once");
    *given |= bit;
    if (value.ptr == NULL && option->read != read_yes_no)
        return refuse_value(ret, "no value of ", option);
    if (value.ptr == NULL)
        value = ZN_SPAN("yes");
    const bool overruled = where == ZH_IN_FILE && (config->in_arguments & bit) != 0;
    return read_value(overruled ? &unused : config, option, value, ret);
}

void zh_config_init(struct zh_config *config)
{
    struct refusal impossible;

    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].by_default != NULL)
            (void)!read_value(config, &options[i], zn_span_of(options[i].by_default), &impossible);
}

bool zh_config_take_arguments(struct zh_config *config, int argc, const char **argv,
                              const struct zh_reporter *reporter)
{
    bool good = true;

    for (int i = 0; i < argc; i++) {
        struct zn_span value = zn_span_of(argv[i]);
        const struct zn_span key = zn_span_cut(&value, '=');
        struct refusal refusal;
        if (!take(config, ZH_IN_ARGUMENTS, key, value, &refusal))
            good = zh_report(reporter, (struct zh_place){.argument = key}, refusal.problem,
                             refusal.about, refusal.fix);
    }
    return good;
}

bool zh_config_read_text(struct zh_config *config, struct zn_span text, const char *path,
                         const struct zh_reporter *reporter)
{
    struct zh_lines lines;
    struct zn_span key;
    struct zn_span value;

    zh_lines_start(&lines, text, path, reporter);
    while (zh_lines_next(&lines, &key, &value)) {
        struct refusal refusal;
        if (!take(config, ZH_IN_FILE, key, value, &refusal))
            zh_lines_report(&lines, refusal.problem, refusal.about, refusal.fix);
    }
    return lines.problems == 0;
}

bool zh_config_read(struct zh_config *config, const char *path, const struct zh_reporter *reporter)
{
    struct zn_buf text;

    zn_buf_init(&text, ZH_CONFIG_MAX);
    const bool good = zh_file_read(path, &text, reporter) &&
                      zh_config_read_text(config, zn_buf_span(&text), path, reporter);
    zn_buf_clear(&text);
    return good;
}

/* --- all together --------------------------------------------------------------------------- */

/* A login in a browser is a person's, and gives no later module a password. */
static bool check_device(const struct zh_config *config, const struct zh_reporter *reporter)
{
    const struct zh_place file = {.file = config->config};
    const struct zh_place argument = {.argument = ZN_SPAN("set_authtok")};
    const struct zh_place first_pass = {.argument = ZN_SPAN("use_first_pass")};
    bool good = true;

    if ((config->credential & ZH_DEVICE) == 0)
        return true;
    if (config->account_type == ZH_ACCOUNT_SERVICE)
        good = zh_report(reporter, file, "who logs in with a browser is no service account: ",
                         ZN_SPAN("credential = device"), "set account_type = user, or any");
    if (config->set_authtok)
        good = zh_report(reporter, argument, "there is no password after a login in a browser: ",
                         ZN_SPAN("credential = device"), "leave out one of them");
    if (config->use_first_pass)
        good = zh_report(reporter, first_pass,
                         "nobody can be asked to open a browser: ", ZN_SPAN("credential = device"),
                         "use try_first_pass");
    return good;
}

bool zh_config_check(const struct zh_config *config, const struct zh_reporter *reporter)
{
    const struct zh_place file = {.file = config->config};
    const struct zh_place argument = {.argument = ZN_SPAN("use_first_pass")};
    bool good = true;

    if (config->server[0] == '\0')
        good = zh_report(reporter, file, "no server is named", ZN_SPAN(""),
                         "add the line server = https://HOST");
    if (config->match == ZH_MATCH_NONE && config->map_file[0] == '\0')
        good = zh_report(reporter, file, "no account may log in as any user", ZN_SPAN(""),
                         "set map_file, or match = name");
    if (config->use_first_pass && config->try_first_pass)
        good = zh_report(reporter, argument, "excludes try_first_pass", ZN_SPAN(""),
                         "give one of them");
    return check_device(config, reporter) && good;
}
