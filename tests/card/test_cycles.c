/* SPDX-License-Identifier: Apache-2.0 */
/* The cycle model against numbers worked out by hand, and its short cuts against plain loops. Must
 * not know boards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "compiler/card/card.h"
#include "compiler/card/flow.h"

/* 8 rows x 16 columns x 8 deep, 8 lanes, words of 64 bytes. */
static const weft_engine_params engine = {
    .name = "test",
    .rows = 8,
    .cols = 16,
    .simd = 8,
    .lanes = 8,
    .x_bytes = 65536,
    .w_bytes = 65536,
    .sums = 16384,
    .lane_bytes = 32768,
    .line = 1024,
    .piece = 1024,
    .port = 64,
};

/* Every port has a bank of its own that is as wide as the port. */
static weft_card_timing timing_of(double latency, double setup, double handshake)
{
    weft_card_timing t = {
        .clock_mhz = 300, .port_bytes = 64, .setup = setup, .handshake = handshake};
    for (int port = 0; port < WEFT_PORT_COUNT; port++) {
        t.bank[port] = port;
        t.bank_bytes[port] = 64;
        t.latency[port] = latency;
    }
    return t;
}

/* A convolution of a square image, channels last, dense. */
static void put_conv(uint32_t d[WEFT_D_WORDS], uint32_t side, uint32_t in, uint32_t out,
                     uint32_t kernel, uint32_t pad)
{
    memset(d, 0, WEFT_D_WORDS * sizeof *d);
    d[WEFT_D_KIND] = WEFT_KIND_CONV;
    d[WEFT_D_BATCH] = 1;
    d[WEFT_D_IN_HEIGHT] = d[WEFT_D_IN_WIDTH] = d[WEFT_D_OUT_HEIGHT] = d[WEFT_D_OUT_WIDTH] = side;
    d[WEFT_D_IN_CHANNELS] = in;
    d[WEFT_D_OUT_CHANNELS] = out;
    d[WEFT_D_KERNEL_HEIGHT] = d[WEFT_D_KERNEL_WIDTH] = kernel;
    d[WEFT_D_STRIDE_Y] = d[WEFT_D_STRIDE_X] = d[WEFT_D_DILATION_Y] = d[WEFT_D_DILATION_X] = 1;
    d[WEFT_D_PAD_TOP] = d[WEFT_D_PAD_LEFT] = d[WEFT_D_PAD_BOTTOM] = d[WEFT_D_PAD_RIGHT] = pad;
    d[WEFT_D_X_CHANNEL] = 1;
    d[WEFT_D_X_PIXEL] = in;
    d[WEFT_D_X_ROW] = in * side;
    d[WEFT_D_X_IMAGE] = in * side * side;
    d[WEFT_D_Y_PIXEL] = d[WEFT_D_B_PIXEL] = out;
    d[WEFT_D_Y_IMAGE] = d[WEFT_D_B_IMAGE] = out * side * side;
    d[WEFT_D_TILE_PIXELS] = side * side;
    d[WEFT_D_TILE_CHANNELS] = out;
    d[WEFT_D_TILE_DEPTH] = in * kernel * kernel;
    d[WEFT_D_GROUPS] = 1;
}

static void assert_near(double found, double expected)
{
    if (fabs(found - expected) > 1e-6 * fmax(1, fabs(expected)))
        fail_msg("expected %.3f, found %.3f", expected, found);
}

/* One run: everything stands in line.
 *   source   64 pixels of one word                                  100 + 64 + 10 = 174
 *   sum      8 row blocks, 2 column blocks, 8 words of the depth    128 + 10      = 138
 *   finish   64 pixels, 4 lane blocks                               256 + 10      = 266
 *   store    2048 contiguous bytes                                  32 + 10       =  42
 * and the last word arrives 100 cycles later. */
