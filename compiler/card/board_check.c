/* SPDX-License-Identifier: Apache-2.0 */
/* Rules between the figures of a board. Must not know about: JSON. */
#include <string.h>

#include "compiler/card/board_internal.h"

static void check_slrs(const weft_board *board, weft__board_fail fail, void *user)
{
    weft_board_slr sum = {0};
    for (int32_t i = 0; i < board->slr_count; i++) {
        sum.lut += board->slrs[i].lut;
        sum.ff += board->slrs[i].ff;
        sum.dsp += board->slrs[i].dsp;
        sum.bram36 += board->slrs[i].bram36;
        sum.uram += board->slrs[i].uram;
    }
    const weft_board_slr *all = &board->total;
    if (sum.lut > all->lut || sum.ff > all->ff || sum.dsp > all->dsp || sum.bram36 > all->bram36 ||
        sum.uram > all->uram)
        fail(user, "slrs", "together they have more than \"total\" says");
}

static void check_memories(const weft_board *board, weft__board_fail fail, void *user)
{
    for (int32_t i = 0; i < board->memory_count; i++) {
        const weft_board_memory *memory = &board->memories[i];
        for (int32_t k = 0; k < memory->banks; k++)
            if (memory->slr[k] >= board->slr_count) {
                fail(user, "memories", "\"slr\" names a region that \"slrs\" does not have");
                break;
            }
        for (int32_t k = 0; k < i; k++)
            if (strcmp(board->memories[k].tag, memory->tag) == 0)
                fail(user, "memories", "two have the same tag");
        if (memory->port_bits % 8 != 0)
            fail(user, "memories", "\"port_bits\" is not a number of bytes");
    }
}

static void check_platforms(const weft_board *board, weft__board_fail fail, void *user)
{
    for (int32_t i = 0; i < board->platform_count; i++) {
        const weft_board_platform *platform = &board->platforms[i];
        if (platform->first_tool != NULL && platform->last_tool != NULL &&
            strcmp(platform->first_tool, platform->last_tool) > 0)
            fail(user, "platforms", "\"first_tool\" is newer than \"last_tool\"");
        for (int32_t k = 0; k < i; k++)
            if (strcmp(board->platforms[k].name, platform->name) == 0)
                fail(user, "platforms", "two have the same name");
    }
    if ((board->platform_count == 0) != (board->why_no_platform != NULL))
        fail(user, "why_no_platform", "is there exactly when \"platforms\" is empty");
}

void weft__board_check(const weft_board *board, weft__board_fail fail, void *user)
{
    check_slrs(board, fail, user);
    check_memories(board, fail, user);
    check_platforms(board, fail, user);
}
