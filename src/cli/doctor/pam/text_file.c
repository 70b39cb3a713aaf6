/* SPDX-License-Identifier: Apache-2.0 */
#include "text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, struct zn_buf *ret)
{
    char chunk[4096];
    struct stat info;

    if (fstat(fd, &info) != 0)
        return errno;
    if (!S_ISREG(info.st_mode))
        return EINVAL;
    for (;;) {
        const ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return errno;
        if (got > 0 && !zn_buf_append(ret, (struct zn_span){chunk, (size_t)got}))
            return ret->state == ZN_BUF_OVER_CAP ? EFBIG : ENOMEM;
    }
}

int zc_text_file_read(const char *path, struct zn_buf *ret)
{
    zn_buf_init(ret, ZC_TEXT_FILE_MAX);
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return errno;
    const int problem = read_all(fd, ret);
    close(fd);
    return problem;
}
