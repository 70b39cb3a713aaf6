/*
 * qr - a text as a QR code, for the camera of a phone.
 *
 * Layer 1. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_QR_H
#define ZN_CORE_QR_H

#include "text.h"

/*
 * How it is drawn.
 *
 * ZN_QR_COLOURED: half blocks, white on black by escape sequences, whatever the terminal's colours.
 * ZN_QR_BLOCKS: half blocks in the colours of the terminal. On a dark one it is white on black; on
 * a light one the colours are swapped, which the cameras of phones read as well.
 * ZN_QR_LETTERS: two "##" for white, for what knows no UTF-8. Twice as wide and as high.
 */
enum zn_qr_style { ZN_QR_COLOURED, ZN_QR_BLOCKS, ZN_QR_LETTERS };

/*
 * Draws `text` into `out` for a terminal of `columns` columns. Nothing is drawn, and the result is
 * false, when it is too wide, the text too long for a QR code, or memory short.
 */
ZN_MUST_CHECK bool zn_qr_draw(const char *text, size_t columns, enum zn_qr_style style,
                              struct zn_buf *out);

#endif