static void test_one_run(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = timing_of(100, 50, 10);
    put_conv(d, 8, 64, 32, 1, 0);
    weft_card_cycles c = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(c.total, 50 + 174 + 138 + 266 + 42 + 100);
    assert_near(c.source, 64);
    assert_near(c.weights, 32 + 3 * 2); /* a word per filter; 128 bytes of each of three vectors */
    assert_near(c.array, 128);
    assert_near(c.finish, 256);
    assert_near(c.target, 32);
    assert_near(c.second, 0);
    assert_int_equal(c.macs, 64 * 64 * 32);
    assert_int_equal(c.bytes[WEFT_PORT_SOURCE], 64 * 64);
    assert_int_equal(c.bytes[WEFT_PORT_WEIGHTS], 38 * 64);
    assert_int_equal(c.bytes[WEFT_PORT_TARGET], 2048);
    assert_int_equal(c.bytes[WEFT_PORT_PROGRAM], 256);
    assert_int_equal(c.limit, WEFT_LIMIT_LATENCY); /* finish is busy for 256 of 770 cycles */
    d[WEFT_D_FLAGS] = WEFT_FLAG_RESIDUAL;          /* 32 words, beside the sums: nothing is later */
    c = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(c.total, 770);
    assert_near(c.second, 32);
    assert_int_equal(c.bytes[WEFT_PORT_SECOND], 2048);
    /* From one bank each gets half of it: 32 words take 64 cycles, and 64 words 96. */
    t.bank[WEFT_PORT_SECOND] = t.bank[WEFT_PORT_SOURCE];
    c = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(c.total, 770 + 32);
}

/* 16 tiles of 64 pixels with two pieces of depth: the array works 2 * 8 * 4 * 36 = 2304 cycles per
 * tile, longer than anything else; before it one piece is loaded, after it one tile finished. */
static void test_array_bound(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = timing_of(100, 50, 0);
    put_conv(d, 32, 64, 64, 3, 1);
    d[WEFT_D_TILE_PIXELS] = 64;
    d[WEFT_D_TILE_DEPTH] = 288;
    weft_card_cycles c = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(c.array, 16 * 2304);
    /* Half of the depth is a row and a half of the window: stretches of 192 and of 96 bytes. One
     * that begins at a multiple of 64 touches 3 and 2 words, one 96 bytes further 2. The filters,
     * 64 of 288 bytes at multiples of 576, touch 5 words; at 288 bytes from there 5 as well (ends
     * at 576). The first piece is loaded for 100 + 64 * (3 + 2) = 420 cycles by both. */
    double finish = 64 * 8, store = 64 * 64 / 64, vectors = 3 * 4;
    assert_near(c.weights, 16 * (2 * 64 * 5 + vectors)); /* with the last piece of every tile */
    assert_near(c.total, 50 + (100 + 64 * 5) + 16 * 2304 + finish + store + 100);
    assert_int_equal(c.limit, WEFT_LIMIT_ARRAY);
}

/* Rows of a window above and below the image take their cycles and move nothing. */
static void test_padding(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = timing_of(0, 0, 0);
    put_conv(d, 4, 64, 16, 3, 1);
    weft_card_cycles c = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(c.source, 16 * 3 * 3);
    assert_int_equal(c.bytes[WEFT_PORT_SOURCE], 16 * 3 * 3 * 64 * 10 / 12);
    d[WEFT_D_X_CHANNEL] = 16; /* NCHW: one element per cycle; padding still by the word */
    d[WEFT_D_X_PIXEL] = 1;
    d[WEFT_D_X_ROW] = 4;
    c = weft_card_descriptor_cycles(&engine, &t, d);
    double inside = 10.0 * 10.0, outside = 12 * 12 - inside; /* of 16 pixels * 9 taps */
    assert_near(c.source, inside * 64 + outside);
}

