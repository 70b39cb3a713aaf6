/*
 * map - which local users a ZenML account may log in as, by the lines of a file.
 *
 * A line is "account = user[, user...]". An account in the form of a UUID is compared with the id
 * of the account only, without case; any other with its name only, byte for byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZH_MAP_H
#define ZH_MAP_H

#include "report.h"

/* The largest map file, in bytes. */
#define ZH_MAP_MAX ((size_t)4 * 1024 * 1024)

/* May the account log in as the user? The zero value is no. */
enum zh_map_answer { ZH_MAP_NO = 0, ZH_MAP_YES, ZH_MAP_UNUSABLE };

/*
 * Looks the account up in the file `path`: yes, when the line of its id or the line of its name
 * lists `local_user`. Unusable, and every problem reported, when the file is unsafe (see file.h)
 * or any line of it is wrong: a bad line, a bad user name, an account with two lines.
 */
ZN_MUST_CHECK enum zh_map_answer zh_map_find(const char *path, struct zn_span account_id,
                                             struct zn_span account_name, struct zn_span local_user,
                                             const struct zh_reporter *reporter);

/* The same in `text`, which is what the file `path` holds. */
ZN_MUST_CHECK enum zh_map_answer zh_map_find_in(struct zn_span text, const char *path,
                                                struct zn_span account_id,
                                                struct zn_span account_name,
                                                struct zn_span local_user,
                                                const struct zh_reporter *reporter);

#endif
