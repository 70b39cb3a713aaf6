/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <string.h>

static const struct zc_format *const formats[] = {
    &zc_format_github,    &zc_format_gitlab,     &zc_format_azure,   &zc_format_circleci,
    &zc_format_buildkite, &zc_format_bitbucket,  &zc_format_jenkins, &zc_format_shell,
    &zc_format_dotenv,    &zc_format_docker,     &zc_format_compose, &zc_format_kubernetes,
    &zc_format_systemd,   &zc_format_properties, &zc_format_json,
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

enum zn_status zc_format_find(const char *name, const struct zc_format **ret,
                              struct zn_error *error)
{
    for (size_t i = 0; i < FORMATS; i++) {
        if (strcmp(name, formats[i]->name) == 0) {
            *ret = formats[i];
            return ZN_OK;
        }
    }
    zn_error_set(error, ZN_CONFIG, "--format takes", NULL);
    for (size_t i = 0; i < FORMATS; i++) {
        zn_error_add(error, i == 0 ? " " : ", ");
        zn_error_add(error, formats[i]->name);
    }
    return ZN_CONFIG;
}

bool zc_writer_can_undo(const struct zc_writer *writer, const char *name)
{
    return writer->undo != NULL && (writer->is_shell || zc_variable_may_be_empty(name));
}

bool zc_value_is_portable(struct zn_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        const char c = value.ptr[i];
        const bool alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alphanumeric && (c == '\0' || strchr("_./+=:@%,-", c) == NULL))
            return false;
    }
    return true;
}

bool zc_value_is_one_line(struct zn_span value)
{
    return zn_text_is_printable(value);
}

bool zc_encode_plain(const struct zc_variables *variables, struct zn_buf *out)
{
    bool ok = true;

    for (size_t i = 0; ok && i < variables->count; i++)
        ok = zn_buf_append_text(out, variables->list[i].name) && zn_buf_append_text(out, "=") &&
             zn_buf_append(out, variables->list[i].value) && zn_buf_append_text(out, "\n");
    return ok;
}
