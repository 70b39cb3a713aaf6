/*
 * lists - names separated by commas, blanks or both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZH_LISTS_H
#define ZH_LISTS_H

#include "core/text.h"

/* Takes the next name off `*rest`: false, when there is none. The name is empty between two
 * commas and at either end of the list beside a comma. */
ZN_MUST_CHECK bool zh_list_next(struct zn_span *rest, struct zn_span *ret_name);

/* True when one of the names of the list is `name`, byte for byte. */
bool zh_list_has(const char *list, struct zn_span name);

#endif
