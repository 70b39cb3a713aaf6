/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/written.h"
#include "secret_file.h"

extern char **environ;

#define WELL_KNOWN_NAME "zenml_store_api_key"

enum form { FORM_VALUE, FORM_FILE };

/* The variables that may hold a credential or name a file that does. */
static const struct {
    const char *name;
    enum zn_credential_kind kind;
    enum form form;
} variables[] = {
    {"ZENML_STORE_API_KEY", ZN_CREDENTIAL_API_KEY, FORM_VALUE},
    {"ZENML_API_KEY", ZN_CREDENTIAL_API_KEY, FORM_VALUE},
    {"ZENML_STORE_API_KEY_FILE", ZN_CREDENTIAL_API_KEY, FORM_FILE},
    {"ZENML_API_KEY_FILE", ZN_CREDENTIAL_API_KEY, FORM_FILE},
    {"ZENML_STORE_API_TOKEN", ZN_CREDENTIAL_API_TOKEN, FORM_VALUE},
    {"ZENML_STORE_API_TOKEN_FILE", ZN_CREDENTIAL_API_TOKEN, FORM_FILE},
};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

/* What has been found so far. */
struct found {
    const char *name; /* NULL: nothing */
    enum zn_credential_kind kind;
    struct zn_secret secret;
    struct zn_secret second; /* the second line of a file */
    const char *empty;       /* a source that is there, but holds nothing; NULL: none */
};

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* --- server --------------------------------------------------------------------------------- */

enum zn_status zc_source_server(const struct zc_options *options, struct zn_url *ret,
                                struct zn_error *error)
{
    const char *store_url = variable("ZENML_STORE_URL");
    const char *server_url = variable("ZENML_SERVER_URL");
    const char *text = options->server != NULL ? options->server
                       : store_url != NULL     ? store_url
                                               : server_url;

    if (text == NULL)
        return zn_error_set(error, ZN_CONFIG, "no server was given",
                            "set ZENML_STORE_URL, or give --server https://...");
    if (options->server == NULL && store_url != NULL && server_url != NULL &&
        strcmp(store_url, server_url) != 0)
        return zn_error_set(error, ZN_CONFIG, "ZENML_STORE_URL and ZENML_SERVER_URL differ",
                            "unset one of them, or give --server");
    return zn_url_parse(zc_trim_newline(zn_span_of(text)), options->allow_http, ret, error);
}

/* --- credential ----------------------------------------------------------------------------- */

static enum zn_status conflict(const char *a, const char *b, struct zn_error *error)
{
    zn_error_set(error, ZN_CONFIG, "two different credentials: ", "leave one of them");
    zn_error_add(error, a);
    zn_error_add(error, " and ");
    zn_error_add(error, b);
    return ZN_CONFIG;
}

/* Why a secret does not arrive where a CI platform runs the job. The first row that holds. */
static const struct {
    const char *variable;
    const char *value;
    const char *next;
} causes[] = {
    {"GITHUB_ACTOR", "dependabot[bot]",
     "runs of Dependabot get only the secrets stored for Dependabot: store it there as well"},
    {"GITHUB_EVENT_NAME", "pull_request",
     "pull requests from forks get no secrets; otherwise check the name of the secret"},
    {"GITHUB_ACTIONS", "true",
     "check the name of the secret, and the environment or organization that it belongs to"},
    {"GITLAB_CI", "true",
     "check the variable's name; a protected variable is there on protected branches only"},
};

static bool begins_like_a_key(struct zn_span text)
{
    return zn_span_starts_with(text, ZN_SPAN("ZENKEY_")) ||
           zn_span_starts_with(text, ZN_SPAN("ZENPROKEY_"));
}

/* A variable that we do not look at, and that holds an API key: "NAME=…"; NULL: there is none. */
static const char *find_misnamed(void)
{
    for (char *const *entry = environ; *entry != NULL; entry++) {
        struct zn_span value = zn_span_of(*entry);
        (void)zn_span_cut(&value, '=');
        if (begins_like_a_key(value) && !zc_source_is_input(*entry))
            return *entry;
    }
    return NULL;
}

/* Nothing is where we look. */
static enum zn_status misnamed(const char *entry, struct zn_error *error)
{
    struct zn_span rest = zn_span_of(entry);

    zn_error_set(error, ZN_MISSING, "no credential was given; there is an API key in the variable ",
                 "call that variable ZENML_STORE_API_KEY");
    zn_error_quote(error, zn_span_cut(&rest, '='));
    return ZN_MISSING;
}

static enum zn_status missing(const struct found *found, struct zn_error *error)
{
    const char *other = found->empty == NULL ? find_misnamed() : NULL;
    const char *next = found->empty == NULL
                           ? "set ZENML_STORE_API_KEY, give --api-key-file, or run zenml-login "
                             "login"
                           : "check the name of the secret; CI jobs of forks and of Dependabot get "
                             "none";

