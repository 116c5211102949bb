/* SPDX-License-Identifier: Apache-2.0 */
/* weft_descriptor_check: good descriptors pass, and each kind of damage is refused for its reason.
 * That what passes is harmless is shown by sanitizers: test_engine_hls.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/fpga/check.h"
#include "tests/fpga/engine_case.h"

/* A case of this kind that has these flags. */
static void make(struct engine_case *c, int kind, uint32_t flags)
{
    draw d = {.state = 7};
    for (;;) {
        engine_case_make(&d, kind, engine_case_engine("tiny"), c);
        if ((c->program[WEFT_D_FLAGS] & flags) == flags)
            return;
        engine_case_free(c);
    }
}

static const char *check(const struct engine_case *c)
{
    const weft_descriptor_memory memory = {c->weights, c->weights_bytes, c->arena_bytes};
    return weft_descriptor_check(c->program, engine_case_engine("tiny"), &memory);
}

static const struct {
    int kind;
    uint32_t flags;
    int word;
    int64_t value;
    const char *why;
} damages[] = {
    {WEFT_KIND_CONV, 0, WEFT_D_VERSION, WEFT_D_VERSION_NOW - 1, "version"},
    {WEFT_KIND_CONV, 0, WEFT_D_KIND, WEFT_KIND_COUNT, "kind"},
    {WEFT_KIND_CONV, 0, WEFT_D_KIND, -1, "kind"},
    {WEFT_KIND_CONV, 0, WEFT_D_X, 1 << 20, "x is not in the arena"},
    {WEFT_KIND_CONV, 0, WEFT_D_X, -1, "x is not in the arena"},
    {WEFT_KIND_CONV, 0, WEFT_D_X_ROW, INT32_MIN, "arena"},
    {WEFT_KIND_CONV, 0, WEFT_D_Y, 1 << 20, "y is not in the arena"},
    {WEFT_KIND_CONV, WEFT_FLAG_RESIDUAL, WEFT_D_B, 1 << 20, "residual"},
    {WEFT_KIND_CONV, WEFT_FLAG_MEAN, WEFT_D_MEAN, 1 << 20, "mean"},
    {WEFT_KIND_CONV, WEFT_FLAG_MEAN, WEFT_D_MEAN_SHIFT, 63, "shift"},
    {WEFT_KIND_CONV, WEFT_FLAG_TABLE, WEFT_D_TABLE, 1 << 20, "table"},
    {WEFT_KIND_CONV, WEFT_FLAG_TABLE | WEFT_FLAG_C_SIGNED, WEFT_D_C_MAX, 128, "limit"},
    {WEFT_KIND_CONV, 0, WEFT_D_C_MIN, 256, "limit"},
    {WEFT_KIND_CONV, 0, WEFT_D_WEIGHTS, 1 << 20, "weights"},
    {WEFT_KIND_CONV, 0, WEFT_D_BIAS, 1 << 20, "biases"},
    {WEFT_KIND_CONV, 0, WEFT_D_MULT, 2, "multipliers"},
    {WEFT_KIND_CONV, 0, WEFT_D_SHIFT, -4, "shifts"},
    {WEFT_KIND_CONV, 0, WEFT_D_BATCH, 0, "size"},
    {WEFT_KIND_CONV, 0, WEFT_D_IN_CHANNELS, 1 << 24, "go together"},
    {WEFT_KIND_CONV, 0, WEFT_D_STRIDE_Y, 1 << 30, "size"},
    {WEFT_KIND_CONV, 0, WEFT_D_PAD_TOP, -1, "padding"},
    {WEFT_KIND_CONV, 0, WEFT_D_PAD, 256, "padding"},
    {WEFT_KIND_CONV, 0, WEFT_D_BATCH, (1 << 24) - 1, "batch"},
    {WEFT_KIND_CONV, WEFT_FLAG_MEAN, WEFT_D_TILE_PIXELS, 1 << 20, "tile"},
    {WEFT_KIND_CONV, 0, WEFT_D_TILE_CHANNELS, 17, "tile"},
    {WEFT_KIND_CONV, 0, WEFT_D_TILE_DEPTH, 5, "tile"},
    {WEFT_KIND_CONV, WEFT_FLAG_RESIDUAL, WEFT_D_ADD_SHIFT, 0, "shift of a sum"},
    {WEFT_KIND_CONV, WEFT_FLAG_RESIDUAL, WEFT_D_A_MULT, (1 << 21) + 1, "multiplier of a sum"},
    {WEFT_KIND_GROUPED, 0, WEFT_D_GROUPS, 0, "go together"},
    {WEFT_KIND_POOL, WEFT_FLAG_AVERAGE, WEFT_D_COUNT_ROWS, 65, "counts"},
    {WEFT_KIND_POOL, WEFT_FLAG_AVERAGE, WEFT_D_COUNTS, 1 << 20, "counts"},
    {WEFT_KIND_POOL, 0, WEFT_D_OUT_CHANNELS, 21, "go together"},
    {WEFT_KIND_ADD, 0, WEFT_D_SIZES, 0, "size"},
    {WEFT_KIND_ADD, 0, WEFT_D_SIZES, 1 << 30, "elements"},
    {WEFT_KIND_ADD, 0, WEFT_D_B, 1 << 20, "b is not in the arena"},
    {WEFT_KIND_ADD, 0, WEFT_D_B_ZERO, 256, "zero point"},
    {WEFT_KIND_MUL, 0, WEFT_D_PRODUCT_MULT, -1, "multiplier"},
    {WEFT_KIND_MUL, WEFT_FLAG_RESIDUAL, WEFT_D_R, -1, "residual"},
    {WEFT_KIND_TABLE, 0, WEFT_D_TABLE, 1 << 20, "table"},
    {WEFT_KIND_MOVE, 0, WEFT_D_Y, -1, "y is not in the arena"},
    {WEFT_KIND_MOVE, 0, WEFT_D_R_STEPS, 1, "does not exist"},
    {WEFT_KIND_FILL, 0, WEFT_D_Y, 1 << 30, "y is not in the arena"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_X, 1 << 20, "x is not in the arena"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_B, 1 << 20, "b is not in the arena"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_Y_HEAD, 1 << 20, "y is not in the arena"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_X_PIXEL, INT32_MIN, "arena"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_HEADS, 0, "size"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_HEADS, (1 << 24) + 1, "size"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_B_SHARE, 0, "shared out"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_B_SHARE, 5, "shared out"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_KERNEL_WIDTH, 2, "no window"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_PAD_TOP, 1, "no window"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_IN_WIDTH, 0, "go together"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_PAD, 128, "zero point"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_B_ZERO, -129, "zero point"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_SUM_SHIFT, 0, "shift"},
    {WEFT_KIND_MATMUL, 0, WEFT_D_TILE_DEPTH, 1 << 16, "tile does not fit"},
    {WEFT_KIND_MATMUL, WEFT_FLAG_TABLE, WEFT_D_TABLE, 1 << 20, "table"},
    {WEFT_KIND_MATMUL, WEFT_FLAG_SOFTMAX, WEFT_D_EXPS, 1 << 20, "exponentials"},
    {WEFT_KIND_MATMUL, WEFT_FLAG_SOFTMAX, WEFT_D_ROW_SHIFT, 25, "shift"},
    {WEFT_KIND_SOFTMAX, 0, WEFT_D_SIZES + 5, 17, "longer than a line"},
    {WEFT_KIND_SOFTMAX, 0, WEFT_D_X, 1 << 20, "x is not in the arena"},
    {WEFT_KIND_SOFTMAX, 0, WEFT_D_EXPS, 2, "exponentials"},
    {WEFT_KIND_SOFTMAX, 0, WEFT_D_ROW_MULT, -1, "multiplier"},
    {WEFT_KIND_SOFTMAX, 0, WEFT_D_Y_MAX, 256, "limits"},
    {WEFT_KIND_LAYER_NORM, 0, WEFT_D_MULT, 1 << 20, "scales"},
    {WEFT_KIND_LAYER_NORM, 0, WEFT_D_BIAS, -4, "biases"},
    {WEFT_KIND_LAYER_NORM, 0, WEFT_D_BETA_SHIFT, 31, "shift of a bias"},
    {WEFT_KIND_LAYER_NORM, 0, WEFT_D_EPSILON_HIGH, -1, "epsilon"},
    {WEFT_KIND_LAYER_NORM, 0, WEFT_D_ROW_SHIFT, 0, "shift"},
    {WEFT_KIND_LAYER_NORM, 0, WEFT_D_B_STEPS, 1, "does not exist"},
};

