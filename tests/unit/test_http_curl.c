/*
 * What the transport asks of libcurl, and what it makes of libcurl's answers. Nothing is sent: the
 * settings are recorded on their way to the real libcurl, and curl_easy_perform is a script.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define CURL_DISABLE_TYPECHECK /* curl_easy_setopt is wrapped as the function that it is */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "check.h"
#include "core/http_curl.h"
#include "memory.h"

/* --- libcurl between the transport and itself ----------------------------------------------- */

struct setting {
    CURLoption option;
    long number;
    void *ptr; /* of what is no number */
};

/* What was set last, for each option; and the script of the next curl_easy_perform. */
static struct {
    struct setting settings[64];
    size_t count;
    size_t calls;       /* of curl_easy_setopt */
    size_t fail_at;     /* the call that fails; 0: none */
    CURLoption unknown; /* what this libcurl was built without; 0: nothing */
    long tunnel;        /* status of the proxy's reply to CONNECT; 0: none */
    struct curl_certinfo *certificates;
    size_t performed;
    CURLcode code;
    const char *words;          /* put into the error buffer; NULL: nothing */
    const char *const *headers; /* of the reply; NULL at the end */
    size_t header_count;
    const char *body;
    size_t body_repeats;
    char seen_url[512];
    char seen_headers[512];
    char seen_form[512];
} curl;

CURLcode __real_curl_easy_setopt(CURL *handle, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *handle, CURLoption option, ...);
CURLcode __wrap_curl_easy_perform(CURL *handle);
CURLcode __wrap_curl_easy_getinfo(CURL *handle, CURLINFO info, ...);
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);

/* The libcurl that is asked who it is. */
static curl_version_info_data version = {.age = CURLVERSION_SEVENTH, .version_num = 0x075801};

curl_version_info_data *__wrap_curl_version_info(CURLversion age);

curl_version_info_data *__wrap_curl_version_info(CURLversion age)
{
    (void)age;
    return &version;
}

/* The place of the option in the record; `count` when it was not set. */
static size_t find(CURLoption option)
{
    size_t at = 0;

    while (at < curl.count && curl.settings[at].option != option)
        at++;
    return at;
}

static bool was_set(CURLoption option)
{
    return find(option) < curl.count;
}

static const struct setting *setting_of(CURLoption option)
{
    if (!was_set(option))
        fail_msg("option %d was not set", (int)option);
    return &curl.settings[find(option)];
}

CURLcode __wrap_curl_easy_setopt(CURL *handle, CURLoption option, ...)
{
    struct setting *setting = &curl.settings[find(option)];
    va_list args;

    if (++curl.calls == curl.fail_at)
        return CURLE_OUT_OF_MEMORY;
    if (curl.unknown == option)
        return CURLE_UNKNOWN_OPTION;
    assert_true(curl.count < COUNT(curl.settings));
    curl.count += !was_set(option);
    *setting = (struct setting){.option = option};
    va_start(args, option);
    const bool is_number = option < CURLOPTTYPE_OBJECTPOINT;
    if (is_number)
        setting->number = va_arg(args, long);
    else
        setting->ptr = va_arg(args, void *);
    va_end(args);
    return is_number ? __real_curl_easy_setopt(handle, option, setting->number)
                     : __real_curl_easy_setopt(handle, option, setting->ptr);
}

static long number_of(CURLoption option)
{
    return setting_of(option)->number;
}

static void *ptr_of(CURLoption option)
{
    return setting_of(option)->ptr;
}

static curl_write_callback callback_of(CURLoption option)
{
    curl_write_callback callback = NULL;
    memcpy(&callback, &setting_of(option)->ptr, sizeof(callback));
    return callback;
}

/* Gives a copy to the callback, as libcurl's buffer can be written to. False when it is refused. */
static bool deliver(CURLoption function, CURLoption data, const char *text)
{
    static char copy[4096];
    const size_t len = strlen(text);

    assert_true(len < sizeof(copy));
    memcpy(copy, text, len);
    return callback_of(function)(copy, 1, len, ptr_of(data)) == len;
}

static void look_at_request(void)
{
    const struct curl_slist *line = ptr_of(CURLOPT_HTTPHEADER);
    size_t used = 0;

    snprintf(curl.seen_url, sizeof(curl.seen_url), "%s", (const char *)ptr_of(CURLOPT_URL));
    for (curl.seen_headers[0] = '\0'; line != NULL; line = line->next) {
        used = strlen(curl.seen_headers);
        snprintf(curl.seen_headers + used, sizeof(curl.seen_headers) - used, "%s\n", line->data);
    }
    const char *form = was_set(CURLOPT_POSTFIELDS) ? ptr_of(CURLOPT_POSTFIELDS) : NULL;
    snprintf(curl.seen_form, sizeof(curl.seen_form), "%s", form != NULL ? form : "");
}

