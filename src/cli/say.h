/*
 * say - what people read on standard error. Never a secret.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_SAY_H
#define ZC_SAY_H

#include "core/login.h"

/* Prints the cause and, when there is one, the next step. Returns the exit code of the error. */
int zc_say_error(const struct zn_error *error);

/* Prints one line of our own words: "zenml-login: warning: ...". */
void zc_say_warning(const char *text);

/* From now on neither notes nor what was done are printed. Errors and warnings are. */
void zc_say_quietly(void);

/* Prints one line: "zenml-login: note: ...". Texts of a server in it have been made safe. */
void zc_say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints one line about what has been done: "zenml-login: ...". As zc_say_note. */
void zc_say_done(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints one request that was made. Has the type of zn_session.trace; `ctx` is not used. */
void zc_say_trace(void *ctx, const struct zn_trace *trace);

/* Writes `time_s` (seconds since 1970) as "2026-11-20T22:42:57Z" into `dst`, 21 bytes. */
void zc_format_time(int64_t time_s, char dst[21]);

#endif