/* Ports that share a bank share its bytes; one that has a narrow bank is slow alone. */
static void test_banks(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = timing_of(0, 0, 0);
    put_conv(d, 64, 512, 16, 1, 0); /* 4096 pixels of 8 words */
    d[WEFT_D_TILE_PIXELS] = 128;
    weft_card_cycles alone = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(alone.source, 4096 * 8); /* as long as the array takes */
    t.bank[WEFT_PORT_TARGET] = t.bank[WEFT_PORT_WEIGHTS] = t.bank[WEFT_PORT_SOURCE];
    weft_card_cycles shared = weft_card_descriptor_cycles(&engine, &t, d);
    double bytes = 0;
    static const int ports[] = {WEFT_PORT_SOURCE, WEFT_PORT_TARGET, WEFT_PORT_WEIGHTS};
    for (int i = 0; i < 3; i++)
        bytes += (double)shared.bytes[ports[i]];
    /* The bank is never idle but while the first tile is summed and while the last one ends. */
    assert_true(shared.total >= bytes / 64 && shared.total <= bytes / 64 + 2 * alone.source / 32);
    assert_true(shared.total > alone.total);
    assert_int_equal(shared.limit, WEFT_LIMIT_VALUES);
    t.bank_bytes[WEFT_PORT_SOURCE] = 16;
    assert_near(weft_card_descriptor_cycles(&engine, &t, d).source, 4096 * 8 * 4);
}

/* y[64][96] = a + b with the same b for every row: 10 rows are a piece of 960 elements, 7 pieces.
 * Rows of 96 bytes begin at 0 or 32 of a word: 2 words each. Those of y are one stretch per piece.
 */
static void test_stream(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS] = {[WEFT_D_KIND] = WEFT_KIND_ADD};
    weft_card_timing t = timing_of(100, 0, 0);
    for (int i = 0; i < WEFT_D_DIMS; i++)
        d[WEFT_D_SIZES + i] = 1;
    d[WEFT_D_SIZES + 4] = 64;
    d[WEFT_D_SIZES + 5] = 96;
    static const int steps[] = {WEFT_D_A_STEPS, WEFT_D_B_STEPS, WEFT_D_Y_STEPS};
    for (int i = 0; i < 3; i++) {
        d[steps[i] + 4] = i == 1 ? 0 : 96;
        d[steps[i] + 5] = 1;
    }
    weft_card_cycles c = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(c.vector, 64 * 96 / 8);
    assert_near(c.source, 64 * 2);
    assert_near(c.second, 64 * 2); /* b is read once, and then taken from the chip */
    assert_int_equal(c.bytes[WEFT_PORT_SECOND], 2 * 64);
    assert_near(c.target, 64 * 96 / 64);
    /* Load 100 + 20 while b comes along, then six pieces by the slowest, 120 of compute, and one of
     * 4 rows: compute 48, store 6 words, which arrive 100 later. */
    assert_near(c.total, 120 + 6 * 120 + 48 + 6 + 100);
    d[WEFT_D_A_STEPS + 5] = 2; /* not contiguous: one element per cycle */
    d[WEFT_D_A_STEPS + 4] = 192;
    assert_near(weft_card_descriptor_cycles(&engine, &t, d).source, 64 * 96);
}

/* A pool of 2 x 2 over 64 channels: 4 stretches of one word per pixel, 4 * 8 cycles of the lanes.
 */
static void test_pool(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = timing_of(100, 0, 0);
    put_conv(d, 4, 64, 64, 2, 0);
    d[WEFT_D_KIND] = WEFT_KIND_POOL;
    d[WEFT_D_STRIDE_Y] = d[WEFT_D_STRIDE_X] = 2;
    d[WEFT_D_OUT_HEIGHT] = d[WEFT_D_OUT_WIDTH] = 2;
    d[WEFT_D_TILE_PIXELS] = 4;
    d[WEFT_D_TILE_DEPTH] = 4;
    weft_card_cycles c = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(c.source, 4 * 4);
    assert_near(c.vector, 4 * 8 * 4);
    assert_near(c.finish, 4 * 8);
    assert_near(c.weights, 0);
    assert_near(c.target, 4);
    assert_near(c.total, 100 + 16 + 128 + 32 + 4 + 100);
    assert_int_equal(c.macs, 0);
}

