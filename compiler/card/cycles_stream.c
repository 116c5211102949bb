/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles of ADD, MUL, TABLE, MOVE and FILL: pieces of whole innermost rows, or of parts of one. */
#include "compiler/card/counted.h"

enum { SOURCE, SECOND, COMPUTE, TARGET, PROCESSES };

typedef struct stream {
    counted *c;
    int64_t rows, length; /* of the innermost dimension */
    int64_t part;         /* elements of one stretch */
    int64_t stretches;    /* of a whole piece */
    int64_t pieces, rest; /* whole ones, and stretches of the last one; 0: there is none */
} stream;

static stream stream_of(counted *c)
{
    stream s = {.c = c, .rows = 1, .length = counted_size(c, WEFT_D_SIZES + WEFT_D_DIMS - 1)};
    for (int i = 0; i < WEFT_D_DIMS - 1; i++)
        s.rows *= counted_size(c, WEFT_D_SIZES + i);
    int64_t line = c->params->line;
    s.part = least(s.length, line);
    s.stretches = s.length <= line ? line / s.length : 1;
    int64_t all = s.rows * blocks_of(s.length, line);
    s.stretches = least(s.stretches, all);
    s.pieces = all / s.stretches;
    s.rest = all % s.stretches;
    return s;
}

typedef struct operand {
    int at, steps;
    bool is_kept; /* the same elements for every row */
    double words; /* of a stretch, in the mean */
    double broken;
} operand;

static operand operand_of(const stream *s, int at, int steps)
{
    const counted *c = s->c;
    operand o = {.at = at, .steps = steps, .is_kept = s->length <= c->params->line};
    int64_t begin = counted_int(c, at), every = 0;
    for (int i = 0; i < WEFT_D_DIMS - 1; i++) {
        if (counted_size(c, WEFT_D_SIZES + i) == 1)
            continue;
        every = weft__common_divisor(every, counted_int(c, steps + i));
        o.is_kept = o.is_kept && counted_int(c, steps + i) == 0;
    }
    int64_t parts = blocks_of(s->length, s->part);
    double mean = (double)s->length / (double)parts;
    if (counted_int(c, steps + WEFT_D_DIMS - 1) != 1 && s->length > 1) {
        o.words = mean; /* one element per cycle */
        return o;
    }
    /* The parts of a row, whole ones and the last. */
    int64_t last = s->length - (parts - 1) * s->part;
    o.words = weft__words_touched(begin + (parts - 1) * s->part, every, last, c->word_bytes);
    o.broken = weft__words_broken(begin + (parts - 1) * s->part, every, last, c->word_bytes);
    if (parts > 1) {
        int64_t whole_every = weft__common_divisor(every, s->part);
        double others = (double)(parts - 1), all = (double)parts;
        o.words =
            (o.words + others * weft__words_touched(begin, whole_every, s->part, c->word_bytes)) /
            all;
        o.broken =
            (o.broken + others * weft__words_broken(begin, whole_every, s->part, c->word_bytes)) /
            all;
    }
    return o;
}

/* Cycles of a process that moves `words`; adds `count` such moves to the totals. */
static double moved(const stream *s, weft_card_port port, double words, double count, double *busy)
{
    counted *c = s->c;
    double cycles = words * weft__card_word_cycles(c, port);
    *busy += count * cycles;
    weft__card_move(c, port, count * words);
    return cycles;
}

typedef struct piece_runs {
    double cycles[WEFT_FLOW_PROCESSES];
} piece_runs;

