/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "exit_code.h"

#define LOGIN              (ZC_ENV | ZC_EXEC | ZC_WHOAMI)
#define CONNECTS           (LOGIN | ZC_LOGIN | ZC_DOCTOR)
#define EVERY              (CONNECTS | ZC_CLEAR)
#define DEFAULT_TIMEOUT_MS 30000
#define PATIENT_TIMEOUT_MS 300000
#define TIMEOUT_MAX_S      3600
#define EXPIRES_IN_MAX_S   (366LL * 24 * 3600)

static const struct {
    enum zc_verb verb;
    const char *name;
    const char *usage;
    const char *purpose;
    bool takes_words;
} verbs[] = {
    {ZC_ENV, "env", "[options]", "writes ZENML_STORE_* for the later steps of a CI job", false},
    {ZC_EXEC, "exec", "[options] -- COMMAND [ARGUMENT...]",
     "runs a command with ZENML_STORE_* in its environment", false},
    {ZC_WHOAMI, "whoami", "[options]", "prints the account behind the credential", false},
    {ZC_LOGIN, "login", "[options]", "logs a person in by a browser, for the other commands",
     false},
    {ZC_CLEAR, "clear", "[options]", "undoes in the same job what env wrote", false},
    {ZC_DOCTOR, "doctor", "[options] [pam [FILE...]]",
     "finds out why a login fails; with pam, checks the PAM files of this host", true},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* --- values --------------------------------------------------------------------------------- */

/* Each reads `value` into the member at `member`. False: not a value of that kind. */

static bool read_flag(const char *value, void *member)
{
    *(bool *)member = true;
    return value == NULL;
}

static bool read_text(const char *value, void *member)
{
    *(const char **)member = value;
    return value[0] != '\0';
}

static bool read_uuid(const char *value, void *member)
{
    *(const char **)member = value;
    return zn_text_is_uuid(zn_span_of(value));
}

/* libcurl would take anything else for the name of a file. */
static bool read_pin(const char *value, void *member)
{
    struct zn_span rest = zn_span_of(value);

    *(const char **)member = value;
    while (rest.ptr != NULL) {
        const struct zn_span pin = zn_span_cut(&rest, ';');
        if (pin.len != strlen("sha256//") + 44 || !zn_span_starts_with(pin, ZN_SPAN("sha256//")))
            return false;
    }
    return true;
}

static bool read_timeout(const char *value, void *member)
{
    long long seconds = 0;

    if (!zn_text_to_number(zn_span_of(value), &seconds) || seconds < 1 || seconds > TIMEOUT_MAX_S)
        return false;
    *(int64_t *)member = seconds * 1000;
    return true;
}

static bool read_duration(const char *value, void *member)
{
    static const struct {
        char suffix;
        long long seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct zn_span digits = zn_span_of(value);
    long long number = 0;
    long long unit = 1;

    for (size_t i = 0; digits.len > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (value[digits.len - 1] == units[i].suffix) {
            unit = units[i].seconds;
            digits.len--;
            break;
        }
    }
    if (!zn_text_to_number(digits, &number) || number < 1 || number > EXPIRES_IN_MAX_S / unit)
        return false;
    *(int64_t *)member = number * unit;
    return true;
}

static bool read_hand_on(const char *value, void *member)
{
    const bool token = strcmp(value, "token") == 0;

    *(enum zc_hand_on *)member = token ? ZC_HAND_ON_TOKEN : ZC_HAND_ON_KEY;
    return token || strcmp(value, "key") == 0;
}

static bool read_if_missing(const char *value, void *member)
{
    *(bool *)member = strcmp(value, "skip") == 0;
    return *(bool *)member || strcmp(value, "fail") == 0;
}

static bool read_ca_mode(const char *value, void *member)
{
    *(bool *)member = strcmp(value, "add") == 0;
    return *(bool *)member || strcmp(value, "replace") == 0;
}

/* --- the table ------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct zc_options, member)

static const struct option {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: takes none */
    unsigned verbs;
    size_t member;
    bool (*read)(const char *value, void *member);
    const char *accepts; /* what a bad value is told */
    const char *help;
} options[] = {
    {"server", 0, "URL", CONNECTS, AT(server), read_text, "a URL",
     "the ZenML server (default: $ZENML_STORE_URL)"},
    {"api-key-file", 0, "PATH", LOGIN | ZC_DOCTOR, AT(api_key_file), read_text,
     "a path, or - for stdin", "read the API key from a file, - is standard input"},
    {"ca-file", 0, "FILE", CONNECTS, AT(ca_file), read_text, "a path",
     "trust these certificate authorities (PEM)"},
    {"ca-mode", 0, "MODE", CONNECTS, AT(ca_add), read_ca_mode, "replace or add",
     "replace the system's authorities (default), or add to them"},
    {"pin", 0, "sha256//BASE64", CONNECTS, AT(pin), read_pin,
     "sha256// and 44 characters of base64", "accept the server only with this public key"},
    {"allow-http", 0, NULL, CONNECTS, AT(allow_http), read_flag, NULL,
     "allow http to a host that is not loopback"},
    {"timeout", 0, "SECONDS", CONNECTS, AT(timeout_ms), read_timeout, "1 to 3600 seconds",
     "time for everything together (default: 30, login: 300)"},
    {"expect-user", 0, "NAME|UUID", CONNECTS, AT(expect_user), read_text, "a name or UUID",
     "fail unless the credential is this account's"},
    {"expect-server-id", 0, "UUID", CONNECTS, AT(expect_server_id), read_uuid, "a UUID",
     "fail unless the server has this id"},
    {"credential", 0, "token|key", ZC_ENV | ZC_EXEC, AT(hand_on), read_hand_on, "token or key",
     "what to hand on (default: env token, exec key)"},
    {"expires-in", 0, "DURATION", ZC_ENV | ZC_EXEC, AT(expires_in_s), read_duration,
     "seconds, or a number with s, m, h or d", "lifetime of the token (default: 6h)"},
    {"project", 0, "NAME|UUID", ZC_ENV | ZC_EXEC | ZC_DOCTOR, AT(project), read_text,
     "a name or UUID", "make this project the active one; doctor: look for it"},
    {"allow-disk-cache", 0, NULL, ZC_ENV | ZC_EXEC, AT(allow_disk_cache), read_flag, NULL,
     "let the ZenML client keep the credential on disk"},
    {"format", 0, "NAME", ZC_ENV | ZC_CLEAR, AT(format), read_text, "a format",
     "for this platform or reader (default: the platform's)"},
    {"output", 0, "FILE", ZC_ENV, AT(output), read_text, "a path, or - for stdout",
     "write there, - is standard output"},
    {"allow-secret-artifact", 0, NULL, ZC_ENV, AT(allow_secret_artifact), read_flag, NULL,
     "gitlab, bitbucket: put the API token into the file, too"},
    {"if-missing", 0, "fail|skip", ZC_ENV | ZC_WHOAMI, AT(skip_if_missing), read_if_missing,
     "fail or skip", "without a credential: fail (default), or do nothing"},
    {"github-step", 0, NULL, ZC_ENV | ZC_WHOAMI, AT(github_step), read_flag, NULL,
     "outputs, job summary and annotation for GitHub's runner"},
    {"min-ttl", 0, "DURATION", ZC_WHOAMI, AT(min_ttl_s), read_duration,
     "seconds, or a number with s, m, h or d", "fail when the credential ends sooner than that"},
    {"json", 0, NULL, ZC_WHOAMI | ZC_DOCTOR, AT(json), read_flag, NULL, "print JSON"},
    {"trusted", 0, NULL, ZC_LOGIN, AT(trusted), read_flag, NULL,
     "ask the person to trust this device, so that it lasts longer"},
    {"logout", 0, NULL, ZC_LOGIN, AT(logout), read_flag, NULL,
     "end the login, here and on the server"},
    {"try", 0, NULL, ZC_DOCTOR, AT(try_login), read_flag, NULL,
     "also log in as pam_zenml would with the credential"},
    {"user", 0, "NAME", ZC_DOCTOR, AT(user), read_text, "a name",
     "with --try: may the account be this local user?"},
    {"verbose", 'v', NULL, EVERY, AT(verbose), read_flag, NULL, "say what is being done"},
    {"quiet", 'q', NULL, EVERY, AT(quiet), read_flag, NULL,
     "say nothing but errors and warnings; doctor: nothing that is ok"},
    {"help", 'h', NULL, EVERY, AT(help), read_flag, NULL, "print this help"},
    {"version", 'V', NULL, EVERY, AT(version), read_flag, NULL, "print the version"},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* --- reading -------------------------------------------------------------------------------- */

#define SEE_HELP "run zenml-login --help"

/* What somebody typed may be a credential in the wrong place: nothing long is repeated. */
static enum zn_status refuse(struct zn_error *error, const char *why, const char *word,
                             const char *next)
{
    struct zn_span rest = zn_span_of(word);
    const struct zn_span name = zn_span_cut(&rest, '=');

    zn_error_set(error, ZN_CONFIG, why, next);
    zn_error_quote(error, name.len <= 32 ? name : ZN_SPAN("(a long word)"));
    return ZN_CONFIG;
}

/* The row of "--name" or "-x", by the name up to a "="; NULL when there is none for the verb. */
static const struct option *find_option(const char *word, enum zc_verb verb)
{
    struct zn_span rest = zn_span_of(word);
    const struct zn_span name = zn_span_cut(&rest, '=');

    for (size_t i = 0; i < OPTIONS; i++) {
        const bool is_long = zn_span_starts_with(name, ZN_SPAN("--")) &&
                             zn_span_equal(zn_span_skip(name, 2), zn_span_of(options[i].name));
        const bool is_short = name.len == 2 && options[i].letter != 0 && rest.ptr == NULL &&
                              word[0] == '-' && word[1] == options[i].letter;
        if ((is_long || is_short) && (verb == ZC_NO_VERB || (options[i].verbs & verb) != 0))
            return &options[i];
    }
    return NULL;
}

/* What somebody who is used to other programs should write instead. */
static const char *advice_on(const char *word, enum zc_verb verb)
{
    static const struct {
        enum zc_verb verb;
        const char *word; /* NULL: any that is no option */
        const char *next;
    } known[] = {
        {ZC_EXEC, NULL, "put -- before the command: zenml-login exec -- COMMAND"},
        {ZC_LOGIN, NULL, "give the server with --server URL"},
        {ZC_NO_VERB, "logout", "zenml-login login --logout"},
        {ZC_NO_VERB, "help", "zenml-login --help"},
        {ZC_NO_VERB, NULL, "use env, exec, whoami, login, clear or doctor"},
    };
    struct zn_span rest = zn_span_of(word);

    if (zn_span_equal(zn_span_cut(&rest, '='), ZN_SPAN("--api-key")))
        return "set ZENML_STORE_API_KEY, or give --api-key-file: others may read command lines";
    for (size_t i = 0; word[0] != '-' && i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].verb == verb && (known[i].word == NULL || strcmp(known[i].word, word) == 0))
            return known[i].next;
    return SEE_HELP;
}

static bool takes_words(enum zc_verb verb)
{
    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].verb == verb)
            return verbs[i].takes_words;
    return false;
}

