/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation against cases whose cycles can be worked out by hand. Must not know: boards, the
 * closed form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "compiler/card/simulate.h"

enum { PORT = 64, LATENCY = 60, SETUP = 50 };

/* 8 rows x 16 columns x 8 deep, 8 lanes. */
static const weft_engine_params array_engine = {.name = "array",
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
                                                .port = PORT};
/* Lines so long that a latency counts little, and as many lanes as a word has bytes. */
static const weft_engine_params stream_engine = {.name = "stream",
                                                 .rows = 8,
                                                 .cols = 64,
                                                 .simd = 8,
                                                 .lanes = PORT,
                                                 .x_bytes = 65536,
                                                 .w_bytes = 65536,
                                                 .sums = 16384,
                                                 .lane_bytes = 32768,
                                                 .line = 65536,
                                                 .piece = 65536,
                                                 .port = PORT};

/* Every port has a bank of its own, which moves so many bytes per cycle and knows no pages. */
static weft_card_timing plain_timing(double bytes, double handshake)
{
    weft_card_timing t = {
        .clock_mhz = 300, .port_bytes = PORT, .setup = SETUP, .handshake = handshake};
    for (int port = 0; port < WEFT_PORT_COUNT; port++) {
        t.bank[port] = port;
        t.bank_bytes[port] = bytes;
        t.latency[port] = LATENCY;
    }
    return t;
}

