/* SPDX-License-Identifier: Apache-2.0 */
/* See flow.h. */
#include "compiler/card/flow.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static double larger(double a, double b)
{
    return a > b ? a : b;
}

void weft__flow_run(weft__flow *flow, const double cycles[WEFT_FLOW_PROCESSES])
{
    double end[WEFT_FLOW_PROCESSES] = {0}, start[WEFT_FLOW_PROCESSES];
    memcpy(start, flow->last, sizeof start);
    for (int k = 0; k < flow->count; k++)
        for (unsigned left = flow->producers[k]; left != 0; left &= left - 1) {
            int producer = __builtin_ctz(left);
            start[producer] = larger(start[producer], flow->before[k]);
        }
    for (int k = 0; k < flow->count; k++) {
        for (unsigned left = flow->producers[k]; left != 0; left &= left - 1)
            start[k] = larger(start[k], end[__builtin_ctz(left)]);
        end[k] = start[k] + cycles[k];
    }
    memcpy(flow->before, flow->last, sizeof flow->before);
    memcpy(flow->last, end, sizeof flow->last);
}

static void shift(weft__flow *flow, double cycles)
{
    for (int k = 0; k < flow->count; k++) {
        flow->last[k] += cycles;
        flow->before[k] += cycles;
    }
}

/* Whether every process ended `by` cycles later than in `old`. Sums of many cycle counts are exact
 * to far less than a hundredth of a cycle. */
static bool is_shifted(const weft__flow *flow, const weft__flow *old, double by)
{
    for (int k = 0; k < flow->count; k++)
        if (fabs(flow->last[k] - old->last[k] - by) > 0.01 ||
            fabs(flow->before[k] - old->before[k] - by) > 0.01)
            return false;
    return true;
}

/* Cycles by which the slowest process moved on since `old`. */
static double moved_on(const weft__flow *flow, const weft__flow *old)
{
    double most = 0;
    for (int k = 0; k < flow->count; k++)
        most = larger(most, flow->last[k] - old->last[k]);
    return most;
}

/* Two ping-pong buffers can swing with period two. Processes of nearly equal speed take long until
 * they move together; after WATCHED times the slowest one sets the pace. */
enum { WATCHED = 48 };

void weft__flow_repeat(weft__flow *flow, int64_t count, weft__flow_body *body, const void *context)
{
    weft__flow older = *flow, old = *flow;
    for (int64_t i = 1; i <= count; i++) {
        older = old;
        old = *flow;
        body(flow, context);
        int64_t left = count - i;
        if (left == 0 || i < 3)
            continue;
        double once = moved_on(flow, &old), twice = moved_on(flow, &older);
        if (is_shifted(flow, &old, once)) {
            shift(flow, (double)left * once);
            return;
        }
        if (i >= WATCHED || (is_shifted(flow, &older, twice) && left % 2 == 0)) {
            shift(flow, (double)left * twice / 2);
            return;
        }
    }
}

double weft__flow_end(const weft__flow *flow)
{
    double end = 0;
    for (int k = 0; k < flow->count; k++)
        end = larger(end, flow->last[k]);
    return end;
}

int64_t weft__common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* Where stretches begin within a word: at `first`, and every `step` bytes from there. */
typedef struct beginning {
    int64_t first, step;
} beginning;

static beginning beginning_of(int64_t at, int64_t step, int64_t word)
{
    int64_t every = weft__common_divisor(step, word);
    return (beginning){(at % every + every) % every, every};
}

/* The sum over j < word / step of floor((first + j * step + bytes - 1) / word) is
 * floor((first + bytes - 1) / step), by Hermite's identity. */
double weft__words_touched(int64_t at, int64_t step, int64_t bytes, int64_t word)
{
    if (bytes <= 0)
        return 0;
    beginning b = beginning_of(at, step, word);
    int64_t crossed = (b.first + bytes - 1) / b.step;
    return 1 + (double)crossed * (double)b.step / (double)word;
}

double weft__words_broken(int64_t at, int64_t step, int64_t bytes, int64_t word)
{
    if (bytes <= 0)
        return 0;
    beginning b = beginning_of(at, step, word);
    double aligned = (double)b.step / (double)word;
    double low = b.first == 0 ? 1 - aligned : 1;
    double high = (b.first + bytes) % b.step == 0 ? 1 - aligned : 1;
    return low + high;
}
