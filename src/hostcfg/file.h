/*
 * file - reading files that decide who may log in: only such as root alone can have written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZH_FILE_H
#define ZH_FILE_H

#include "report.h"

/*
 * Opens `path` for reading. It has to be an absolute path to a regular file; the file and every
 * folder above it have to belong to root and be writable for root alone, and none of them may be
 * a symbolic link. Each is opened relative to the one before, so that what was checked is what is
 * opened. Never waits, not even for a FIFO. Returns a descriptor (close on exec), or -1 after
 * reporting what is wrong.
 */
ZN_MUST_CHECK int zh_file_open(const char *path, const struct zh_reporter *reporter);

/*
 * Reads all of such a file into `ret`, whose cap bounds it: a longer file is refused, not cut.
 * False after reporting what is wrong; `ret` is empty then. The caller clears it in any case.
 */
ZN_MUST_CHECK bool zh_file_read(const char *path, struct zn_buf *ret,
                                const struct zh_reporter *reporter);

#endif
