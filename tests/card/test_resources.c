/* SPDX-License-Identifier: Apache-2.0 */
/* What arrays and engines take: the packing rules against hand-worked counts, and whole engines for
 * what must hold of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler/card/card.h"
#include "compiler/card/pack.h"

static void arrays_go_where_the_device_has_room(void **state)
{
    (void)state;
    static const struct {
        int64_t banks, depth, bits;
        weft__card_storage expected;
    } cases[] = {
        /* 64 x 7 and 32 x 14 bits to eight LUTs */
        {1, 64, 7, {8, 0, 0}},
        {1, 64, 32, {40, 0, 0}},
        {1, 32, 14, {8, 0, 0}},
        {3, 32, 32, {72, 0, 0}},
        {448, 64, 32, {17920, 0, 0}},
        /* 1024 bits and less, whatever the depth */
        {1, 128, 8, {32, 0, 0}},
        /* block RAM in halves: 36 x 512, 18 x 1024, 9 x 2048 */
        {1, 512, 36, {0, 1, 0}},
        {1, 512, 72, {0, 2, 0}},
        {1, 513, 36, {0, 2, 0}},
        {1, 1024, 18, {0, 1, 0}},
        {1, 2048, 9, {0, 1, 0}},
        {2, 1024, 64, {0, 8, 0}},
        {16, 512, 64, {0, 32, 0}},
        /* UltraRAM from half full on: 64 x 2048 is 8 halves of block RAM */
        {1, 2048, 64, {0, 0, 1}},
        {1, 4096, 72, {0, 0, 1}},
        {28, 4096, 64, {0, 0, 28}},
        {1, 4097, 72, {0, 0, 2}},
        {1, 2048, 32, {0, 4, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft__card_storage found = weft__card_pack(cases[i].banks, cases[i].depth, cases[i].bits);
        if (found.lut != cases[i].expected.lut || found.bram18 != cases[i].expected.bram18 ||
            found.uram != cases[i].expected.uram)
            fail_msg("%lld x %lld x %lld: %lld LUT, %lld RAMB18, %lld URAM",
                     (long long)cases[i].banks, (long long)cases[i].depth, (long long)cases[i].bits,
                     (long long)found.lut, (long long)found.bram18, (long long)found.uram);
    }
}

/* No array may be counted with fewer bits than it has. */
static void nothing_is_too_small(void **state)
{
    (void)state;
    for (int64_t depth = 1; depth < 10000; depth = depth * 3 / 2 + 1)
        for (int64_t bits = 1; bits <= 512; bits = bits * 2 + 1) {
            weft__card_storage s = weft__card_pack(1, depth, bits);
            int64_t held = s.lut * 64 + s.bram18 * 18432 + s.uram * 294912;
            assert_true(held >= depth * bits);
        }
}

static void engines_grow_with_their_parameters(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    const weft_board *board;
    assert_int_equal(weft_board_open(arena, "u280", &board, NULL), WEFT_OK);
    weft_engine_params small = *weft_engine_find("s"), wide = small, deep = small;
    wide.cols *= 2;
    wide.w_bytes *= 2;
    wide.sums *= 2;
    deep.x_bytes *= 2;
    weft_board_slr a = weft_card_engine_resources(board, &small),
                   b = weft_card_engine_resources(board, &wide),
                   c = weft_card_engine_resources(board, &deep);
    weft_engine_dsps dsps = weft_engine_multipliers(&small);
    assert_int_equal(a.dsp, weft_engine_dsps_sum(&dsps));
    assert_int_equal(dsps.array, 8 * 16 * 8 / 2);
    assert_true(b.dsp > a.dsp && b.lut > a.lut && b.ff > a.ff);
    assert_true(c.bram36 + 8 * c.uram > a.bram36 + 8 * a.uram && c.dsp == a.dsp);
    assert_true(a.lut > 0 && a.ff > a.lut / 2);
    weft_arena_destroy(arena);
}

static void timing_is_that_of_the_board(void **state)
{
    (void)state;
    static const int32_t memory[WEFT_PORT_COUNT] = {0}, bank[WEFT_PORT_COUNT] = {0, 0, 1, 1, 1},
                         alone[WEFT_PORT_COUNT] = {1, 1, 1, 1, 1},
                         shared[WEFT_PORT_COUNT] = {2, 2, 2, 2, 2};
    weft_arena *arena = weft_arena_create();
    const weft_board *board;
    weft_engine_params engine = *weft_engine_find("m");
    assert_int_equal(weft_board_open(arena, "u50", &board, NULL), WEFT_OK);
    weft_card_timing t = weft_card_timing_of(board, &engine, memory, bank, alone);
    assert_true(t.clock_mhz == 300 && t.port_bytes == 64);
    /* 14.375 GB/s * 0.85 / 300 MHz */
    assert_true(t.bank_bytes[WEFT_PORT_SOURCE] > 40.7 && t.bank_bytes[WEFT_PORT_SOURCE] < 40.8);
    assert_true(t.latency[WEFT_PORT_WEIGHTS] == 64);
    assert_int_equal(t.bank[WEFT_PORT_SOURCE], t.bank[WEFT_PORT_TARGET]);
    assert_int_not_equal(t.bank[WEFT_PORT_SOURCE], t.bank[WEFT_PORT_WEIGHTS]);
    weft_card_timing half = weft_card_timing_of(board, &engine, memory, bank, shared);
    assert_true(half.bank_bytes[0] * 2 == t.bank_bytes[0]);
    weft_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_go_where_the_device_has_room),
        cmocka_unit_test(nothing_is_too_small),
        cmocka_unit_test(engines_grow_with_their_parameters),
        cmocka_unit_test(timing_is_that_of_the_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