    if (other != NULL)
        return misnamed(other, error);
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        const char *value = getenv(causes[i].variable);
        if (value != NULL && strcmp(value, causes[i].value) == 0) {
            next = causes[i].next;
            break;
        }
    }
    zn_error_set(error, ZN_MISSING,
                 found->empty == NULL ? "no credential was given" : "the credential is empty",
                 next);
    if (found->empty != NULL)
        zn_error_prefix(error, found->empty);
    return ZN_MISSING;
}

/* Adds one source to what has been found. Takes the bytes of `secret`. */
static enum zn_status add(struct found *found, const char *name, enum zn_credential_kind kind,
                          struct zn_secret *secret, struct zn_error *error)
{
    enum zn_status status = ZN_OK;

    if (zn_secret_is_empty(secret)) {
        found->empty = name;
    } else if (found->name == NULL) {
        found->name = name;
        found->kind = kind;
        zn_secret_take(&found->secret, secret);
    } else if (found->kind != kind ||
               !zn_span_equal(zn_secret_reveal(&found->secret), zn_secret_reveal(secret))) {
        status = conflict(found->name, name, error);
    }
    zn_secret_clear(secret);
    return status;
}

/* Adds a second key. Takes the bytes of `second`. */
static enum zn_status add_second(struct found *found, bool is_first, const char *name,
                                 struct zn_secret *second, struct zn_error *error)
{
    enum zn_status status = ZN_OK;

    if (is_first)
        zn_secret_take(&found->second, second);
    else if (!zn_span_equal(zn_secret_reveal(&found->second), zn_secret_reveal(second)))
        status = conflict(found->name, name, error);
    zn_secret_clear(second);
    return status;
}

/* Takes what follows the first line out of `secret`. */
static enum zn_status split_lines(struct zn_secret *secret, struct zn_secret *ret_second,
                                  struct zn_error *error)
{
    struct zn_span rest = zn_secret_reveal(secret);
    struct zn_span first = zn_span_cut(&rest, '\n');
    struct zn_secret line = {0};

    if (rest.len == 0) /* an empty second line is not one: the shape of the first is wrong */
        return ZN_OK;
    if (first.len > 0 && first.ptr[first.len - 1] == '\r')
        first.len--;
    if (first.len == 0)
        return zn_error_set(error, ZN_MALFORMED, "its first line is empty",
                            "leave one key, or during a rotation the new and the old one");
    if (memchr(rest.ptr, '\n', rest.len) != NULL)
        return zn_error_set(error, ZN_MALFORMED, "it holds more than two lines",
                            "leave one key, or during a rotation the new and the old one");
    if (!zn_secret_set(ret_second, rest) || !zn_secret_set(&line, first))
        return zn_error_no_memory(error);
    zn_secret_take(secret, &line);
    return ZN_OK;
}

static enum zn_status add_file(struct found *found, const char *name, const char *path,
                               enum zn_credential_kind kind, int64_t timeout_ms,
                               struct zn_error *error)
{
    struct zn_secret secret = {0};
    struct zn_secret second = {0};
    enum zn_status status = zc_secret_file_read(path, timeout_ms, &secret, error);

    if (status == ZN_OK)
        status = split_lines(&secret, &second, error);
    if (status == ZN_OK && !zn_secret_is_empty(&secret)) {
        const bool is_first = found->name == NULL;
        status = add(found, name, kind, &secret, error);
        if (status == ZN_OK)
            status = add_second(found, is_first, name, &second, error);
    } else if (status != ZN_OK) {
        zn_error_prefix(error, name);
    } else {
        found->empty = name;
        status = missing(found, error);
    }
    zn_secret_clear(&second);
    zn_secret_clear(&secret);
    return status;
}

static enum zn_status add_value(struct found *found, const char *name, const char *value,
                                enum zn_credential_kind kind, struct zn_error *error)
{
    struct zn_secret secret = {0};

    if (!zn_secret_set(&secret, zc_trim_newline(zn_span_of(value)))) {
        if (secret.bytes.state == ZN_BUF_NO_MEMORY)
            return zn_error_no_memory(error);
        zn_error_set(error, ZN_MALFORMED, "the credential is longer than 4096 bytes",
                     "check that this is the right variable");
        zn_error_prefix(error, name);
        return ZN_MALFORMED;
    }
    return add(found, name, kind, &secret, error);
}

/* What an earlier env of this job wrote is no second credential. */
static bool is_ours(const char *name)
{
    return zc_written_look_up(name) == ZC_WRITTEN_AND_PRESENT;
}

/* Looked at when there is nothing else. */
static enum zn_status search_ours(struct found *found, struct zn_error *error)
{
    enum zn_status status = ZN_OK;