/* 64 x 64 times 64 x 64, dense, b by columns, for two heads; one tile each. */
static void put_matmul(uint32_t d[WEFT_D_WORDS])
{
    enum { SIDE = 64 };
    put_conv(d, 1, SIDE, SIDE, 1, 0);
    d[WEFT_D_KIND] = WEFT_KIND_MATMUL;
    d[WEFT_D_IN_WIDTH] = d[WEFT_D_OUT_WIDTH] = d[WEFT_D_TILE_PIXELS] = SIDE;
    d[WEFT_D_HEADS] = 2;
    d[WEFT_D_X_HEAD] = d[WEFT_D_Y_HEAD] = d[WEFT_D_B_HEAD] = SIDE * SIDE;
    d[WEFT_D_B_SHARE] = d[WEFT_D_B_DEPTH] = 1;
    d[WEFT_D_B_COLUMN] = SIDE;
}

/* 20 rows of 96 elements, 10 of them a piece. */
static void put_rows(uint32_t d[WEFT_D_WORDS], uint32_t kind)
{
    memset(d, 0, WEFT_D_WORDS * sizeof *d);
    d[WEFT_D_KIND] = kind;
    for (int i = 0; i < WEFT_D_DIMS; i++)
        d[WEFT_D_SIZES + i] = 1;
    d[WEFT_D_SIZES + 4] = 20;
    d[WEFT_D_SIZES + 5] = 96;
    d[WEFT_D_A_STEPS + 4] = d[WEFT_D_Y_STEPS + 4] = 96;
    d[WEFT_D_A_STEPS + 5] = d[WEFT_D_Y_STEPS + 5] = 1;
}

/* Two matrices. Loads 100 + 64 + 10 both, sums 8 * 4 * 8 + 10, finishing 64 * 8 + 10, storing 64 +
 * 10; the second one is finished behind the first. */
static void test_matmul(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_engine_params with = weft_engine_with(&engine, true, true);
    weft_card_timing t = timing_of(100, 50, 10);
    put_matmul(d);
    weft_card_cycles c = weft_card_descriptor_cycles(&with, &t, d);
    assert_near(c.total, 50 + 174 + 266 + 2 * 522 + 74 + 100);
    assert_near(c.source, 2 * 64);
    assert_near(c.second, 2 * 64);
    assert_near(c.weights, 0);
    assert_near(c.array, 2 * 256);
    assert_int_equal(c.macs, 2 * 64 * 64 * 64);
    d[WEFT_D_B_DEPTH] = 64; /* by rows: as many words */
    d[WEFT_D_B_COLUMN] = 1;
    assert_near(weft_card_descriptor_cycles(&with, &t, d).second, 2 * 64);
    d[WEFT_D_B_DEPTH] = 96; /* rows that begin at 0 or 32 of a word */
    assert_near(weft_card_descriptor_cycles(&with, &t, d).second, 2 * 64 * 1.5);
    /* A softmax goes through the tile once more, a row of 8 blocks behind its exponentials, of
     * which 256 words are read before all. */
    d[WEFT_D_B_DEPTH] = 64;
    d[WEFT_D_FLAGS] = WEFT_FLAG_SOFTMAX;
    t.norm_fill = 5;
    c = weft_card_descriptor_cycles(&with, &t, d);
    assert_near(c.total, 50 + 356 + 174 + 266 + 2.0 * (522 + 512 + 7 + 5) + 74 + 100);
    assert_int_equal(c.bytes[WEFT_PORT_WEIGHTS], 256 * 64);
}

/* Two pieces: source 100 + 10 rows of 2 words, scales and biases 6 words each; finishing and
 * results 10 rows of 12 blocks each, a cycle per row and the pipelines' 7; y is 15 whole words. */
static void test_rows(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = timing_of(100, 0, 0);
    t.norm_fill = 7;
    put_rows(d, WEFT_KIND_LAYER_NORM);
    weft_card_cycles c = weft_card_descriptor_cycles(&engine, &t, d);
    double piece = 2 * 120 + 7;
    assert_near(c.total, 120 + 2 * piece + 15 + 100);
    assert_near(c.vector, 2 * piece);
    assert_near(c.weights, 2 * 2 * 6);
    put_rows(d, WEFT_KIND_SOFTMAX);
    c = weft_card_descriptor_cycles(&engine, &t, d);
    assert_near(c.vector, 2 * (2 * 120 + 11 + 7));
    assert_int_equal(c.bytes[WEFT_PORT_WEIGHTS], 256 * 64);
}

