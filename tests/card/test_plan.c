/* SPDX-License-Identifier: Apache-2.0 */
/* Plans for cards: limits are kept, tiles fit and are never slower than the planner's, what does
 * not fit says why, and the same question has the same answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/card/plan.h"

/* Three convolutions, one of them with a residual, and a mean: a float model. */
static const char network_text[] = "graph \"small\" opset 17 nodes 6 {\n"
                                   "  input %x: f32[1x16x28x28]\n"
                                   "  const %a: f32[64x16x3x3] = zeros\n"
                                   "  const %b: f32[64x64x3x3] = zeros\n"
                                   "  const %c: f32[64x64x1x1] = zeros\n"
                                   "  %p = Conv(%x, %a) {pads=[1, 1, 1, 1]}\n"
                                   "  %q = Relu(%p)\n"
                                   "  %r = Conv(%q, %b) {pads=[1, 1, 1, 1]}\n"
                                   "  %s = Conv(%r, %c)\n"
                                   "  %t = Add(%s, %q)\n"
                                   "  %u = GlobalAveragePool(%t)\n"
                                   "  output %u\n"
                                   "}\n";

typedef struct fixture {
    weft_arena *arena;
    weft_diag *diag;
    const weft_board *board;
    weft_card_network network;
} fixture;

/* The text with its constants written out: "zeros" for as many as the shape says. */
static weft_graph *read_graph(fixture *f)
{
    weft_text text;
    weft_text_init(&text, f->arena);
    for (const char *at = network_text; *at != '\0'; at++) {
        if (strncmp(at, "zeros", 5) != 0) {
            weft_text_add_bytes(&text, at, 1);
            continue;
        }
        const char *shape = at;
        while (*shape != '[')
            shape--;
        long count = 1;
        for (const char *number = shape + 1; *number != ']'; number += *number == 'x') {
            char *end;
            count *= strtol(number, &end, 10);
            number = end;
        }
        weft_text_add(&text, "[");
        for (long i = 0; i < count; i++)
            weft_text_add(&text, i == 0 ? "0" : ", 0");
        weft_text_add(&text, "]");
        at += 4;
    }
    weft_graph *graph = NULL;
    if (weft_graph_parse(f->arena, text.data, text.length, &graph, f->diag) != WEFT_OK ||
        weft_graph_infer(graph, f->diag) != WEFT_OK)
        fail_msg("%s", weft_diag_get(f->diag, 0)->summary);
    return graph;
}

static fixture start(const char *board, int64_t batch)
{
    fixture f = {.arena = weft_arena_create()};
    bool is_assumed = false;
    assert_int_equal(weft_diag_create(&f.diag), WEFT_OK);
    assert_int_equal(weft_board_open(f.arena, board, &f.board, f.diag), WEFT_OK);
    weft_status status =
        weft_card_network_make(f.arena, read_graph(&f), batch, &f.network, &is_assumed, f.diag);
    if (status != WEFT_OK)
        fail_msg("%s", weft_diag_get(f.diag, 0)->summary);
    assert_true(is_assumed);
    assert_int_equal(f.network.batch, batch == 0 ? 1 : batch);
    return f;
}

static void stop(fixture *f)
{
    weft_diag_destroy(f->diag);
    weft_arena_destroy(f->arena);
}

static void plans_keep_all_limits(void **state)
{
    (void)state;
    for (size_t b = 0; weft_board_names[b] != NULL; b++) {
        fixture f = start(weft_board_names[b], 4);
        weft_card_plan *plan = NULL;
        assert_int_equal(
            weft_card_plan_make(f.arena, f.board, &f.network, WEFT_GOAL_THROUGHPUT, &plan, f.diag),
            WEFT_OK);
        assert_true(weft_engine_params_are_valid(&plan->engine));
        assert_true(plan->timing.clock_mhz <= 300 && plan->timing.clock_mhz <= f.board->clock_mhz);
        const weft_card_placement *placed = &plan->placement;
        weft_board_slr each = weft_card_engine_resources(f.board, &plan->engine);
        int64_t bytes[WEFT_BOARD_MEMORIES][64] = {{0}}, dsp = 0;
        for (int32_t i = 0; i < placed->unit_count; i++) {
            const struct weft_card_place *unit = &placed->units[i];
            assert_true(unit->slr >= 0 && unit->slr < f.board->slr_count);
            bytes[unit->memory[1]][unit->bank[1]] += f.network.footprint.weights_bytes;
            bytes[unit->memory[2]][unit->bank[2]] += f.network.footprint.arena_bytes;
            /* The three ports to values see the same bank. */
            assert_int_equal(unit->bank[2], unit->bank[3]);
            assert_int_equal(unit->bank[2], unit->bank[4]);
        }
        for (int32_t m = 0; m < f.board->memory_count; m++)
            for (int32_t k = 0; k < 64; k++)
                assert_true(bytes[m][k] <=
                            (k < f.board->memories[m].banks ? f.board->memories[m].bank_bytes : 0));
        for (int32_t i = 0; i < f.board->slr_count; i++) {
            weft_board_slr limit = weft_card_limit_of(f.board, i);
            assert_true(placed->used[i].lut <= limit.lut && placed->used[i].ff <= limit.ff);
            assert_true(placed->used[i].dsp <= limit.dsp && placed->used[i].uram <= limit.uram);
            assert_true(placed->used[i].bram36 <= limit.bram36);
            assert_true(f.board->slr_wires == 0 || placed->wires[i] <= f.board->slr_wires);
            dsp += placed->used[i].dsp;
        }
        assert_true(placed->unit_count >= 1 && dsp >= placed->unit_count * each.dsp);
        assert_true(plan->rung_count > 0);
        weft_card card;
        weft_card_describe(f.arena, plan, &card);
        assert_int_equal(card.unit_count, placed->unit_count);
        stop(&f);
    }
}

