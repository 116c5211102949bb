/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_case.h. */
#include "tests/fpga/engine_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fpga/engine_layout.h"

const weft_engine_params *engine_case_engine(const char *name)
{
    static const weft_engine_params engines[] = {
        /* More memories than rows: a word touches nine groups. */
        {"narrow", 2, 8, 8, 8, 512, 1024, 256, 512, 32, 256, 64, 512, 1,
         "words of 64 bytes, few rows"},
        {"odd", 6, 16, 8, 16, 960, 1536, 384, 512, 64, 96, 32, 512, 1,
         "rows that are no power of two"},
        {"wide", 14, 64, 8, 32, 7168, 16384, 3584, 4096, 128, 2048, 64, 8192, 1,
         "the shape of a card's engine"},
        {"broad", 4, 64, 8, 64, 1024, 8192, 1024, 4096, 128, 128, 16, 4096, 0,
         "more lanes than a word, no rows"},
    };
    static weft_engine_params tiny;
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        if (strcmp(engines[i].name, name) == 0)
            return &engines[i];
    const weft_engine_params *found = weft_engine_find(name);
    if (strcmp(name, "tiny") != 0)
        return found;
    tiny = weft_engine_with(found, true, true);
    return &tiny;
}

/* ---- windows ---- */

static void put_tile(struct layout *l, int kind, const weft_engine_params *p, int64_t filter)
{
    int64_t pixels = (int64_t)get(l, WEFT_D_OUT_HEIGHT) * get(l, WEFT_D_OUT_WIDTH);
    int64_t step = kind == WEFT_KIND_CONV ? p->simd : 1, p_tile, c_tile, d_tile;
    int64_t most = pixels * get(l, WEFT_D_BATCH) + 1;
    int has_mean = kind != WEFT_KIND_POOL && (l->w[WEFT_D_FLAGS] & WEFT_FLAG_MEAN) != 0;
    do {
        p_tile = draw_in(l->d, 1, most);
        c_tile = draw_in(l->d, 1, get(l, WEFT_D_OUT_CHANNELS) + 1);
        d_tile = step * draw_in(l->d, 1, round_up(filter, step) / step + 1);
    } while (!weft_engine_tile_fits(p, kind, p_tile, c_tile, d_tile) ||
             (has_mean && !weft_engine_means_fit(p, pixels, p_tile, c_tile)));
    put(l, WEFT_D_TILE_PIXELS, p_tile);
    put(l, WEFT_D_TILE_CHANNELS, c_tile);
    put(l, WEFT_D_TILE_DEPTH, d_tile);
}

static void put_axis(struct layout *l, int in, int out, int kernel, int stride, int dilation,
                     int pad)
{
    for (int32_t size = 0; size < 1;) {
        int32_t n = between(l->d, 1, 9), k = between(l->d, 1, chance(l->d, 10) ? 5 : 3);
        int32_t s = between(l->d, 1, 3), dil = between(l->d, 1, 2);
        int32_t before = between(l->d, 0, 2), after = between(l->d, 0, 2);
        int32_t room = n + before + after - dil * (k - 1) - 1;
        size = room < 0 ? 0 : room / s + 1;
        put(l, in, n);
        put(l, out, size + (size > 0 && chance(l->d, 10)));
        put(l, kernel, k);
        put(l, stride, s);
        put(l, dilation, dil);
        put(l, pad, before);
        put(l, pad == WEFT_D_PAD_TOP ? WEFT_D_PAD_BOTTOM : WEFT_D_PAD_RIGHT, after);
    }
}

/* Channels last with a gap between pixels, or channels first. */
static void put_input(struct layout *l)
{
    int64_t n = get(l, WEFT_D_BATCH), h = get(l, WEFT_D_IN_HEIGHT), w = get(l, WEFT_D_IN_WIDTH);
    int64_t c = get(l, WEFT_D_IN_CHANNELS),
            pixel = c + (chance(l->d, 50) ? draw_in(l->d, 0, 2) : 0), channel = 1;
    if (chance(l->d, 30)) {
        pixel = 1;
        channel = h * w;
    }
    int64_t row = channel == 1 ? w * pixel : w, image = channel == 1 ? h * row : c * h * w;
    put(l, WEFT_D_X_CHANNEL, channel);
    put(l, WEFT_D_X_PIXEL, pixel);
    put(l, WEFT_D_X_ROW, row);
    put(l, WEFT_D_X_IMAGE, image);
    int64_t last = (h - 1) * row + (w - 1) * pixel + (c - 1) * channel;
    put(l, WEFT_D_X, place(l, &l->arena, (n - 1) * image + last + 1));
}

