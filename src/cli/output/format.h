/*
 * format - how the variables are written: one table row and one encoder a format.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_FORMAT_H
#define ZC_FORMAT_H

#include "core/status.h"
#include "mask.h"
#include "variables.h"

/* A way to write variables down. */
struct zc_writer {
    /* True when the value can stand there and reads the same again. */
    bool (*can_hold)(struct zn_span value);
    /* Appends all variables to `out`. False when the buffer refuses it. */
    bool (*encode)(const struct zc_variables *variables, struct zn_buf *out);
    /* Appends what undoes the variable `name`; NULL: that cannot be written there. */
    bool (*undo)(const char *name, struct zn_buf *out);
    bool is_shell;    /* read by a POSIX shell */
    bool is_artifact; /* people who may not see secrets can read it */
    size_t cap;       /* bytes that the reader takes; 0: no limit */
};

/* What --output does with its file. */
enum zc_output_rule {
    ZC_OUTPUT_REPLACES = 0,
    ZC_OUTPUT_APPENDS,
    ZC_OUTPUT_REFUSED /* what is written is commands for whoever reads the log */
};

struct zc_format {
    const char *name;
    const char *file_variable; /* names the file to append to; NULL: standard output */
    bool creates;              /* that file is made when it is missing */
    enum zc_output_rule output_rule;
    /* Appends the command that masks `text` in the log; NULL: the platform has none. */
    zc_mask_line *mask;
    struct zc_writer writer;
    struct zc_writer output_writer; /* for --output FILE, where that differs; else all zero */
    bool maps_secrets;              /* a later step sees a secret only when it maps it */
    const char *on_undo;            /* without writer.undo: what to do instead of clear */
};

/* True when the writer can undo the variable `name` without harm to the ZenML client. */
bool zc_writer_can_undo(const struct zc_writer *writer, const char *name);

/* The format named `name`. ZN_CONFIG: there is none; the error lists them. */
ZN_MUST_CHECK enum zn_status zc_format_find(const char *name, const struct zc_format **ret,
                                            struct zn_error *error);

/* True for a value of [A-Za-z0-9_./+=:@%,-] only: every reader takes that literally, unquoted. */
bool zc_value_is_portable(struct zn_span value);

/* True for a value without control characters: what a quoting format holds. */
bool zc_value_is_one_line(struct zn_span value);

/* Appends "NAME=value" lines. */
ZN_MUST_CHECK bool zc_encode_plain(const struct zc_variables *variables, struct zn_buf *out);

/* Appends "export NAME='value'" lines for a POSIX shell. */
ZN_MUST_CHECK bool zc_encode_shell(const struct zc_variables *variables, struct zn_buf *out);

/* Appends the line "unset NAME" for a POSIX shell. */
ZN_MUST_CHECK bool zc_undo_in_shell(const char *name, struct zn_buf *out);

/* A writer of shell lines that `eval` reads. */
#define ZC_SHELL_WRITER                                                                            \
    {                                                                                              \
        .can_hold = zc_value_is_one_line, .encode = zc_encode_shell, .undo = zc_undo_in_shell,     \
        .is_shell = true                                                                           \
    }

/* The rows. */
extern const struct zc_format zc_format_github;
extern const struct zc_format zc_format_gitlab;
extern const struct zc_format zc_format_azure;
extern const struct zc_format zc_format_circleci;
extern const struct zc_format zc_format_buildkite;
extern const struct zc_format zc_format_bitbucket;
extern const struct zc_format zc_format_jenkins;
extern const struct zc_format zc_format_shell;
extern const struct zc_format zc_format_dotenv;
extern const struct zc_format zc_format_docker;
extern const struct zc_format zc_format_compose;
extern const struct zc_format zc_format_kubernetes;
extern const struct zc_format zc_format_systemd;
extern const struct zc_format zc_format_properties;
extern const struct zc_format zc_format_json;

#endif