static void damage_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct engine_case c;
        make(&c, damages[i].kind, damages[i].flags);
        assert_null(check(&c));
        c.program[damages[i].word] = (uint32_t)damages[i].value;
        const char *why = check(&c);
        if (why == NULL || strstr(why, damages[i].why) == NULL)
            fail_msg("row %zu: expected \"%s\", found \"%s\"", i, damages[i].why,
                     why != NULL ? why : "nothing");
        engine_case_free(&c);
    }
}

/* "tiny" has lines of 16: room for the means of two images with a block of 8 lanes each. */
static void means_of_a_tile_fit_a_line(void **state)
{
    (void)state;
    struct engine_case c;
    const weft_engine_params *tiny = weft_engine_find("tiny");
    assert_true(weft_engine_means_fit(tiny, 9, 18, 8));
    assert_false(weft_engine_means_fit(tiny, 9, 19, 8));
    assert_false(weft_engine_means_fit(tiny, 9, 18, 9));
    make(&c, WEFT_KIND_CONV, WEFT_FLAG_MEAN);
    c.program[WEFT_D_OUT_HEIGHT] = c.program[WEFT_D_OUT_WIDTH] = 1;
    c.program[WEFT_D_TILE_PIXELS] = 3;
    c.program[WEFT_D_TILE_CHANNELS] = 1;
    c.program[WEFT_D_TILE_DEPTH] = 8;
    assert_string_equal(check(&c), "more images end in a tile than a line has means for");
    c.program[WEFT_D_TILE_PIXELS] = 2;
    assert_null(check(&c));
    engine_case_free(&c);
}