/* Places y or the residual: out pixels in a row with a gap between them. */
static void put_output(struct layout *l, int offset, int image, int pixel)
{
    int64_t channels = get(l, WEFT_D_OUT_CHANNELS),
            step = channels + (chance(l->d, 50) ? draw_in(l->d, 0, 3) : 0);
    int64_t pixels = (int64_t)get(l, WEFT_D_OUT_HEIGHT) * get(l, WEFT_D_OUT_WIDTH);
    put(l, pixel, step);
    put(l, image, step * pixels);
    put(l, offset, place(l, &l->arena, (get(l, WEFT_D_BATCH) * pixels - 1) * step + channels));
}

static void put_window(struct layout *l, int kind)
{
    int64_t groups = kind == WEFT_KIND_CONV ? 1 : draw_in(l->d, 1, 9);
    int64_t inputs = kind == WEFT_KIND_CONV      ? draw_in(l->d, 1, chance(l->d, 20) ? 40 : 9)
                     : kind == WEFT_KIND_GROUPED ? draw_in(l->d, 1, 3)
                                                 : 1;
    int64_t outputs = kind == WEFT_KIND_CONV      ? draw_in(l->d, 1, 20)
                      : kind == WEFT_KIND_GROUPED ? draw_in(l->d, 1, 3)
                                                  : 1;
    if (kind == WEFT_KIND_GROUPED && chance(l->d, 50))
        inputs = outputs = 1;
    if (kind == WEFT_KIND_POOL)
        groups = draw_in(l->d, 1, 20);
    if (chance(l->d, 30)) { /* rows of whole words */
        inputs = kind == WEFT_KIND_CONV ? 8 * draw_in(l->d, 1, 4) : inputs;
        outputs = kind == WEFT_KIND_CONV ? 8 * draw_in(l->d, 1, 3) : outputs;
        groups = kind == WEFT_KIND_CONV ? 1 : 8;
    }
    put(l, WEFT_D_BATCH, draw_in(l->d, 1, 3));
    put(l, WEFT_D_IN_CHANNELS, groups * inputs);
    put(l, WEFT_D_OUT_CHANNELS, groups * outputs);
    put(l, WEFT_D_GROUPS, kind == WEFT_KIND_GROUPED ? groups : 0);
    put_axis(l, WEFT_D_IN_HEIGHT, WEFT_D_OUT_HEIGHT, WEFT_D_KERNEL_HEIGHT, WEFT_D_STRIDE_Y,
             WEFT_D_DILATION_Y, WEFT_D_PAD_TOP);
    put_axis(l, WEFT_D_IN_WIDTH, WEFT_D_OUT_WIDTH, WEFT_D_KERNEL_WIDTH, WEFT_D_STRIDE_X,
             WEFT_D_DILATION_X, WEFT_D_PAD_LEFT);
    put_input(l);
    put_output(l, WEFT_D_Y, WEFT_D_Y_IMAGE, WEFT_D_Y_PIXEL);
}

/* Elements of a filter; of a pool's window. */
static int64_t filter_size(const struct layout *l, int kind)
{
    int64_t taps = (int64_t)get(l, WEFT_D_KERNEL_HEIGHT) * get(l, WEFT_D_KERNEL_WIDTH);
    int64_t groups = kind == WEFT_KIND_CONV   ? 1
                     : kind == WEFT_KIND_POOL ? get(l, WEFT_D_IN_CHANNELS)
                                              : get(l, WEFT_D_GROUPS);
    return taps * get(l, WEFT_D_IN_CHANNELS) / groups;
}

