/* SPDX-License-Identifier: Apache-2.0 */
#include "lists.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct zn_span trim_start(struct zn_span text)
{
    for (; text.len > 0 && is_blank(text.ptr[0]); text.ptr++)
        text.len--;
    return text;
}

bool zh_list_next(struct zn_span *rest, struct zn_span *ret_name)
{
    if (rest->ptr == NULL)
        return false;

    struct zn_span name = trim_start(*rest);
    size_t len = 0;
    while (len < name.len && name.ptr[len] != ',' && !is_blank(name.ptr[len]))
        len++;
    *rest = trim_start((struct zn_span){name.ptr + len, name.len - len});
    *ret_name = (struct zn_span){name.ptr, len};
    if (rest->len == 0)
        *rest = (struct zn_span){NULL, 0};
    else if (rest->ptr[0] == ',') /* then another name has to follow */
        *rest = (struct zn_span){rest->ptr + 1, rest->len - 1};
    return true;
}

bool zh_list_has(const char *list, struct zn_span name)
{
    struct zn_span rest = zn_span_of(list);
    struct zn_span listed;

    while (zh_list_next(&rest, &listed))
        if (listed.len > 0 && zn_span_equal(listed, name))
            return true;
    return false;
}
