/* SPDX-License-Identifier: Apache-2.0 */
/* Which packed forms of a convolution's weights a package of several schedules holds. Direct and
 * Winograd convolutions read weights in forms of their own, and which is fastest depends on the
 * size of the image. Every schedule's favourites together would make the package larger than any of
 * its schedules needs alone, so the forms whose loss costs least time per byte are left out until
 * it is not. A schedule whose favourite is gone takes the fastest of those that are left.
 *
 * First all schedules are planned as if each were alone (the survey), which notes what every method
 * would take; then the choice is made, and they are planned again. Must not know about: kernels. */
#include <string.h>

#include "compiler/plan/internal.h"

typedef struct form_weight {
    const char *key;
    uint64_t bytes[WEFT__METHODS];
    double *seconds; /* [schedule][method]; 0: no node of the schedule has these weights */
    unsigned impossible, kept; /* bits of methods */
} form_weight;

struct form_table {
    weft_arena *arena;
    size_t schedule_count;
    weft_map keys; /* -> form_weight */
    WEFT_VEC(form_weight *) weights;
    double *total_s; /* per schedule, when each has its favourites */
};

form_table *weft__forms_create(weft_arena *arena, size_t schedule_count)
{
    form_table *table = WEFT_NEW(arena, form_table);
    *table = (form_table){.arena = arena, .schedule_count = schedule_count};
    weft_map_init(&table->keys, arena);
    table->total_s = WEFT_NEW_ARRAY(arena, double, schedule_count);
    return table;
}

void weft__forms_note(form_table *table, size_t schedule, const char *key,
                      const method_costs *costs)
{
    form_weight *weight = weft_map_get(&table->keys, key);
    if (weight == NULL) {
        weight = WEFT_NEW(table->arena, form_weight);
        weight->key = key;
        weight->seconds =
            WEFT_NEW_ARRAY(table->arena, double, table->schedule_count *WEFT__METHODS);
        memcpy(weight->bytes, costs->bytes, sizeof weight->bytes);
        weft_map_put(&table->keys, key, weight);
        WEFT_VEC_PUSH(table->arena, &table->weights, weight);
    }
    for (size_t m = 0; m < WEFT__METHODS; m++) {
        weight->seconds[schedule * WEFT__METHODS + m] += costs->seconds[m];
        if (!(costs->seconds[m] > 0))
            weight->impossible |= 1u << m;
    }
}

/* The fastest method of a set for one schedule. */
static size_t fastest(const form_weight *weight, size_t schedule, unsigned set)
{
    const double *seconds = weight->seconds + schedule * WEFT__METHODS;
    size_t best = WEFT__METHODS;
    for (size_t m = 0; m < WEFT__METHODS; m++)
        if ((set & ~weight->impossible & (1u << m)) != 0 &&
            (best == WEFT__METHODS || seconds[m] < seconds[best]))
            best = m;
    return best;
}

static double seconds_of(const form_weight *weight, size_t schedule, unsigned set)
{
    return weight->seconds[schedule * WEFT__METHODS + fastest(weight, schedule, set)];
}

/* Every schedule's favourites; returns what the one with the largest forms takes alone. */
static uint64_t keep_favourites(form_table *table)
{
    uint64_t most = 0;
    for (size_t s = 0; s < table->schedule_count; s++) {
        uint64_t bytes = 0;
        for (size_t i = 0; i < table->weights.count; i++) {
            form_weight *weight = table->weights.data[i];
            size_t favourite = fastest(weight, s, ~0u);
            if (favourite == WEFT__METHODS || weight->seconds[s * WEFT__METHODS + favourite] <= 0)
                continue;
            weight->kept |= 1u << favourite;
            bytes += weight->bytes[favourite];
            table->total_s[s] += weight->seconds[s * WEFT__METHODS + favourite];
        }
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* Forms that cost nothing are there for whoever wants them. */
static uint64_t keep_free_ones(form_table *table)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < table->weights.count; i++) {
        form_weight *weight = table->weights.data[i];
        for (size_t m = 0; m < WEFT__METHODS; m++) {
            if (weight->bytes[m] == 0)
                weight->kept |= 1u << m & ~weight->impossible;
            bytes += (weight->kept & (1u << m)) != 0 ? weight->bytes[m] : 0;
        }
    }
    return bytes;
}

/* What all schedules lose together, each as a share of its own time. */
static double loss_of(const form_table *table, const form_weight *weight, unsigned without)
{
    double loss = 0;
    for (size_t s = 0; s < table->schedule_count; s++)
        if (table->total_s[s] > 0)
            loss += (seconds_of(weight, s, weight->kept & ~without) -
                     seconds_of(weight, s, weight->kept)) /
                    table->total_s[s];
    return loss;
}

/* Drops the form whose loss is smallest per byte; returns its bytes, 0 when none can be dropped. */
static uint64_t drop_one(form_table *table)
{
    form_weight *from = NULL;
    size_t method = 0;
    double least = 0;
    for (size_t i = 0; i < table->weights.count; i++) {
        form_weight *weight = table->weights.data[i];
        for (size_t m = 0; m < WEFT__METHODS; m++) {
            unsigned bit = 1u << m;
            if ((weight->kept & bit) == 0 || weight->kept == bit || weight->bytes[m] == 0)
                continue;
            double loss = loss_of(table, weight, bit) / (double)weight->bytes[m];
            if (from == NULL || loss < least) {
                from = weight;
                method = m;
                least = loss;
            }
        }
    }
    if (from == NULL)
        return 0;
    from->kept &= ~(1u << method);
    return from->bytes[method];
}

void weft__forms_choose(form_table *table)
{
    uint64_t most = keep_favourites(table), bytes = keep_free_ones(table);
    for (uint64_t dropped = 1; bytes > most && dropped > 0; bytes -= dropped)
        dropped = drop_one(table);
}

unsigned weft__forms_kept(const form_table *table, const char *key)
{
    const form_weight *weight = weft_map_get(&table->keys, key);
    return weight == NULL ? 0 : weight->kept;
}