static piece_runs piece_runs_of(const stream *s, int64_t stretches, int64_t count)
{
    counted *c = s->c;
    const weft_card_timing *t = c->timing;
    uint32_t kind = c->words[WEFT_D_KIND];
    double many = (double)stretches, times = (double)count;
    piece_runs runs = {{0}};
    for (int k = 0; k < PROCESSES; k++)
        runs.cycles[k] = t->handshake;
    if (kind != WEFT_KIND_FILL) {
        operand a = operand_of(s, WEFT_D_X, WEFT_D_A_STEPS);
        if (!a.is_kept)
            runs.cycles[SOURCE] +=
                t->latency[WEFT_PORT_SOURCE] +
                moved(s, WEFT_PORT_SOURCE, many * a.words, times, &c->result.source);
    }
    bool has_b = kind == WEFT_KIND_ADD || kind == WEFT_KIND_MUL;
    bool has_r = kind == WEFT_KIND_MUL && counted_flag(c, WEFT_FLAG_RESIDUAL);
    for (int i = 0; i < 2; i++) {
        if (!(i == 0 ? has_b : has_r))
            continue;
        operand o = i == 0 ? operand_of(s, WEFT_D_B, WEFT_D_B_STEPS)
                           : operand_of(s, WEFT_D_R, WEFT_D_R_STEPS);
        if (!o.is_kept)
            runs.cycles[SECOND] +=
                t->latency[WEFT_PORT_SECOND] +
                moved(s, WEFT_PORT_SECOND, many * o.words, times, &c->result.second);
    }
    double elements = many * (double)s->length / (double)blocks_of(s->length, s->part);
    double compute = (double)blocks_of((int64_t)elements, c->params->lanes);
    runs.cycles[COMPUTE] += compute;
    c->result.vector += times * compute;
    operand y = operand_of(s, WEFT_D_Y, WEFT_D_Y_STEPS);
    runs.cycles[TARGET] +=
        moved(s, WEFT_PORT_TARGET, many * (y.words + y.broken), times, &c->result.target);
    return runs;
}

static void add_piece(weft__flow *flow, const void *context)
{
    weft__flow_run(flow, ((const piece_runs *)context)->cycles);
}

/* Operands that are kept are read before the first piece, one after the other. */
static double kept_cycles(const stream *s)
{
    counted *c = s->c;
    uint32_t kind = c->words[WEFT_D_KIND];
    bool is_there[3] = {kind != WEFT_KIND_FILL, kind == WEFT_KIND_ADD || kind == WEFT_KIND_MUL,
                        kind == WEFT_KIND_MUL && counted_flag(c, WEFT_FLAG_RESIDUAL)};
    static const int at[3] = {WEFT_D_X, WEFT_D_B, WEFT_D_R};
    static const int steps[3] = {WEFT_D_A_STEPS, WEFT_D_B_STEPS, WEFT_D_R_STEPS};
    double cycles = 0;
    for (int i = 0; i < 3; i++) {
        if (!is_there[i])
            continue;
        operand o = operand_of(s, at[i], steps[i]);
        weft_card_port port = i == 0 ? WEFT_PORT_SOURCE : WEFT_PORT_SECOND;
        double *busy = i == 0 ? &c->result.source : &c->result.second;
        if (o.is_kept)
            cycles += c->timing->latency[port] + moved(s, port, o.words, 1, busy);
    }
    return cycles;
}

double weft__card_count_stream(counted *c)
{
    stream s = stream_of(c);
    weft__flow flow = {
        .count = PROCESSES,
        .producers = {[COMPUTE] = 1u << SOURCE | 1u << SECOND, [TARGET] = 1u << COMPUTE},
    };
    double start = kept_cycles(&s);
    if (c->words[WEFT_D_KIND] == WEFT_KIND_TABLE) {
        double words = weft__words_touched(counted_int(c, WEFT_D_TABLE), 0, 256, c->word_bytes);
        start += c->timing->latency[WEFT_PORT_WEIGHTS] +
                 moved(&s, WEFT_PORT_WEIGHTS, words, 1, &c->result.weights);
    }
    piece_runs whole = piece_runs_of(&s, s.stretches, s.pieces);
    weft__flow_repeat(&flow, s.pieces, add_piece, &whole);
    if (s.rest > 0) {
        piece_runs rest = piece_runs_of(&s, s.rest, 1);
        weft__flow_run(&flow, rest.cycles);
    }
    return start + weft__flow_end(&flow);
}