CURLcode __wrap_curl_easy_perform(CURL *handle)
{
    char *words = ptr_of(CURLOPT_ERRORBUFFER);

    assert_non_null(handle);
    curl.performed++;
    look_at_request();
    for (size_t i = 0; i < curl.header_count; i++)
        if (!deliver(CURLOPT_HEADERFUNCTION, CURLOPT_HEADERDATA, curl.headers[i]))
            return CURLE_WRITE_ERROR;
    for (size_t i = 0; i < curl.body_repeats; i++)
        if (!deliver(CURLOPT_WRITEFUNCTION, CURLOPT_WRITEDATA, curl.body))
            return CURLE_WRITE_ERROR;
    if (curl.words != NULL)
        snprintf(words, CURL_ERROR_SIZE, "%s", curl.words);
    return curl.code;
}

CURLcode __wrap_curl_easy_getinfo(CURL *handle, CURLINFO info, ...)
{
    va_list args;

    assert_non_null(handle);
    va_start(args, info);
    if (info == CURLINFO_CERTINFO) {
        *va_arg(args, struct curl_certinfo **) = curl.certificates;
    } else {
        assert_true(info == CURLINFO_RESPONSE_CODE || info == CURLINFO_HTTP_CONNECTCODE);
        *va_arg(args, long *) = info == CURLINFO_RESPONSE_CODE ? 207 : curl.tunnel;
    }
    va_end(args);
    return CURLE_OK;
}

/* --- the system's certificate authorities --------------------------------------------------- */

static char folder[] = "test_http_curl.XXXXXX";
static bool system_is_hashed;

