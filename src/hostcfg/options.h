/*
 * options - the configuration of a host: one table of options, read into one struct.
 *
 * An option is set by the configuration file, by an argument on the PAM line, or by its default;
 * arguments win over the file. Options that could weaken a login stand on the PAM line only, where
 * they hold for one service.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZH_OPTIONS_H
#define ZH_OPTIONS_H

#include <stdint.h>

#include "report.h"

/* The largest configuration file, in bytes. */
#define ZH_CONFIG_MAX ((size_t)64 * 1024)

/* Sizes of texts in bytes, the NUL included. */
#define ZH_PATH_SIZE   256
#define ZH_URL_SIZE    512
#define ZH_LIST_SIZE   512
#define ZH_PROMPT_SIZE 81
#define ZH_UUID_SIZE   37

/* What stands in zh_config.match. */
enum zh_match { ZH_MATCH_NONE = 0, ZH_MATCH_NAME };

/* What stands in zh_config.account_type. */
enum zh_account_type { ZH_ACCOUNT_SERVICE = 0, ZH_ACCOUNT_USER, ZH_ACCOUNT_ANY };

/* What stands in zh_config.session_env. */
enum zh_session_env { ZH_SESSION_NONE = 0, ZH_SESSION_URL, ZH_SESSION_TOKEN };

/* What stands in zh_config.device_qr. */
enum zh_device_qr { ZH_QR_NONE = 0, ZH_QR_BLOCKS, ZH_QR_LETTERS };

/* What stands in zh_config.unavailable. */
enum zh_unavailable { ZH_UNAVAILABLE_DENY = 0, ZH_UNAVAILABLE_IGNORE };

/* Bits of zh_config.credential. */
enum zh_credential { ZH_API_KEY = 1, ZH_API_TOKEN = 2, ZH_DEVICE = 4 };

/*
 * All values, one member per option, named as the option. Fixed size, no ownership; texts are
 * NUL-terminated, and empty when not set. Lists are for zh_list_has (lists.h).
 */
struct zh_config {
    int account_type; /* enum zh_account_type */
    char allow_groups[ZH_LIST_SIZE];
    bool allow_root;
    char ca_file[ZH_PATH_SIZE];
    char config[ZH_PATH_SIZE];
    int credential; /* enum zh_credential, or-ed */
    bool debug;
    int device_qr;          /* enum zh_device_qr */
    int64_t device_timeout; /* seconds */
    char groups[ZH_LIST_SIZE];
    char map_file[ZH_PATH_SIZE];
    int match; /* enum zh_match */
    int64_t min_uid;
    char pin[ZH_LIST_SIZE]; /* as libcurl takes it */
    char prompt[ZH_PROMPT_SIZE];
    char pro_api_url[ZH_URL_SIZE];
    char proxy[ZH_URL_SIZE];
    bool require_admin;
    char server[ZH_URL_SIZE];
    char server_id[ZH_UUID_SIZE];
    char services[ZH_LIST_SIZE];
    int session_env;           /* enum zh_session_env */
    int64_t session_token_ttl; /* seconds */
    bool set_authtok;
    int64_t timeout; /* seconds */
    bool try_first_pass;
    int unavailable; /* enum zh_unavailable */
    bool use_first_pass;
    char users[ZH_LIST_SIZE];

    uint32_t in_arguments; /* bit N: arguments set row N of the table */
    uint32_t in_file;
};

/* Where an option may stand. */
enum zh_where { ZH_IN_FILE = 1, ZH_IN_ARGUMENTS = 2, ZH_ANYWHERE = 3 };

/* A row of the table. What has no comment is for the documentation too. */
struct zh_option {
    const char *name;
    const char *type;       /* what it takes, in words */
    const char *by_default; /* as it would be written; NULL: not set */
    enum zh_where where;
    const char *help; /* one line */

    size_t member; /* offset in struct zh_config */
    /* Stores `value` in the member. False, and nothing stored: not a value of the option. */
    bool (*read)(const struct zh_option *option, struct zn_span value, void *member);
    size_t size;   /* texts: bytes of the member */
    int64_t least; /* numbers */
    int64_t most;
};

/* The table, sorted by name. */
const struct zh_option *zh_options(size_t *ret_count);

/* Sets every option to its default. Comes before everything below. */
void zh_config_init(struct zh_config *config);

/*
 * Takes the arguments of the PAM line: "key=value", or "key" alone for "yes". False after reporting
 * all problems. Comes before zh_config_read; what arguments set is not set by the file.
 */
ZN_MUST_CHECK bool zh_config_take_arguments(struct zh_config *config, int argc, const char **argv,
                                            const struct zh_reporter *reporter);

/* Reads the file `path`, safely (see file.h). False after reporting all problems. */
ZN_MUST_CHECK bool zh_config_read(struct zh_config *config, const char *path,
                                  const struct zh_reporter *reporter);

/* The same for `text`, which is what the file `path` holds. */
ZN_MUST_CHECK bool zh_config_read_text(struct zh_config *config, struct zn_span text,
                                       const char *path, const struct zh_reporter *reporter);

/*
 * Checks that the values belong together: a server, a mapping, nothing that excludes another.
 * False after reporting all problems.
 */
ZN_MUST_CHECK bool zh_config_check(const struct zh_config *config,
                                   const struct zh_reporter *reporter);

#endif
