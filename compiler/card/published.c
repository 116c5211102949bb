/* SPDX-License-Identifier: Apache-2.0 */
/* See weft/published.h. One set of constants for all points:
 *
 *   efficiency, latency  of the board's memory: those that plans for our own engine use
 *   HANDSHAKE  cycles between two runs of a process: 16 products of the input channels are added in
 *              a cascade of DSPs, one register each, and operand fetch, activation and write-back
 *              take about as many stages again
 *   setup      of a layer: one latency of the memory, to fetch its first instruction
 *
 * What runs on the host (decoding, softmax, the classifier where it is not on the array) overlaps
 * with the card, because the published speeds are those of many threads. */
#include "weft/published.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/card/counted.h"
#include "compiler/card/published_nets.h"

enum { HANDSHAKE = 32 };

typedef struct design {
    const char *name;
    int64_t pixels, inputs, outputs, port_bytes, weight_ports, value_bytes, filter_bytes;
    bool keeps_values, has_classifier;
    const char *doc;
} design;

static const design designs[] = {
#define WEFT_PUBLISHED_DESIGN(id, ...) {__VA_ARGS__},
#include "compiler/card/published.def"
#undef WEFT_PUBLISHED_DESIGN
};
enum {
#define WEFT_PUBLISHED_DESIGN(id, ...) DESIGN_##id,
#include "compiler/card/published.def"
#undef WEFT_PUBLISHED_DESIGN
    DESIGN_COUNT
};

static const weft_published_memory memories[] = {
#define WEFT_PUBLISHED_BOARD(id, ...) {__VA_ARGS__},
#include "compiler/card/published.def"
#undef WEFT_PUBLISHED_BOARD
};
enum {
#define WEFT_PUBLISHED_BOARD(id, ...) MEMORY_##id,
#include "compiler/card/published.def"
#undef WEFT_PUBLISHED_BOARD
    MEMORY_COUNT
};

typedef struct point {
    weft__published_net net;
    int design, memory, engines, per_bank;
    const char *batch;
    double clock_mhz, fps;
    const char *source;
    char mark;
} point;

