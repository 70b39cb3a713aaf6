/* SPDX-License-Identifier: Apache-2.0 */
#include "http_curl.h"

#include <stdlib.h>
#include <string.h>

#include "http_curl_ca.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or later is needed (CURLOPT_QUICK_EXIT bounds name resolution)"
#endif

struct connection {
    CURL *handle;
    struct zn_http_curl_ca *ca;
    char base_url[ZN_URL_MAX + 1];
    char curl_error[CURL_ERROR_SIZE];
    /* of the request that is under way: */
    struct zn_reply *reply;
    size_t header_bytes;
    bool too_large;
    bool encoded;
};

/* --- settings ------------------------------------------------------------------------------- */

static size_t take_header(char *data, size_t size, size_t count, void *ctx)
{
    struct connection *connection = ctx;
    struct zn_span line = {data, size * count};

    connection->header_bytes += line.len;
    if (connection->header_bytes > ZN_REPLY_HEADERS_MAX) {
        connection->too_large = true;
        return 0;
    }
    struct zn_span value = line;
    const struct zn_span name = zn_span_cut(&value, ':');
    if (zn_text_equal_ignoring_case(name, ZN_SPAN("content-encoding")))
        connection->encoded = true;
    zn_reply_take_header(connection->reply, line);
    return size * count;
}

static size_t take_body(char *data, size_t size, size_t count, void *ctx)
{
    struct connection *connection = ctx;

    if (!zn_buf_append(&connection->reply->body, (struct zn_span){data, size * count})) {
        connection->too_large = connection->reply->body.state == ZN_BUF_OVER_CAP;
        return 0;
    }
    return size * count;
}

static bool set_long(CURL *handle, CURLoption option, long value)
{
    return curl_easy_setopt(handle, option, value) == CURLE_OK;
}

static bool set_text(CURL *handle, CURLoption option, const char *value)
{
    return curl_easy_setopt(handle, option, value) == CURLE_OK;
}

/* A libcurl that was built without .netrc does not know the setting, which is as good. */
static bool ignore_netrc(CURL *handle)
{
    const CURLcode code = curl_easy_setopt(handle, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);

    return code == CURLE_OK || code == CURLE_UNKNOWN_OPTION;
}

static bool set_protocol(CURL *handle, const struct zn_url *url)
{
    const char *scheme = url->is_http ? "http" : "https";

    return set_text(handle, CURLOPT_PROTOCOLS_STR, scheme) &&
           set_text(handle, CURLOPT_REDIR_PROTOCOLS_STR, scheme) &&
           set_long(handle, CURLOPT_FOLLOWLOCATION, 0) &&
           set_long(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
           set_long(handle, CURLOPT_HTTP09_ALLOWED, 0) && ignore_netrc(handle) &&
           set_long(handle, CURLOPT_DISALLOW_USERNAME_IN_URL, 1) &&
           set_long(handle, CURLOPT_PATH_AS_IS, 1);
}

static bool set_tls(CURL *handle, const char *pin)
{
    return set_long(handle, CURLOPT_SSL_VERIFYPEER, 1) &&
           set_long(handle, CURLOPT_SSL_VERIFYHOST, 2) &&
           set_long(handle, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) &&
           (pin == NULL || set_text(handle, CURLOPT_PINNEDPUBLICKEY, pin));
}

static bool set_rest(struct connection *connection, const struct zn_http_curl_config *config)
{
    CURL *handle = connection->handle;

    /* Where libcurl cannot tell, nothing is told. */
    if (config->want_chain)
        curl_easy_setopt(handle, CURLOPT_CERTINFO, 1L);

    return curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, connection->curl_error) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_HEADERDATA, connection) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(handle, CURLOPT_WRITEDATA, connection) == CURLE_OK &&
           set_long(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1) &&
           set_long(handle, CURLOPT_NOSIGNAL, 1) && set_long(handle, CURLOPT_QUICK_EXIT, 1) &&
           set_text(handle, CURLOPT_USERAGENT, config->user_agent) &&
           (config->proxy == NULL || set_text(handle, CURLOPT_PROXY, config->proxy)) &&
           (!config->url->is_http || !config->url->is_loopback ||
            set_text(handle, CURLOPT_NOPROXY, "*"));
}