static void lay_out_convolution(struct layout *l, int kind, const weft_engine_params *params)
{
    put_window(l, kind);
    int64_t filter = filter_size(l, kind), outputs = get(l, WEFT_D_OUT_CHANNELS);
    int x_signed = draw_flag(l, WEFT_FLAG_X_SIGNED), b_signed = draw_flag(l, WEFT_FLAG_B_SIGNED);
    int c_signed = draw_flag(l, WEFT_FLAG_C_SIGNED), y_signed = chance(l->d, 50);
    draw_flag(l, WEFT_FLAG_T_SIGNED);
    int has_table = draw_flag(l, WEFT_FLAG_TABLE), has_mean = draw_flag(l, WEFT_FLAG_MEAN);
    put_tile(l, kind, params, filter);
    int a_signed = has_table ? (l->w[WEFT_D_FLAGS] & WEFT_FLAG_T_SIGNED) != 0 : c_signed;
    put(l, WEFT_D_PAD, value_of(l->d, x_signed) - (kind == WEFT_KIND_CONV && !x_signed ? 128 : 0));
    put(l, WEFT_D_C_ZERO, value_of(l->d, c_signed));
    put_limits(l, WEFT_D_C_MIN, c_signed);
    put_add_stage(l, a_signed, b_signed, y_signed);
    if (draw_flag(l, WEFT_FLAG_RESIDUAL)) {
        put_output(l, WEFT_D_B, WEFT_D_B_IMAGE, WEFT_D_B_PIXEL);
        if (chance(l->d, 20)) { /* in place */
            put(l, WEFT_D_B, get(l, WEFT_D_Y));
            put(l, WEFT_D_B_IMAGE, get(l, WEFT_D_Y_IMAGE));
            put(l, WEFT_D_B_PIXEL, get(l, WEFT_D_Y_PIXEL));
        }
    } else {
        y_signed = a_signed;
    }
    if (has_mean) {
        int64_t pixels = (int64_t)get(l, WEFT_D_OUT_HEIGHT) * get(l, WEFT_D_OUT_WIDTH);
        put(l, WEFT_D_MEAN, place(l, &l->arena, get(l, WEFT_D_BATCH) * outputs));
        put(l, WEFT_D_MEAN_MULT, draw_mult(l->d));
        put(l, WEFT_D_MEAN_SHIFT, draw_shift(l->d, pixels));
        put(l, WEFT_D_MEAN_ZERO, value_of(l->d, y_signed));
        put_limits(l, WEFT_D_MEAN_MIN, y_signed);
        put(l, WEFT_D_MEAN_BASE, value_of(l->d, y_signed));
    }
    put(l, WEFT_D_WEIGHTS, place(l, &l->weights, outputs * filter));
    put(l, WEFT_D_BIAS, place_words(l, outputs));
    put(l, WEFT_D_MULT, place_words(l, outputs));
    put(l, WEFT_D_SHIFT, place_words(l, outputs));
    put(l, WEFT_D_TABLE, has_table ? place(l, &l->weights, 256) : 0);
}

static void lay_out_pool(struct layout *l, const weft_engine_params *params)
{
    put_window(l, WEFT_KIND_POOL);
    put_tile(l, WEFT_KIND_POOL, params, filter_size(l, WEFT_KIND_POOL));
    int is_average = draw_flag(l, WEFT_FLAG_AVERAGE), x_signed = draw_flag(l, WEFT_FLAG_X_SIGNED);
    int y_signed = is_average ? chance(l->d, 50) : x_signed;
    draw_flag(l, WEFT_FLAG_COUNT_PADS);
    put(l, WEFT_D_PAD, is_average ? value_of(l->d, x_signed) : x_signed ? -128 : 0);
    put(l, WEFT_D_Y_ZERO, value_of(l->d, y_signed));
    put_limits(l, WEFT_D_Y_MIN, y_signed);
    if (is_average) { /* every count up to the window's size has a row */
        int64_t rows = filter_size(l, WEFT_KIND_POOL);
        put(l, WEFT_D_COUNT_ROWS, rows);
        put(l, WEFT_D_COUNTS, place_words(l, 3 * rows));
    }
}

/* ---- streams ---- */

/* Steps of an operand: a dense tensor of its dimensions in any order, some of them broadcast or
 * reversed; places it. */
