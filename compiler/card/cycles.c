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

double weft__card_norm_cycles(const counted *c, bool is_softmax, double rows, double blocks)
{
    /* The sum of a row's exponentials is complete with its last block. */
    return rows * blocks + (is_softmax ? blocks - 1 : 0) + c->timing->norm_fill;
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

/* Bytes per cycle that a port gets while those of `moves` want some. */
static double shared_rate(const counted *c, const bool moves[WEFT_PORT_COUNT], weft_card_port port)
{
    int sharers = 0;
    for (weft_card_port other = 0; other < WEFT_PORT_COUNT; other++)
        sharers += moves[other] && c->timing->bank[other] == c->timing->bank[port];
    return rate_of(c, port, sharers);
}

/* Ports that move their words from `starts` on: one after the other begins and ends; in between all
 * move on at the rate that is left to them. How long each of them takes. */
static void share_banks(const counted *c, const double words[WEFT_PORT_COUNT],
                        const double starts[WEFT_PORT_COUNT], double out_cycles[WEFT_PORT_COUNT])
{
    double left[WEFT_PORT_COUNT], rate[WEFT_PORT_COUNT], now = 0;
    bool waits[WEFT_PORT_COUNT], moves[WEFT_PORT_COUNT];
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++) {
        left[port] = words[port] * (double)c->word_bytes;
        waits[port] = words[port] > 0;
        moves[port] = false;
        out_cycles[port] = 0;
    }
    for (;;) {
        weft_card_port next = WEFT_PORT_COUNT, first = WEFT_PORT_COUNT;
        for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++) {
            if (waits[port] && starts[port] <= now) {
                moves[port] = true;
                waits[port] = false;
            }
            if (waits[port] && (first == WEFT_PORT_COUNT || starts[port] < starts[first]))
                first = port;
        }
        for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++) {
            if (!moves[port])
                continue;
            rate[port] = shared_rate(c, moves, port);
            if (next == WEFT_PORT_COUNT || left[port] / rate[port] < left[next] / rate[next])
                next = port;
        }
        if (next == WEFT_PORT_COUNT && first == WEFT_PORT_COUNT)
            return;
        if (next == WEFT_PORT_COUNT) {
            now = starts[first];
            continue;
        }
        double step = left[next] / rate[next];
        bool is_over = first == WEFT_PORT_COUNT || now + step <= starts[first];
        if (!is_over)
            step = starts[first] - now;
        for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
            if (moves[port])
                left[port] = fmax(left[port] - step * rate[port], 0);
        now = is_over ? now + step : starts[first];
        if (is_over) {
            out_cycles[next] = now - starts[next];
            moves[next] = false;
        }
    }
}

void weft__card_load(const counted *c, const double words[COUNTED_LOADS],
                     double out_cycles[COUNTED_LOADS])
{
    const double starts[WEFT_PORT_COUNT] = {0};
    double all[WEFT_PORT_COUNT] = {0}, cycles[WEFT_PORT_COUNT];
    for (int i = 0; i < COUNTED_LOADS; i++)
        all[weft__card_load_ports[i]] = words[i];
    share_banks(c, all, starts, cycles);
    for (int i = 0; i < COUNTED_LOADS; i++)
        out_cycles[i] = cycles[weft__card_load_ports[i]];
}

void weft__card_move(counted *c, weft_card_port port, double words)
{
    c->result.bytes[port] += (int64_t)ceil(words * (double)c->word_bytes);
}

void weft__card_put_loads(const counted *c, const int processes[COUNTED_LOADS],
                          const counted_loads *loads, bool is_first,
                          double run[WEFT_FLOW_PROCESSES])
{
    double cycles[COUNTED_LOADS];
    for (int i = 0; i < COUNTED_LOADS; i++)
        cycles[i] = loads->words[i] * weft__card_word_cycles(c, weft__card_load_ports[i]);
    if (is_first)
        weft__card_load(c, loads->words, cycles);
    for (int i = 0; i < COUNTED_LOADS; i++) {
        weft_card_port port = weft__card_load_ports[i];
        /* Less than a word in the mean: not every run reads one. */
        double latency = fmin(1, loads->words[i]) * c->timing->latency[port];
        run[processes[i]] = latency + cycles[i] + loads->idle[i] + c->timing->handshake;
    }
}

