/*
 * Configuration: any text is taken as the file, and its lines as the arguments of a PAM line. What
 * is taken is in range and stands where it may; what is not is reported, without repeating secrets.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hostcfg/lines.h"
#include "hostcfg/options.h"

#define ARGUMENTS_MAX 32

/* Counts the problems that are reported, and checks how they are told. */
static void count_problem(void *ctx, const char *line)
{
    size_t *problems = ctx;

    (*problems)++;
    REQUIRE(strncmp(line, "config: ", 8) == 0 && strlen(line) < 1024);
    REQUIRE(fuzz_is_safe(line) && strstr(line, "; ") != NULL);
    REQUIRE(!fuzz_shows_credential(line));
}

static void require_text(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);

    REQUIRE(end != NULL && zn_text_is_printable((struct zn_span){text, (size_t)(end - text)}));
}

/* Whatever was read: every member holds what options.h says. */
static void check_ranges(const struct zh_config *config)
{
    size_t count = 0;
    const struct zh_option *options = zh_options(&count);

    for (size_t i = 0; i < count; i++)
        if (options[i].size > 0)
            require_text((const char *)config + options[i].member, options[i].size);
    REQUIRE(config->account_type >= ZH_ACCOUNT_SERVICE && config->account_type <= ZH_ACCOUNT_ANY);
    REQUIRE(config->credential >= ZH_API_KEY && config->credential <= (ZH_API_KEY | ZH_API_TOKEN));
    REQUIRE(config->match >= ZH_MATCH_NONE && config->match <= ZH_MATCH_NAME);
    REQUIRE(config->session_env >= ZH_SESSION_NONE && config->session_env <= ZH_SESSION_TOKEN);
    REQUIRE(config->unavailable == ZH_UNAVAILABLE_DENY ||
            config->unavailable == ZH_UNAVAILABLE_IGNORE);
    REQUIRE(config->timeout >= 1 && config->timeout <= 120);
    REQUIRE(config->session_token_ttl >= 60 && config->session_token_ttl <= 7 * 24 * 3600);
    REQUIRE(config->min_uid >= 0 && config->min_uid < UINT32_MAX);
    REQUIRE(config->config[0] == '/' && config->prompt[0] != '\0');
    REQUIRE(config->ca_file[0] == '\0' || config->ca_file[0] == '/');
    REQUIRE(config->map_file[0] == '\0' || config->map_file[0] == '/');
    REQUIRE(config->server_id[0] == '\0' || zn_text_is_uuid(zn_span_of(config->server_id)));
    REQUIRE(config->pin[0] == '\0' || strncmp(config->pin, "sha256//", 8) == 0);
    REQUIRE(config->proxy[0] == '\0' || strncmp(config->proxy, "http", 4) == 0);
    REQUIRE(config->server[0] == '\0' || strncmp(config->server, "http", 4) == 0);
}

/* What may weaken a login stands on the PAM line only. */
static void require_arguments_untouched(const struct zh_config *read,
                                        const struct zh_config *before)
{
    size_t count = 0;
    const struct zh_option *options = zh_options(&count);

    for (size_t i = 0; i < count; i++)
        REQUIRE((read->in_file & (uint32_t)1 << i) == 0 || (options[i].where & ZH_IN_FILE) != 0);
    REQUIRE(read->unavailable == before->unavailable && read->min_uid == before->min_uid);
    REQUIRE(read->use_first_pass == before->use_first_pass);
    REQUIRE(read->try_first_pass == before->try_first_pass);
    REQUIRE(read->set_authtok == before->set_authtok);
    REQUIRE(strcmp(read->users, before->users) == 0 && strcmp(read->groups, before->groups) == 0);
    REQUIRE(strcmp(read->services, before->services) == 0);
    REQUIRE(strcmp(read->config, before->config) == 0);
}

/* True when no editor would save a configuration like this. */
static bool is_strange(struct zn_span text)
{
    bool strange = zn_span_starts_with(text, ZN_SPAN("\xef\xbb\xbf"));

    while (text.len > 0) {
        const struct zn_span line = zn_span_cut(&text, '\n');
        strange = strange || line.len > ZH_LINE_MAX + 1 ||
                  (line.len > 0 &&
                   (memchr(line.ptr, '\0', line.len) != NULL || line.ptr[line.len - 1] == '\r'));
    }
    return strange;
}

/* A configuration without problems has each key once, and a value for it. */
static void check_rules(struct zn_span text)
{
    struct zn_span key, value, other, unused;

    while (fuzz_next_rule(&text, &key, &value)) {
        struct zn_span below = text;
        REQUIRE(key.len > 0 && value.len > 0);
        while (fuzz_next_rule(&below, &other, &unused))
            REQUIRE(!zn_span_equal(key, other));
    }
}

/* Reads the text as the file, into what arguments have set. */
static void read_file(struct zn_span text, const struct zh_config *arguments)
{
    size_t problems = 0;
    const struct zh_reporter reporter = {&problems, count_problem};
    size_t count = 0;
    const struct zh_option *options = zh_options(&count);
    struct zh_config config = *arguments;

    const bool good = zh_config_read_text(&config, text, "/etc/security/a.conf", &reporter);
    REQUIRE(good == (problems == 0) && problems <= ZH_PROBLEMS_MAX + 1);
    REQUIRE(!good || !is_strange(text));
    if (good)
        check_rules(text);
    check_ranges(&config);
    require_arguments_untouched(&config, arguments);
    for (size_t i = 0; i < count; i++)
        if ((arguments->in_arguments & (uint32_t)1 << i) != 0 && options[i].size > 0)
            REQUIRE(strcmp((const char *)&config + options[i].member,
                           (const char *)arguments + options[i].member) == 0);

    problems = 0;
    const bool whole = zh_config_check(&config, &reporter);
    REQUIRE(whole == (problems == 0));
    REQUIRE(!whole || (config.server[0] != '\0' &&
                       (config.match == ZH_MATCH_NAME || config.map_file[0] != '\0')));
}

/* Takes the lines of the text as arguments. */
static void take_arguments(struct zn_span text, struct zh_config *config)
{
    size_t problems = 0;
    const struct zh_reporter reporter = {&problems, count_problem};
    char *copies[ARGUMENTS_MAX];
    const char *arguments[ARGUMENTS_MAX];
    int count = 0;

    for (; text.len > 0 && count < ARGUMENTS_MAX; count++)
        arguments[count] = copies[count] = fuzz_string(zn_span_cut(&text, '\n'));
    const bool good = zh_config_take_arguments(config, count, arguments, &reporter);
    REQUIRE(good == (problems == 0) && problems <= (size_t)count);
    check_ranges(config);
    while (count > 0)
        free(copies[--count]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zh_config config;

    zh_config_init(&config);
    read_file(fuzz_span(data, size), &config);
    take_arguments(fuzz_span(data, size), &config);
    read_file(fuzz_span(data, size), &config);
    return 0;
}
