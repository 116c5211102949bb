/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the cycle model share: a descriptor being counted. Must not know about
 * boards and plans. */
#ifndef WEFT_CARD_COUNTED_H
#define WEFT_CARD_COUNTED_H

#include "compiler/base/integer.h"
#include "compiler/card/card.h"
#include "compiler/card/flow.h"

typedef struct counted {
    const weft_engine_params *params;
    const weft_card_timing *timing;
    const uint32_t *words;
    int64_t word_bytes;
    double rates[WEFT_PORT_COUNT];  /* bytes per cycle of each port, in the mean */
    double runs[WEFT_PORT_COUNT];   /* in how many runs each port moves words */
    double starts[WEFT_PORT_COUNT]; /* cycles of a run before its words are asked for */
    bool has_sums;                  /* a process computes sums, another one makes results of them */
    weft_card_cycles result;
} counted;

/* Word `index` as the signed number it is. */
static inline int64_t counted_int(const counted *c, int index)
{
    return (int32_t)c->words[index];
}

/* The same for sizes, which are divided by: at least 1. */
static inline int64_t counted_size(const counted *c, int index)
{
    int64_t value = counted_int(c, index);
    return value > 0 ? value : 1;
}

static inline bool counted_flag(const counted *c, uint32_t flag)
{
    return (c->words[WEFT_D_FLAGS] & flag) != 0;
}

/* Cycles beyond finishing that `rows` of `blocks` blocks of lanes take on their way through a
 * softmax or LayerNorm, in one run. */
double weft__card_norm_cycles(const counted *c, bool is_softmax, double rows, double blocks);
/* A table of exponentials is read word by word in front of everything. */
enum { COUNTED_EXPS = 256 };

/* Cycles of one word through a port. */
double weft__card_word_cycles(const counted *c, weft_card_port port);
/* Loads of the first run, which begin at the same time while nothing else moves: words through each
 * port (0: none) -> cycles until each has them, latency not counted. */
enum { COUNTED_LOADS = 3 };
extern const weft_card_port weft__card_load_ports[COUNTED_LOADS]; /* source, weights, second */
void weft__card_load(const counted *c, const double words[COUNTED_LOADS],
                     double out_cycles[COUNTED_LOADS]);
/* What the three processes that load do in a run: words through the ports, and cycles without
 * memory (padding, and what is kept on chip). */
typedef struct counted_loads {
    double words[COUNTED_LOADS], idle[COUNTED_LOADS];
} counted_loads;
/* A run of theirs; `processes` gives their places in the flow. */
void weft__card_put_loads(const counted *c, const int processes[COUNTED_LOADS],
                          const counted_loads *loads, bool is_first,
                          double run[WEFT_FLOW_PROCESSES]);
/* Adds what `times` equal loads do to the totals. */
void weft__card_count_loads(counted *c, const counted_loads *loads, double times);
/* Notes words that the descriptor moves in total. */
void weft__card_move(counted *c, weft_card_port port, double words);

/* Fills in all of result but total and limit, and runs; returns the cycles of the overlapped
 * processes. */
typedef double weft__card_count(counted *c, const void *context);
double weft__card_count_window(counted *c, const void *context);
double weft__card_count_stream(counted *c, const void *context);

/* Counts, and sees what loads and stores of one bank do to each other. Fills in result. */
void weft__card_evaluate(counted *c, weft__card_count *count, const void *context);

#endif