/* --- one request ---------------------------------------------------------------------------- */

/* Appends "name: value" to the list. False, and the list as it was, when memory is short. */
static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

static bool add_bearer(struct curl_slist **list, const struct zn_secret *bearer)
{
    struct zn_buf line;

    if (bearer == NULL)
        return true;
    zn_buf_init(&line, ZN_SECRET_MAX + 64);
    const bool ok = zn_buf_append_text(&line, "Authorization: Bearer ") &&
                    zn_buf_append(&line, zn_secret_reveal(bearer)) && add_header(list, line.ptr);
    zn_buf_clear(&line);
    return ok;
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *line = list; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(list);
}

/* "Expect: 100-continue" would cost a round trip. */
static struct curl_slist *make_headers(const struct zn_request *request)
{
    struct curl_slist *list = NULL;

    if (add_header(&list, "Accept: application/json") && add_header(&list, "Expect:") &&
        add_bearer(&list, request->bearer))
        return list;
    free_headers(list);
    return NULL;
}

static bool set_request(struct connection *connection, const struct zn_request *request,
                        const char *url, int64_t timeout_ms, struct curl_slist *headers)
{
    CURL *handle = connection->handle;
    const char *verb = request->method == ZN_DELETE ? zn_method_name(ZN_DELETE) : NULL;
    bool ok = set_text(handle, CURLOPT_URL, url) && set_text(handle, CURLOPT_CUSTOMREQUEST, verb) &&
              set_long(handle, CURLOPT_TIMEOUT_MS, (long)timeout_ms) &&
              set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms) &&
              curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers) == CURLE_OK;

    if (request->method == ZN_POST)
        return ok && set_long(handle, CURLOPT_POSTFIELDSIZE, (long)request->body.len) &&
               set_text(handle, CURLOPT_POSTFIELDS, request->body.ptr);
    return ok && set_long(handle, CURLOPT_HTTPGET, 1);
}

/* --- what went wrong ------------------------------------------------------------------------ */

/* libcurl's code -> outcome. `retry` only where the request cannot have reached the server. */
static const struct {
    CURLcode code;
    enum zn_status status;
    bool retry;
    const char *detail;
    const char *next;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ZN_UNREACHABLE, true,
     "the server's name does not resolve: ", "check the host name in the server URL, and DNS"},
    {CURLE_COULDNT_RESOLVE_PROXY, ZN_UNREACHABLE, true,
     "the proxy's name does not resolve: ", "check https_proxy"},
    {CURLE_COULDNT_CONNECT, ZN_UNREACHABLE, true,
     "no connection: ", "check that the server runs, and firewall and proxy"},
    {CURLE_OPERATION_TIMEDOUT, ZN_TIMEOUT, false,
     "the server did not answer in time: ", "check the network, or give more --timeout"},
    {CURLE_PEER_FAILED_VERIFICATION, ZN_TLS, false, "the server's certificate is not trusted: ",
     "for a private CA, or of a proxy that opens TLS, give --ca-file; otherwise have the server's "
     "certificate repaired"},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, ZN_TLS, false,
     "the server has another public key: ", "check --pin; the server's key may have been replaced"},
    {CURLE_SSL_CACERT_BADFILE, ZN_CONFIG, false,
     "the CA file holds no usable certificates: ", "give a file of PEM certificates"},
    {CURLE_SSL_CONNECT_ERROR, ZN_TLS, true, "the TLS handshake failed: ",
     "check that the port speaks TLS 1.2 or later, and not plain http"},
    {CURLE_GOT_NOTHING, ZN_UNREACHABLE, false, "the server closed the connection: ", NULL},
    {CURLE_SEND_ERROR, ZN_UNREACHABLE, false, "the connection broke: ", NULL},
    {CURLE_RECV_ERROR, ZN_UNREACHABLE, false, "the connection broke: ", NULL},
    {CURLE_PROXY, ZN_UNREACHABLE, false, "the proxy refused: ", "check https_proxy"},
    {CURLE_PARTIAL_FILE, ZN_BAD_REPLY, false, "the server's reply is incomplete: ", NULL},
    {CURLE_OUT_OF_MEMORY, ZN_INTERNAL, false, "out of memory: ", NULL},
    {CURLE_OK, ZN_BAD_REPLY, false, "the server's reply is unusable: ", NULL}, /* any other */
};

