/*
 * The certificate authorities, for the static build: libcurl with mbedTLS.
 *
 * mbedTLS parses all of a bundle before it connects, which costs more than the connection. Here it
 * asks for the issuers of a certificate when it verifies it, and gets those few out of an index;
 * whether one of them is the issuer, and may be, is for mbedTLS to find out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/platform.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "ca_embedded.h"
#include "ca_index.h"
#include "http_curl_ca.h"

#define FILE_MAX  ((off_t)16 * 1024 * 1024)
#define PLAIN_MAX ((size_t)32 * 1024)

/* Where distributions keep their bundle; the first that is there counts. */
static const char *const SYSTEM_BUNDLES[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Gentoo, Alpine, NixOS */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora 43, RHEL 7 and later */
    "/etc/ssl/cert.pem",                                 /* Alpine without ca-certificates */
};

struct zn_http_curl_ca {
    struct zn_ca_index index;
    struct zn_span file; /* mapped, since the index borrows them */
    struct zn_span system;
};

/* --- files ---------------------------------------------------------------------------------- */

static const char *map_open_file(int fd, struct zn_span *ret)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return "it is not a regular file: ";
    if (info.st_size > FILE_MAX)
        return "it is larger than 16 MiB: ";
    if (info.st_size == 0)
        return NULL;
    const size_t len = (size_t)info.st_size;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED)
        return "it cannot be read: ";
    *ret = (struct zn_span){bytes, len};
    return NULL;
}

/*
 * Maps a file, which costs half of what reading it does. Returns NULL, or why it cannot be done.
 * Who cuts the file off meanwhile ends the program (SIGBUS); bundles are replaced, not rewritten.
 */
static const char *map_file(const char *path, struct zn_span *ret)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return errno == ENOENT ? "there is no such file: " : "it cannot be opened: ";
    const char *why = map_open_file(fd, ret);
    close(fd);
    return why;
}

static void unmap(struct zn_span file)
{
    if (file.len > 0)
        munmap((void *)(uintptr_t)file.ptr, file.len);
}