static void put_operand(struct layout *l, int offset, int steps, int broadcasts, int reverses)
{
    int64_t step = 1, first = 0;
    int order[WEFT_D_DIMS] = {5, 4, 3, 2, 1, 0};
    if (chance(l->d, 40))
        for (int i = 0; i < WEFT_D_DIMS; i++) {
            int64_t j = draw_in(l->d, 0, WEFT_D_DIMS - 1);
            int swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
    for (int i = 0; i < WEFT_D_DIMS; i++) {
        int64_t size = get(l, WEFT_D_SIZES + order[i]), used = step;
        if (broadcasts && chance(l->d, 30))
            used = 0;
        else
            step = step * size + (chance(l->d, 15) ? draw_in(l->d, 0, 2) : 0);
        if (reverses && chance(l->d, 20)) {
            first += used * (size - 1);
            used = -used;
        }
        put(l, steps + order[i], used);
    }
    put(l, offset, place(l, &l->arena, step) + first);
}

static void lay_out_stream(struct layout *l, int kind)
{
    for (int i = 0; i < WEFT_D_DIMS; i++)
        put(l, WEFT_D_SIZES + i, draw_in(l->d, 1, i == 5 ? (chance(l->d, 30) ? 50 : 6) : 3));
    int moves = kind == WEFT_KIND_MOVE || kind == WEFT_KIND_TABLE;
    if (kind != WEFT_KIND_FILL)
        put_operand(l, WEFT_D_X, WEFT_D_A_STEPS, 1, moves);
    put_operand(l, WEFT_D_Y, WEFT_D_Y_STEPS, 0, moves);
    int x_signed = draw_flag(l, WEFT_FLAG_X_SIGNED), y_signed = chance(l->d, 50);
    if (kind == WEFT_KIND_FILL)
        put(l, WEFT_D_FILL, draw_in(l->d, 0, 255));
    if (kind == WEFT_KIND_TABLE)
        put(l, WEFT_D_TABLE, place(l, &l->weights, 256));
    if (kind != WEFT_KIND_ADD && kind != WEFT_KIND_MUL)
        return;
    int b_signed = draw_flag(l, WEFT_FLAG_B_SIGNED);
    put_operand(l, WEFT_D_B, WEFT_D_B_STEPS, 1, 0);
    put_add_stage(l, x_signed, b_signed, y_signed);
    int in_place = chance(l->d, 20) ? WEFT_D_X : 0;
    if (kind == WEFT_KIND_MUL) {
        int c_signed = chance(l->d, 50), r_signed = draw_flag(l, WEFT_FLAG_R_SIGNED);
        put(l, WEFT_D_PRODUCT_MULT, draw_mult(l->d));
        put(l, WEFT_D_PRODUCT_SHIFT, draw_shift(l->d, 1));
        put(l, WEFT_D_C_ZERO, value_of(l->d, c_signed));
        put_limits(l, WEFT_D_C_MIN, c_signed);
        put(l, WEFT_D_R_ZERO, value_of(l->d, r_signed));
        if (draw_flag(l, WEFT_FLAG_RESIDUAL))
            put_operand(l, WEFT_D_R, WEFT_D_R_STEPS, 0, 0);
    }
    if (in_place) {
        put(l, WEFT_D_X, get(l, WEFT_D_Y));
        for (int i = 0; i < WEFT_D_DIMS; i++)
            put(l, WEFT_D_A_STEPS + i, get(l, WEFT_D_Y_STEPS + i));
    }
}

/* ---- contents ---- */

/* Any bytes, only extremes, or one extreme: sums of eight products at their limits. */
static void fill_bytes(draw *d, uint8_t *bytes, int64_t count)
{
    static const uint8_t extremes[] = {0, 127, 128, 255};
    int64_t style = draw_in(d, 0, 9);
    for (int64_t i = 0; i < count; i++)
        bytes[i] = style == 0   ? 128
                   : style == 1 ? 0
                   : style == 2 ? extremes[draw_in(d, 0, 3)]
                                : (uint8_t)draw_bits(d);
}

static void fill_vectors(struct layout *l, int kind, struct engine_case *c)
{
    int64_t filter = filter_size(l, kind);
    for (int32_t o = 0; o < get(l, WEFT_D_OUT_CHANNELS); o++) {
        const uint8_t *w = c->weights + get(l, WEFT_D_WEIGHTS) + o * filter;
        uint32_t sum = 0;
        for (int64_t k = 0; k < filter; k++)
            sum += (uint32_t)weft_byte_value(w[k], 1);
        c->bias[o] = chance(l->d, 80) ? between(l->d, -20000, 20000)
                                      : (int32_t)draw_edgy(l->d, INT32_MIN, INT32_MAX);
        uint32_t shifted = kind == WEFT_KIND_CONV ? sum * l->w[WEFT_D_PAD] : 0;
        put_s32(c->weights, get(l, WEFT_D_BIAS) + 4 * o, (int32_t)((uint32_t)c->bias[o] - shifted));
        put_s32(c->weights, get(l, WEFT_D_MULT) + 4 * o, draw_mult(l->d));
        put_s32(c->weights, get(l, WEFT_D_SHIFT) + 4 * o, draw_shift(l->d, filter));
    }
}

static void fill_counts(struct layout *l, struct engine_case *c)
{
    for (int32_t i = 0; i < get(l, WEFT_D_COUNT_ROWS); i++) {
        int64_t at = get(l, WEFT_D_COUNTS) + 12 * i;
        put_s32(c->weights, at, i + 1);
        put_s32(c->weights, at + 4, draw_mult(l->d));
        put_s32(c->weights, at + 8, draw_shift(l->d, i + 1));
    }
}

static uint8_t *allocate(int64_t bytes)
{
    uint8_t *memory = malloc(bytes > 0 ? (size_t)bytes : 1);
    if (memory == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

void engine_case_make(draw *d, int kind, const weft_engine_params *params,
                      struct engine_case *out_case)
{
    struct engine_case *c = out_case;
    memset(c, 0, sizeof *c);
    struct layout l = {.d = d, .w = c->program, .port = params->port};
    put(&l, WEFT_D_KIND, kind);
    put(&l, WEFT_D_VERSION, WEFT_D_VERSION_NOW);
    if (kind == WEFT_KIND_CONV || kind == WEFT_KIND_GROUPED)
        lay_out_convolution(&l, kind, params);
    else if (kind == WEFT_KIND_POOL)
        lay_out_pool(&l, params);
    else if (kind == WEFT_KIND_MATMUL)
        engine_lay_out_matmul(&l, params);
    else if (kind == WEFT_KIND_SOFTMAX || kind == WEFT_KIND_LAYER_NORM)
        engine_lay_out_rows(&l, kind, params);
    else
        lay_out_stream(&l, kind);
    l.weights = round_up(l.weights, l.port);
    l.arena = round_up(l.arena, l.port);
    c->weights_bytes = (size_t)l.weights;
    c->arena_bytes = (size_t)l.arena;
    c->weights = allocate(l.weights);
    c->arena = allocate(l.arena);
    c->expected = allocate(l.arena);
    fill_bytes(d, c->weights, l.weights);
    fill_bytes(d, c->arena, l.arena);
    if (kind == WEFT_KIND_CONV || kind == WEFT_KIND_GROUPED)
        fill_vectors(&l, kind, c);
    else if (kind == WEFT_KIND_POOL)
        fill_counts(&l, c);
    else
        engine_fill_rows(&l, kind, c);
    memcpy(c->expected, c->arena, c->arena_bytes);
    engine_naive_run(c);
}

void engine_case_free(struct engine_case *c)
{
    free(c->weights);
    free(c->arena);
    free(c->expected);
}

static void print_case(const struct engine_case *c, int kind, int number)
{
    size_t at = 0;
    while (c->arena[at] == c->expected[at])
        at++;
    fprintf(stderr, "kind %d, case %d: arena byte %zu is %d, expected %d; descriptor:", kind,
            number, at, c->arena[at], c->expected[at]);
    for (int i = 0; i < WEFT_D_WORDS; i++)
        fprintf(stderr, "%s%" PRId32, i % 16 == 0 ? "\n  " : " ", (int32_t)c->program[i]);
    fprintf(stderr, "\n");
}

int engine_cases_pass(engine_run *run, void *context, const weft_engine_params *params, int count)
{
    for (int kind = WEFT_KIND_CONV; kind < WEFT_KIND_COUNT; kind++) {
        draw d = {.state = (uint64_t)kind};
        for (int i = 0; i < count && weft_engine_has_kind(params, kind); i++) {
            struct engine_case c;
            engine_case_make(&d, kind, params, &c);
            run(context, &c);
            int is_equal = memcmp(c.arena, c.expected, c.arena_bytes) == 0;
            if (!is_equal)
                print_case(&c, kind, i);
            engine_case_free(&c);
            if (!is_equal)
                return 0;
        }
    }
    return 1;
}