/* A step takes what its descriptors take, offsets by what is added to values and blobs. */
static void test_step(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = timing_of(100, 50, 10);
    weft_arg args[2][WEFT_D_WORDS];
    weft_descriptor descriptors[2];
    weft_step step = {.descriptors = descriptors, .descriptor_count = 2};
    weft_card_cycles sum, parts[2];
    memset(args, 0, sizeof args);
    for (uint32_t i = 0; i < 2; i++) {
        put_conv(d, 8 + 8 * i, 64, 32, 3, 1);
        for (int w = 0; w < WEFT_D_WORDS; w++)
            args[i][w] = (weft_arg){.kind = WEFT_ARG_INT, .i = (int32_t)d[w]};
        args[i][WEFT_D_X] = (weft_arg){.kind = WEFT_ARG_VALUE, .index = 7, .i = 32};
        args[i][WEFT_D_WEIGHTS] = (weft_arg){.kind = WEFT_ARG_BLOB, .index = 9};
        d[WEFT_D_X] = 32;
        /* Words after the last one are zero. */
        descriptors[i] = (weft_descriptor){.words = args[i], .word_count = WEFT_D_GROUPS + 1};
        parts[i] = weft_card_descriptor_cycles(&engine, &t, d);
    }
    assert_true(weft_card_step_cycles(&engine, &t, &step, &sum));
    assert_near(sum.total, parts[0].total + parts[1].total);
    assert_near(sum.source, parts[0].source + parts[1].source);
    assert_int_equal(sum.macs, parts[0].macs + parts[1].macs);
    for (int port = 0; port < WEFT_PORT_COUNT; port++)
        assert_int_equal(sum.bytes[port], parts[0].bytes[port] + parts[1].bytes[port]);
    assert_int_equal(sum.limit, parts[1].limit); /* the longer one's */
    step.descriptor_count = 0;
    assert_false(weft_card_step_cycles(&engine, &t, &step, &sum));
    assert_near(sum.total, 0);
    memset(d, 0, sizeof d); /* END: read, and nothing else */
    assert_near(weft_card_descriptor_cycles(&engine, &t, d).total, 50);
}

/* ---- short cuts ---- */

static void test_words(void **state)
{
    (void)state;
    static const int64_t words[] = {8, 64};
    for (int w = 0; w < 2; w++)
        for (int64_t at = 0; at < 70; at += 3)
            for (int64_t step = 1; step < 200; step += 7)
                for (int64_t bytes = 1; bytes < 300; bytes += 13) {
                    int64_t word = words[w], touched = 0, broken = 0;
                    for (int64_t i = 0; i < word; i++) {
                        int64_t begin = at + i * step, end = begin + bytes;
                        touched += (end - 1) / word - begin / word + 1;
                        broken += (begin % word != 0) + (end % word != 0);
                    }
                    assert_near(weft__words_touched(at, step, bytes, word),
                                (double)touched / (double)word);
                    assert_near(weft__words_broken(at, step, bytes, word),
                                (double)broken / (double)word);
                }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

typedef struct two_runs {
    double first[WEFT_FLOW_PROCESSES], second[WEFT_FLOW_PROCESSES];
} two_runs;

static void add_two(weft__flow *flow, const void *context)
{
    weft__flow_run(flow, ((const two_runs *)context)->first);
    weft__flow_run(flow, ((const two_runs *)context)->second);
}

/* Repeating takes as long as adding every run, to one in a thousand. */
static void test_repeat(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        weft__flow plain = {.count = 6, .producers = {0, 0, 3, 0, 12, 16}};
        two_runs runs;
        for (int k = 0; k < WEFT_FLOW_PROCESSES; k++) {
            runs.first[k] = next_random(&seed) % 1000;
            runs.second[k] = next_random(&seed) % 4 == 0 ? 0 : next_random(&seed) % 1000;
        }
        weft__flow fast = plain;
        int64_t count = 1 + next_random(&seed) % 500;
        for (int64_t n = 0; n < count; n++)
            add_two(&plain, &runs);
        weft__flow_repeat(&fast, count, add_two, &runs);
        double expected = weft__flow_end(&plain);
        assert_true(fabs(weft__flow_end(&fast) - expected) <= expected / 1000);
    }
}

