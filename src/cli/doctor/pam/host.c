/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/url.h"
#include "hostcfg/file.h"
#include "hostcfg/lists.h"
#include "hostcfg/map.h"

/* --- programs ------------------------------------------------------------------------------- */

void zc_host_check_module(const struct zc_pam_handler *handler, struct zc_findings *findings)
{
    struct zc_collector collector = {findings, handler->place};
    const struct zh_reporter reporter = zc_find_reporter(&collector);
    const char *module = zc_pam_module(handler);
    char path[1024];

    snprintf(path, sizeof(path), "%s%s", module[0] == '/' ? "" : ZC_PAM_MODULE_DIR "/", module);
    char *real = realpath(path, NULL); /* on most hosts, /lib is a link */
    if (real == NULL) {
        zc_find(findings, (struct zc_place){path, 0}, ZC_LEVEL_FAIL, "the module is not installed",
                "", "install libpam-zenml, or correct the path of the module");
        return;
    }
    const int fd = zh_file_open(real, &reporter);
    if (fd >= 0) {
        close(fd);
        zc_find(findings, (struct zc_place){real, 0}, ZC_LEVEL_OK, "the module is installed", "",
                NULL);
    }
    free(real);
}

void zc_host_check_helper(struct zc_findings *findings)
{
    const struct zc_place place = {ZP_HELPER_PATH, 0};
    struct zc_collector collector = {findings, place};
    const struct zh_reporter reporter = zc_find_reporter(&collector);
    const int fd = zh_file_open(ZP_HELPER_PATH, &reporter);
    struct stat info;

    if (fd < 0)
        return;
    if (fstat(fd, &info) != 0 || (info.st_mode & S_IXOTH) == 0)
        zc_find(findings, place, ZC_LEVEL_FAIL, "the helper may not be run by the user nobody", "",
                "chmod 0755 it");
    else
        zc_find(findings, place, ZC_LEVEL_OK, "the helper is installed", "", NULL);
    close(fd);
}

/* --- configuration -------------------------------------------------------------------------- */

static bool read_config(const struct zc_pam_handler *handler, const struct zh_reporter *reporter,
                        struct zh_config *ret)
{
    const char *arguments[ZC_PAM_WORDS_MAX];
    const char *argument = NULL;
    int count = 0;

    while ((argument = zc_pam_argument(handler, (size_t)count)) != NULL)
        arguments[count++] = argument;
    zh_config_init(ret);
    const bool good = zh_config_take_arguments(ret, count, arguments, reporter);
    return zh_config_read(ret, ret->config, reporter) && good && zh_config_check(ret, reporter);
}

static bool check_map(const struct zh_config *config, const struct zh_reporter *reporter)
{
    const struct zn_span nobody = ZN_SPAN("");

    return config->map_file[0] == '\0' ||
           zh_map_find(config->map_file, nobody, nobody, nobody, reporter) != ZH_MAP_UNUSABLE;
}

/* The helper reads the file after it has become the user nobody. */
static bool check_ca_file(const struct zh_config *config, struct zc_findings *findings)
{
    const struct zc_place place = {config->ca_file, 0};
    struct stat info;

    if (config->ca_file[0] == '\0')
        return true;
    if (stat(config->ca_file, &info) != 0)
        zc_find(findings, place, ZC_LEVEL_FAIL, "ca_file cannot be read", "",
                "create it, or correct ca_file");
    else if ((info.st_mode & S_IROTH) == 0)
        zc_find(findings, place, ZC_LEVEL_FAIL, "ca_file cannot be read by the user nobody", "",
                "chmod 0644 it");
    else
        return true;
    return false;
}

static bool check_server(const struct zh_config *config, struct zc_findings *findings)
{
    struct zn_error error = {.status = ZN_CONFIG};
    struct zn_url url;

    if (zn_url_parse(zn_span_of(config->server), false, &url, &error) == ZN_OK)
        return true;
    zc_find_error(findings, (struct zc_place){config->config, 0}, ZC_LEVEL_FAIL, &error);
    return false;
}

bool zc_host_check_config(const struct zc_pam_handler *handler, const char *service,
                          struct zc_findings *findings, struct zh_config *ret)
{
    struct zc_collector collector = {findings, handler->place};
    const struct zh_reporter reporter = zc_find_reporter(&collector);
    bool good = read_config(handler, &reporter, ret);

    if (ret->services[0] != '\0' && !zh_list_has(ret->services, zn_span_of(service)))
        zc_find(findings, handler->place, ZC_LEVEL_WARN,
                "services does not name this one, so that the line does nothing: ", service,
                "add it to services=");
    if (!good)
        return false;
    good = check_map(ret, &reporter);
    good = check_ca_file(ret, findings) && good;
    good = check_server(ret, findings) && good;
    if (good)
        zc_find(findings, (struct zc_place){ret->config, 0}, ZC_LEVEL_OK,
                "the configuration is complete", "", NULL);
    return good;
}
