/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles of a descriptor, in closed form: what every kind shares, and a schedule's steps. The
 * formulas stand in docs/estimate.md. */
#include <math.h>
#include <string.h>

#include "compiler/card/counted.h"

double weft__card_word_cycles(const counted *c, weft_card_port port)
{
    return fmax(1, (double)c->word_bytes / c->rates[port]);
}

const weft_card_port weft__card_load_ports[COUNTED_LOADS] = {WEFT_PORT_SOURCE, WEFT_PORT_WEIGHTS,
                                                             WEFT_PORT_SECOND};

/* Share of the time in which a bank does not refresh. A port's words come back in order and at most
 * a latency's worth of them is under way, so what a refresh stops stays behind. */
static double awake(const counted *c, weft_card_port port)
{
    const weft_card_dram *dram = &c->timing->dram[port];
    return dram->refresh_interval > 0 ? 1 - dram->refresh / dram->refresh_interval : 1;
}

/* Bytes per cycle of a bank. One stream of words keeps its pages open and never turns the bus: all
 * that is lost is the refresh. Several lose what the board's efficiency says. */
static double bank_rate(const counted *c, weft_card_port port, int sharers)
{
    const weft_card_dram *dram = &c->timing->dram[port];
    return sharers == 1 && dram->peak_bytes > 0 ? dram->peak_bytes * awake(c, port)
                                                : c->timing->bank_bytes[port];
}

/* Bytes per cycle of a port while `sharers` ports want its bank. */
static double rate_of(const counted *c, weft_card_port port, int sharers)
{
    return fmin(c->timing->port_bytes * awake(c, port), bank_rate(c, port, sharers) / sharers);
}

/* Bytes per cycle that load i gets while those of `is_loading` want some. */
static double load_rate(const counted *c, const bool is_loading[COUNTED_LOADS], int i)
{
    weft_card_port port = weft__card_load_ports[i];
    int sharers = 0;
    for (int k = 0; k < COUNTED_LOADS; k++)
        sharers +=
            is_loading[k] && c->timing->bank[weft__card_load_ports[k]] == c->timing->bank[port];
    return rate_of(c, port, sharers);
}

/* One load after the other ends; in between all move on at the rate that is left to them. */
void weft__card_load(const counted *c, const double words[COUNTED_LOADS],
                     double out_cycles[COUNTED_LOADS])
{
    double left[COUNTED_LOADS], rate[COUNTED_LOADS], now = 0;
    bool is_loading[COUNTED_LOADS];
    for (int i = 0; i < COUNTED_LOADS; i++) {
        left[i] = words[i] * (double)c->word_bytes;
        is_loading[i] = words[i] > 0;
        out_cycles[i] = 0;
    }
    for (;;) {
        int next = -1;
        for (int i = 0; i < COUNTED_LOADS; i++) {
            if (!is_loading[i])
                continue;
            rate[i] = load_rate(c, is_loading, i);
            if (next < 0 || left[i] / rate[i] < left[next] / rate[next])
                next = i;
        }
        if (next < 0)
            return;
        double step = left[next] / rate[next];
        for (int i = 0; i < COUNTED_LOADS; i++)
            if (is_loading[i])
                left[i] = fmax(left[i] - step * rate[i], 0);
        now += step;
        out_cycles[next] = now;
        is_loading[next] = false;
    }
}

void weft__card_move(counted *c, weft_card_port port, double words)
{
    c->result.bytes[port] += (int64_t)ceil(words * (double)c->word_bytes);
}

/* Cycles that the bank behind a port needs for the bytes of all its ports. */
static double bank_cycles(const counted *c, weft_card_port port)
{
    double bytes = 0;
    int sharers = 0;
    for (weft_card_port other = 0; other < WEFT_PORT_COUNT; other++)
        if (c->timing->bank[other] == c->timing->bank[port] && c->result.bytes[other] > 0) {
            bytes += (double)c->result.bytes[other];
            sharers++;
        }
    return bytes / bank_rate(c, port, sharers);
}

static double busiest_bank(const counted *c)
{
    double most = 0;
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
        most = fmax(most, bank_cycles(c, port));
    return most;
}

/* What the cycles go to: the process or bank that is busy longest; latency when that one is idle
 * for more than half of the time. A bank of both weights and values counts for the values. */
static weft_card_limit limit_of(const counted *c)
{
    const weft_card_cycles *r = &c->result;
    double vector = fmax(r->vector, r->finish), weights = r->weights, values = 0;
    bool has_own_bank = true;
    static const weft_card_port ports[] = {WEFT_PORT_SOURCE, WEFT_PORT_SECOND, WEFT_PORT_TARGET};
    for (int i = 0; i < 3; i++) {
        values = fmax(values, bank_cycles(c, ports[i]));
        if (c->timing->bank[ports[i]] == c->timing->bank[WEFT_PORT_WEIGHTS])
            has_own_bank = false;
    }
    values = fmax(values, fmax(r->source, fmax(r->second, r->target)));
    if (has_own_bank)
        weights = fmax(weights, bank_cycles(c, WEFT_PORT_WEIGHTS));
    double most = fmax(fmax(r->array, vector), fmax(weights, values));
    if (most < r->total / 2)
        return WEFT_LIMIT_LATENCY;
    if (most == r->array)
        return WEFT_LIMIT_ARRAY;
    if (most == vector)
        return WEFT_LIMIT_VECTOR;
    return most == weights ? WEFT_LIMIT_WEIGHTS : WEFT_LIMIT_VALUES;
}