/* The path of a file in our folder, valid until the next call. */
static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name)
{
    const int fd = open(path_of(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
}

DIR *__wrap_opendir(const char *path)
{
    char other[256];

    assert_string_equal(path, "/etc/ssl/certs");
    snprintf(other, sizeof(other), "%s/%s", folder, system_is_hashed ? "hashed" : "plain");
    return __real_opendir(other);
}

/* --- opening -------------------------------------------------------------------------------- */

static struct zn_url https_url = {.text = "https://zenml.example/prefix"};
static struct zn_http_curl_config config;
static struct zn_transport transport;
static struct zn_error error;

static int start(void **state)
{
    (void)state;
    memset(&curl, 0, sizeof(curl));
    memory_reset();
    config = (struct zn_http_curl_config){.url = &https_url, .user_agent = "zn-login/1"};
    transport = (struct zn_transport){0};
    error = (struct zn_error){0};
    system_is_hashed = true;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    zn_http_curl_close(&transport);
    assert_null(transport.ctx);
    assert_int_equal(memory_live_blocks(), 0);
    return 0;
}

static enum zn_status open_transport(void)
{
    return zn_http_curl_open(&config, &transport, &error);
}

static void the_connection_is_verified_and_goes_nowhere_else(void **state)
{
    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(number_of(CURLOPT_SSL_VERIFYPEER), 1);
    assert_int_equal(number_of(CURLOPT_SSL_VERIFYHOST), 2);
    assert_int_equal(number_of(CURLOPT_SSLVERSION), CURL_SSLVERSION_TLSv1_2);
    assert_int_equal(number_of(CURLOPT_FOLLOWLOCATION), 0);
    assert_string_equal(ptr_of(CURLOPT_PROTOCOLS_STR), "https");
    assert_string_equal(ptr_of(CURLOPT_REDIR_PROTOCOLS_STR), "https");
    assert_int_equal(number_of(CURLOPT_NETRC), CURL_NETRC_IGNORED);
    assert_int_equal(number_of(CURLOPT_DISALLOW_USERNAME_IN_URL), 1);
    assert_int_equal(number_of(CURLOPT_HTTP09_ALLOWED), 0);
    assert_int_equal(number_of(CURLOPT_SUPPRESS_CONNECT_HEADERS), 1);
    assert_int_equal(number_of(CURLOPT_NOSIGNAL), 1);
    assert_int_equal(number_of(CURLOPT_QUICK_EXIT), 1);
    assert_int_equal(number_of(CURLOPT_PATH_AS_IS), 1);
    assert_string_equal(ptr_of(CURLOPT_USERAGENT), "zn-login/1");
}

static void nothing_else_is_switched_on(void **state)
{
    static const CURLoption options[] = {
        CURLOPT_COOKIEFILE,
        CURLOPT_COOKIEJAR,
        CURLOPT_COOKIE,
        CURLOPT_REFERER,
        CURLOPT_ACCEPT_ENCODING,
        CURLOPT_VERBOSE,
        CURLOPT_UNRESTRICTED_AUTH,
        CURLOPT_USERPWD,
        CURLOPT_SSL_OPTIONS,
        CURLOPT_PROXY_SSL_VERIFYPEER,
        CURLOPT_PINNEDPUBLICKEY,
        CURLOPT_PROXY,
        CURLOPT_NOPROXY,
        CURLOPT_RESOLVE,
        CURLOPT_CONNECT_TO,
    };

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    for (size_t i = 0; i < COUNT(options); i++)
        assert_false(was_set(options[i]));
}

static void plain_http_speaks_http_only_and_loopback_needs_no_proxy(void **state)
{
    struct zn_url url = {.text = "http://zenml.example", .is_http = true};

    (void)state;
    config.url = &url;
    assert_int_equal(open_transport(), ZN_OK);
    assert_string_equal(ptr_of(CURLOPT_PROTOCOLS_STR), "http");
    assert_string_equal(ptr_of(CURLOPT_REDIR_PROTOCOLS_STR), "http");
    assert_int_equal(number_of(CURLOPT_SSL_VERIFYPEER), 1);
    assert_false(was_set(CURLOPT_NOPROXY));
    zn_http_curl_close(&transport);
    url.is_loopback = true;
    assert_int_equal(open_transport(), ZN_OK);
    assert_string_equal(ptr_of(CURLOPT_NOPROXY), "*");
}

/* Whatever libcurl refuses, no connection is made without it. */
static void a_setting_that_libcurl_refuses_ends_it(void **state)
{
    struct zn_url loopback = {.text = "http://127.0.0.1", .is_http = true, .is_loopback = true};

    (void)state;
    make_file("ca.pem");
    config.url = &loopback;
    config.ca_file = path_of("ca.pem");
    config.pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    config.proxy = "";
    assert_int_equal(open_transport(), ZN_OK);
    const size_t calls = curl.calls;
    assert_true(calls > 20);
    zn_http_curl_close(&transport);
    for (size_t number = 1; number <= calls; number++) {
        curl.calls = 0;
        curl.fail_at = number;
        assert_int_equal(open_transport(), ZN_INTERNAL);
        assert_int_equal(curl.calls, number);
        assert_null(transport.ctx);
        assert_non_null(strstr(error.detail, "libcurl refuses a setting"));
        assert_int_equal(memory_live_blocks(), 0);
    }
}

static void a_libcurl_without_netrc_need_not_ignore_it(void **state)
{
    (void)state;
    curl.unknown = CURLOPT_NETRC;
    assert_int_equal(open_transport(), ZN_OK);
    zn_http_curl_close(&transport);
    curl.unknown = CURLOPT_SSL_VERIFYPEER;
    assert_int_equal(open_transport(), ZN_INTERNAL);
}

static void pin_and_proxy_are_set_as_given(void **state)
{
    (void)state;
    config.pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    config.proxy = "http://proxy.example:3128";
    assert_int_equal(open_transport(), ZN_OK);
    assert_string_equal(ptr_of(CURLOPT_PINNEDPUBLICKEY), config.pin);
    assert_string_equal(ptr_of(CURLOPT_PROXY), config.proxy);
    zn_http_curl_close(&transport);
    config.proxy = "";
    assert_int_equal(open_transport(), ZN_OK);
    assert_string_equal(ptr_of(CURLOPT_PROXY), "");
}

/* --- certificate authorities ---------------------------------------------------------------- */

static void the_hashed_folder_of_the_system_replaces_its_bundle(void **state)
{
    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    assert_null(ptr_of(CURLOPT_CAINFO));
    assert_string_equal(ptr_of(CURLOPT_CAPATH), "/etc/ssl/certs");
}

static void without_a_hashed_folder_the_default_of_libcurl_stays(void **state)
{
    (void)state;
    system_is_hashed = false;
    assert_int_equal(open_transport(), ZN_OK);
    assert_false(was_set(CURLOPT_CAINFO));
    assert_false(was_set(CURLOPT_CAPATH));
}

static void a_ca_file_replaces_the_authorities_of_the_system(void **state)
{
    (void)state;
    make_file("ca.pem");
    config.ca_file = path_of("ca.pem");
    assert_int_equal(open_transport(), ZN_OK);
    assert_string_equal(ptr_of(CURLOPT_CAINFO), config.ca_file);
    assert_null(ptr_of(CURLOPT_CAPATH));
}

/* Since 8.17, NULL is for libcurl the folder that it was built with. */
static void a_ca_file_replaces_the_default_folder_of_newer_libcurls(void **state)
{
    static const struct {
        unsigned number;
        const char *folder;
        const char *expected;
    } rows[] = {
        {0x081000, "/etc/ssl/certs", NULL},
        {0x081100, "/etc/ssl/certs", "/dev/null"},
        {0x081600, "", NULL},
        {0x081600, NULL, NULL},
    };

    (void)state;
    make_file("ca.pem");
    config.ca_file = path_of("ca.pem");
    for (size_t i = 0; i < COUNT(rows); i++) {
        version.version_num = rows[i].number;
        version.capath = (char *)(uintptr_t)rows[i].folder;
        assert_int_equal(open_transport(), ZN_OK);
        const char *capath = setting_of(CURLOPT_CAPATH)->ptr;
        CHECK_ROW(rows[i].folder == NULL ? "none" : rows[i].folder,
                  rows[i].expected == NULL
                      ? capath == NULL
                      : capath != NULL && strcmp(capath, rows[i].expected) == 0);
        zn_http_curl_close(&transport);
    }
    version.version_num = 0x075801;
    version.capath = NULL;
}

static void a_ca_file_may_add_to_the_authorities_of_the_system(void **state)
{
    (void)state;
    make_file("ca.pem");
    config.ca_file = path_of("ca.pem");
    config.add_system_cas = true;
    assert_int_equal(open_transport(), ZN_OK);
    assert_string_equal(ptr_of(CURLOPT_CAINFO), config.ca_file);
    assert_string_equal(ptr_of(CURLOPT_CAPATH), "/etc/ssl/certs");
}

static void adding_to_the_system_needs_its_hashed_folder(void **state)
{
    (void)state;
    make_file("ca.pem");
    system_is_hashed = false;
    config.ca_file = path_of("ca.pem");
    config.add_system_cas = true;
    assert_int_equal(open_transport(), ZN_CONFIG);
    assert_non_null(strstr(error.detail, "not a hashed folder"));
    assert_null(transport.ctx);
}

static void a_ca_file_must_be_a_regular_file(void **state)
{
    static const struct {
        const char *name;
        const char *word;
    } rows[] = {
        {"missing.pem", "no such file"},    {"folder.pem", "not a regular file"},
        {"fifo.pem", "not a regular file"}, {"dangling.pem", "no such file"},
        {"ca.pem/x", "cannot be opened"},   {"::error::\x1b[2J", "no such file"},
    };

    (void)state;
    make_file("ca.pem");
    assert_int_equal(mkdir(path_of("folder.pem"), 0700), 0);
    assert_int_equal(mkfifo(path_of("fifo.pem"), 0600), 0);
    assert_int_equal(symlink("nowhere", path_of("dangling.pem")), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        config.ca_file = path_of(rows[i].name);
        CHECK_ROW(rows[i].name, open_transport() == ZN_CONFIG);
        CHECK_ROW(rows[i].name, strstr(error.detail, rows[i].word) != NULL);
        CHECK_ROW(rows[i].name, strstr(error.detail, "::") == NULL);
        CHECK_ROW(rows[i].name, strchr(error.detail, 0x1b) == NULL);
        CHECK_ROW(rows[i].name, transport.ctx == NULL && memory_live_blocks() == 0);
    }
    assert_int_equal(symlink("ca.pem", path_of("link.pem")), 0);
    config.ca_file = path_of("link.pem");
    assert_int_equal(open_transport(), ZN_OK);
}

/* --- one request ---------------------------------------------------------------------------- */

static struct zn_secret bearer;

/* Sends a GET with bearer, or else a POST with a form, and clears what was sent. */
static enum zn_status send_request(bool is_post, struct zn_reply *reply, bool *ret_retry)
{
    struct zn_request request;
    bool built = true;

    zn_request_init(&request);
    zn_reply_init(reply);
    built = zn_buf_append_text(&request.path, "/api/v1/x?a=b");
    if (is_post) {
        request.method = ZN_POST;
        built = built && zn_buf_append_text(&request.body, "password=hunter2");
    } else {
        request.bearer = &bearer;
        built = built && zn_secret_set(&bearer, ZN_SPAN("the-bearer-token"));
    }
    const enum zn_status status =
        !built ? zn_error_no_memory(&error)
               : transport.perform(transport.ctx, &request, 1234, reply, ret_retry, &error);
    zn_request_clear(&request);
    zn_secret_clear(&bearer);
    return status;
}

static void a_get_carries_the_bearer_and_no_form(void **state)
{
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(send_request(false, &reply, &retry), ZN_OK);
    assert_string_equal(curl.seen_url, "https://zenml.example/prefix/api/v1/x?a=b");
    assert_string_equal(curl.seen_headers, "Accept: application/json\nExpect:\n"
                                           "Authorization: Bearer the-bearer-token\n");
    assert_string_equal(curl.seen_form, "");
    assert_int_equal(number_of(CURLOPT_HTTPGET), 1);
    assert_int_equal(number_of(CURLOPT_TIMEOUT_MS), 1234);
    assert_int_equal(number_of(CURLOPT_CONNECTTIMEOUT_MS), 1234);
    assert_int_equal(reply.status, 207);
    zn_reply_clear(&reply);
}

static void a_post_carries_the_form_and_no_bearer(void **state)
{
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(send_request(true, &reply, &retry), ZN_OK);
    assert_string_equal(curl.seen_headers, "Accept: application/json\nExpect:\n");
    assert_string_equal(curl.seen_form, "password=hunter2");
    assert_int_equal(number_of(CURLOPT_POSTFIELDSIZE), 16);
    assert_false(was_set(CURLOPT_HTTPGET));
    zn_reply_clear(&reply);
}

static void nothing_of_a_request_stays_with_the_handle(void **state)
{
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(send_request(true, &reply, &retry), ZN_OK);
    zn_reply_clear(&reply);
    assert_null(ptr_of(CURLOPT_HTTPHEADER));
    assert_null(ptr_of(CURLOPT_POSTFIELDS));
    assert_int_equal(send_request(false, &reply, &retry), ZN_OK);
    assert_string_equal(curl.seen_form, "");
    assert_null(ptr_of(CURLOPT_HTTPHEADER));
    zn_reply_clear(&reply);
}

static void no_copy_of_bearer_or_form_stays_in_memory(void **state)
{
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    memory_watch("the-bearer-token");
    assert_int_equal(send_request(false, &reply, &retry), ZN_OK);
    assert_true(memory_freed_blocks() > 5);
    assert_int_equal(memory_leaked_texts(), 0);
    memory_watch("hunter2");
    assert_int_equal(send_request(true, &reply, &retry), ZN_OK);
    assert_int_equal(memory_leaked_texts(), 0);
    zn_reply_clear(&reply);
}

static void headers_and_body_come_into_the_reply(void **state)
{
    static const char *const headers[] = {"HTTP/1.1 207 Multi-Status\r\n",
                                          "Content-Type: application/json\r\n",
                                          "Retry-After: 5\r\n", "\r\n"};
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    curl.headers = headers;
    curl.header_count = COUNT(headers);
    curl.body = "{}";
    curl.body_repeats = 3;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(send_request(false, &reply, &retry), ZN_OK);
    assert_true(reply.is_json);
    assert_int_equal(reply.retry_after_s, 5);
    CHECK_SPAN(zn_buf_span(&reply.body), "{}{}{}");
    zn_reply_clear(&reply);
}

static void a_body_has_at_most_256_kib(void **state)
{
    static char kib[1025];
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    memset(kib, 'b', sizeof(kib) - 1);
    curl.body = kib;
    curl.body_repeats = 256;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(send_request(false, &reply, &retry), ZN_OK);
    assert_int_equal(reply.body.len, 256 * 1024);
    zn_reply_clear(&reply);
    curl.body_repeats = 257;
    assert_int_equal(send_request(false, &reply, &retry), ZN_BAD_REPLY);
    assert_non_null(strstr(error.detail, "too large"));
    assert_false(retry);
    zn_reply_clear(&reply);
}

static void the_headers_of_a_reply_have_at_most_64_kib(void **state)
{
    static char kib[1025];
    const char *headers[65];
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    memset(kib, 'h', sizeof(kib) - 1);
    for (size_t i = 0; i < COUNT(headers); i++)
        headers[i] = kib;
    curl.headers = headers;
    curl.header_count = 64;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(send_request(false, &reply, &retry), ZN_OK);
    assert_int_equal(send_request(false, &reply, &retry), ZN_OK); /* each reply counts anew */
    curl.header_count = 65;
    assert_int_equal(send_request(false, &reply, &retry), ZN_BAD_REPLY);
    assert_non_null(strstr(error.detail, "too large"));
    assert_false(retry);
    zn_reply_clear(&reply);
}

static void a_compressed_reply_is_refused(void **state)
{
    static const char *const headers[] = {"content-ENCODING: gzip\r\n"};
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    curl.headers = headers;
    curl.header_count = 1;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(send_request(false, &reply, &retry), ZN_BAD_REPLY);
    assert_non_null(strstr(error.detail, "compressed"));
    curl.header_count = 0;
    assert_int_equal(send_request(false, &reply, &retry), ZN_OK);
    zn_reply_clear(&reply);
}

/* --- what libcurl says ---------------------------------------------------------------------- */

static void each_code_of_libcurl_has_its_outcome(void **state)
{
    static const struct {
        CURLcode code;
        const char *words;
        enum zn_status status;
        bool retry;
    } rows[] = {
        {CURLE_COULDNT_RESOLVE_HOST, "no host", ZN_UNREACHABLE, true},
        {CURLE_COULDNT_RESOLVE_PROXY, "no proxy", ZN_UNREACHABLE, true},
        {CURLE_COULDNT_CONNECT, "refused", ZN_UNREACHABLE, true},
        {CURLE_OPERATION_TIMEDOUT, "timed out", ZN_TIMEOUT, false},
        {CURLE_PEER_FAILED_VERIFICATION, "expired", ZN_TLS, false},
        {CURLE_SSL_PINNEDPUBKEYNOTMATCH, "other key", ZN_TLS, false},
        {CURLE_SSL_CACERT_BADFILE, "no PEM", ZN_CONFIG, false},
        {CURLE_SSL_CONNECT_ERROR, "alert handshake failure", ZN_TLS, false},
        {CURLE_SSL_CONNECT_ERROR, "unsupported protocol", ZN_TLS, false},
        {CURLE_SSL_CONNECT_ERROR, "OpenSSL SSL_connect: Connection reset by peer", ZN_TLS, true},
        {CURLE_SSL_CONNECT_ERROR, "OpenSSL SSL_connect: SSL_ERROR_SYSCALL", ZN_TLS, true},
        {CURLE_SSL_CONNECT_ERROR, "unexpected eof while reading", ZN_TLS, true},
        {CURLE_SSL_CONNECT_ERROR, "SSL - The connection indicated an EOF", ZN_TLS, true},
        {CURLE_SSL_CONNECT_ERROR, "SSL - A fatal alert message was received", ZN_TLS, false},
        {CURLE_GOT_NOTHING, "empty reply", ZN_UNREACHABLE, false},
        {CURLE_SEND_ERROR, "Connection reset by peer", ZN_UNREACHABLE, false},
        {CURLE_RECV_ERROR, "Connection reset by peer", ZN_UNREACHABLE, false},
        {CURLE_PROXY, "407", ZN_UNREACHABLE, false},
        {CURLE_PARTIAL_FILE, "bytes missing", ZN_BAD_REPLY, false},
        {CURLE_OUT_OF_MEMORY, "memory", ZN_INTERNAL, false},
        {CURLE_WEIRD_SERVER_REPLY, "weird", ZN_BAD_REPLY, false},
        {CURLE_UNSUPPORTED_PROTOCOL, "protocol", ZN_BAD_REPLY, false},
        {CURLE_WRITE_ERROR, "write", ZN_BAD_REPLY, false},
    };

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_reply reply;
        bool retry = false;
        curl.code = rows[i].code;
        curl.words = rows[i].words;
        CHECK_ROW(rows[i].words, send_request(true, &reply, &retry) == rows[i].status);
        CHECK_ROW(rows[i].words, error.status == rows[i].status);
        CHECK_ROW(rows[i].words, retry == rows[i].retry);
        CHECK_ROW(rows[i].words, strstr(error.detail, rows[i].words) != NULL);
        CHECK_ROW(rows[i].words, reply.status == 0);
        zn_reply_clear(&reply);
    }
}

static void a_refused_tunnel_is_the_proxys_doing(void **state)
{
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    curl.code = CURLE_RECV_ERROR;
    curl.words = "CONNECT tunnel failed, response 407";
    curl.tunnel = 407;
    assert_int_equal(send_request(true, &reply, &retry), ZN_UNREACHABLE);
    assert_non_null(strstr(error.detail, "the proxy refused: "));
    assert_string_equal(error.next, "check https_proxy");
    zn_reply_clear(&reply);
    curl.tunnel = 200;
    assert_int_equal(send_request(true, &reply, &retry), ZN_UNREACHABLE);
    assert_non_null(strstr(error.detail, "the connection broke: "));
    zn_reply_clear(&reply);
}

/* The words are those of OpenSSL 3 and mbedTLS 3.6. */
static void what_is_wrong_with_a_certificate_decides_what_to_do(void **state)
{
    static const struct {
        const char *words;
        const char *next;
    } rows[] = {
        {"SSL certificate problem: certificate has expired", "renewed"},
        {"The certificate validity has expired", "renewed"},
        {"SSL certificate problem: certificate is not yet valid", "the clock here"},
        {"The certificate validity starts in the future", "the clock here"},
        {"no alternative certificate subject name matches target host name", "host name"},
        {"The certificate Common Name (CN) does not match with the expected CN", "host name"},
        {"unable to get local issuer certificate", "--ca-file"},
    };

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_reply reply;
        bool retry = false;
        curl.code = CURLE_PEER_FAILED_VERIFICATION;
        curl.words = rows[i].words;
        CHECK_ROW(rows[i].words, send_request(true, &reply, &retry) == ZN_TLS);
        CHECK_ROW(rows[i].words, strstr(error.next, rows[i].next) != NULL);
        zn_reply_clear(&reply);
    }
}

