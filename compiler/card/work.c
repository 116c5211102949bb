/* SPDX-License-Identifier: Apache-2.0 */
/* What a network asks of any engine: its descriptors, those whose cycles are equal on every engine
 * once. A deep network repeats a few blocks, and hundreds of engines are compared for it. Must not
 * know about: boards, engines' parameters. */
#include <string.h>

#include "compiler/base/text.h"
#include "compiler/card/plan.h"
#include "compiler/package/engine_params.h"

typedef WEFT_VEC(weft_card_item *) items;

static void add_descriptor(weft_arena *arena, weft_map *known, items *all,
                           const weft_descriptor *descriptor)
{
    uint32_t words[WEFT_D_WORDS];
    weft_card_descriptor_words(descriptor, words);
    const char *key = weft_card_descriptor_key(arena, words);
    weft_card_item *item = weft_map_get(known, key);
    if (item == NULL) {
        item = WEFT_NEW(arena, weft_card_item);
        memcpy(item->words, words, sizeof words);
        weft_map_put(known, key, item);
        WEFT_VEC_PUSH(arena, all, item);
    }
    item->times++;
}

void weft_card_work_of(weft_arena *arena, const weft_schedule *schedule, weft_card_work *out_work)
{
    weft_map known;
    items all = {0};
    bool was_engine = false;
    weft_map_init(&known, arena);
    *out_work = (weft_card_work){0};
    for (size_t i = 0; i < schedule->step_count; i++) {
        const weft_step *step = &schedule->steps[i];
        bool is_engine = step->descriptor_count > 0;
        for (size_t k = 0; k < step->descriptor_count; k++)
            add_descriptor(arena, &known, &all, &step->descriptors[k]);
        out_work->launches += is_engine && !was_engine;
        out_work->host_ns += is_engine ? 0 : step->cost.ideal_ns;
        was_engine = is_engine;
    }
    out_work->items = all.data;
    out_work->count = all.count;
    weft_engine_needs_of(schedule, 1, &out_work->products, &out_work->norms);
}