/* Reads one option at argv[*at] and leaves `*at` on the last word that belongs to it. */
static enum zn_status take_option(const struct option *option, char **argv, int *at,
                                  struct zc_options *ret, struct zn_error *error)
{
    const char *given = strchr(argv[*at], '=');
    const char *value = given == NULL ? NULL : given + 1;

    if (option->argument != NULL && value == NULL) {
        value = argv[*at + 1];
        if (value == NULL)
            return refuse(error, "a value is missing after --", option->name, SEE_HELP);
        ++*at;
    }
    if (!option->read(value, (char *)ret + option->member)) {
        zn_error_set(error, ZN_CONFIG, "--", NULL);
        zn_error_add(error, option->name);
        zn_error_add(error, option->accepts != NULL ? " takes " : " takes no value");
        zn_error_add(error, option->accepts != NULL ? option->accepts : "");
        return ZN_CONFIG;
    }
    return ZN_OK;
}

static enum zn_status take_options(char **argv, struct zc_options *ret, struct zn_error *error)
{
    bool seen[OPTIONS] = {false};
    int words = 0;

    for (int at = 0; argv[at] != NULL && !ret->help && !ret->version; at++) {
        if (strcmp(argv[at], "--") == 0) {
            ret->command = argv + at + 1;
            return ZN_OK;
        }
        if (takes_words(ret->verb) && argv[at][0] != '-') {
            argv[words++] = argv[at]; /* what stood there has been read */
            continue;
        }
        const struct option *option = find_option(argv[at], ret->verb);
        if (option == NULL)
            return refuse(error,
                          argv[at][0] == '-' ? "unknown option: " : "unexpected word: ", argv[at],
                          advice_on(argv[at], ret->verb));
        if (seen[option - options])
            return refuse(error, "given twice: --", option->name, "give it once");
        seen[option - options] = true;
        if (take_option(option, argv, &at, ret, error) != ZN_OK)
            return ZN_CONFIG;
    }
    if (takes_words(ret->verb)) {
        ret->words = argv;
        ret->words[words] = NULL;
    }
    return ZN_OK;
}