static void tiles_fit_and_are_the_fastest_known(void **state)
{
    (void)state;
    fixture f = start("u50", 8);
    weft_card_plan *plan = NULL;
    assert_int_equal(
        weft_card_plan_make(f.arena, f.board, &f.network, WEFT_GOAL_THROUGHPUT, &plan, f.diag),
        WEFT_OK);
    weft_card_times times = weft_card_times_of(plan, f.arena, &f.network, false);
    weft_card_set_schedule(f.arena, plan, f.network.schedule);
    double cycles = 0;
    size_t windows = 0;
    for (size_t i = 0; i < f.network.schedule->step_count; i++) {
        const weft_step *step = &f.network.schedule->steps[i];
        weft_card_cycles found;
        /* What is written into the descriptors is what was promised. */
        weft_card_step_cycles(&plan->engine, &plan->timing, step, &found);
        cycles += found.total;
        assert_true((step->cost.cycles > 0) == (step->descriptor_count > 0));
        for (size_t k = 0; k < step->descriptor_count; k++) {
            const weft_arg *words = step->descriptors[k].words;
            if (words[WEFT_D_KIND].i > WEFT_KIND_POOL)
                continue;
            windows++;
            assert_true(weft_engine_tile_fits(
                &plan->engine, words[WEFT_D_KIND].i, words[WEFT_D_TILE_PIXELS].i,
                words[WEFT_D_TILE_CHANNELS].i, words[WEFT_D_TILE_DEPTH].i));
        }
    }
    assert_true(windows >= 3);
    assert_true(cycles > 0.999 * times.engine_cycles && cycles < 1.001 * times.engine_cycles);
    stop(&f);
}

static void goals_differ_in_what_they_reach(void **state)
{
    (void)state;
    fixture f = start("u280", 0);
    weft_card_plan *fast = NULL, *quick = NULL, *again = NULL;
    assert_int_equal(
        weft_card_plan_make(f.arena, f.board, &f.network, WEFT_GOAL_THROUGHPUT, &fast, f.diag),
        WEFT_OK);
    assert_int_equal(
        weft_card_plan_make(f.arena, f.board, &f.network, WEFT_GOAL_LATENCY, &quick, f.diag),
        WEFT_OK);
    weft_card_times a = weft_card_times_of(fast, f.arena, &f.network, false),
                    b = weft_card_times_of(quick, f.arena, &f.network, false);
    assert_true(b.latency_ns <= a.latency_ns);
    assert_true(a.images_per_second >= b.images_per_second);
    assert_true(a.images_per_second > 0 && a.macs > 0 && a.launches >= 1);
    /* No array does more than its products. */
    double peak = (double)fast->engine.rows * fast->engine.cols * fast->engine.simd;
    assert_true((double)a.macs <= a.engine_cycles * peak);
    assert_int_equal(
        weft_card_plan_make(f.arena, f.board, &f.network, WEFT_GOAL_THROUGHPUT, &again, f.diag),
        WEFT_OK);
    enum { NUMBERS = offsetof(weft_engine_params, norms) + sizeof(int32_t) }; /* no padding */
    assert_memory_equal(&fast->engine, &again->engine, NUMBERS);
    assert_int_equal(fast->placement.unit_count, again->placement.unit_count);
    stop(&f);
}

static void what_is_short_is_told(void **state)
{
    (void)state;
    fixture f = start("zcu104", 1);
    weft_board board = *f.board;
    weft_card_plan *plan = NULL;
    board.slrs[0].bram36 = 10;
    board.slrs[0].uram = 0;
    assert_int_equal(
        weft_card_plan_make(f.arena, &board, &f.network, WEFT_GOAL_THROUGHPUT, &plan, f.diag),
        WEFT_NO_FIT);
    assert_null(plan);
    const weft_diag_entry *entry = weft_diag_get(f.diag, 0);
    assert_int_equal(entry->id, WEFT_E_CARD_NO_FIT);
    assert_non_null(strstr(entry->fields[WEFT_DIAG_EXPECTED], "8 BRAM36 in SLR0"));
    stop(&f);

    f = start("zcu104", 1);
    board = *f.board;
    board.memories[0].bank_bytes = 1000;
    assert_int_equal(
        weft_card_plan_make(f.arena, &board, &f.network, WEFT_GOAL_THROUGHPUT, &plan, f.diag),
        WEFT_NO_FIT);
    assert_non_null(strstr(weft_diag_get(f.diag, 0)->fields[WEFT_DIAG_EXPECTED], "memory bytes"));
    stop(&f);

    f = start("zcu104", 1);
    board = *f.board;
    board.slrs[0].dsp = 4;
    assert_int_equal(
        weft_card_plan_make(f.arena, &board, &f.network, WEFT_GOAL_THROUGHPUT, &plan, f.diag),
        WEFT_NO_FIT);
    assert_true(weft_diag_error_count(f.diag) == 1);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_keep_all_limits),
        cmocka_unit_test(tiles_fit_and_are_the_fastest_known),
        cmocka_unit_test(goals_differ_in_what_they_reach),
        cmocka_unit_test(what_is_short_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