    for (size_t i = 0; status == ZN_OK && i < VARIABLES; i++)
        if (variables[i].form == FORM_VALUE && is_ours(variables[i].name))
            status = add_value(found, variables[i].name, getenv(variables[i].name),
                               variables[i].kind, error);
    return status;
}

static enum zn_status search_given(const struct zc_options *options, struct found *found,
                                   struct zn_error *error)
{
    enum zn_status status = ZN_OK;

    if (options->api_key_file != NULL)
        status = add_file(found, "--api-key-file", options->api_key_file, ZN_CREDENTIAL_API_KEY,
                          options->timeout_ms, error);
    for (size_t i = 0; status == ZN_OK && i < VARIABLES; i++) {
        const char *value = getenv(variables[i].name);
        if (value == NULL || is_ours(variables[i].name))
            continue;
        if (variables[i].form == FORM_VALUE)
            status = add_value(found, variables[i].name, value, variables[i].kind, error);
        else if (value[0] != '\0')
            status = add_file(found, variables[i].name, value, variables[i].kind,
                              options->timeout_ms, error);
    }
    return status;
}

/* Where container runtimes and systemd put secrets; looked at only when nothing was given. */
static enum zn_status search_well_known(const struct zc_options *options, struct found *found,
                                        struct zn_error *error)
{
    const char *folders[] = {variable("CREDENTIALS_DIRECTORY"), "/run/secrets"};
    char path[1024];

    for (size_t i = 0; found->name == NULL && i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (folders[i] == NULL)
            continue;
        const int len = snprintf(path, sizeof(path), "%s/" WELL_KNOWN_NAME, folders[i]);
        if (len < 0 || (size_t)len >= sizeof(path))
            continue;
        const enum zn_status status =
            add_file(found, i == 0 ? "$CREDENTIALS_DIRECTORY" : folders[i], path,
                     ZN_CREDENTIAL_API_KEY, options->timeout_ms, error);
        if (status != ZN_OK && status != ZN_MISSING)
            return status;
    }
    return ZN_OK;
}

static enum zn_status check_kind(const struct found *found, const struct zn_credential *credential,
                                 struct zn_error *error)
{
    if (credential->kind == found->kind)
        return ZN_OK;
    if (credential->kind == ZN_CREDENTIAL_API_KEY)
        zn_error_set(error, ZN_MALFORMED, "this is an API key, not an API token",
                     "give it as ZENML_STORE_API_KEY");
    else
        zn_error_set(error, ZN_MALFORMED, "this is an API token, not an API key",
                     "give it as ZENML_STORE_API_TOKEN");
    return ZN_MALFORMED;
}

static enum zn_status parse(const struct found *found, const struct zn_secret *secret,
                            struct zn_credential *ret, struct zn_error *error)
{
    enum zn_status status = zn_credential_parse(zn_secret_reveal(secret), ret, error);

    if (status == ZN_OK)
        status = check_kind(found, ret, error);
    if (status != ZN_OK) {
        zn_credential_clear(ret);
        zn_error_prefix(error, found->name);
    }
    return status;
}

static enum zn_status parse_both(const struct found *found, struct zc_credentials *ret,
                                 struct zn_error *error)
{
    enum zn_status status = parse(found, &found->secret, &ret->first, error);

    if (status == ZN_OK && !zn_secret_is_empty(&found->second))
        status = parse(found, &found->second, &ret->second, error);
    return status;
}

enum zn_status zc_source_credential(const struct zc_options *options, struct zc_credentials *ret,
                                    struct zn_error *error)
{
    struct found found = {0};
    enum zn_status status = search_given(options, &found, error);

    if (status == ZN_OK && found.name == NULL)
        status = search_well_known(options, &found, error);
    if (status == ZN_OK && found.name == NULL)
        status = search_ours(&found, error);
    ret->none = status == ZN_OK && found.name == NULL && found.empty == NULL;
    if (status == ZN_OK)
        status = found.name == NULL ? missing(&found, error) : parse_both(&found, ret, error);
    zn_secret_clear(&found.secret);
    zn_secret_clear(&found.second);
    return status;
}

/* --- what a command must not inherit -------------------------------------------------------- */

bool zc_source_is_input(const char *entry)
{
    static const char *const others[] = {"ZENML_STORE_URL", "ZENML_SERVER_URL",
                                         "ZENML_STORE_USERNAME", "ZENML_STORE_PASSWORD"};
    struct zn_span rest = zn_span_of(entry);
    const struct zn_span name = zn_span_cut(&rest, '=');

    if (zn_span_starts_with(name, ZN_SPAN("INPUT_")))
        return true;
    for (size_t i = 0; i < VARIABLES; i++)
        if (zn_span_equal(name, zn_span_of(variables[i].name)))
            return true;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (zn_span_equal(name, zn_span_of(others[i])))
            return true;
    return false;
}