static enum zn_status check_doctor(const struct zc_options *ret, struct zn_error *error)
{
    const bool has_pam_option = ret->try_login || ret->user != NULL;
    const bool has_login_option = ret->server != NULL || ret->ca_file != NULL || ret->pin != NULL ||
                                  ret->allow_http || ret->expect_user != NULL ||
                                  ret->expect_server_id != NULL || ret->json;

    if (ret->words[0] == NULL)
        return has_pam_option
                   ? zn_error_set(error, ZN_CONFIG, "--try and --user are for doctor pam", NULL)
                   : ZN_OK;
    if (strcmp(ret->words[0], "pam") != 0)
        return refuse(error, "doctor cannot look at ", ret->words[0],
                      "zenml-login doctor [options] [pam [FILE...]]");
    if (has_login_option)
        return zn_error_set(error, ZN_CONFIG,
                            "doctor pam takes the server from the configuration of pam_zenml",
                            "leave out the options of the login");
    if (ret->user != NULL && !ret->try_login)
        return zn_error_set(error, ZN_CONFIG, "--user needs --try", NULL);
    return ZN_OK;
}

static enum zn_status check(const struct zc_options *ret, struct zn_error *error)
{
    const bool has_command = ret->command != NULL && ret->command[0] != NULL;

    if (ret->help || ret->version)
        return ZN_OK;
    if (ret->verb == ZC_NO_VERB)
        return zn_error_set(error, ZN_CONFIG,
                            "a command is missing: env, exec, whoami, login, clear or doctor",
                            SEE_HELP);
    if (ret->verb == ZC_EXEC && !has_command)
        return zn_error_set(error, ZN_CONFIG, "exec: the command to run is missing",
                            "zenml-login exec [options] -- COMMAND [ARGUMENT...]");
    if (ret->verb != ZC_EXEC && has_command)
        return refuse(error, "unexpected word: ", ret->command[0], SEE_HELP);
    if (ret->verbose && ret->quiet)
        return zn_error_set(error, ZN_CONFIG, "--verbose and --quiet exclude each other",
                            "give one of them");
    if (ret->ca_add && ret->ca_file == NULL)
        return zn_error_set(error, ZN_CONFIG, "--ca-mode add needs --ca-file", NULL);
    if (ret->verb == ZC_DOCTOR)
        return check_doctor(ret, error);
    return ZN_OK;
}

