/* SPDX-License-Identifier: Apache-2.0 */
#include "token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/json.h"
#include "output/channel.h"

#define PATH_LEN_MAX ((size_t)4095)
#define NAME_LEN_MAX ((size_t)239) /* with "/": NAME_MAX, less what a temporary file adds */
#define FILE_MAX     (ZN_SECRET_MAX + ZN_URL_MAX + 256)

void zc_stored_token_clear(struct zc_stored_token *stored)
{
    zn_secret_clear(&stored->token);
    *stored = (struct zc_stored_token){0};
}

/* --- paths ---------------------------------------------------------------------------------- */

static bool is_absolute(const char *path)
{
    return path != NULL && path[0] == '/';
}

/* XDG Base Directory Specification: a path that is not absolute counts as not set. */
static enum zn_status make_folder_path(struct zn_buf *ret, struct zn_error *error)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    const char *base = is_absolute(config) ? config : home;

    if (!is_absolute(base))
        return zn_error_set(error, ZN_CONFIG, "there is no folder to keep the login in",
                            "set HOME or XDG_CONFIG_HOME");
    zn_buf_init(ret, PATH_LEN_MAX);
    if (zn_buf_append_text(ret, base) &&
        zn_buf_append_text(ret, base == config ? "" : "/.config") &&
        zn_buf_append_text(ret, "/zenml-login"))
        return ZN_OK;
    return zn_error_set(error, ZN_CONFIG, "the path of the home folder is too long", NULL);
}

/* The name of the file is the URL, percent-encoded: no "/" in it, and no two servers in one. */
static enum zn_status make_path(const struct zn_url *server, struct zn_buf *ret,
                                struct zn_error *error)
{
    enum zn_status status = make_folder_path(ret, error);

    if (status != ZN_OK)
        return status;
    const size_t folder_len = ret->len;
    if (!zn_buf_append_text(ret, "/") || !zn_buf_append_percent(ret, zn_span_of(server->text)) ||
        ret->len - folder_len > NAME_LEN_MAX)
        status =
            zn_error_set(error, ZN_CONFIG, "the server URL is too long to keep a login for", NULL);
    return status;
}

static enum zn_status fail(enum zn_status status, const char *path, const char *why,
                           const char *next, struct zn_error *error)
{
    zn_error_set(error, status, "", next);
    zn_error_quote(error, zn_span_of(path));
    zn_error_add(error, ": ");
    zn_error_add(error, why);
    return status;
}

/* What others can write is not a login, and what they can read is not a secret. */
static enum zn_status check_owner(int fd, const char *path, bool *ret_exposed,
                                  struct zn_error *error)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return fail(ZN_CONFIG, path, strerror(errno), NULL, error);
    if (info.st_uid != geteuid())
        return fail(ZN_CONFIG, path, "it belongs to another user", "remove it, and log in again",
                    error);
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return fail(ZN_CONFIG, path, "it is not a regular file", "remove it", error);
    *ret_exposed = (info.st_mode & 077) != 0;
    return ZN_OK;
}

static enum zn_status check_folder(const char *path, struct zn_error *error)
{
    bool exposed = false;
    const int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT
                   ? zn_error_set(error, ZN_MISSING, NULL, NULL)
                   : fail(ZN_CONFIG, path, strerror(errno),
                          "make it yours, or set XDG_CONFIG_HOME to a folder of yours", error);
    enum zn_status status = check_owner(fd, path, &exposed, error);
    if (status == ZN_OK && exposed)
        status = fail(ZN_CONFIG, path, "others may read or write it",
                      "chmod 700 it, and log in again: others may have the tokens", error);
    close(fd);
    return status;
}

/* --- reading -------------------------------------------------------------------------------- */

static enum zn_status parse(struct zn_span text, const char *path, const struct zn_url *server,
                            struct zc_stored_token *ret, struct zn_error *error)
{
    struct zn_json *document = zn_json_parse(text);
    struct zn_span url = {0};
    struct zn_span token = {0};
    struct zn_span device = {0};
    enum zn_status status = ZN_CONFIG;

    if (zn_json_string(zn_json_member(document, "server"), &url) &&
        zn_span_equal(url, zn_span_of(server->text)) &&
        zn_json_string(zn_json_member(document, "access_token"), &token) && token.len > 0 &&
        token.len <= ZN_SECRET_MAX &&
        zn_json_string(zn_json_member(document, "device_id"), &device) &&
        (device.len == 0 || zn_text_is_uuid(device)))
        status = zn_secret_set(&ret->token, token) ? ZN_OK : zn_error_no_memory(error);
    else
        fail(ZN_CONFIG, path, "it does not hold a login for this server",
             "remove it, and log in again", error);
    if (status == ZN_OK && device.len > 0)
        memcpy(ret->device_id, device.ptr, device.len);
    zn_json_free(&document);
    return status;
}