/* No process is overtaken: the total is at least what the busiest takes, and at most what all of
 * them take one after the other. */
static void test_bounds(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS], seed = 7;
    weft_card_timing t = timing_of(80, 30, 8);
    for (int i = 0; i < 500; i++) {
        uint32_t kernel = next_random(&seed) % 2 == 0 ? 1 : 3;
        put_conv(d, 1 + next_random(&seed) % 60, 1 + next_random(&seed) % 300,
                 1 + next_random(&seed) % 300, kernel, kernel / 2);
        d[WEFT_D_BATCH] = 1 + next_random(&seed) % 4;
        d[WEFT_D_FLAGS] = next_random(&seed) % 2 == 0 ? WEFT_FLAG_RESIDUAL : WEFT_FLAG_MEAN;
        d[WEFT_D_TILE_PIXELS] = 1 + next_random(&seed) % 300;
        d[WEFT_D_TILE_CHANNELS] = 1 + next_random(&seed) % 200;
        d[WEFT_D_TILE_DEPTH] = 8 * (1 + next_random(&seed) % 60);
        weft_card_cycles c = weft_card_descriptor_cycles(&engine, &t, d);
        double most = fmax(fmax(c.array, c.finish), fmax(fmax(c.source, c.weights), c.target));
        double pixels = (double)d[WEFT_D_OUT_HEIGHT] * d[WEFT_D_OUT_WIDTH] * d[WEFT_D_BATCH];
        double runs = ceil(pixels / fmin(pixels, d[WEFT_D_TILE_PIXELS])) *
                      ceil((double)d[WEFT_D_OUT_CHANNELS] / d[WEFT_D_TILE_CHANNELS]) *
                      ceil((double)d[WEFT_D_IN_CHANNELS] * kernel * kernel / d[WEFT_D_TILE_DEPTH]);
        double all = c.array + c.finish + c.source + c.weights + c.second + c.target;
        assert_true(c.total >= most);
        assert_true(c.total <= 30 + 80 + all + runs * (4 * 80 + 6 * 8));
        double peak = (double)engine.rows * engine.cols * engine.simd;
        assert_true(c.array >= (double)c.macs / peak);
    }
}

/* A port that is as wide as its bank loses the refreshes, and so does one that asks for half of it;
 * 64 pixels of one word take 64 / 0.9 cycles. */
static void test_refresh(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = timing_of(100, 50, 10);
    put_conv(d, 8, 64, 32, 1, 0);
    for (int port = 0; port < WEFT_PORT_COUNT; port++) {
        t.bank_bytes[port] = 48; /* what several ports get of it */
        t.dram[port].peak_bytes = 64;
        t.dram[port].refresh = 100;
        t.dram[port].refresh_interval = 1000;
    }
    assert_near(weft_card_descriptor_cycles(&engine, &t, d).source, 64 / 0.9);
    for (int port = 0; port < WEFT_PORT_COUNT; port++)
        t.dram[port].peak_bytes = 128;
    assert_near(weft_card_descriptor_cycles(&engine, &t, d).source, 64 / 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_run), cmocka_unit_test(test_array_bound),
        cmocka_unit_test(test_padding), cmocka_unit_test(test_banks),
        cmocka_unit_test(test_stream),  cmocka_unit_test(test_pool),
        cmocka_unit_test(test_step),    cmocka_unit_test(test_words),
        cmocka_unit_test(test_repeat),  cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_refresh), cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
