/*
 * text_file - reading the files of other programs, which anybody may have written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_TEXT_FILE_H
#define ZC_DOCTOR_TEXT_FILE_H

#include "core/text.h"

#define ZC_TEXT_FILE_MAX ((size_t)256 * 1024)

/*
 * Reads the regular file `path` into `ret`; the caller clears it in any case. Never waits, not
 * even for a FIFO. Returns 0, or an errno: EFBIG for more than ZC_TEXT_FILE_MAX bytes, EINVAL for
 * what is not a regular file.
 */
ZN_MUST_CHECK int zc_text_file_read(const char *path, struct zn_buf *ret);

#endif
