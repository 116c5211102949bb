/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles of ADD, MUL, TABLE, MOVE, FILL, SOFTMAX and LAYER_NORM: pieces of whole innermost rows, or
 * of parts of one. */
#include <math.h>

#include "compiler/card/counted.h"

/* Processes in the order of the flow. */
enum { SOURCE, WEIGHTS, SECOND, COMPUTE, TARGET, PROCESSES };
static const int load_processes[COUNTED_LOADS] = {SOURCE, WEIGHTS, SECOND};

typedef struct stream {
    counted *c;
    int64_t rows, length;           /* of the innermost dimension */
    int64_t part;                   /* elements of one stretch */
    int64_t stretches;              /* of a whole piece */
    bool is_softmax, is_layer_norm; /* rows begin at whole lanes */
    int64_t pieces, rest; /* whole ones, and stretches of the last one; 0: there is none */
} stream;

static stream stream_of(counted *c)
{
    stream s = {.c = c, .rows = 1, .length = counted_size(c, WEFT_D_SIZES + WEFT_D_DIMS - 1)};
    for (int i = 0; i < WEFT_D_DIMS - 1; i++)
        s.rows *= counted_size(c, WEFT_D_SIZES + i);
    int64_t line = c->params->piece, pitch = s.length;
    s.is_softmax = c->words[WEFT_D_KIND] == WEFT_KIND_SOFTMAX;
    s.is_layer_norm = c->words[WEFT_D_KIND] == WEFT_KIND_LAYER_NORM;
    if (s.is_softmax || s.is_layer_norm) { /* rows that are normalised fit a line */
        pitch = weft_round_up(s.length, c->params->lanes);
        line = c->params->line;
    }
    s.part = weft_least(s.length, line);
    s.stretches = pitch <= line ? line / pitch : 1;
    int64_t all = s.rows * weft_blocks(s.length, line);
    s.stretches = weft_least(s.stretches, all);
    s.pieces = all / s.stretches;
    s.rest = all % s.stretches;
    return s;
}

typedef struct operand {
    double words, broken; /* of a stretch, in the mean */
} operand;

/* Rows of a piece that lie behind each other without a gap, and what divides the distance of such
 * groups. */
typedef struct joined {
    int64_t rows, every;
} joined;

static joined joined_of(const stream *s, int steps)
{
    const counted *c = s->c;
    joined j = {1, 0};
    bool is_dense = true;
    for (int i = WEFT_D_DIMS - 2; i >= 0; i--) {
        int64_t size = counted_size(c, WEFT_D_SIZES + i), step = counted_int(c, steps + i);
        if (size == 1)
            continue;
        is_dense = is_dense && step == s->length * j.rows;
        if (is_dense)
            j.rows *= size;
        else
            j.every = weft__common_divisor(j.every, step);
    }
    j.rows = weft_least(j.rows, s->stretches);
    if (j.rows > 1)
        j.every = weft__common_divisor(j.every, s->length * j.rows);
    return j;
}