void weft__card_count_loads(counted *c, const counted_loads *loads, double times)
{
    double *busy[COUNTED_LOADS] = {&c->result.source, &c->result.weights, &c->result.second};
    for (int i = 0; i < COUNTED_LOADS; i++) {
        weft_card_port port = weft__card_load_ports[i];
        *busy[i] += times * (loads->words[i] * weft__card_word_cycles(c, port) + loads->idle[i]);
        weft__card_move(c, port, times * loads->words[i]);
    }
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

/* The next larger number of runs that some port moves words in; 0: none. */
static double more_runs(const counted *c, double runs)
{
    double next = 0;
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
        if (c->runs[port] > runs && (next == 0 || c->runs[port] < next))
            next = c->runs[port];
    return next;
}

/* How many runs the load of a port is ahead of the store that begins with it. An array between two
 * processes is a pair of buffers, and all that lie before the slowest process are full: where the
 * sums are slowest, load r + 2 begins when the sum of run r ends and run r is stored; where
 * finishing is, two more runs of sums wait, and where storing is, another two. Where loads are
 * slowest, a store meets the load before as well; that is left out. */
static double runs_ahead(const counted *c, weft_card_port port)
{
    const weft_card_cycles *r = &c->result;
    double sum = c->has_sums ? fmax(r->array, r->vector) : 0,
           finish = c->has_sums ? r->finish : r->vector;
    double before = fmax(fmax(r->source, r->weights), fmax(r->second, sum));
    bool stores = r->target > fmax(before, finish), finishes = !stores && finish > before;
    double pairs = stores ? 2 : 1; /* of the processes that all kinds have */
    if (c->has_sums && port != WEFT_PORT_SECOND && (stores || finishes))
        pairs++;
    return 2 * pairs;
}

/* In how many of its runs a port moves words while loads and stores meet: not in the first loads,
 * nor in the last stores, those that are at the end of as many runs of loads. */
static double meeting_runs(const counted *c, weft_card_port port)
{
    double loads = fmax(c->runs[WEFT_PORT_SOURCE], c->runs[WEFT_PORT_WEIGHTS]);
    double alone = port == WEFT_PORT_TARGET
                       ? ceil(runs_ahead(c, WEFT_PORT_SOURCE) * c->runs[port] / fmax(loads, 1))
                       : runs_ahead(c, port);
    return fmax(c->runs[port] - alone, 0);
}

/* Cycles of each port in one run of its own in the mean, `with_stores` or of loads alone, and all
 * ports' words from there. A port that moves words in fewer runs than another does so in runs of
 * that one. */
static void meet(const counted *c, bool with_stores, double out_cycles[WEFT_PORT_COUNT])
{
    double before = 0, runs = more_runs(c, 0), sums[WEFT_PORT_COUNT] = {0};
    while (runs > 0) {
        double words[WEFT_PORT_COUNT] = {0}, shared[WEFT_PORT_COUNT];
        for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
            if (c->runs[port] >= runs && (with_stores || port != WEFT_PORT_TARGET))
                words[port] = (double)c->result.bytes[port] / (double)c->word_bytes / c->runs[port];
        share_banks(c, words, c->starts, shared);
        for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
            if (c->runs[port] >= runs)
                sums[port] += (runs - before) * shared[port];
        before = runs;
        runs = more_runs(c, runs);
    }
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
        out_cycles[port] = c->runs[port] > 0 ? sums[port] / c->runs[port] : 0;
}

/* Mean rates of all ports. When the slowest process ends a run it frees the arrays before it and
 * fills those behind it, so all others begin their next run at this moment, and their ports share
 * the banks from there. How the first loads meet is counted apart. */
static void slow_down(const counted *c, double out_rates[WEFT_PORT_COUNT])
{
    double all[WEFT_PORT_COUNT], loads[WEFT_PORT_COUNT];
    meet(c, true, all);
    meet(c, false, loads);
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++) {
        double bytes = (double)c->result.bytes[port], runs = c->runs[port];
        out_rates[port] = rate_of(c, port, 1);
        if (all[port] <= 0)
            continue;
        double meeting = meeting_runs(c, port), alone = bytes / runs / out_rates[port];
        /* Loads that meet no store meet each other; the very first ones are counted apart. */
        double early = port != WEFT_PORT_TARGET ? fmax(runs - meeting - 1, 0) : 0;
        double cycles = meeting * all[port] + early * loads[port];
        out_rates[port] = bytes / (cycles + (runs - meeting - early) * alone);
    }
}

