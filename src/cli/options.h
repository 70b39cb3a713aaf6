/*
 * options - the command line: one table of options, read into one struct.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_OPTIONS_H
#define ZC_OPTIONS_H

#include <stdint.h>

#include "core/status.h"

enum zc_verb {
    ZC_NO_VERB = 0,
    ZC_ENV = 1,
    ZC_EXEC = 2,
    ZC_WHOAMI = 4,
    ZC_DOCTOR = 8,
    ZC_CLEAR = 16,
    ZC_LOGIN = 32
};

/* What env and exec hand on. */
enum zc_hand_on { ZC_HAND_ON_DEFAULT = 0, ZC_HAND_ON_TOKEN, ZC_HAND_ON_KEY };

/* The command line. Texts are borrowed from argv; NULL: not given. */
struct zc_options {
    enum zc_verb verb;
    const char *server;
    const char *api_key_file;
    const char *ca_file;
    bool ca_add;
    const char *pin;
    bool allow_http;
    int64_t timeout_ms;
    const char *expect_user;
    const char *expect_server_id;
    bool verbose;
    bool quiet;
    bool help;
    bool version;
    enum zc_hand_on hand_on;
    int64_t expires_in_s; /* 0: not given */
    const char *project;
    bool allow_disk_cache;
    const char *format;
    const char *output;
    bool allow_secret_artifact;
    bool skip_if_missing;
    bool github_step;
    bool json;
    int64_t min_ttl_s; /* 0: not given */
    bool trusted;
    bool logout;
    bool try_login;
    const char *user;
    char **words;   /* doctor: NULL-terminated, the words that are no options */
    char **command; /* exec: NULL-terminated, the words after "--" */
};

/*
 * Reads the command line, and moves words that are no options to the front of argv. ZN_CONFIG:
 * unknown or repeated option, missing or bad value, missing command; the error names it, and `*ret`
 * holds what had been read until then. `--help` and `--version` win over everything behind them.
 */
ZN_MUST_CHECK enum zn_status zc_options_parse(int argc, char **argv, struct zc_options *ret,
                                              struct zn_error *error);

/* Prints the help of a verb, or of the program for ZC_NO_VERB, to standard output. */
void zc_options_help(enum zc_verb verb);

#endif
