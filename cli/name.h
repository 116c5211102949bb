/* SPDX-License-Identifier: Apache-2.0 */
/* Names that come from files, as they may stand in a line of text. Must not know about: what they
 * name. */
#ifndef WEFT_CLI_NAME_H
#define WEFT_CLI_NAME_H

#include <stdbool.h>

enum { WEFT_CLI_NAME_TEXT = 512 };

/* Writes name into a buffer of the size above and returns it: what weft_cli_escape makes of it, cut
 * with "..." when it is longer. */
char *weft_cli_format_name(const char *name, char *buffer);

/* The text with everything that could move a cursor, colour a terminal or turn the direction of
 * writing as \x1b, byte by byte; so are bytes that are not UTF-8. Other characters stay. With
 * keeps_lines, so do line ends. Release with free. */
char *weft_cli_escape(const char *text, bool keeps_lines);

#endif
