/* SPDX-License-Identifier: Apache-2.0 */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"

struct zn_span zc_trim_newline(struct zn_span text)
{
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
        if (text.len > 0 && text.ptr[text.len - 1] == '\r')
            text.len--;
    }
    return text;
}

static enum zn_status refuse(struct zn_error *error, enum zn_status status, const char *path,
                             const char *why, const char *next)
{
    zn_error_set(error, status, "", next);
    zn_error_quote(error, zn_span_of(strcmp(path, "-") == 0 ? "standard input" : path));
    zn_error_add(error, ": ");
    zn_error_add(error, why);
    return status;
}

static enum zn_status check_kind(int fd, const char *path, struct zn_error *error)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return refuse(error, ZN_CONFIG, path, strerror(errno), NULL);
    if (S_ISDIR(info.st_mode))
        return refuse(error, ZN_CONFIG, path, "it is a folder", "name the file that holds the key");
    if (isatty(fd))
        return refuse(error, ZN_CONFIG, path, "a credential typed at a terminal would be shown",
                      "redirect it from a file or a password manager");
    return ZN_OK;
}

/* Reads until the end, or one byte more than a credential may have. */
static enum zn_status read_all(int fd, const char *path, int64_t timeout_ms, char *bytes,
                               size_t size, size_t *ret_len, struct zn_error *error)
{
    const struct zn_clock clock = zn_clock_system();
    const int64_t deadline_ms = clock.now_ms(clock.ctx) + timeout_ms;
    size_t len = 0;

    while (len < size) {
        if (!zn_wait_readable(fd, deadline_ms))
            return refuse(error, ZN_CONFIG, path, "nothing came from it in time",
                          "check what should write to it");
        const ssize_t got = read(fd, bytes + len, size - len);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return refuse(error, ZN_CONFIG, path, strerror(errno), NULL);
        len += got > 0 ? (size_t)got : 0;
    }
    *ret_len = len;
    return ZN_OK;
}

static enum zn_status read_secret(int fd, const char *path, int64_t timeout_ms,
                                  struct zn_secret *ret, struct zn_error *error)
{
    char bytes[ZN_SECRET_MAX + 3]; /* CR, LF, and one too many */
    size_t len = 0;
    enum zn_status status = check_kind(fd, path, error);

    if (status == ZN_OK)
        status = read_all(fd, path, timeout_ms, bytes, sizeof(bytes), &len, error);
    const struct zn_span text = zc_trim_newline((struct zn_span){bytes, len});
    if (status == ZN_OK && text.len > ZN_SECRET_MAX)
        status = refuse(error, ZN_MALFORMED, path, "it holds more than 4096 bytes",
                        "check that this is the right file");
    if (status == ZN_OK && !zn_secret_set(ret, text))
        status = zn_error_no_memory(error);
    explicit_bzero(bytes, sizeof(bytes));
    return status;
}

enum zn_status zc_secret_file_read(const char *path, int64_t timeout_ms, struct zn_secret *ret,
                                   struct zn_error *error)
{
    if (strcmp(path, "-") == 0)
        return read_secret(STDIN_FILENO, path, timeout_ms, ret, error);

    /* Without O_NONBLOCK, opening a FIFO waits for a writer for ever. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refuse(error, errno == ENOENT ? ZN_MISSING : ZN_CONFIG, path, strerror(errno),
                      "check the path; the credential itself goes into ZENML_STORE_API_KEY");
    const enum zn_status status = read_secret(fd, path, timeout_ms, ret, error);
    close(fd);
    return status;
}