enum zn_status zc_options_parse(int argc, char **argv, struct zc_options *ret,
                                struct zn_error *error)
{
    char **rest = argv + (argc > 0 ? 1 : 0);

    *ret = (struct zc_options){.timeout_ms = DEFAULT_TIMEOUT_MS};
    for (size_t i = 0; rest[0] != NULL && i < VERBS; i++)
        if (strcmp(rest[0], verbs[i].name) == 0)
            ret->verb = verbs[i].verb;
    if (ret->verb == ZC_LOGIN) /* a person takes their time */
        ret->timeout_ms = PATIENT_TIMEOUT_MS;
    if (ret->verb != ZC_NO_VERB)
        rest++;
    else if (rest[0] != NULL && rest[0][0] != '-')
        return refuse(error, "unknown command: ", rest[0], advice_on(rest[0], ZC_NO_VERB));
    const enum zn_status status = take_options(rest, ret, error);
    return status == ZN_OK ? check(ret, error) : status;
}

/* --- help ----------------------------------------------------------------------------------- */

static void print_option(const struct option *option)
{
    char left[40];

    snprintf(left, sizeof(left), "%c%c%s--%s %s", option->letter != 0 ? '-' : ' ',
             option->letter != 0 ? option->letter : ' ', option->letter != 0 ? ", " : "  ",
             option->name, option->argument != NULL ? option->argument : "");
    printf("  %-32s %s\n", left, option->help);
}

static void print_program_help(void)
{
    puts("Usage: zenml-login COMMAND [options]\n\n"
         "Proves a ZenML credential and hands it to a CI job or a container.\n\nCommands:");
    for (size_t i = 0; i < VERBS; i++)
        printf("  %-8s %s\n", verbs[i].name, verbs[i].purpose);
    puts("\n\"zenml-login COMMAND --help\" lists the options.\n\n"
         "The credential comes from ZENML_STORE_API_KEY, ZENML_STORE_API_TOKEN, a file named by\n"
         "ZENML_STORE_API_KEY_FILE or --api-key-file, or /run/secrets/zenml_store_api_key.\n\n"
         "Exit status:");
    for (const struct zc_exit_code *row = zc_exit_codes; row->meaning != NULL; row++)
        printf("  %3d  %s\n", row->code, row->meaning);
}

void zc_options_help(enum zc_verb verb)
{
    if (verb == ZC_NO_VERB) {
        print_program_help();
        return;
    }
    for (size_t i = 0; i < VERBS; i++)
        if (verbs[i].verb == verb)
            printf("Usage: zenml-login %s %s\n\n%s %s.\n\nOptions:\n", verbs[i].name,
                   verbs[i].usage, (verb & LOGIN) != 0 ? "Logs in, and" : "It", verbs[i].purpose);
    for (size_t i = 0; i < OPTIONS; i++)
        if ((options[i].verbs & verb) != 0)
            print_option(&options[i]);
    puts("\n\"zenml-login --help\" lists the exit codes; see zenml-login(1).");
}
