/*
 * The certificate authorities, for the libcurl and OpenSSL of a distribution.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_curl_ca.h"

#define CA_DIR "/etc/ssl/certs"

/* c_rehash(1) names: 8 hexadecimal digits, a dot, a digit. */
static bool is_hash_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && name[9] == '0' &&
           name[10] == '\0';
}

/*
 * In a hashed folder the TLS library opens the one file that it needs; parsing the whole bundle
 * instead costs more than everything else together.
 */
static bool is_hashed_dir(const char *path)
{
    bool hashed = false;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return false;
    for (struct dirent *entry; !hashed && (entry = readdir(dir)) != NULL;)
        hashed = is_hash_name(entry->d_name);
    closedir(dir);
    return hashed;
}

/* libcurl takes one file and one folder: beside a CA file, only a folder is left for the system. */
static enum zn_status check_ca_dir(bool hashed, struct zn_error *error)
{
    if (hashed)
        return ZN_OK;
    return zn_error_set(error, ZN_CONFIG,
                        "the system's CAs cannot be added: " CA_DIR " is not a hashed folder",
                        "give one --ca-file that holds both, and leave out --ca-mode");
}

static enum zn_status check_ca_file(const char *path, struct zn_error *error)
{
    struct stat info;
    const char *why = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        why = errno == ENOENT ? "there is no such file: " : "it cannot be opened: ";
    else if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        why = "it is not a regular file: ";
    if (fd >= 0)
        close(fd);
    if (why == NULL)
        return ZN_OK;
    zn_error_set(error, ZN_CONFIG, "CA file: ", "give a file of PEM certificates");
    zn_error_add(error, why);
    zn_error_quote(error, zn_span_of(path));
    return ZN_CONFIG;
}

/*
 * What CURLOPT_CAPATH takes for "no folder". From 8.17 on, libcurl takes NULL for the folder that
 * it was built with: a CA file would add to the system's authorities then, and not replace them.
 */
static const char *no_folder(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    const bool has_default =
        info->age >= CURLVERSION_SEVENTH && info->capath != NULL && info->capath[0] != '\0';

    return has_default && info->version_num >= 0x081100 ? "/dev/null" : NULL;
}

enum zn_status zn_http_curl_ca_set(CURL *handle, const char *ca_file, bool add_system,
                                   struct zn_http_curl_ca **ret, struct zn_error *error)
{
    const bool use_dir = (ca_file == NULL || add_system) && is_hashed_dir(CA_DIR);

    (void)ret; /* libcurl keeps what it needs */
    if (ca_file != NULL && (check_ca_file(ca_file, error) != ZN_OK ||
                            (add_system && check_ca_dir(use_dir, error) != ZN_OK)))
        return ZN_CONFIG;
    /* Without either, libcurl's own default stays: the bundle of the system as CAINFO. */
    if (ca_file == NULL && !use_dir)
        return ZN_OK;
    if (curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file) != CURLE_OK ||
        curl_easy_setopt(handle, CURLOPT_CAPATH, use_dir ? CA_DIR : no_folder()) != CURLE_OK)
        return zn_error_set(error, ZN_INTERNAL, "libcurl refuses a setting that security rests on",
                            "install a libcurl built with TLS support");
    return ZN_OK;
}

void zn_http_curl_ca_free(struct zn_http_curl_ca *ca)
{
    (void)ca;
}

/* As zn_http_curl_ca_set decides. */
const char *zn_http_curl_ca_system(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    if (is_hashed_dir(CA_DIR))
        return CA_DIR;
    return info->age >= CURLVERSION_SEVENTH && info->cainfo != NULL ? info->cainfo
                                                                    : "libcurl's default";
}

const char *zn_http_curl_ca_embedded(void)
{
    return NULL;
}
