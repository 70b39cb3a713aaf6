/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_FLAGS (O_CLOEXEC | O_NOFOLLOW | O_NOCTTY)

static enum zn_status fail(const struct zc_channel *channel, const char *why,
                           struct zn_error *error)
{
    zn_error_set(error, ZN_CANNOT_WRITE, "cannot write to ",
                 "check the path, its mode and free space; links are not followed");
    zn_error_quote(error, zn_span_of(channel->path == NULL ? "standard output" : channel->path));
    zn_error_add(error, ": ");
    zn_error_add(error, why);
    return ZN_CANNOT_WRITE;
}

static enum zn_status fail_errno(const struct zc_channel *channel, struct zn_error *error)
{
    return fail(channel, errno == ELOOP ? "it is a symbolic link" : strerror(errno), error);
}

/* One call, unless it is cut short; then another one tells why. */
static bool write_all(int fd, struct zn_span bytes)
{
    while (bytes.len > 0) {
        const ssize_t done = write(fd, bytes.ptr, bytes.len);
        if (done < 0 && errno != EINTR)
            return false;
        bytes = zn_span_skip(bytes, done > 0 ? (size_t)done : 0);
    }
    return true;
}

/* --- appending ------------------------------------------------------------------------------ */

/* A file that is being appended to. */
struct append {
    const struct zc_channel *channel;
    int fd; /* -1: not open */
    off_t size;
};

static enum zn_status open_append(const struct zc_channel *channel, struct append *ret,
                                  struct zn_error *error)
{
    const int create = channel->creates ? O_CREAT : 0;
    struct stat info;

    *ret = (struct append){.channel = channel, .fd = -1};
    /* O_NONBLOCK: a FIFO without a reader must not hang. Reading is for the last byte. */
    const int fd = open(channel->path, O_RDWR | O_APPEND | O_NONBLOCK | create | OPEN_FLAGS, 0600);
    if (fd < 0)
        return fail_errno(channel, error);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return fail(channel, "it is not a regular file", error);
    }
    ret->fd = fd;
    ret->size = info.st_size;
    return ZN_OK;
}

/* What has to stand between the end of the file and a new line; NULL: that cannot be told. */
static const char *separator(const struct append *append)
{
    char last = '\n';

    if (append->size > 0 && pread(append->fd, &last, 1, append->size - 1) != 1)
        return NULL;
    return last == '\n' ? "" : "\n";
}

static enum zn_status write_append(const struct append *append, struct zn_span bytes,
                                   struct zn_error *error)
{
    const char *before = separator(append);
    struct zn_buf text;
    enum zn_status status = ZN_OK;

    if (before == NULL)
        return fail_errno(append->channel, error);
    zn_buf_init(&text, bytes.len + 1);
    if (!zn_buf_append_text(&text, before) || !zn_buf_append(&text, bytes))
        status = zn_error_no_memory(error);
    else if (!write_all(append->fd, zn_buf_span(&text)))
        status = fail_errno(append->channel, error);
    zn_buf_clear(&text);
    return status;
}

enum zn_status zc_channel_append_all(const struct zc_output *outputs, size_t count,
                                     struct zn_error *error)
{
    struct append files[ZC_OUTPUTS_MAX];
    enum zn_status status = ZN_OK;
    size_t opened = 0;

    while (status == ZN_OK && opened < count) {
        status = open_append(outputs[opened].channel, &files[opened], error);
        opened += status == ZN_OK ? 1 : 0;
    }
    for (size_t i = 0; status == ZN_OK && i < count; i++)
        status = write_append(&files[i], outputs[i].bytes, error);
    for (size_t i = 0; status != ZN_OK && i < opened; i++)
        if (ftruncate(files[i].fd, files[i].size) != 0)
            zn_error_add(error, "; and what was written of it is still there");
    for (size_t i = 0; i < opened; i++)
        if (close(files[i].fd) != 0 && status == ZN_OK)
            status = fail_errno(files[i].channel, error);
    return status;
}

/* --- replacing ------------------------------------------------------------------------------ */

/* The folder has to take a new file. */
static enum zn_status check_folder(const struct zc_channel *channel, struct zn_error *error)
{
    const char *slash = strrchr(channel->path, '/');
    char folder[4096] = ".";

    if (slash != NULL) {
        const size_t len = slash == channel->path ? 1 : (size_t)(slash - channel->path);
        if (len >= sizeof(folder))
            return fail(channel, strerror(ENAMETOOLONG), error);
        memcpy(folder, channel->path, len);
        folder[len] = '\0';
    }
    return access(folder, W_OK | X_OK) == 0 ? ZN_OK : fail_errno(channel, error);
}

static enum zn_status check_replaceable(const struct zc_channel *channel, struct zn_error *error)
{
    struct stat info;

    if (lstat(channel->path, &info) != 0)
        return errno == ENOENT ? check_folder(channel, error) : fail_errno(channel, error);
    if (S_ISLNK(info.st_mode))
        return fail(channel, "it is a symbolic link", error);
    return S_ISREG(info.st_mode) ? check_folder(channel, error)
                                 : fail(channel, "it is not a regular file", error);
}

/* A name beside the file that nobody can guess, so that nobody can put a link there. */
static bool make_temporary_name(const char *path, char *dst, size_t size)
{
    unsigned long long number = 0;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return false;
    const int len = snprintf(dst, size, "%s.%016llx", path, number);
    return len > 0 && (size_t)len < size;
}

static enum zn_status replace(const struct zc_channel *channel, struct zn_span bytes,
                              struct zn_error *error)
{
    char temporary[4096];
    enum zn_status status = check_replaceable(channel, error);

    if (status != ZN_OK)
        return status;
    if (!make_temporary_name(channel->path, temporary, sizeof(temporary)))
        return fail(channel, "no temporary name", error);
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | OPEN_FLAGS, 0600);
    if (fd < 0)
        return fail_errno(channel, error);
    if (!write_all(fd, bytes))
        status = fail_errno(channel, error);
    if (close(fd) != 0 && status == ZN_OK)
        status = fail_errno(channel, error);
    if (status == ZN_OK && rename(temporary, channel->path) != 0)
        status = fail_errno(channel, error);
    if (status != ZN_OK)
        unlink(temporary);
    return status;
}

/* --- both ----------------------------------------------------------------------------------- */

enum zn_status zc_channel_check(const struct zc_channel *channel, struct zn_error *error)
{
    struct append file;

    if (channel->kind == ZC_CHANNEL_STDOUT)
        return ZN_OK;
    if (channel->kind == ZC_CHANNEL_REPLACE)
        return check_replaceable(channel, error);
    const enum zn_status status = open_append(channel, &file, error);
    if (status == ZN_OK)
        close(file.fd);
    return status;
}

enum zn_status zc_channel_write(const struct zc_channel *channel, struct zn_span bytes,
                                struct zn_error *error)
{
    errno = 0;
    if (channel->kind == ZC_CHANNEL_APPEND)
        return zc_channel_append_all(&(struct zc_output){channel, bytes}, 1, error);
    if (channel->kind == ZC_CHANNEL_REPLACE)
        return replace(channel, bytes, error);
    return write_all(STDOUT_FILENO, bytes) ? ZN_OK : fail_errno(channel, error);
}
