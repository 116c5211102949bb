/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that read boards, and by their fuzzer. */
#ifndef WEFT_CARD_BOARD_INTERNAL_H
#define WEFT_CARD_BOARD_INTERNAL_H

#include "compiler/card/board.h"

/* Reads and checks the JSON of a board; `where` names it in messages. */
weft_status weft__board_read(weft_arena *arena, const char *where, const char *text, size_t bytes,
                             const weft_board **out_board, weft_diag *diag);
/* Rules between the figures of a board that was read; what is broken goes to `fail`, place and rule
 * as text. */
typedef void (*weft__board_fail)(void *user, const char *place, const char *rule);
void weft__board_check(const weft_board *board, weft__board_fail fail, void *user);

#endif