/* What to do about a certificate, where OpenSSL or mbedTLS tells more of it; otherwise NULL. */
static const char *advice_on_certificate(const char *words)
{
    static const char too_early[] =
        "check the clock here; if it is right, have the certificate repaired";
    static const char other_name[] =
        "check the host name in the server URL; a network that wants a login in a browser first "
        "looks the same";
    static const struct {
        const char *words;
        const char *next;
    } known[] = {
        {"expired", "check the clock here; if it is right, have the certificate renewed"},
        {"not yet valid", too_early},
        {"in the future", too_early},
        {"subject name", other_name},
        {"(CN) does not match", other_name},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strstr(words, known[i].words) != NULL)
            return known[i].next;
    return NULL;
}

/* A handshake that was cut off, not one that was refused with an alert: OpenSSL, mbedTLS, both. */
static bool is_interrupted(const char *words)
{
    return strstr(words, "SSL_ERROR_SYSCALL") != NULL || strstr(words, "unexpected eof") != NULL ||
           strstr(words, "connection indicated an EOF") != NULL ||
           strstr(words, "reset by peer") != NULL;
}

/* "Unsupported proxy syntax in 'http://user:password@host'": as much of it as fits. */
static bool quotes_proxy(struct zn_span words)
{
    return zn_span_starts_with(words, ZN_SPAN("Unsupported proxy"));
}

/* mbedTLS says each reason why it trusts no certificate in a line of its own. */
static void quote_lines(struct zn_error *error, struct zn_span words)
{
    if (quotes_proxy(words)) {
        zn_error_quote(error, zn_span_cut(&words, '\''));
        zn_error_add(error, "...");
        return;
    }
    zn_error_quote(error, zn_span_cut(&words, '\n'));
    while (words.len > 0) {
        zn_error_add(error, "; ");
        zn_error_quote(error, zn_span_cut(&words, '\n'));
    }
}

/* With mbedTLS, a reply that ends before its time is an error in reading: of 0 bytes. */
static bool is_cut_off(const struct connection *connection, CURLcode code)
{
    return code == CURLE_RECV_ERROR && connection->header_bytes > 0 &&
           strstr(connection->curl_error, "(-0x0000)") != NULL;
}

/* libcurl takes the refusal of a tunnel for a connection that broke. */
static bool is_refused_tunnel(CURL *handle)
{
    long status = 0;

    return curl_easy_getinfo(handle, CURLINFO_HTTP_CONNECTCODE, &status) == CURLE_OK &&
           status >= 300;
}

static enum zn_status fail_by_code(const struct connection *connection, CURLcode code,
                                   bool *ret_retry, struct zn_error *error)
{
    const char *words =
        connection->curl_error[0] != '\0' ? connection->curl_error : curl_easy_strerror(code);
    size_t row = 0;

    if (connection->too_large)
        return zn_error_set(error, ZN_BAD_REPLY, "the server's reply is too large",
                            "check the server URL");
    if (is_refused_tunnel(connection->handle))
        code = CURLE_PROXY;
    while (failures[row].code != code && failures[row].code != CURLE_OK)
        row++;
    zn_error_set(error, failures[row].status, failures[row].detail, failures[row].next);
    quote_lines(error, zn_span_of(words));
    if (code == CURLE_PEER_FAILED_VERIFICATION && advice_on_certificate(words) != NULL)
        zn_error_advise(error, advice_on_certificate(words));
    *ret_retry = failures[row].retry && (code != CURLE_SSL_CONNECT_ERROR || is_interrupted(words));
    return failures[row].status;
}

static enum zn_status run(struct connection *connection, bool *ret_retry, struct zn_error *error)
{
    long http_status = 0;

    connection->curl_error[0] = '\0';
    const CURLcode code = curl_easy_perform(connection->handle);
    if (is_cut_off(connection, code)) {
        connection->curl_error[0] = '\0';
        return fail_by_code(connection, CURLE_PARTIAL_FILE, ret_retry, error);
    }
    if (code != CURLE_OK)
        return fail_by_code(connection, code, ret_retry, error);
    if (connection->encoded)
        return zn_error_set(error, ZN_BAD_REPLY, "the server's reply is compressed unasked",
                            "check what stands between here and the server");
    if (curl_easy_getinfo(connection->handle, CURLINFO_RESPONSE_CODE, &http_status) != CURLE_OK)
        return zn_error_set(error, ZN_INTERNAL, NULL, NULL);
    connection->reply->status = (int)http_status;
    return ZN_OK;
}