static void no_code_but_ok_is_a_success(void **state)
{
    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    for (int code = CURLE_OK; code < CURL_LAST; code++) {
        struct zn_reply reply;
        bool retry = false;
        curl.code = (CURLcode)code;
        assert_int_equal(send_request(true, &reply, &retry) == ZN_OK, code == CURLE_OK);
        zn_reply_clear(&reply);
    }
}

static void the_words_of_libcurl_are_those_of_this_request_and_safe(void **state)
{
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    curl.code = CURLE_COULDNT_CONNECT;
    curl.words = "::error::\x1b[2J\n";
    assert_int_equal(send_request(true, &reply, &retry), ZN_UNREACHABLE);
    assert_string_equal(error.detail, "no connection: :.error:.?[2J");
    curl.words = NULL;
    assert_int_equal(send_request(true, &reply, &retry), ZN_UNREACHABLE);
    assert_null(strstr(error.detail, "2J"));
    assert_non_null(strstr(error.detail, curl_easy_strerror(CURLE_COULDNT_CONNECT)));
    zn_reply_clear(&reply);
}

static void the_lines_of_mbedtls_become_one(void **state)
{
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    curl.code = CURLE_PEER_FAILED_VERIFICATION;
    curl.words = "mbedTLS: it has expired\nit is not trusted\n";
    assert_int_equal(send_request(true, &reply, &retry), ZN_TLS);
    assert_string_equal(error.detail, "the server's certificate is not trusted: "
                                      "mbedTLS: it has expired; it is not trusted");
    zn_reply_clear(&reply);
}