/* Chips with round numbers. */
static weft_card_timing dram_timing(void)
{
    weft_card_timing t = plain_timing(PORT, 0);
    for (int port = 0; port < WEFT_PORT_COUNT; port++)
        t.dram[port] = (weft_card_dram){.peak_bytes = PORT,
                                        .atom_bytes = PORT,
                                        .page_bytes = 1024,
                                        .page_sets = 4,
                                        .precharge = 5,
                                        .activate = 5,
                                        .column = 5,
                                        .row_cycle = 20,
                                        .four_pages = 4,
                                        .after_read = 2,
                                        .after_write = 5,
                                        .write_to_read = 10,
                                        .read_to_write = 2};
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

/* A copy of rows; a_step and y_step: from row to row. */
static void put_move(uint32_t d[WEFT_D_WORDS], uint32_t rows, uint32_t elements, uint32_t a_step,
                     uint32_t y_step)
{
    memset(d, 0, WEFT_D_WORDS * sizeof *d);
    d[WEFT_D_KIND] = WEFT_KIND_MOVE;
    for (int i = 0; i < WEFT_D_DIMS; i++)
        d[WEFT_D_SIZES + i] = 1;
    d[WEFT_D_SIZES + 4] = rows;
    d[WEFT_D_SIZES + 5] = elements;
    d[WEFT_D_A_STEPS + 4] = a_step;
    d[WEFT_D_Y_STEPS + 4] = y_step;
    d[WEFT_D_A_STEPS + 5] = d[WEFT_D_Y_STEPS + 5] = 1;
}

static void assert_about(double found, double least, double most)
{
    if (found < least || found > most)
        fail_msg("expected %.0f to %.0f, found %.0f", least, most, found);
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

/* One run: everything stands in line. The last of n words comes back n - 1 cycles and a latency
 * after the first was asked for.
 *   source   64 pixels of one word                     10 + 63 + 60 = 133
 *   sum      8 row blocks, 2 column blocks, 8 words    10 + 128     = 138
 *   finish   64 pixels, 4 lane blocks                  10 + 256     = 266
 *   store    2048 bytes, until the last word landed    10 + 31 + 60 = 101 */
static void test_one_run(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = plain_timing(PORT, 10);
    put_conv(d, 8, 64, 32, 1, 0);
    weft_card_simulation s = weft_card_simulate(&array_engine, &t, d);
    assert_int_equal((int)s.cycles.total, SETUP + 133 + 138 + 266 + 101);
    assert_int_equal(s.shares[WEFT_PROCESS_SOURCE].busy, 64);
    assert_int_equal(s.shares[WEFT_PROCESS_SOURCE].memory, 59);
    assert_int_equal(s.shares[WEFT_PROCESS_WEIGHTS].busy, 32 + 3 * 2);
    assert_int_equal(s.shares[WEFT_PROCESS_SUM].busy, 128);
    assert_int_equal(s.shares[WEFT_PROCESS_SUM].starved, 133);
    assert_int_equal(s.shares[WEFT_PROCESS_FINISH].busy, 256);
    assert_int_equal(s.shares[WEFT_PROCESS_TARGET].busy, 32);
    assert_int_equal(s.cycles.macs, 64 * 64 * 32);
    assert_int_equal(s.cycles.bytes[WEFT_PORT_SOURCE], 64 * PORT);
    assert_int_equal(s.cycles.bytes[WEFT_PORT_TARGET], 32 * PORT);
    assert_int_equal(s.cycles.limit, WEFT_LIMIT_LATENCY);
    weft_card_cycles c = weft_card_simulate(&array_engine, &t, d).cycles; /* again */
    assert_true(c.total == s.cycles.total);
}

/* 16 tiles with two pieces of depth each: the array works 8 * 4 * 36 cycles per piece, longer than
 * anything else; before the first run a piece is loaded, after the last one a tile is finished. */
static void test_array_bound(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = plain_timing(PORT, 0);
    put_conv(d, 32, 64, 64, 3, 1);
    d[WEFT_D_TILE_PIXELS] = 64;
    d[WEFT_D_TILE_DEPTH] = 288;
    weft_card_simulation s = weft_card_simulate(&array_engine, &t, d);
    int64_t array = 16 * 2 * 8 * 4 * 36;
    assert_int_equal(s.shares[WEFT_PROCESS_SUM].busy, array);
    assert_int_equal(s.shares[WEFT_PROCESS_SUM].blocked, 0);
    int64_t first = s.shares[WEFT_PROCESS_SUM].starved; /* nothing but the first load */
    assert_about((double)first, 64 * 5 - 1 + LATENCY, 64 * 7 + LATENCY);
    int64_t last = 64 * 8 + 64 * 64 / PORT + LATENCY - 1; /* finish and store */
    assert_int_equal((int)s.cycles.total, SETUP + first + array + last);
    assert_int_equal(s.cycles.limit, WEFT_LIMIT_ARRAY);
}

/* The window's row above and below the image is passed over word by word without any request; a
 * column outside of the image costs its words, but is not asked for. */
static void test_padding(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = plain_timing(PORT, 0);
    put_conv(d, 4, 64, 16, 3, 1);
    weft_card_simulation s = weft_card_simulate(&array_engine, &t, d);
    assert_int_equal(s.shares[WEFT_PROCESS_SOURCE].busy, 16 * 9);
    assert_int_equal(s.cycles.bytes[WEFT_PORT_SOURCE], 10 * 10 * PORT); /* 10 of 12 each way */
}

/* 64 lines of 64 KB through banks of half a port's width: two cycles per word. */
static void test_stream_is_bandwidth_bound(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = plain_timing(PORT / 2, 0);
    put_move(d, 1, 64 * 65536, 0, 0);
    weft_card_simulation s = weft_card_simulate(&stream_engine, &t, d);
    /* Every line waits for its latency; the last one is computed and stored after all. */
    const int words = 1024, line = 2 * (words - 1) + LATENCY;
    assert_int_equal((int)s.cycles.total, SETUP + 64 * line + words + line);
    assert_int_equal(s.shares[WEFT_PROCESS_SOURCE].busy, 64 * words);
    assert_int_equal(s.cycles.limit, WEFT_LIMIT_VALUES);
}

/* Two ports that share a bank have half of it each. */
static void test_shared_bank(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = plain_timing(PORT, 0);
    put_move(d, 1, 64 * 65536, 0, 0);
    d[WEFT_D_KIND] = WEFT_KIND_ADD;
    d[WEFT_D_B_STEPS + 5] = 1;
    double alone = weft_card_simulate(&stream_engine, &t, d).cycles.total;
    t.bank[WEFT_PORT_SECOND] = t.bank[WEFT_PORT_SOURCE];
    double shared = weft_card_simulate(&stream_engine, &t, d).cycles.total;
    assert_about(alone, 64 * 1024, 64 * (1024 + LATENCY) + 4096);
    assert_about(shared - alone, 64 * 1024 - 4096, 64 * 1024);
}

/* Rows of 64 bytes that begin in the middle of a word touch two words; stored so, each of the two
 * is read and written back, and the bank moves four words where it moved one. */
static void test_misaligned(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = plain_timing(PORT, 0);
    enum { ROWS = 4096 };
    put_move(d, ROWS, 64, 128, 128);
    weft_card_simulation s = weft_card_simulate(&stream_engine, &t, d);
    assert_int_equal(s.shares[WEFT_PROCESS_SOURCE].busy, ROWS);
    assert_int_equal(s.cycles.bytes[WEFT_PORT_TARGET], ROWS * PORT);
    d[WEFT_D_X] = 32;
    weft_card_simulation loads = weft_card_simulate(&stream_engine, &t, d);
    assert_int_equal(loads.shares[WEFT_PROCESS_SOURCE].busy, 2 * ROWS);
    assert_about(loads.cycles.total - s.cycles.total, ROWS - 64, ROWS + 64);
    d[WEFT_D_X] = 0;
    d[WEFT_D_Y] = 32;
    weft_card_simulation stores = weft_card_simulate(&stream_engine, &t, d);
    assert_int_equal(stores.cycles.bytes[WEFT_PORT_TARGET], 2 * 2 * ROWS * PORT);
    assert_about(stores.cycles.total - s.cycles.total, 3 * ROWS - 256, 3 * ROWS + 256);
}

/* 64 requests under way and a latency of 256 cycles: a word every 4 cycles. */
static void test_outstanding(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = plain_timing(PORT, 0);
    for (int port = 0; port < WEFT_PORT_COUNT; port++)
        t.latency[port] = 256;
    put_move(d, 1, 65536, 0, 0);
    weft_card_simulation s = weft_card_simulate(&stream_engine, &t, d);
    /* Loading, computing and storing follow each other, because it is one line; of the last 64
     * words each comes a cycle after the one before. */
    assert_int_equal((int)s.cycles.total, SETUP + (4 * 1024 + 63) + 1024 + (4 * 1024 + 63));
}

/* Pages that follow each other are opened ahead: the bank gives its peak. One page set and a new
 * page for every word: a row cycle each. */
static void test_pages(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing plain = plain_timing(PORT, 0), t = dram_timing();
    put_move(d, 1, 4 * 65536, 0, 0);
    double ideal = weft_card_simulate(&stream_engine, &plain, d).cycles.total;
    weft_card_simulation s = weft_card_simulate(&stream_engine, &t, d);
    assert_about(s.cycles.total, ideal - 4 * 10, ideal + 100);
    assert_int_equal(s.page_misses, 2 * 4 * 64);
    enum { ROWS = 512 };
    put_move(d, ROWS, PORT, 4 * 1024, PORT);
    s = weft_card_simulate(&stream_engine, &t, d);
    assert_about(s.cycles.total, SETUP + ROWS * 20, SETUP + ROWS * 21 + 1500);
}

static void test_refresh(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = dram_timing();
    put_move(d, 1, 16 * 65536, 0, 0);
    double without = weft_card_simulate(&stream_engine, &t, d).cycles.total;
    for (int port = 0; port < WEFT_PORT_COUNT; port++) {
        t.dram[port].refresh = 100;
        t.dram[port].refresh_interval = 1000;
    }
    double with = weft_card_simulate(&stream_engine, &t, d).cycles.total;
    /* A tenth of the time is lost, and the pages are opened again. */
    assert_about(with / without, 1.08, 1.16);
}

/* Reading and writing one bank: both share its bytes, and turning the bus costs. */
static void test_turns(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = dram_timing();
    put_move(d, 1, 16 * 65536, 0, 0);
    d[WEFT_D_Y] = 1 << 24;
    t.bank[WEFT_PORT_TARGET] = t.bank[WEFT_PORT_SOURCE];
    weft_card_simulation s = weft_card_simulate(&stream_engine, &t, d);
    const double words = 2 * 16 * 1024;
    assert_about(s.bank_busy[WEFT_PORT_SOURCE], words, words);
    /* 12 cycles for two turns, 64 reads and as many writes; the first line is loaded
     * and the last one stored while nothing else moves. */
    assert_about(s.cycles.total, words + 2 * 1024, words * (1 + 12.0 / 128) + 4 * 1024);
    for (int port = 0; port < WEFT_PORT_COUNT; port++)
        t.dram[port].write_to_read = 80;
    weft_card_simulation slow = weft_card_simulate(&stream_engine, &t, d);
    assert_about(slow.cycles.total - s.cycles.total, 40 * 16 * 1024 / 64, 2 * 80 * 16 * 1024 / 64);
}

/* Every kind comes to its end with engines of every shape, words narrower than an access of the
 * chips, images within a tile, means, tables, steps that run backwards. */
static void test_all_kinds_end(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = dram_timing();
    t.port_bytes = 8;
    for (int port = 0; port < WEFT_PORT_COUNT; port++)
        t.bank[port] = 0;
    /* Small numbers for counting by hand; no engine is printed from them. */
    static const weft_engine_params small = {.name = "small",
                                             .rows = 2,
                                             .cols = 4,
                                             .simd = 4,
                                             .lanes = 4,
                                             .x_bytes = 256,
                                             .w_bytes = 256,
                                             .sums = 64,
                                             .lane_bytes = 256,
                                             .line = 16,
                                             .piece = 16,
                                             .port = 8};
    const weft_engine_params *tiny = &small;
    put_conv(d, 3, 5, 7, 3, 1);
    d[WEFT_D_BATCH] = 2;
    d[WEFT_D_TILE_PIXELS] = 4;
    d[WEFT_D_TILE_CHANNELS] = 4;
    d[WEFT_D_TILE_DEPTH] = 16;
    d[WEFT_D_FLAGS] = WEFT_FLAG_MEAN | WEFT_FLAG_TABLE | WEFT_FLAG_RESIDUAL;
    weft_card_simulation s = weft_card_simulate(tiny, &t, d);
    /* 2 tiles of channels, 5 of pixels, 3 pieces of 45 elements */
    assert_int_equal(s.shares[WEFT_PROCESS_SUM].busy, 2 * (1 * (4 + 4 + 4) + 4 * 2 * (4 + 4 + 4)));
    /* 18 pixels, and the means of 2 images by channel, filled up to whole lanes */
    assert_int_equal(s.shares[WEFT_PROCESS_FINISH].busy, 2 * (18 + 2 * 4));
    d[WEFT_D_KIND] = WEFT_KIND_POOL;
    d[WEFT_D_OUT_CHANNELS] = 5;
    d[WEFT_D_FLAGS] = WEFT_FLAG_AVERAGE;
    d[WEFT_D_TILE_DEPTH] = 4;
    s = weft_card_simulate(tiny, &t, d);
    assert_int_equal(s.shares[WEFT_PROCESS_SUM].busy, 2 * 18 * 9);
    assert_int_equal(s.shares[WEFT_PROCESS_WEIGHTS].busy, 0);
    d[WEFT_D_KIND] = WEFT_KIND_GROUPED;
    d[WEFT_D_GROUPS] = 5;
    d[WEFT_D_OUT_CHANNELS] = 10;
    s = weft_card_simulate(tiny, &t, d);
    assert_int_equal(s.shares[WEFT_PROCESS_SUM].busy, 3 * 18 * 9);
    static const uint32_t kinds[] = {WEFT_KIND_ADD, WEFT_KIND_MUL, WEFT_KIND_TABLE, WEFT_KIND_MOVE,
                                     WEFT_KIND_FILL};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        put_move(d, 9, 7, 14, 10);
        d[WEFT_D_KIND] = kinds[i];
        d[WEFT_D_FLAGS] = kinds[i] == WEFT_KIND_MUL ? WEFT_FLAG_RESIDUAL : 0;
        d[WEFT_D_X] = 13;
        d[WEFT_D_A_STEPS + 5] = (uint32_t)-1;
        d[WEFT_D_B_STEPS + 5] = 1;
        s = weft_card_simulate(tiny, &t, d);
        /* Two rows of 7 fit a piece of 16: four pieces of 14 elements, and one of 7. */
        assert_int_equal(s.shares[WEFT_PROCESS_FINISH].busy, 4 * 4 + 2);
        bool has_b = kinds[i] == WEFT_KIND_ADD || kinds[i] == WEFT_KIND_MUL;
        assert_true((s.cycles.bytes[WEFT_PORT_SECOND] > 0) == has_b);
    }
    memset(d, 0, sizeof d);
    assert_true(weft_card_simulate(tiny, &t, d).cycles.total == SETUP);
}

/* Two matrices, finished one behind the other: loads 10 + 63 + 60, sums 10 + 256, finishing 10 +
 * 512 each, the last words land 10 + 63 + 60 later. */
static void test_matmul(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    const weft_engine_params with = weft_engine_with(&array_engine, true, true);
    weft_card_timing t = plain_timing(PORT, 10);
    put_matmul(d);
    weft_card_simulation s = weft_card_simulate(&with, &t, d);
    assert_int_equal((int)s.cycles.total, SETUP + 133 + 266 + 2 * 522 + 133);
    assert_int_equal(s.shares[WEFT_PROCESS_SECOND].busy, 2 * 64);
    assert_int_equal(s.shares[WEFT_PROCESS_SUM].busy, 2 * 256);
    assert_int_equal(s.shares[WEFT_PROCESS_WEIGHTS].busy, 0);
    assert_int_equal(s.cycles.macs, 2 * 64 * 64 * 64);
    d[WEFT_D_B_DEPTH] = 96; /* by rows, half of which touch two words */
    d[WEFT_D_B_COLUMN] = 1;
    assert_int_equal(weft_card_simulate(&with, &t, d).shares[WEFT_PROCESS_SECOND].busy,
                     2 * 64 * 3 / 2);
    double before = weft_card_simulate(&with, &t, d).cycles.total;
    d[WEFT_D_FLAGS] = WEFT_FLAG_SOFTMAX;
    t.norm_fill = 5;
    s = weft_card_simulate(&with, &t, d);
    assert_int_equal(s.shares[WEFT_PROCESS_FINISH].busy, 2 * (2 * 512 + 7 + 5));
    /* The exponentials are read before all. */
    assert_int_equal((int)(s.cycles.total - before), 256 + LATENCY + 2 * (512 + 7 + 5));
}

/* Rows of two words, in two pieces; what a piece computes sets the pace. */
static void test_rows(void **state)
{
    (void)state;
    uint32_t d[WEFT_D_WORDS];
    weft_card_timing t = plain_timing(PORT, 0);
    t.norm_fill = 7;
    put_rows(d, WEFT_KIND_LAYER_NORM);
    weft_card_simulation s = weft_card_simulate(&array_engine, &t, d);
    int piece = 2 * 120 + 7;
    assert_int_equal((int)s.cycles.total, SETUP + 19 + 60 + 2 * piece + 14 + 60);
    assert_int_equal(s.shares[WEFT_PROCESS_FINISH].busy, 2 * piece);
    assert_int_equal(s.shares[WEFT_PROCESS_WEIGHTS].busy, 2 * 2 * 6);
    put_rows(d, WEFT_KIND_SOFTMAX);
    s = weft_card_simulate(&array_engine, &t, d);
    assert_int_equal(s.shares[WEFT_PROCESS_FINISH].busy, 2 * (2 * 120 + 11 + 7));
    assert_int_equal(s.shares[WEFT_PROCESS_WEIGHTS].busy, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_run),       cmocka_unit_test(test_array_bound),
        cmocka_unit_test(test_padding),       cmocka_unit_test(test_stream_is_bandwidth_bound),
        cmocka_unit_test(test_shared_bank),   cmocka_unit_test(test_misaligned),
        cmocka_unit_test(test_outstanding),   cmocka_unit_test(test_pages),
        cmocka_unit_test(test_refresh),       cmocka_unit_test(test_turns),
        cmocka_unit_test(test_all_kinds_end), cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