/* Multipliers stand in the weights, not in the descriptor. */
static void vectors_are_read(void **state)
{
    (void)state;
    struct engine_case c;
    make(&c, WEFT_KIND_CONV, 0);
    c.weights[c.program[WEFT_D_SHIFT]] = 63;
    assert_string_equal(check(&c), "a shift is out of range");
    engine_case_free(&c);
    make(&c, WEFT_KIND_POOL, WEFT_FLAG_AVERAGE);
    c.weights[c.program[WEFT_D_COUNTS] + 7] = 128;
    assert_string_equal(check(&c), "a multiplier is out of range");
    engine_case_free(&c);
}

/* Exponentials, scales and biases stand in the weights. */
static void rows_are_read(void **state)
{
    (void)state;
    struct engine_case c;
    make(&c, WEFT_KIND_SOFTMAX, 0);
    c.weights[c.program[WEFT_D_EXPS]] = 1;
    assert_string_equal(check(&c), "an exponential is out of range");
    c.weights[c.program[WEFT_D_EXPS] + 3] = 0;
    assert_string_equal(check(&c), "the first exponential is not 1");
    engine_case_free(&c);
    make(&c, WEFT_KIND_LAYER_NORM, 0);
    uint8_t *high = c.weights + c.program[WEFT_D_MULT] + 3, before = *high;
    *high = 1;
    assert_string_equal(check(&c), "a scale is out of range");
    *high = before;
    c.weights[c.program[WEFT_D_BIAS] + 3] = 127;
    assert_string_equal(check(&c), "a bias is out of range");
    engine_case_free(&c);
}

/* One step of operand b is 1: its rows or its columns are stretches of memory. */
static void matrices_have_stretches(void **state)
{
    (void)state;
    struct engine_case c;
    make(&c, WEFT_KIND_MATMUL, 0);
    c.program[WEFT_D_B_DEPTH] = c.program[WEFT_D_B_COLUMN] = 0;
    assert_string_equal(check(&c), "b has neither rows nor columns");
    engine_case_free(&c);
}

/* An engine without the units takes none of their descriptors. */
static void engines_have_kinds_or_not(void **state)
{
    (void)state;
    struct engine_case c;
    static const int kinds[] = {WEFT_KIND_MATMUL, WEFT_KIND_SOFTMAX, WEFT_KIND_LAYER_NORM};
    for (int i = 0; i < 3; i++) {
        make(&c, kinds[i], 0);
        const weft_descriptor_memory memory = {c.weights, c.weights_bytes, c.arena_bytes};
        assert_string_equal(weft_descriptor_check(c.program, weft_engine_find("tiny"), &memory),
                            "a kind that the engine does not have");
        engine_case_free(&c);
    }
    make(&c, WEFT_KIND_MATMUL, WEFT_FLAG_SOFTMAX);
    const weft_descriptor_memory memory = {c.weights, c.weights_bytes, c.arena_bytes};
    const weft_engine_params products = weft_engine_with(weft_engine_find("tiny"), true, false);
    assert_string_equal(weft_descriptor_check(c.program, &products, &memory),
                        "a softmax that the engine does not have");
    /* A row of scores is in one tile. */
    c.program[WEFT_D_TILE_CHANNELS] = c.program[WEFT_D_OUT_CHANNELS] - 1;
    if (c.program[WEFT_D_TILE_CHANNELS] > 0)
        assert_string_equal(check(&c), "a tile has a part of a row of the softmax");
    engine_case_free(&c);
}

static void memories_are_whole_words(void **state)
{
    (void)state;
    struct engine_case c;
    make(&c, WEFT_KIND_ADD, 0);
    c.arena_bytes += 4;
    assert_non_null(check(&c));
    c.arena_bytes = (size_t)1 << 31;
    assert_non_null(check(&c));
    engine_case_free(&c);
}

static void end_needs_nothing(void **state)
{
    (void)state;
    static const uint32_t words[WEFT_D_WORDS] = {WEFT_KIND_END};
    const weft_descriptor_memory none = {NULL, 0, 0};
    assert_null(weft_descriptor_check(words, weft_engine_find("s"), &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_refused),       cmocka_unit_test(means_of_a_tile_fit_a_line),
        cmocka_unit_test(vectors_are_read),        cmocka_unit_test(memories_are_whole_words),
        cmocka_unit_test(rows_are_read),           cmocka_unit_test(engines_have_kinds_or_not),
        cmocka_unit_test(matrices_have_stretches), cmocka_unit_test(end_needs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
