/*
 * token_file - where the token of a person stays between `login` and the other commands: one file a
 * server below $XDG_CONFIG_HOME/zenml-login (or ~/.config), readable by its owner alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_TOKEN_FILE_H
#define ZC_TOKEN_FILE_H

#include "core/secret.h"
#include "core/status.h"
#include "core/url.h"

/* What is in the file. All zero, ended by zc_stored_token_clear. */
struct zc_stored_token {
    struct zn_secret token;
    char device_id[37]; /* UUID; "": not known */
};

/* Wipes and frees it. */
void zc_stored_token_clear(struct zc_stored_token *stored);

/*
 * Reads the token for `server`. ZN_MISSING: there is none. ZN_CONFIG: the file or its folder
 * belongs to somebody else, or others may read or write it, or it is no such file. When others may
 * no more than read or write the file, `ret` holds the token all the same: for being ended.
 */
ZN_MUST_CHECK enum zn_status zc_token_file_read(const struct zn_url *server,
                                                struct zc_stored_token *ret,
                                                struct zn_error *error);

/*
 * Finds out, before anything is sent, whether a token can be stored: makes the folder, mode 0700.
 * ZN_CANNOT_WRITE, or ZN_CONFIG: there is no home folder, or it is not safe.
 */
ZN_MUST_CHECK enum zn_status zc_token_file_check(const struct zn_url *server,
                                                 struct zn_error *error);

/* Writes the file as a whole, mode 0600. ZN_CANNOT_WRITE: an earlier one is as it was. */
ZN_MUST_CHECK enum zn_status zc_token_file_write(const struct zn_url *server,
                                                 const struct zc_stored_token *stored,
                                                 struct zn_error *error);

/* Removes the file. ZN_OK also when there is none. */
ZN_MUST_CHECK enum zn_status zc_token_file_remove(const struct zn_url *server,
                                                  struct zn_error *error);

#endif
