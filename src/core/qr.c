/* SPDX-License-Identifier: Apache-2.0 */
#include "qr.h"

#include <qrencode.h>

#define MARGIN 2 /* modules; half of what ISO/IEC 18004 asks for, and enough for cameras */

/* White on black, whatever the colours of the terminal are: cameras want it that way round. */
#define BEGIN_LINE "\033[37;40m"
#define END_LINE   "\033[0m\n"

/* The margin is white, and so is what lies beyond. */
static bool is_white(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return true;
    return (code->data[y * code->width + x] & 1) == 0;
}

static bool draw_blocks(const QRcode *code, bool coloured, struct zn_buf *out)
{
    static const char *const blocks[2][2] = {{" ", "▄"}, {"▀", "█"}};
    bool ok = true;

    for (int y = -MARGIN; ok && y < code->width + MARGIN; y += 2) {
        ok = zn_buf_append_text(out, coloured ? BEGIN_LINE : "");
        for (int x = -MARGIN; ok && x < code->width + MARGIN; x++)
            ok = zn_buf_append_text(out, blocks[is_white(code, x, y)][is_white(code, x, y + 1)]);
        ok = ok && zn_buf_append_text(out, coloured ? END_LINE : "\n");
    }
    return ok;
}

static bool draw_letters(const QRcode *code, struct zn_buf *out)
{
    bool ok = true;

    for (int y = -MARGIN; ok && y < code->width + MARGIN; y++) {
        for (int x = -MARGIN; ok && x < code->width + MARGIN; x++)
            ok = zn_buf_append_text(out, is_white(code, x, y) ? "##" : "  ");
        ok = ok && zn_buf_append_text(out, "\n");
    }
    return ok;
}

bool zn_qr_draw(const char *text, size_t columns, enum zn_qr_style style, struct zn_buf *out)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (code == NULL)
        return false;
    const size_t modules = (size_t)code->width + (size_t)2 * MARGIN;
    const bool fits = columns >= (style == ZN_QR_LETTERS ? 2 * modules : modules);
    const bool drawn =
        fits && (style == ZN_QR_LETTERS ? draw_letters(code, out)
                                        : draw_blocks(code, style == ZN_QR_COLOURED, out));
    QRcode_free(code);
    return drawn;
}
