/*
 * floor_login - a contender of the benchmark: the least that a login over TLS takes with mbedTLS.
 * One connection, HTTP written by hand for the servers of the benchmark, one certificate authority,
 * nothing freed. It tells how much of zenml-login is not TLS; not for use on a host.
 *
 * usage: floor_login https://IPV4:PORT API_KEY_FILE CA_FILE
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>

#define REQUEST_MAX 16384
#define REPLY_MAX   65536

static void need(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "floor_login: %s\n", what);
    exit(1);
}

/* --- the connection ------------------------------------------------------------------------- */

static int send_to_socket(void *socket_fd, const unsigned char *bytes, size_t len)
{
    return (int)write(*(int *)socket_fd, bytes, len);
}

static int receive_from_socket(void *socket_fd, unsigned char *bytes, size_t len)
{
    return (int)read(*(int *)socket_fd, bytes, len);
}

static int connect_to(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;

    need(inet_pton(AF_INET, host, &address.sin_addr) == 1, "no IPv4 address");
    need(connect(socket_fd, (const struct sockaddr *)&address, sizeof(address)) == 0,
         "no connection");
    setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return socket_fd;
}

static void handshake(mbedtls_ssl_context *ssl, const char *host, const char *ca_file,
                      int *socket_fd)
{
    static mbedtls_entropy_context entropy;
    static mbedtls_ctr_drbg_context random;
    static mbedtls_x509_crt authority;
    static mbedtls_ssl_config config;

    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_x509_crt_init(&authority);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(ssl);
    need(mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0) == 0, "entropy");
    need(psa_crypto_init() == PSA_SUCCESS, "PSA");
    need(mbedtls_x509_crt_parse_file(&authority, ca_file) == 0, "no certificate authority");
    need(mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                     MBEDTLS_SSL_PRESET_DEFAULT) == 0,
         "TLS settings");
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&config, &authority, NULL);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    need(mbedtls_ssl_setup(ssl, &config) == 0, "TLS set-up");
    need(mbedtls_ssl_set_hostname(ssl, host) == 0, "host name");
    mbedtls_ssl_set_bio(ssl, socket_fd, send_to_socket, receive_from_socket, NULL);
    need(mbedtls_ssl_handshake(ssl) == 0, "the TLS handshake failed");
}

/* --- one request ---------------------------------------------------------------------------- */

static int read_more(mbedtls_ssl_context *ssl, char *bytes, size_t len)
{
    int got = 0;

    do
        got = mbedtls_ssl_read(ssl, (unsigned char *)bytes, len);
    while (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
    need(got > 0, "the connection broke");
    return got;
}

/* Sends a request, returns the JSON of a reply with status 200 and Content-Length. */
static cJSON *ask(mbedtls_ssl_context *ssl, const char *request)
{
    static char reply[REPLY_MAX + 1];
    size_t len = 0;
    const char *body = NULL;

    need(mbedtls_ssl_write(ssl, (const unsigned char *)request, strlen(request)) ==
             (int)strlen(request),
         "the connection broke");
    while (body == NULL) {
        len += (size_t)read_more(ssl, reply + len, REPLY_MAX - len);
        reply[len] = '\0';
        body = strstr(reply, "\r\n\r\n");
    }
    body += 4;
    need(strncmp(reply, "HTTP/1.1 200 ", 13) == 0, "HTTP status");
    const char *announced = strcasestr(reply, "\r\nContent-Length:");
    need(announced != NULL && announced < body, "no Content-Length");
    const size_t body_len = strtoul(announced + 17, NULL, 10);
    while (len < (size_t)(body - reply) + body_len)
        len += (size_t)read_more(ssl, reply + len, REPLY_MAX - len);
    cJSON *json = cJSON_ParseWithLength(body, body_len);
    need(json != NULL, "no JSON");
    return json;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    need(text != NULL, name);
    return text;
}

/* The form of the login, with the key from the first line of the file percent-encoded. */
static void write_form(const char *key_file, char form[REQUEST_MAX])
{
    char key[4096] = ""; /* three characters for each of its own fit into the form */
    FILE *file = fopen(key_file, "r");

    need(file != NULL && fgets(key, sizeof(key), file) != NULL, "no API key");
    fclose(file);
    key[strcspn(key, "\n")] = '\0';
    form += snprintf(form, 10, "password=");
    for (const char *at = key; *at != '\0'; at++)
        form += snprintf(form, 4, strchr("+/=", *at) != NULL ? "%%%02X" : "%c", *at);
}

int main(int argc, char **argv)
{
    static mbedtls_ssl_context ssl;
    static char form[REQUEST_MAX], request[REQUEST_MAX + 1024];

    need(argc == 4 && strncmp(argv[1], "https://", 8) == 0, "usage");
    char *host = argv[1] + 8, *port = strchr(host, ':');
    need(port != NULL, "usage");
    *port++ = '\0';
    write_form(argv[2], form);
    int socket_fd = connect_to(host, port);
    handshake(&ssl, host, argv[3], &socket_fd);

    snprintf(request, sizeof(request),
             "POST /api/v1/login HTTP/1.1\r\nHost: %s:%s\r\nAccept: application/json\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%s",
             host, port, strlen(form), form);
    const cJSON *login = ask(&ssl, request);
    need(strcmp(text_of(login, "token_type"), "bearer") == 0, "no bearer token");
    snprintf(request, sizeof(request),
             "GET /api/v1/current-user HTTP/1.1\r\nHost: %s:%s\r\nAccept: application/json\r\n"
             "Authorization: Bearer %s\r\n\r\n",
             host, port, text_of(login, "access_token"));
    const cJSON *account = ask(&ssl, request);
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(account, "body");
    need(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "active")) &&
             cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "is_service_account")),
         "not an active service account");
    puts(text_of(account, "name"));
    mbedtls_ssl_close_notify(&ssl);
    return 0;
}
