/* SPDX-License-Identifier: Apache-2.0 */
/* weft/card.h: boards for listings. */
#include <string.h>

#include "compiler/api/estimator.h"

const char *weft_card_resource_title(int resource)
{
    return resource >= 0 && resource < WEFT_CARD_RESOURCES
               ? weft_card_resource_name((weft_card_resource)resource)
               : NULL;
}

void weft__slr_resources(int64_t out[WEFT_CARD_RESOURCES], const weft_board_slr *slr)
{
    const int64_t all[WEFT_CARD_RESOURCES] = {slr->lut, slr->ff, slr->dsp, slr->bram36, slr->uram};
    memcpy(out, all, sizeof all);
}

struct weft_boards {
    weft_arena *arena;
    WEFT_VEC(weft_board_info) list;
};

static const char *memory_text(weft_arena *arena, const weft_board *board)
{
    weft_text text;
    weft_text_init(&text, arena);
    for (int32_t i = 0; i < board->memory_count; i++) {
        const weft_board_memory *memory = &board->memories[i];
        int64_t mib = memory->bank_bytes >> 20;
        weft_text_printf(&text, "%s%d x %lld %s %s, %.0f GB/s", i == 0 ? "" : "; ",
                         (int)memory->banks, (long long)(mib >= 1024 ? mib / 1024 : mib),
                         mib >= 1024 ? "GB" : "MB", memory->tag,
                         memory->banks * memory->bank_gbytes);
    }
    return text.data;
}

static weft_status list_boards(weft_arena *arena, weft_diag *diag, weft_boards **out_boards)
{
    if (WEFT_ARENA_TRY(arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    weft_boards *boards = WEFT_NEW(arena, weft_boards);
    boards->arena = arena;
    for (size_t i = 0; weft_board_names[i] != NULL; i++) {
        const weft_board *board;
        weft_status status = weft_board_open(arena, weft_board_names[i], &board, diag);
        if (status != WEFT_OK)
            return status;
        weft_board_slr sum = {0};
        for (int32_t k = 0; k < board->slr_count; k++) {
            sum.lut += board->slrs[k].lut;
            sum.ff += board->slrs[k].ff;
            sum.dsp += board->slrs[k].dsp;
            sum.bram36 += board->slrs[k].bram36;
            sum.uram += board->slrs[k].uram;
        }
        weft_board_info info = {.name = board->name,
                                .title = board->title,
                                .part = board->part,
                                .slr_count = board->slr_count,
                                .memory = memory_text(arena, board),
                                .clock_mhz = board->clock_mhz,
                                .platform =
                                    board->platform_count > 0 ? board->platforms[0].name : NULL};
        weft__slr_resources(info.usable, &sum);
        WEFT_VEC_PUSH(arena, &boards->list, info);
    }
    *out_boards = boards;
    return WEFT_OK;
}

weft_status weft_boards_create(weft_diag *diag, weft_boards **out_boards)
{
    *out_boards = NULL;
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    weft_status status = list_boards(arena, diag, out_boards);
    if (status != WEFT_OK)
        weft_arena_destroy(arena);
    return status;
}

void weft_boards_destroy(weft_boards *boards)
{
    if (boards != NULL)
        weft_arena_destroy(boards->arena); /* the list lies in it */
}

size_t weft_boards_count(const weft_boards *boards)
{
    return boards->list.count;
}

void weft_boards_get(const weft_boards *boards, size_t index, weft_board_info *out_info)
{
    *out_info = index < boards->list.count ? boards->list.data[index] : (weft_board_info){0};
}