static enum zn_status read_open_file(int fd, const char *path, const struct zn_url *server,
                                     struct zc_stored_token *ret, struct zn_error *error)
{
    char bytes[FILE_MAX];
    size_t len = 0;
    bool exposed = false;
    enum zn_status status = check_owner(fd, path, &exposed, error);

    while (status == ZN_OK && len < sizeof(bytes)) {
        const ssize_t got = read(fd, bytes + len, sizeof(bytes) - len);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            status = fail(ZN_CONFIG, path, strerror(errno), NULL, error);
        len += got > 0 ? (size_t)got : 0;
    }
    if (status == ZN_OK)
        status = parse((struct zn_span){bytes, len}, path, server, ret, error);
    if (status == ZN_OK && exposed)
        status = fail(ZN_CONFIG, path, "others may read or write it",
                      "zenml-login login replaces it, and login --logout ends its token", error);
    explicit_bzero(bytes, sizeof(bytes));
    return status;
}

enum zn_status zc_token_file_read(const struct zn_url *server, struct zc_stored_token *ret,
                                  struct zn_error *error)
{
    struct zn_buf folder = {0};
    struct zn_buf path = {0};
    enum zn_status status = ZN_MISSING;

    /* Without a home, and with a URL too long for one, there is no login. */
    if (make_folder_path(&folder, error) == ZN_OK && make_path(server, &path, error) == ZN_OK)
        status = check_folder(folder.ptr, error);
    if (status == ZN_OK) {
        const int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0)
            status = read_open_file(fd, path.ptr, server, ret, error);
        else if (errno == ENOENT || errno == ENOTDIR)
            status = zn_error_set(error, ZN_MISSING, NULL, NULL);
        else
            status =
                fail(ZN_CONFIG, path.ptr, strerror(errno), "remove it, and log in again", error);
        if (fd >= 0)
            close(fd);
    }
    zn_buf_clear(&folder);
    zn_buf_clear(&path);
    return status;
}

/* --- writing -------------------------------------------------------------------------------- */

/* Makes a folder unless it is there. ~/.config may be missing as well. */
static bool make_folder(char *path)
{
    char *slash = strrchr(path, '/');

    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    if (errno != ENOENT || slash == path)
        return false;
    *slash = '\0';
    const bool parent = mkdir(path, 0700) == 0 || errno == EEXIST;
    *slash = '/';
    return parent && mkdir(path, 0700) == 0;
}

enum zn_status zc_token_file_check(const struct zn_url *server, struct zn_error *error)
{
    struct zn_buf folder = {0};
    struct zn_buf path = {0};
    enum zn_status status = make_folder_path(&folder, error);

    if (status == ZN_OK && !make_folder(folder.ptr))
        status = fail(ZN_CANNOT_WRITE, folder.ptr, strerror(errno),
                      "set XDG_CONFIG_HOME to a folder that you may write to", error);
    if (status == ZN_OK)
        status = check_folder(folder.ptr, error);
    if (status == ZN_OK)
        status = make_path(server, &path, error);
    if (status == ZN_OK)
        status = zc_channel_check(&(struct zc_channel){ZC_CHANNEL_REPLACE, path.ptr, false}, error);
    zn_buf_clear(&folder);
    zn_buf_clear(&path);
    return status;
}

enum zn_status zc_token_file_write(const struct zn_url *server,
                                   const struct zc_stored_token *stored, struct zn_error *error)
{
    struct zn_buf path = {0};
    struct zn_buf text;
    enum zn_status status = zc_token_file_check(server, error); /* it may be minutes since */

    if (status == ZN_OK)
        status = make_path(server, &path, error);
    zn_buf_init(&text, FILE_MAX);
    if (status == ZN_OK) {
        const struct zc_channel file = {ZC_CHANNEL_REPLACE, path.ptr, false};
        if (zn_buf_append_text(&text, "{\"server\":") &&
            zn_json_write_string(&text, zn_span_of(server->text)) &&
            zn_buf_append_text(&text, ",\"device_id\":") &&
            zn_json_write_string(&text, zn_span_of(stored->device_id)) &&
            zn_buf_append_text(&text, ",\"access_token\":") &&
            zn_json_write_string(&text, zn_secret_reveal(&stored->token)) &&
            zn_buf_append_text(&text, "}\n"))
            status = zc_channel_write(&file, zn_buf_span(&text), error);
        else
            status = zn_error_no_memory(error);
    }
    zn_buf_clear(&text);
    zn_buf_clear(&path);
    return status;
}

enum zn_status zc_token_file_remove(const struct zn_url *server, struct zn_error *error)
{
    struct zn_buf path = {0};
    enum zn_status status = make_path(server, &path, error);

    if (status == ZN_OK && unlink(path.ptr) != 0 && errno != ENOENT)
        status = fail(ZN_CANNOT_WRITE, path.ptr, strerror(errno), "remove it by hand", error);
    zn_buf_clear(&path);
    return status;
}