void weft__card_evaluate(counted *c, weft__card_count *count, const void *context)
{
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
        c->rates[port] = rate_of(c, port, 1);
    double total = count(c, context), bank = busiest_bank(c);
    counted slowed = *c;
    bool is_slowed = false;
    if (total > 0)
        slow_down(c, slowed.rates);
    for (weft_card_port port = 0; port < WEFT_PORT_COUNT; port++)
        is_slowed = is_slowed || slowed.rates[port] < c->rates[port];
    if (is_slowed) {
        slowed.result = (weft_card_cycles){0};
        total = count(&slowed, context);
    }
    /* The last words have to arrive. */
    double last = c->result.bytes[WEFT_PORT_TARGET] > 0 ? c->timing->latency[WEFT_PORT_TARGET] : 0;
    c->result.total = c->timing->setup + fmax(total, bank) + last;
    c->result.limit = limit_of(c);
}

/* In front of the runs: a table, 32 times two words, a table of exponentials, a pool's counts,
 * three words each. Each begins with a latency. */
static void add_constants(counted *c)
{
    enum { TABLE_WORDS = 64, COUNT_WORDS = 3 };
    uint32_t kind = c->words[WEFT_D_KIND];
    bool is_sum = kind == WEFT_KIND_CONV || kind == WEFT_KIND_GROUPED || kind == WEFT_KIND_MATMUL;
    bool has_table = kind == WEFT_KIND_TABLE || (is_sum && counted_flag(c, WEFT_FLAG_TABLE));
    bool has_softmax = kind == WEFT_KIND_SOFTMAX ||
                       (kind == WEFT_KIND_MATMUL && counted_flag(c, WEFT_FLAG_SOFTMAX));
    double words[] = {
        has_table ? TABLE_WORDS : 0, has_softmax ? COUNTED_EXPS : 0,
        kind == WEFT_KIND_POOL ? COUNT_WORDS * (double)counted_int(c, WEFT_D_COUNT_ROWS) : 0};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        c->result.total += words[i] > 0 ? c->timing->latency[WEFT_PORT_WEIGHTS] + words[i] : 0;
        weft__card_move(c, WEFT_PORT_WEIGHTS, words[i]);
    }
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
    case WEFT_KIND_MATMUL:
    case WEFT_KIND_POOL: weft__card_evaluate(&c, weft__card_count_window, NULL); break;
    case WEFT_KIND_ADD:
    case WEFT_KIND_MUL:
    case WEFT_KIND_TABLE:
    case WEFT_KIND_MOVE:
    case WEFT_KIND_SOFTMAX:
    case WEFT_KIND_LAYER_NORM:
    case WEFT_KIND_FILL: weft__card_evaluate(&c, weft__card_count_stream, NULL); break;
    default: c.result.total = timing->setup; break; /* END only stops the engine */
    }
    add_constants(&c);
    c.result.bytes[WEFT_PORT_PROGRAM] = WEFT_D_WORDS * (int64_t)sizeof *words;
    return c.result;
}

/* ---- steps ---- */

void weft_card_descriptor_words(const weft_descriptor *descriptor, uint32_t out_words[WEFT_D_WORDS])
{
    _Static_assert((int)WEFT_DESCRIPTOR_WORDS == (int)WEFT_D_WORDS, "the package's descriptors");
    memset(out_words, 0, WEFT_D_WORDS * sizeof *out_words);
    for (size_t i = 0; i < descriptor->word_count; i++)
        out_words[i] = (uint32_t)descriptor->words[i].i;
}

void weft_card_cycles_add(weft_card_cycles *sum, const weft_card_cycles *part, double *longest)
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
    sum->limited[part->limit] += part->total;
    if (part->total > *longest) {
        *longest = part->total;
        sum->limit = part->limit;
    }
}

bool weft_card_step_cycles(const weft_engine_params *params, const weft_card_timing *timing,
                           const weft_step *step, weft_card_cycles *out_cycles)
{
    double longest = 0;
    *out_cycles = (weft_card_cycles){0};
    for (size_t i = 0; i < step->descriptor_count; i++) {
        uint32_t words[WEFT_D_WORDS];
        weft_card_descriptor_words(&step->descriptors[i], words);
        weft_card_cycles part = weft_card_descriptor_cycles(params, timing, words);
        weft_card_cycles_add(out_cycles, &part, &longest);
    }
    return step->descriptor_count > 0;
}