/* libcurl with mbedTLS; with OpenSSL it is CURLE_PARTIAL_FILE. */
static void a_reply_that_ends_too_early_is_incomplete(void **state)
{
    static const char *const headers[] = {"HTTP/1.1 200 OK\r\n"};
    struct zn_reply reply;
    bool retry = false;

    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    curl.code = CURLE_RECV_ERROR;
    curl.words = "ssl_read returned: (-0x0000) ";
    assert_int_equal(send_request(true, &reply, &retry), ZN_UNREACHABLE); /* before its beginning */
    curl.headers = headers;
    curl.header_count = 1;
    assert_int_equal(send_request(true, &reply, &retry), ZN_BAD_REPLY);
    assert_non_null(strstr(error.detail, "incomplete"));
    assert_null(strstr(error.detail, "0x0"));
    curl.words = "ssl_read returned: (-0x004C) reset";
    assert_int_equal(send_request(true, &reply, &retry), ZN_UNREACHABLE);
    assert_false(retry);
    zn_reply_clear(&reply);
}

static void a_request_that_libcurl_refuses_to_set_up_is_not_sent(void **state)
{
    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    for (size_t number = 1; number <= 6; number++)
        for (int is_post = number == 6; is_post < 2; is_post++) { /* a GET has one less */
            struct zn_reply reply;
            bool retry = false;
            curl.calls = 0;
            curl.fail_at = number;
            assert_int_equal(send_request(is_post, &reply, &retry), ZN_INTERNAL);
            assert_int_equal(curl.performed, 0);
            assert_false(retry);
            zn_reply_clear(&reply);
        }
}

