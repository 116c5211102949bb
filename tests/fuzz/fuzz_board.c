/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of boards: any bytes end in a board whose figures obey its rules, or in errors.
 * Must not know about: plans. */
#include <stdlib.h>

#include "compiler/card/board_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void broken(void *user, const char *place, const char *rule)
{
    (void)user, (void)place, (void)rule;
    abort();
}

static void run(weft_arena *arena, const uint8_t *data, size_t size_bytes, weft_diag *diag)
{
    const weft_board *board;
    weft_status status =
        weft__board_read(arena, "fuzz", (const char *)data, size_bytes, &board, diag);
    if ((status == WEFT_OK) != (board != NULL) ||
        (status == WEFT_OK) != (weft_diag_error_count(diag) == 0))
        abort();
    if (board == NULL)
        return;
    weft__board_check(board, broken, NULL);
    for (int32_t i = 0; i < board->memory_count; i++)
        for (int32_t k = 0; k < board->memories[i].banks; k++)
            if (board->memories[i].slr[k] < 0 || board->memories[i].slr[k] >= board->slr_count)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    weft_arena *arena = weft_arena_create();
    weft_diag *diag;
    if (!arena || weft_diag_create(&diag) != WEFT_OK)
        return 0;
    if (!WEFT_ARENA_TRY(arena))
        run(arena, data, size_bytes, diag);
    weft_diag_destroy(diag);
    weft_arena_destroy(arena);
    return 0;
}