/* How many ports, in the mean, move words while `port` does, share its bank and use it for other
 * runs. The first run meets nothing; how its own loads meet is counted apart. */
static double ports_met(const counted *c, weft_card_port port, const double rates[WEFT_PORT_COUNT],
                        double total)
{
    double met = 0;
    for (weft_card_port other = 0; other < WEFT_PORT_COUNT; other++) {
        if (other == port || other == WEFT_PORT_PROGRAM ||
            c->timing->bank[other] != c->timing->bank[port])
            continue;
        bool are_loads = other != WEFT_PORT_TARGET && port != WEFT_PORT_TARGET;
        double times = are_loads ? c->runs : c->tiles;
        met += fmin((double)c->result.bytes[other] / rates[other] / total * (times - 1) / times, 1);
    }
    return met;
}

/* Rates of all ports, given those that the others have: ports that want a bank at once get equal
 * parts of it. */
static void slow_down(const counted *c, double total, const double rates[WEFT_PORT_COUNT],
                      double out_rates[WEFT_PORT_COUNT])
{
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++) {
        double met = ports_met(c, port, rates, total);
        int others = (int)met;
        double more = met - others;
        out_rates[port] =
            rate_of(c, port, others + 1) * (1 - more) + rate_of(c, port, others + 2) * more;
    }
}

void weft__card_evaluate(counted *c, weft__card_count *count, const void *context)
{
    double alone[WEFT_PORT_COUNT], met[WEFT_PORT_COUNT];
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
        c->rates[port] = alone[port] = rate_of(c, port, 1);
    double overlapped = count(c, context), bank = busiest_bank(c);
    double total = fmax(overlapped, bank);
    if (total > 0) {
        counted slowed = *c;
        slow_down(c, total, alone, met);
        slow_down(c, total, met, slowed.rates);
        bool is_slowed = false;
        for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
            is_slowed = is_slowed || slowed.rates[port] < alone[port];
        if (is_slowed) {
            slowed.result = (weft_card_cycles){0};
            total = fmax(count(&slowed, context), bank);
        }
    }
    /* The last words have to arrive. */
    double last = c->result.bytes[WEFT_PORT_TARGET] > 0 ? c->timing->latency[WEFT_PORT_TARGET] : 0;
    c->result.total = c->timing->setup + total + last;
    c->result.limit = limit_of(c);
}

weft_card_cycles weft_card_descriptor_cycles(const weft_engine_params *params,
                                             const weft_card_timing *timing,
                                             const uint32_t words[WEFT_D_WORDS])
{
    counted c = {.params = params,
                 .timing = timing,
                 .words = words,
                 .word_bytes = (int64_t)timing->port_bytes};
    switch (words[WEFT_D_KIND]) {
    case WEFT_KIND_CONV:
    case WEFT_KIND_GROUPED:
    case WEFT_KIND_POOL: weft__card_evaluate(&c, weft__card_count_window, NULL); break;
    case WEFT_KIND_ADD:
    case WEFT_KIND_MUL:
    case WEFT_KIND_TABLE:
    case WEFT_KIND_MOVE:
    case WEFT_KIND_FILL: weft__card_evaluate(&c, weft__card_count_stream, NULL); break;
    default: c.result.total = timing->setup; break; /* END only stops the engine */
    }
    c.result.bytes[WEFT_PORT_PROGRAM] = WEFT_D_WORDS * (int64_t)sizeof *words;
    return c.result;
}

/* ---- steps ---- */

/* Offsets count by their alignment alone; values and blobs begin at multiples of more than a word,
 * so what a descriptor adds to the beginning is all that is needed. */
static void resolve(const weft_descriptor *descriptor, uint32_t words[WEFT_D_WORDS])
{
    _Static_assert((int)WEFT_DESCRIPTOR_WORDS == (int)WEFT_D_WORDS, "the package's descriptors");
    memset(words, 0, WEFT_D_WORDS * sizeof *words);
    for (size_t i = 0; i < descriptor->word_count; i++)
        words[i] = (uint32_t)descriptor->words[i].i;
}

static void add(weft_card_cycles *sum, const weft_card_cycles *part)
{
    sum->total += part->total;
    sum->source += part->source;
    sum->weights += part->weights;
    sum->second += part->second;
    sum->array += part->array;
    sum->vector += part->vector;
    sum->finish += part->finish;
    sum->target += part->target;
    sum->macs += part->macs;
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
        sum->bytes[port] += part->bytes[port];
}

bool weft_card_step_cycles(const weft_engine_params *params, const weft_card_timing *timing,
                           const weft_schedule *schedule, const weft_step *step,
                           weft_card_cycles *out_cycles)
{
    (void)schedule;
    *out_cycles = (weft_card_cycles){0};
    double longest = 0;
    for (size_t i = 0; i < step->descriptor_count; i++) {
        uint32_t words[WEFT_D_WORDS];
        resolve(&step->descriptors[i], words);
        weft_card_cycles part = weft_card_descriptor_cycles(params, timing, words);
        add(out_cycles, &part);
        if (part.total > longest) {
            longest = part.total;
            out_cycles->limit = part.limit;
        }
    }
    return step->descriptor_count > 0;
}
