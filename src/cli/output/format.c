/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <stdlib.h>
#include <string.h>

/* In the order in which a platform is looked for. */
static const struct zc_format *const formats[] = {
    &zc_format_github, &zc_format_gitlab, &zc_format_shell, &zc_format_dotenv, &zc_format_json,
};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static bool is_here(const struct zc_format *format)
{
    const char *value = format->detect_variable == NULL ? NULL : getenv(format->detect_variable);
    return value != NULL && strcmp(value, format->detect_value) == 0;
}

enum zn_status zc_format_find(const char *name, const struct zc_format **ret,
                              struct zn_error *error)
{
    for (size_t i = 0; i < FORMATS; i++) {
        if (name == NULL ? is_here(formats[i]) : strcmp(name, formats[i]->name) == 0) {
            *ret = formats[i];
            return ZN_OK;
        }
    }
    if (name == NULL)
        return zn_error_set(error, ZN_UNSUPPORTED, "no CI platform is to be seen here",
                            "give --format, or use \"zenml-login exec\"");
    zn_error_set(error, ZN_CONFIG, "--format takes", NULL);
    for (size_t i = 0; i < FORMATS; i++) {
        zn_error_add(error, i == 0 ? " " : ", ");
        zn_error_add(error, formats[i]->name);
    }
    return ZN_CONFIG;
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