/* --- memory --------------------------------------------------------------------------------- */

static void send_without_memory(void *ctx)
{
    struct zn_reply reply;
    bool retry = false;

    (void)ctx;
    zn_reply_init(&reply);
    enum zn_status status = open_transport();
    assert_int_equal(status == ZN_OK, transport.ctx != NULL);
    if (status == ZN_OK)
        status = send_request(false, &reply, &retry);
    assert_int_equal(status == ZN_OK, !memory_has_failed());
    assert_true(status == ZN_OK || status == ZN_INTERNAL);
    assert_true(status == ZN_OK || error.status == status);
    assert_false(retry);
    zn_reply_clear(&reply);
    zn_http_curl_close(&transport);
}

static void without_memory_nothing_is_sent(void **state)
{
    (void)state;
    assert_true(memory_fail_each(send_without_memory, NULL) > 10);
}

/* --- certificates --------------------------------------------------------------------------- */

static void certificates_are_kept_only_when_wanted(void **state)
{
    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    assert_false(was_set(CURLOPT_CERTINFO));
    zn_http_curl_close(&transport);
    config.want_chain = true;
    assert_int_equal(open_transport(), ZN_OK);
    assert_int_equal(number_of(CURLOPT_CERTINFO), 1);
}

static void what_the_server_showed_becomes_a_chain(void **state)
{
    struct curl_slist issuer = {.data = (char[]){"Issuer:CN = Root"}};
    struct curl_slist subject = {.data = (char[]){"Subject:CN = R11"}, .next = &issuer};
    struct curl_slist leaf_issuer = {.data = (char[]){"Issuer:CN = R11"}};
    struct curl_slist leaf = {.data = (char[]){"Subject:CN = server"}, .next = &leaf_issuer};
    struct curl_slist *lists[] = {&leaf, &subject};
    struct curl_certinfo found = {.num_of_certs = 2, .certinfo = lists};
    struct zn_chain chain = {.count = 7};

    (void)state;
    zn_http_curl_chain(&transport, &chain); /* which is not open */
    assert_int_equal(chain.count, 0);
    assert_int_equal(open_transport(), ZN_OK);
    zn_http_curl_chain(&transport, &chain); /* of nothing that is known */
    assert_int_equal(chain.count, 0);
    curl.certificates = &found;
    zn_http_curl_chain(&transport, &chain);
    assert_int_equal(chain.count, 2);
    assert_string_equal(chain.names, "server, by R11, by Root");
}

