/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_LEN ((size_t)1023)
#define CHUNK        ((size_t)4096)

/* O_PATH opens a symbolic link itself, so that fstat() tells it from a folder. */
#define OPEN_FOLDER (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_FILE   (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)

static bool refuse(const struct zh_reporter *reporter, const char *path, const char *problem,
                   const char *fix)
{
    return zh_report(reporter, (struct zh_place){.file = path}, problem, ZN_SPAN(""), fix);
}

static bool refuse_open(const struct zh_reporter *reporter, const char *path, int code)
{
    if (code == ENOENT)
        return refuse(reporter, path, "does not exist", "create it, or correct the path");
    if (code == ELOOP)
        return refuse(reporter, path, "is a symbolic link", "name the file it points to");
    if (code == ENXIO)
        return refuse(reporter, path, "is not a regular file", "name a regular file");
    if (code == EACCES || code == EPERM)
        return refuse(reporter, path, "may not be opened", "check it as root");
    return refuse(reporter, path, "cannot be opened", "check it with ls -l");
}

/* Could nobody but root have put there what is open as `fd`? */
static bool check(int fd, bool is_file, const char *path, const struct zh_reporter *reporter)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return refuse_open(reporter, path, errno);
    if (S_ISLNK(info.st_mode))
        return refuse(reporter, path, "is a symbolic link", "name the folder it points to");
    if (is_file && !S_ISREG(info.st_mode))
        return refuse(reporter, path, "is not a regular file", "name a regular file");
    if (!is_file && !S_ISDIR(info.st_mode))
        return refuse(reporter, path, "is not a folder", "correct the path");
    if (info.st_uid != 0)
        return refuse(reporter, path, "does not belong to root", "chown root it");
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return refuse(reporter, path, "can be written by others than root", "chmod go-w it");
    return true;
}

/* Opens what `path` names and `folder` holds as `name`, and checks it. Closes `folder`. */
static int step(int folder, const char *name, bool is_file, const char *path,
                const struct zh_reporter *reporter)
{
    const int fd = openat(folder, name, is_file ? OPEN_FILE : OPEN_FOLDER);
    const int code = errno;

    if (folder >= 0)
        close(folder);
    if (fd < 0) {
        refuse_open(reporter, path, code);
        return -1;
    }
    if (!check(fd, is_file, path, reporter)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Goes down `path`, which is absolute and ends with a name; cuts it after each name on the way. */
static int walk(char *path, const struct zh_reporter *reporter)
{
    int fd = step(-1, "/", false, "/", reporter);

    for (char *name = path + strspn(path, "/"); fd >= 0 && *name != '\0';) {
        char *end = name + strcspn(name, "/");
        const char mark = *end;
        *end = '\0';
        fd = step(fd, name, mark == '\0', path, reporter);
        *end = mark;
        name = end + strspn(end, "/");
    }
    return fd;
}

int zh_file_open(const char *path, const struct zh_reporter *reporter)
{
    char copy[PATH_MAX_LEN + 1] = "";
    const size_t len = strlen(path);

    if (path[0] != '/')
        refuse(reporter, path, "is not an absolute path", "begin it with /");
    else if (len > PATH_MAX_LEN)
        refuse(reporter, path, "is too long a path", "move the file");
    else if (path[len - 1] == '/')
        refuse(reporter, path, "is the path of a folder", "name a regular file");
    else
        return walk(memcpy(copy, path, len), reporter);
    return -1;
}

static bool read_all(int fd, struct zn_buf *ret)
{
    char chunk[CHUNK];
    struct stat info;
    ssize_t got = 0;

    if (fstat(fd, &info) != 0 || !zn_buf_reserve(ret, (size_t)info.st_size))
        return false;
    do {
        got = read(fd, chunk, sizeof(chunk));
        if (got > 0 && !zn_buf_append(ret, (struct zn_span){chunk, (size_t)got}))
            return false;
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0;
}

bool zh_file_read(const char *path, struct zn_buf *ret, const struct zh_reporter *reporter)
{
    const int fd = zh_file_open(path, reporter);

    zn_buf_clear(ret);
    if (fd < 0)
        return false;
    const bool complete = read_all(fd, ret);
    const enum zn_buf_state state = ret->state;
    close(fd);
    if (complete)
        return true;
    zn_buf_clear(ret);
    if (state == ZN_BUF_OVER_CAP)
        return refuse(reporter, path, "is too large", "see the limits in pam_zenml.conf(5)");
    if (state == ZN_BUF_NO_MEMORY)
        return refuse(reporter, path, "cannot be read: out of memory", "try again");
    return refuse(reporter, path, "cannot be read", "check the file system");
}