static enum zn_status perform(void *ctx, const struct zn_request *request, int64_t timeout_ms,
                              struct zn_reply *reply, bool *ret_retry, struct zn_error *error)
{
    struct connection *connection = ctx;
    enum zn_status status = ZN_INTERNAL;
    struct zn_buf url;

    zn_buf_init(&url, ZN_URL_MAX + ZN_REQUEST_MAX);
    connection->reply = reply;
    connection->header_bytes = 0;
    connection->too_large = false;
    connection->encoded = false;

    struct curl_slist *headers = make_headers(request);
    if (headers != NULL && zn_buf_append_text(&url, connection->base_url) &&
        zn_buf_append(&url, zn_buf_span(&request->path)) &&
        set_request(connection, request, url.ptr, timeout_ms, headers))
        status = run(connection, ret_retry, error);
    else
        zn_error_no_memory(error);
    /* The handle must not keep pointers to what ends here. */
    curl_easy_setopt(connection->handle, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(connection->handle, CURLOPT_POSTFIELDS, NULL);
    free_headers(headers);
    zn_buf_clear(&url);
    return status;
}

/* --- opening and closing -------------------------------------------------------------------- */

static void discard(struct connection *connection)
{
    curl_easy_cleanup(connection->handle);
    zn_http_curl_ca_free(connection->ca);
    free(connection);
}

static enum zn_status set_up(struct connection *connection,
                             const struct zn_http_curl_config *config, struct zn_error *error)
{
    memcpy(connection->base_url, config->url->text, sizeof(connection->base_url));
    connection->handle = curl_easy_init();
    if (connection->handle == NULL)
        return zn_error_no_memory(error);
    if (!set_protocol(connection->handle, config->url) ||
        !set_tls(connection->handle, config->pin) || !set_rest(connection, config))
        return zn_error_set(error, ZN_INTERNAL, "libcurl refuses a setting that security rests on",
                            "install a libcurl built with TLS, HTTP and proxy support");
    return zn_http_curl_ca_set(connection->handle, config->ca_file, config->add_system_cas,
                               &connection->ca, error);
}

enum zn_status zn_http_curl_open(const struct zn_http_curl_config *config, struct zn_transport *ret,
                                 struct zn_error *error)
{
    struct connection *connection = calloc(1, sizeof(*connection));

    if (connection == NULL)
        return zn_error_no_memory(error);
    const enum zn_status status = set_up(connection, config, error);
    if (status == ZN_OK)
        *ret = (struct zn_transport){connection, perform};
    else
        discard(connection);
    return status;
}

void zn_http_curl_close(struct zn_transport *transport)
{
    if (transport->ctx != NULL)
        discard(transport->ctx);
    *transport = (struct zn_transport){0};
}

void zn_http_curl_chain(const struct zn_transport *transport, struct zn_chain *ret)
{
    const struct connection *connection = transport->ctx;
    struct curl_certinfo *found = NULL;

    *ret = (struct zn_chain){0};
    if (connection == NULL ||
        curl_easy_getinfo(connection->handle, CURLINFO_CERTINFO, &found) != CURLE_OK ||
        found == NULL)
        return;
    for (int i = 0; i < found->num_of_certs; i++) {
        struct zn_certificate certificate = {0};
        for (const struct curl_slist *line = found->certinfo[i]; line != NULL; line = line->next)
            zn_certificate_take_line(&certificate, zn_span_of(line->data));
        zn_chain_add(ret, &certificate);
    }
}

enum zn_status zn_http_curl_init(struct zn_error *error)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return zn_error_set(error, ZN_INTERNAL, "libcurl cannot be initialised", NULL);
    return ZN_OK;
}

const char *zn_http_curl_version(void)
{
    return curl_version();
}

const char *zn_http_curl_embedded_cas(void)
{
    return zn_http_curl_ca_embedded();
}

const char *zn_http_curl_system_cas(void)
{
    return zn_http_curl_ca_system();
}