/* What is said is what is done; see the tests of opening. */
static void the_authorities_of_the_system_have_a_place(void **state)
{
    (void)state;
    system_is_hashed = true;
    assert_string_equal(zn_http_curl_system_cas(), "/etc/ssl/certs");
    system_is_hashed = false;
    assert_string_equal(zn_http_curl_system_cas(), "libcurl's default");
    version.cainfo = "/usr/share/bundle.pem";
    assert_string_equal(zn_http_curl_system_cas(), "/usr/share/bundle.pem");
    version.cainfo = NULL;
}

static void closing_twice_does_no_harm(void **state)
{
    (void)state;
    assert_int_equal(open_transport(), ZN_OK);
    zn_http_curl_close(&transport);
    assert_null(transport.ctx);
    zn_http_curl_close(&transport);
}

static void libcurl_says_its_version(void **state)
{
    (void)state;
    assert_non_null(strstr(zn_http_curl_version(), "libcurl/"));
    assert_int_equal(zn_http_curl_init(&error), ZN_OK);
}

/* --- the folder, and libcurl with our allocator --------------------------------------------- */

static char *duplicate(const char *text)
{
    char *copy = malloc(strlen(text) + 1);

    if (copy != NULL)
        memcpy(copy, text, strlen(text) + 1);
    return copy;
}

