/* SPDX-License-Identifier: Apache-2.0 */
/* The card's name and memories. Must not know about: files, XRT. */
#include <stdlib.h>
#include <string.h>

#include "hls/softcard/softcard_internal.h"

/* Of banks whose board weft does not know: those of HBM are the smallest that a card has, so that
 * what fits here fits there; the others are one DIMM of 16 GiB. */
static const uint64_t HBM_BYTES = UINT64_C(256) << 20, DIMM_BYTES = UINT64_C(16) << 30;

static void add_bank(softcard_card *card, const char *tag, uint64_t size_bytes)
{
    weft_xclbin_memory *memory = &card->memories[card->memory_count++];
    const weft_xclbin_memory *last = card->memory_count > 1 ? memory - 1 : NULL;
    memory->tag = tag;
    memory->size_bytes = size_bytes;
    memory->base = last == NULL ? 0 : last->base + last->size_bytes;
}

static bool has_bank(const softcard_card *card, const char *tag)
{
    for (size_t i = 0; i < card->memory_count; i++)
        if (strcmp(card->memories[i].tag, tag) == 0)
            return true;
    return false;
}

static const char *platform_of(weft_arena *arena, const char *platform, const char *board)
{
    if (platform != NULL)
        return platform;
    return weft_arena_printf(arena, "weft_%s_softcard_1_0", board == NULL ? "any" : board);
}

void weft__softcard_of_board(weft_arena *arena, const weft_board *board, softcard_card *out)
{
    size_t count = 0;
    for (int32_t i = 0; i < board->memory_count; i++)
        count += (size_t)board->memories[i].banks;
    *out = (softcard_card){
        .platform = platform_of(arena, board->platform_count > 0 ? board->platforms[0].name : NULL,
                                board->name),
        .memories = WEFT_NEW_ARRAY(arena, weft_xclbin_memory, count)};
    for (int32_t i = 0; i < board->memory_count; i++)
        for (int32_t k = 0; k < board->memories[i].banks; k++)
            add_bank(out, weft_arena_printf(arena, "%s[%d]", board->memories[i].tag, (int)k),
                     (uint64_t)board->memories[i].bank_bytes / 1024 * 1024);
}

/* The banks that the plan names, in its order. */
static void add_planned(const weft_card *card, softcard_card *out)
{
    for (size_t i = 0; i < card->unit_count; i++)
        for (int port = 0; port < WEFT_CARD_PORTS; port++) {
            const char *tag = card->units[i].banks[port];
            if (!has_bank(out, tag))
                add_bank(out, tag, strncmp(tag, "HBM", 3) == 0 ? HBM_BYTES : DIMM_BYTES);
        }
}

void weft__softcard_of_package(weft_arena *arena, const weft_card *card, softcard_card *out)
{
    const weft_board *board = NULL;
    bool is_name = card->board != NULL && strchr(card->board, '/') == NULL;
    for (size_t i = 0; is_name && weft_board_names[i] != NULL; i++)
        if (strcmp(weft_board_names[i], card->board) == 0 &&
            weft_board_open(arena, card->board, &board, NULL) != WEFT_OK)
            board = NULL;
    if (board != NULL) {
        weft__softcard_of_board(arena, board, out);
        out->platform = platform_of(arena, card->platform, card->board);
        return;
    }
    *out = (softcard_card){.platform = platform_of(arena, card->platform, card->board),
                           .memories = WEFT_NEW_ARRAY(arena, weft_xclbin_memory,
                                                      card->unit_count * WEFT_CARD_PORTS + 1)};
    add_planned(card, out);
    if (out->memory_count == 0)
        add_bank(out, "DDR[0]", DIMM_BYTES);
}
