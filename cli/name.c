/* SPDX-License-Identifier: Apache-2.0 */
/* Names that come from files, as they may stand in a line of text; see name.h. Must not know about:
 * terminals, JSON. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/name.h"

enum { ESCAPE_TEXT = 4 /* "\x1b" */ };

/* Bytes of the UTF-8 character at text and its number; 0 when it is broken. The final NUL ends
 * every read in time. */
static size_t decode(const char *text, uint32_t *out_character)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t smallest;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    const unsigned char *byte = (const unsigned char *)text;
    for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
        if ((byte[0] & forms[form].mask) != forms[form].lead)
            continue;
        uint32_t character = byte[0] & (uint32_t)(unsigned char)~forms[form].mask;
        for (size_t i = 1; i <= form; i++) {
            if ((byte[i] & 0xc0) != 0x80)
                return 0;
            character = character << 6 | (byte[i] & 0x3f);
        }
        bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
        *out_character = character;
        return character < forms[form].smallest || character > 0x10ffff || is_surrogate ? 0
                                                                                        : form + 1;
    }
    return 0;
}

static bool is_shown(uint32_t character)
{
    bool is_control = character < 0x20 || (character >= 0x7f && character <= 0x9f);
    bool is_line_end = character == 0x2028 || character == 0x2029;
    bool is_direction = character == 0x200e || character == 0x200f ||
                        (character >= 0x202a && character <= 0x202e) ||
                        (character >= 0x2066 && character <= 0x2069);
    return !is_control && !is_line_end && !is_direction;
}

char *weft_cli_escape(const char *text, bool keeps_lines)
{
    char *escaped = weft_cli_alloc(strlen(text) * ESCAPE_TEXT + 1), *at = escaped;
    while (*text != '\0') {
        uint32_t character = 0;
        size_t length = decode(text, &character);
        bool stays = length > 0 && (is_shown(character) || (keeps_lines && character == '\n'));
        for (size_t left = length == 0 ? 1 : length; left > 0; left--, text++) {
            if (stays)
                *at++ = *text;
            else
                at += snprintf(at, ESCAPE_TEXT + 1, "\\x%02x", (unsigned)(unsigned char)*text);
        }
    }
    *at = '\0';
    return escaped;
}

char *weft_cli_format_name(const char *name, char *buffer)
{
    static const char cut_mark[] = "...";
    char *escaped = weft_cli_escape(name, false);
    size_t length = strlen(escaped);
    if (length >= WEFT_CLI_NAME_TEXT) {
        length = WEFT_CLI_NAME_TEXT - sizeof cut_mark;
        while ((escaped[length] & 0xc0) == 0x80) /* not in the middle of a character */
            length--;
        memcpy(escaped + length, cut_mark, sizeof cut_mark);
    }
    snprintf(buffer, WEFT_CLI_NAME_TEXT, "%s", escaped);
    free(escaped);
    return buffer;
}