static operand operand_of(const stream *s, int at, int steps)
{
    const counted *c = s->c;
    operand o = {0, 0};
    int64_t begin = counted_int(c, at), every = 0;
    for (int i = 0; i < WEFT_D_DIMS - 1; i++)
        if (counted_size(c, WEFT_D_SIZES + i) != 1)
            every = weft__common_divisor(every, counted_int(c, steps + i));
    int64_t parts = weft_blocks(s->length, s->part);
    double mean = (double)s->length / (double)parts;
    int64_t step = counted_int(c, steps + WEFT_D_DIMS - 1);
    if (step != 1 && s->length > 1) { /* one element per cycle; of a repeated one a word full */
        o.words = step == 0 ? ceil(mean / (double)c->word_bytes) : mean;
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

/* The same for y, whose rows are stored as one stretch where they are joined. */
static operand target_of(const stream *s)
{
    const counted *c = s->c;
    joined j = joined_of(s, WEFT_D_Y_STEPS);
    operand o = operand_of(s, WEFT_D_Y, WEFT_D_Y_STEPS);
    if (j.rows == 1 || counted_int(c, WEFT_D_Y_STEPS + WEFT_D_DIMS - 1) != 1)
        return o;
    int64_t begin = counted_int(c, WEFT_D_Y), bytes = s->length * j.rows;
    o.words = weft__words_touched(begin, j.every, bytes, c->word_bytes) / (double)j.rows;
    o.broken = weft__words_broken(begin, j.every, bytes, c->word_bytes) / (double)j.rows;
    return o;
}

typedef struct piece_runs {
    double first[WEFT_FLOW_PROCESSES], next[WEFT_FLOW_PROCESSES];
} piece_runs;

/* Share of an operand's rows that are read: one that is the row before it again is on chip, if it
 * fits there (kernels/fpga/source.body). */
static double share_of_rows(const stream *s, int at, int steps)
{
    const counted *c = s->c;
    int64_t row_bytes = (int64_t)weft_engine_row_words(c->params) * c->params->port;
    int64_t most = counted_int(c, at) % c->params->port + s->length, times = 1;
    if (counted_int(c, steps + WEFT_D_DIMS - 1) != 1 || most > row_bytes)
        return 1;
    for (int i = WEFT_D_DIMS - 2; i >= 0; i--) {
        int64_t size = counted_size(c, WEFT_D_SIZES + i);
        if (size > 1 && counted_int(c, steps + i) != 0)
            break;
        times *= size;
    }
    return 1 / (double)times;
}

/* What is read for so many stretches. */
static counted_loads loads_of(const stream *s, int64_t stretches)
{
    const counted *c = s->c;
    uint32_t kind = c->words[WEFT_D_KIND];
    const struct {
        bool is_there;
        int load, at, steps;
    } operands[] = {
        {kind != WEFT_KIND_FILL, 0, WEFT_D_X, WEFT_D_A_STEPS},
        {kind == WEFT_KIND_ADD || kind == WEFT_KIND_MUL, 2, WEFT_D_B, WEFT_D_B_STEPS},
        {kind == WEFT_KIND_MUL && counted_flag(c, WEFT_FLAG_RESIDUAL), 2, WEFT_D_R, WEFT_D_R_STEPS},
    };
    counted_loads l = {{0}, {0}};
    for (size_t i = 0; i < sizeof operands / sizeof *operands; i++) {
        if (!operands[i].is_there)
            continue;
        operand o = operand_of(s, operands[i].at, operands[i].steps);
        double share = share_of_rows(s, operands[i].at, operands[i].steps);
        l.words[operands[i].load] += share * o.words * (double)stretches;
        l.idle[operands[i].load] += (1 - share) * o.words * (double)stretches;
    }
    if (s->is_layer_norm)
        for (int i = 0; i < 2; i++)
            l.words[1] += weft__words_touched(counted_int(c, i == 0 ? WEFT_D_BIAS : WEFT_D_MULT), 0,
                                              4 * s->length, c->word_bytes);
    return l;
}

/* `count` pieces of so many stretches. */
static piece_runs piece_runs_of(const stream *s, int64_t stretches, int64_t count)
{
    counted *c = s->c;
    const weft_card_timing *t = c->timing;
    double many = (double)stretches, times = (double)count;
    piece_runs runs = {{0}, {0}};
    counted_loads l = loads_of(s, stretches);
    /* What is on chip of b comes before the words of the residual. */
    c->starts[WEFT_PORT_SECOND] = fmax(c->starts[WEFT_PORT_SECOND], l.idle[2]);
    weft__card_put_loads(c, load_processes, &l, false, runs.next);
    weft__card_count_loads(c, &l, times);
    double elements = many * (double)s->length / (double)weft_blocks(s->length, s->part);
    double compute = (double)weft_blocks((int64_t)elements, c->params->lanes);
    if (s->is_softmax || s->is_layer_norm) {
        double blocks = (double)weft_blocks(s->length, c->params->lanes);
        compute = many * blocks + weft__card_norm_cycles(c, s->is_softmax, many, blocks);
    }
    runs.next[COMPUTE] = t->handshake + compute;
    c->result.vector += times * compute;
    operand y = target_of(s);
    double store = many * y.words * weft__card_word_cycles(c, WEFT_PORT_TARGET);
    /* A word of which a part is written is read first; those behind it wait for it. */
    runs.next[TARGET] =
        t->handshake + store + fmin(1, many * y.broken) * t->latency[WEFT_PORT_TARGET];
    c->result.target += times * store;
    weft__card_move(c, WEFT_PORT_TARGET, times * many * (y.words + y.broken));
    for (int k = 0; k < PROCESSES; k++)
        runs.first[k] = runs.next[k];
    weft__card_put_loads(c, load_processes, &l, true, runs.first);
    return runs;
}

static void add_piece(weft__flow *flow, const void *context)
{
    weft__flow_run(flow, ((const piece_runs *)context)->next);
}

double weft__card_count_stream(counted *c, const void *context)
{
    (void)context;
    stream s = stream_of(c);
    c->runs[WEFT_PORT_SOURCE] = c->runs[WEFT_PORT_SECOND] = c->runs[WEFT_PORT_TARGET] =
        (double)(s.pieces + (s.rest > 0));
    if (s.is_layer_norm)
        c->runs[WEFT_PORT_WEIGHTS] = c->runs[WEFT_PORT_SOURCE];
    weft__flow flow = {
        .count = PROCESSES,
        .producers =
            {[COMPUTE] = 1u << SOURCE | 1u << WEIGHTS | 1u << SECOND, [TARGET] = 1u << COMPUTE},
    };
    piece_runs whole = piece_runs_of(&s, s.stretches, s.pieces);
    weft__flow_run(&flow, whole.first);
    weft__flow_repeat(&flow, s.pieces - 1, add_piece, &whole);
    if (s.rest > 0) {
        piece_runs rest = piece_runs_of(&s, s.rest, 1);
        add_piece(&flow, &rest);
    }
    return weft__flow_end(&flow);
}
