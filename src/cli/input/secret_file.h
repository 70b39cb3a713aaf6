/*
 * secret_file - reading a credential from a file or from standard input.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_SECRET_FILE_H
#define ZC_SECRET_FILE_H

#include <stdint.h>

#include "core/secret.h"
#include "core/status.h"

/*
 * Reads all of `path` ("-": standard input) into `*ret`, without one newline at its end. Symbolic
 * links are followed, since container runtimes mount secrets as such. A pipe is waited for, up to
 * `timeout_ms`, so that "<(command)" works and a FIFO nobody writes to does not hang.
 *
 * ZN_MISSING: no such file. ZN_CONFIG: a folder, a terminal, or unreadable. ZN_MALFORMED: more
 * than ZN_SECRET_MAX bytes. An empty file is ZN_OK and an empty secret.
 */
ZN_MUST_CHECK enum zn_status zc_secret_file_read(const char *path, int64_t timeout_ms,
                                                 struct zn_secret *ret, struct zn_error *error);

/* `text` without one LF or CR LF at its end. */
struct zn_span zc_trim_newline(struct zn_span text);

#endif