static const char *const FILES[] = {"hashed/0123abcd.0",    "plain/0123abcd.1", "plain/0123ABCD.0",
                                    "plain/0123abcd.0.pem", "plain/0123abc.0",  "plain/abcd.pem"};

static int start_all(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || mkdir(path_of("hashed"), 0700) != 0 ||
        mkdir(path_of("plain"), 0700) != 0)
        return -1;
    for (size_t i = 0; i < COUNT(FILES); i++)
        make_file(FILES[i]);
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc, duplicate, calloc) ==
                   CURLE_OK
               ? 0
               : -1;
}

static int finish_all(void **state)
{
    static const char *const others[] = {"ca.pem",     "fifo.pem", "dangling.pem", "link.pem",
                                         "folder.pem", "hashed",   "plain",        ""};

    (void)state;
    for (size_t i = 0; i < COUNT(FILES); i++)
        remove(path_of(FILES[i]));
    for (size_t i = 0; i < COUNT(others); i++)
        remove(path_of(others[i]));
    curl_global_cleanup();
    return access(folder, F_OK) == 0 ? -1 : 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_connection_is_verified_and_goes_nowhere_else),
        TEST(nothing_else_is_switched_on),
        TEST(plain_http_speaks_http_only_and_loopback_needs_no_proxy),
        TEST(a_setting_that_libcurl_refuses_ends_it),
        TEST(a_libcurl_without_netrc_need_not_ignore_it),
        TEST(pin_and_proxy_are_set_as_given),
        TEST(the_hashed_folder_of_the_system_replaces_its_bundle),
        TEST(without_a_hashed_folder_the_default_of_libcurl_stays),
        TEST(a_ca_file_replaces_the_authorities_of_the_system),
        TEST(a_ca_file_replaces_the_default_folder_of_newer_libcurls),
        TEST(a_ca_file_may_add_to_the_authorities_of_the_system),
        TEST(adding_to_the_system_needs_its_hashed_folder),
        TEST(a_ca_file_must_be_a_regular_file),
        TEST(a_get_carries_the_bearer_and_no_form),
        TEST(a_post_carries_the_form_and_no_bearer),
        TEST(nothing_of_a_request_stays_with_the_handle),
        TEST(no_copy_of_bearer_or_form_stays_in_memory),
        TEST(headers_and_body_come_into_the_reply),
        TEST(a_body_has_at_most_256_kib),
        TEST(the_headers_of_a_reply_have_at_most_64_kib),
        TEST(a_compressed_reply_is_refused),
        TEST(each_code_of_libcurl_has_its_outcome),
        TEST(a_refused_tunnel_is_the_proxys_doing),
        TEST(what_is_wrong_with_a_certificate_decides_what_to_do),
        TEST(no_code_but_ok_is_a_success),
        TEST(the_words_of_libcurl_are_those_of_this_request_and_safe),
        TEST(the_lines_of_mbedtls_become_one),
        TEST(a_reply_that_ends_too_early_is_incomplete),
        TEST(a_request_that_libcurl_refuses_to_set_up_is_not_sent),
        TEST(without_memory_nothing_is_sent),
        TEST(certificates_are_kept_only_when_wanted),
        TEST(what_the_server_showed_becomes_a_chain),
        TEST(the_authorities_of_the_system_have_a_place),
        TEST(closing_twice_does_no_harm),
        TEST(libcurl_says_its_version),
    };
    return cmocka_run_group_tests(tests, start_all, finish_all);
}