static const point points[] = {
#define WEFT_PUBLISHED_POINT(net, design, board, ...)                                              \
    {WEFT_NET_##net, DESIGN_##design, MEMORY_##board, __VA_ARGS__},
#include "compiler/card/published.def"
#undef WEFT_PUBLISHED_POINT
};
enum { POINT_COUNT = sizeof points / sizeof *points };

/* An assumption that is changed; members that are 0 change nothing. */
typedef struct change {
    const char *text;
    const char *design; /* whose design it is about; NULL: all */
    bool joins_sums;    /* residual sums are part of the convolution before them */
    bool one_tap_at_a_time, keeps_values, halves_values, halves_filters;
    double handshake, more_efficiency, latency_factor;
    int64_t axes[3]; /* pixels, inputs, outputs */
} change;

static const change changes[] = {
#define WEFT_PUBLISHED_CHANGE(text, ...) {text, __VA_ARGS__},
#include "compiler/card/published.def"
#undef WEFT_PUBLISHED_CHANGE
};
enum { CHANGE_COUNT = sizeof changes / sizeof *changes, UNCHANGED = 0 };

static design changed_design(design d, const change *by)
{
    if (by->design != NULL && strcmp(by->design, d.name) != 0)
        return d;
    d.keeps_values = d.keeps_values || by->keeps_values;
    d.value_bytes /= by->halves_values ? 2 : 1;
    d.filter_bytes /= by->halves_filters ? 2 : 1;
    if (by->axes[0] > 0) {
        d.pixels = by->axes[0];
        d.inputs = by->axes[1];
        d.outputs = by->axes[2];
    }
    return d;
}

static weft_published_memory changed_memory(weft_published_memory m, const change *by)
{
    m.efficiency += by->more_efficiency;
    m.latency_ns *= by->latency_factor > 0 ? by->latency_factor : 1;
    return m;
}

static double handshake_of(const change *by)
{
    return by->handshake > 0 ? by->handshake : HANDSHAKE;
}

/* ---- one layer ---- */

/* Processes in the order of the flow. */
enum { LOAD, WEIGHTS, COMPUTE, STORE, PROCESSES };

typedef struct estimate {
    const design *design;
    const change *by;
    weft_card_timing timing;
    weft_card_cycles sum; /* over layers */
} estimate;

/* A tile is so many rows of the output, and for each group of output channels one run. */
typedef struct tile {
    int64_t groups;
    double first[WEFT_FLOW_PROCESSES], next[WEFT_FLOW_PROCESSES];
} tile;

typedef struct shape {
    const weft__published_layer *layer;
    bool is_on_chip;    /* values are there and stay there */
    bool keeps_filters; /* all filters fit: they are read once */
    int64_t rows;       /* of a whole tile */
} shape;

/* Rows of the input under `rows` rows of the output. */
static int64_t input_bytes(const weft__published_layer *l, int64_t rows)
{
    return weft_least((rows - 1) * l->stride + l->kernel, l->in_side) * l->in_side * l->in_channels;
}

static int64_t output_bytes(const weft__published_layer *l, int64_t rows)
{
    return rows * l->out_side * l->out_channels;
}

static bool is_on_array(const weft__published_layer *l)
{
    return l->kind == WEFT_LAYER_CONV || l->kind == WEFT_LAYER_CLASSIFIER;
}

static int64_t filter_bytes(const weft__published_layer *l)
{
    return !is_on_array(l) ? 0 : l->out_channels * l->in_channels * l->kernel * l->kernel;
}

static int64_t value_bytes(const weft__published_layer *l, int64_t rows)
{
    int64_t operands = l->kind == WEFT_LAYER_ADD ? 2 : 1;
    return operands * input_bytes(l, rows) + output_bytes(l, rows);
}

static shape shape_of(const design *d, const weft__published_layer *l)
{
    shape s = {.layer = l, .rows = l->out_side};
    s.is_on_chip = d->keeps_values && !l->is_first && value_bytes(l, l->out_side) <= d->value_bytes;
    s.keeps_filters = filter_bytes(l) <= d->filter_bytes;
    /* One half is worked on while the other one is loaded and stored. */
    while (!s.is_on_chip && s.rows > 1 && value_bytes(l, s.rows) > d->value_bytes / 2)
        s.rows--;
    return s;
}

/* Cycles of computing `rows` rows and one group of output channels. When the inputs are few, taps
 * of a kernel row are done side by side in their place (PG338: channel augmentation). Pools and
 * sums take as many pixels and channels at a time as the array takes pixels and inputs. */
static double compute_cycles(const design *d, const change *by, const weft__published_layer *l,
                             int64_t rows)
{
    int64_t blocks = rows * weft_blocks(l->out_side, d->pixels), taps = l->kernel * l->kernel;
    if (is_on_array(l) && 2 * l->in_channels <= d->inputs && !by->one_tap_at_a_time)
        taps = l->kernel * weft_blocks(l->kernel, d->inputs / l->in_channels);
    return (double)(blocks * taps * weft_blocks(l->in_channels, d->inputs));
}

/* Cycles to move `bytes` bytes in one stretch; it is done `count` times in all. */
static double moved(counted *c, weft_card_port port, double bytes, double count)
{
    double words = weft__words_touched(0, c->word_bytes, (int64_t)ceil(bytes), c->word_bytes);
    weft__card_move(c, port, count * words);
    return words * weft__card_word_cycles(c, port);
}

/* A layer of a design. */
typedef struct job {
    const design *design;
    const change *by;
    const weft__published_layer *layer;
} job;

/* The runs of a tile, of which the layer has `count`. */
static tile tile_of(counted *c, const job *j, const shape *s, int64_t rows, bool reads_filters,
                    int64_t count)
{
    const design *d = j->design;
    const weft__published_layer *l = s->layer;
    const double *latency = c->timing->latency;
    bool is_add = l->kind == WEFT_LAYER_ADD;
    tile t = {.groups = is_on_array(l) ? weft_blocks(l->out_channels, d->outputs) : 1};
    double groups = (double)t.groups, tiles = (double)count, all = groups * tiles;
    for (int k = 0; k < PROCESSES; k++)
        t.next[k] = handshake_of(j->by);
    double compute = compute_cycles(d, j->by, l, rows);
    t.next[COMPUTE] += compute;
    *(is_on_array(l) ? &c->result.array : &c->result.vector) += all * compute;
    if (!s->is_on_chip)
        t.next[STORE] += moved(c, WEFT_PORT_TARGET, (double)output_bytes(l, rows) / groups, all);
    if (reads_filters && filter_bytes(l) > 0) {
        double bytes = (double)filter_bytes(l) / groups;
        if (d->weight_ports > 0)
            t.next[WEIGHTS] += moved(c, WEFT_PORT_WEIGHTS, bytes / (double)d->weight_ports, all);
        else /* after the values, through the same port */
            t.next[LOAD] += moved(c, WEFT_PORT_WEIGHTS, bytes, all);
    }
    for (int k = 0; k < PROCESSES; k++)
        t.first[k] = t.next[k];
    for (int operand = 0; !s->is_on_chip && operand < (is_add ? 2 : 1); operand++)
        t.first[LOAD] += latency[WEFT_PORT_SOURCE] +
                         moved(c, WEFT_PORT_SOURCE, (double)input_bytes(l, rows), tiles);
    if (reads_filters && filter_bytes(l) > 0)
        t.first[WEIGHTS] += latency[WEFT_PORT_WEIGHTS];
    return t;
}

static void add_group(weft__flow *flow, const void *context)
{
    weft__flow_run(flow, ((const tile *)context)->next);
}

static void add_tile(weft__flow *flow, const void *context)
{
    const tile *t = context;
    weft__flow_run(flow, t->first);
    weft__flow_repeat(flow, t->groups - 1, add_group, t);
}

static double count_layer(counted *c, const void *context)
{
    const job *j = context;
    shape s = shape_of(j->design, j->layer);
    weft__flow flow = {
        .count = PROCESSES,
        .producers = {[COMPUTE] = 1u << LOAD | 1u << WEIGHTS, [STORE] = 1u << COMPUTE}};
    int64_t side = j->layer->out_side, tiles = weft_blocks(side, s.rows);
    tile last = tile_of(c, j, &s, side - (tiles - 1) * s.rows, tiles == 1 || !s.keeps_filters, 1);
    c->runs[WEFT_PORT_SOURCE] = (double)tiles;
    c->runs[WEFT_PORT_TARGET] = (double)(tiles * last.groups);
    c->runs[WEFT_PORT_WEIGHTS] = (double)((s.keeps_filters ? 1 : tiles) * last.groups);
    if (tiles > 1) {
        tile first = tile_of(c, j, &s, s.rows, true, 1);
        add_tile(&flow, &first);
    }
    if (tiles > 2) {
        tile whole = tile_of(c, j, &s, s.rows, !s.keeps_filters, tiles - 2);
        weft__flow_repeat(&flow, tiles - 2, add_tile, &whole);
    }
    add_tile(&flow, &last);
    return weft__flow_end(&flow);
}

/* Of a sum that is part of a convolution: the second operand goes through the port of the first. */
static double read_cycles(counted *c, const weft__published_layer *l)
{
    c->rates[WEFT_PORT_SOURCE] =
        fmin(c->timing->port_bytes, c->timing->bank_bytes[WEFT_PORT_SOURCE]);
    return moved(c, WEFT_PORT_SOURCE, (double)input_bytes(l, l->out_side), 1);
}

static void add_layer(const weft__published_layer *l, void *context)
{
    estimate *e = context;
    if (l->kind == WEFT_LAYER_CLASSIFIER && !e->design->has_classifier)
        return;
    job j = {e->design, e->by, l};
    counted c = {.timing = &e->timing, .word_bytes = (int64_t)e->timing.port_bytes};
    if (l->kind == WEFT_LAYER_ADD && e->by->joins_sums)
        c.result.total = read_cycles(&c, l);
    else
        weft__card_evaluate(&c, count_layer, &j);
    e->sum.total += c.result.total;
    e->sum.array += c.result.array;
    e->sum.macs += l->out_side * l->out_side * filter_bytes(l);
}

/* ---- points ---- */

static weft_card_timing timing_of(const design *d, const weft_published_memory *m, const change *by,
                                  const point *p)
{
    weft_card_timing t = {.clock_mhz = p->clock_mhz,
                          .port_bytes = (double)d->port_bytes,
                          .handshake = handshake_of(by)};
    double per_cycle = m->banks * m->bank_gbytes * m->efficiency * 1e3 / p->clock_mhz;
    for (int port = 0; port < WEFT_PORT_COUNT; port++) {
        t.bank_bytes[port] = per_cycle / p->per_bank;
        t.latency[port] = m->latency_ns * 1e-3 * p->clock_mhz;
        t.bank[port] = port == WEFT_PORT_WEIGHTS && d->weight_ports > 0;
    }
    t.setup = t.latency[WEFT_PORT_PROGRAM];
    return t;
}

size_t weft_published_count(void)
{
    return POINT_COUNT;
}

static weft_published_point predict(size_t index, const change *by)
{
    const point *p = &points[index];
    const design d = changed_design(designs[p->design], by);
    const weft_published_memory m = changed_memory(memories[p->memory], by);
    estimate e = {.design = &d, .by = by, .timing = timing_of(&d, &m, by, p)};
    weft__published_walk(p->net, add_layer, &e);
    weft_published_point result = {.network = weft__published_net_name(p->net),
                                   .design = d.name,
                                   .board = m.name,
                                   .batch = p->batch,
                                   .source = p->source,
                                   .mark = p->mark,
                                   .engines = p->engines,
                                   .clock_mhz = p->clock_mhz,
                                   .fps = p->fps,
                                   .cycles = e.sum.total,
                                   .array_cycles = e.sum.array,
                                   .macs = e.sum.macs};
    result.predicted_fps = p->engines * p->clock_mhz * 1e6 / e.sum.total;
    result.peak_share =
        (double)e.sum.macs / e.sum.total / (double)(d.pixels * d.inputs * d.outputs);
    result.error = result.predicted_fps / p->fps - 1;
    return result;
}

weft_published_point weft_published_get(size_t index)
{
    return predict(index, &changes[UNCHANGED]);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static weft_published_summary summarise(const change *by)
{
    double errors[POINT_COUNT];
    for (size_t i = 0; i < POINT_COUNT; i++)
        errors[i] = fabs(predict(i, by).error);
    qsort(errors, POINT_COUNT, sizeof *errors, compare);
    double low = errors[(POINT_COUNT - 1) / 2], high = errors[POINT_COUNT / 2];
    return (weft_published_summary){(low + high) / 2, errors[POINT_COUNT - 1]};
}

weft_published_summary weft_published_summarise(void)
{
    return summarise(&changes[UNCHANGED]);
}

size_t weft_published_change_count(void)
{
    return CHANGE_COUNT;
}

weft_published_change weft_published_change_get(size_t index)
{
    return (weft_published_change){changes[index].text, summarise(&changes[index])};
}

size_t weft_published_design_count(void)
{
    return DESIGN_COUNT;
}

weft_published_design weft_published_design_get(size_t index)
{
    const design *d = &designs[index];
    return (weft_published_design){d->name, d->doc, d->pixels, d->inputs, d->outputs};
}

size_t weft_published_memory_count(void)
{
    return MEMORY_COUNT;
}

weft_published_memory weft_published_memory_get(size_t index)
{
    return memories[index];
}
