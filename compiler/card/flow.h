/* SPDX-License-Identifier: Apache-2.0 */
/* Time of a dataflow region: processes that hand ping-pong arrays on, run after run. And how many
 * words of memory a stretch of bytes touches. Must not know what the processes do: our engine and
 * the published designs are counted with this same text.
 *
 * Process k of run r starts when its producers of run r and process k of run r - 1 are done, and
 * when its consumers are done with run r - 2: the array that they read then is the one that k fills
 * now. */
#ifndef WEFT_CARD_FLOW_H
#define WEFT_CARD_FLOW_H

#include <stdint.h>

enum { WEFT_FLOW_PROCESSES = 8 };

typedef struct weft__flow {
    int count;                               /* processes; producers stand before consumers */
    unsigned producers[WEFT_FLOW_PROCESSES]; /* bit p: process p fills an array of this one */
    double last[WEFT_FLOW_PROCESSES];        /* when each process ended the last run */
    double before[WEFT_FLOW_PROCESSES];      /* and the run before it */
} weft__flow;

/* Adds one run that takes each process so many cycles. */
void weft__flow_run(weft__flow *flow, const double cycles[WEFT_FLOW_PROCESSES]);

/* Adds `count` times what the body adds. As soon as one more time shifts every process by the same
 * cycles, all others do as well, and are added at once: the price does not grow with the count. */
typedef void weft__flow_body(weft__flow *flow, const void *context);
void weft__flow_repeat(weft__flow *flow, int64_t count, weft__flow_body *body, const void *context);

/* When the last process ends. */
double weft__flow_end(const weft__flow *flow);

/* ---- words ---- */

int64_t weft__common_divisor(int64_t a, int64_t b);

/* Words of `word` bytes that `bytes` bytes touch: the mean over stretches that begin at `at` plus
 * any multiple of `step`, their beginnings spread evenly over the words. Exact where step is a
 * multiple of word. */
double weft__words_touched(int64_t at, int64_t step, int64_t bytes, int64_t word);

/* How many of the two ends of such a stretch are not the end of a word. */
double weft__words_broken(int64_t at, int64_t step, int64_t bytes, int64_t word);

#endif
