/*
 * qr - a text as a QR code, for the camera of a phone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_QR_H
#define ZC_QR_H

#include "core/text.h"

/*
 * Draws `text` into `out` for a terminal of `columns` columns: in half blocks, white on black, when
 * `blocks` says that it shows those, otherwise in "##" for white. Nothing is drawn, and the result
 * is false, when it is too wide, the text too long for a QR code, or memory short.
 */
ZN_MUST_CHECK bool zc_qr_draw(const char *text, size_t columns, bool blocks, struct zn_buf *out);

#endif
