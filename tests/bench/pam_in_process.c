/*
 * pam_in_process - a contender of the benchmark: libcurl inside the PAM module, without a helper.
 * It does what a short prototype does, and no more: not for use on a host.
 *
 * PAM line: auth required pam_in_process.so SERVER_URL MAP_FILE
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>

#define TEXT_MAX 1024

struct text {
    char *bytes;
    size_t len;
};

static size_t collect(char *bytes, size_t size, size_t count, void *to)
{
    struct text *text = to;
    char *longer = realloc(text->bytes, text->len + size * count + 1);

    if (longer == NULL)
        return 0;
    memcpy(longer + text->len, bytes, size * count);
    text->bytes = longer;
    text->len += size * count;
    longer[text->len] = '\0';
    return size * count;
}

/* Asks an endpoint; `body` NULL: GET. The caller frees the JSON. NULL: no success. */
static cJSON *ask(CURL *curl, const char *server, const char *path, const char *body,
                  const char *token)
{
    char url[TEXT_MAX];
    struct text reply = {0};
    cJSON *json = NULL;

    snprintf(url, sizeof(url), "%s%s", server, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (body != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (token != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
    }
    if (curl_easy_perform(curl) == CURLE_OK && reply.bytes != NULL)
        json = cJSON_Parse(reply.bytes);
    free(reply.bytes);
    return json;
}

static const char *text_of(const cJSON *json, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    return text != NULL ? text : "";
}

static bool is_true(const cJSON *json, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static bool proves_identities(const cJSON *info)
{
    const char *scheme = text_of(info, "auth_scheme");
    return strcmp(scheme, "OAUTH2_PASSWORD_BEARER") == 0 || strcmp(scheme, "EXTERNAL") == 0;
}

/* The line "ACCOUNT = USER" is in the map. */
static bool is_mapped(const char *map, const char *account, const char *user)
{
    char wanted[TEXT_MAX], line[TEXT_MAX];
    bool found = false;
    FILE *file = fopen(map, "r");

    if (file == NULL)
        return false;
    snprintf(wanted, sizeof(wanted), "%s = %s\n", account, user);
    while (!found && fgets(line, sizeof(line), file) != NULL)
        found = strcmp(line, wanted) == 0;
    fclose(file);
    return found;
}

static bool may_log_in(CURL *curl, const char *server, const char *map, const char *user,
                       const char *key)
{
    char *escaped = curl_easy_escape(curl, key, 0);
    char form[3 * TEXT_MAX];
    bool allowed = false;

    snprintf(form, sizeof(form), "password=%s", escaped != NULL ? escaped : "");
    cJSON *info = ask(curl, server, "/api/v1/info", NULL, NULL);
    cJSON *login = ask(curl, server, "/api/v1/login", form, NULL);
    cJSON *account =
        ask(curl, server, "/api/v1/current-user", NULL, text_of(login, "access_token"));
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(account, "body");
    if (proves_identities(info) && is_true(body, "active") && is_true(body, "is_service_account"))
        allowed = is_mapped(map, text_of(account, "name"), user);
    cJSON_Delete(info);
    cJSON_Delete(login);
    cJSON_Delete(account);
    curl_free(escaped);
    return allowed;
}

int pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    const char *user = NULL, *key = NULL;
    bool allowed = false;

    (void)flags;
    if (argc != 2 || pam_get_user(pam, &user, NULL) != PAM_SUCCESS ||
        pam_get_authtok(pam, PAM_AUTHTOK, &key, "ZenML API key: ") != PAM_SUCCESS)
        return PAM_AUTH_ERR;
    CURL *curl = curl_easy_init();
    if (curl != NULL) {
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
        curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
        allowed = may_log_in(curl, argv[0], argv[1], user, key);
    }
    curl_easy_cleanup(curl);
    return allowed ? PAM_SUCCESS : PAM_AUTH_ERR;
}

int pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)pam;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}