/* A bundle that is there but cannot be read is not the same as none. */
static bool is_absent(const char *path)
{
    struct stat info;

    return lstat(path, &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* --- whom to trust -------------------------------------------------------------------------- */

static enum zn_status fail_ca_file(const char *why, const char *path, struct zn_error *error)
{
    zn_error_set(error, ZN_CONFIG, "CA file: ", "give a file of PEM certificates");
    zn_error_add(error, why);
    zn_error_quote(error, zn_span_of(path));
    return ZN_CONFIG;
}

static enum zn_status add_ca_file(struct zn_http_curl_ca *ca, const char *path,
                                  struct zn_error *error)
{
    if (!zn_ca_index_add_pem(&ca->index, ca->file))
        return zn_error_no_memory(error);
    return ca->index.count > 0 ? ZN_OK : fail_ca_file("it holds no certificate: ", path, error);
}

/* The bundle of the host; NULL: it has none. */
static const char *find_bundle(void)
{
    const size_t count = sizeof(SYSTEM_BUNDLES) / sizeof(SYSTEM_BUNDLES[0]);
    size_t i = 0;

    while (i < count && is_absent(SYSTEM_BUNDLES[i]))
        i++;
    return i < count ? SYSTEM_BUNDLES[i] : NULL;
}

/* The system's bundle decides alone, also when it is empty; without one, the embedded bundle. */
static enum zn_status add_system_cas(struct zn_http_curl_ca *ca, struct zn_error *error)
{
    const char *bundle = find_bundle();

    if (bundle == NULL)
        return zn_ca_index_add_der(&ca->index, zn_ca_embedded) ? ZN_OK : zn_error_no_memory(error);
    const char *why = map_file(bundle, &ca->system);
    if (why == NULL)
        return zn_ca_index_add_pem(&ca->index, ca->system) ? ZN_OK : zn_error_no_memory(error);
    zn_error_set(error, ZN_CONFIG, "the system's CA bundle: ", "repair it, or give --ca-file");
    zn_error_add(error, why);
    zn_error_add(error, bundle);
    return ZN_CONFIG;
}

/* --- mbedTLS -------------------------------------------------------------------------------- */

/*
 * Parses into `list` what the index has under that name. A certificate that mbedTLS cannot read is
 * none; `list` stays without a version when there is none at all.
 */
static int parse_candidates(const struct zn_ca_index *index, struct zn_span name,
                            mbedtls_x509_crt *list)
{
    enum zn_ca_answer answer = ZN_CA_NONE;
    struct zn_buf der;
    size_t at = 0;
    int result = 0;

    zn_buf_init(&der, ZN_CA_CERTIFICATE_MAX);
    while (result != MBEDTLS_ERR_X509_ALLOC_FAILED &&
           (answer = zn_ca_index_find(index, name, &at, &der)) == ZN_CA_FOUND)
        result = mbedtls_x509_crt_parse_der(list, (const unsigned char *)der.ptr, der.len);
    zn_buf_clear(&der);
    return answer == ZN_CA_NONE ? 0 : MBEDTLS_ERR_X509_ALLOC_FAILED;
}

/* Gives mbedTLS the certificates that may be the issuer of `child`, as a list that it frees. */
static int find_issuers(void *ctx, const mbedtls_x509_crt *child, mbedtls_x509_crt **ret)
{
    const struct zn_http_curl_ca *ca = ctx;
    const struct zn_span name = {(const char *)child->issuer_raw.p, child->issuer_raw.len};
    mbedtls_x509_crt *list = mbedtls_calloc(1, sizeof(*list));

    if (list == NULL)
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    mbedtls_x509_crt_init(list);
    const int result = parse_candidates(&ca->index, name, list);
    if (result == 0 && list->version != 0) {
        *ret = list;
        return 0;
    }
    mbedtls_x509_crt_free(list);
    mbedtls_free(list);
    *ret = NULL;
    return result;
}

static CURLcode use_index(CURL *handle, void *config, void *ctx)
{
    (void)handle;
    mbedtls_ssl_conf_ca_cb(config, find_issuers, ctx);
    return CURLE_OK;
}

/* libcurl 8.17 and later take NULL for the default they were built with, beside a file as well. */
static bool has_defaults(void)
{
    const curl_version_info_data *libcurl = curl_version_info(CURLVERSION_NOW);

    return libcurl->cainfo != NULL || libcurl->capath != NULL;
}

/* A proxy that is reached over TLS is held to the same authorities as the server. */
static enum zn_status set_authorities(CURL *handle, const char *file, struct zn_http_curl_ca *index,
                                      struct zn_error *error)
{
    if (!has_defaults() && curl_easy_setopt(handle, CURLOPT_CAINFO, file) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_CAPATH, NULL) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_PROXY_CAINFO, file) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_PROXY_CAPATH, NULL) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, index != NULL ? use_index : NULL) ==
            CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_SSL_CTX_DATA, index) == CURLE_OK)
        return ZN_OK;
    return zn_error_set(error, ZN_INTERNAL, "libcurl refuses a setting that security rests on",
                        NULL);
}

/* --- all of it ------------------------------------------------------------------------------ */

enum zn_status zn_http_curl_ca_set(CURL *handle, const char *ca_file, bool add_system,
                                   struct zn_http_curl_ca **ret, struct zn_error *error)
{
    struct zn_http_curl_ca *ca = *ret = calloc(1, sizeof(*ca));
    enum zn_status status = ZN_OK;

    if (ca == NULL)
        return zn_error_no_memory(error);
    if (ca_file != NULL) {
        const char *why = map_file(ca_file, &ca->file);
        if (why != NULL)
            return fail_ca_file(why, ca_file, error);
        /* Only so does mbedTLS accept a server's own certificate that is no CA, named by itself. */
        if (ca->file.len <= PLAIN_MAX && !add_system)
            return set_authorities(handle, ca_file, NULL, error);
        status = add_ca_file(ca, ca_file, error);
    }
    if (status == ZN_OK && (ca_file == NULL || add_system))
        status = add_system_cas(ca, error);
    return status == ZN_OK ? set_authorities(handle, NULL, ca, error) : status;
}

void zn_http_curl_ca_free(struct zn_http_curl_ca *ca)
{
    if (ca == NULL)
        return;
    zn_ca_index_clear(&ca->index);
    unmap(ca->file);
    unmap(ca->system);
    free(ca);
}

const char *zn_http_curl_ca_system(void)
{
    const char *bundle = find_bundle();

    return bundle != NULL ? bundle : zn_ca_embedded_name;
}

const char *zn_http_curl_ca_embedded(void)
{
    return zn_ca_embedded_name;
}
