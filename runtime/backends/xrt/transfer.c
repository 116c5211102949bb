/* SPDX-License-Identifier: Apache-2.0 */
/* Which values go to the card before a stretch and come back after it, so that each crosses only
 * when the other side made it. Must not know about: XRT's API, buffers. */
#include <stdlib.h>

#include "runtime/backends/xrt/xrt_backend.h"

/* Where an owner of storage is right, and the stretch of the card that made it last. */
typedef struct value_state {
    bool is_on_host, is_on_card;
    size_t maker;
} value_state;

typedef struct transfer_planner {
    const engine_session *session;
    xrt_plan *plan;
    value_state *states;
    bool has_failed;
} transfer_planner;

static void add(transfer_planner *planner, xrt_transfer *list, int32_t value)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 4;
        int32_t *values = realloc(list->values, capacity * sizeof *values);
        if (values == NULL) {
            planner->has_failed = true;
            return;
        }
        list->values = values;
        list->capacity = capacity;
    }
    list->values[list->count++] = value;
}

static bool is_in_arena(const weft_schedule *schedule, int32_t owner)
{
    weft_place place = schedule->values[owner].place;
    return place == WEFT_PLACE_INPUT || place == WEFT_PLACE_OUTPUT || place == WEFT_PLACE_ARENA;
}

static void card_reads(transfer_planner *planner, size_t stretch, int32_t index)
{
    const weft_schedule *schedule = planner->session->schedule;
    if (index < 0)
        return;
    int32_t owner = weft__storage_owner(schedule, index);
    value_state *state = &planner->states[owner];
    if (!is_in_arena(schedule, owner) || state->is_on_card || !state->is_on_host)
        return;
    add(planner, &planner->plan->send[stretch], owner);
    state->is_on_card = true;
}

static void host_reads(transfer_planner *planner, int32_t index)
{
    const weft_schedule *schedule = planner->session->schedule;
    if (index < 0)
        return;
    int32_t owner = weft__storage_owner(schedule, index);
    value_state *state = &planner->states[owner];
    if (!is_in_arena(schedule, owner) || state->is_on_host || !state->is_on_card)
        return;
    add(planner, &planner->plan->fetch[state->maker], owner);
    state->is_on_host = true;
}

static void writes(transfer_planner *planner, size_t stretch, int32_t index, bool by_host)
{
    if (index < 0)
        return;
    int32_t owner = weft__storage_owner(planner->session->schedule, index);
    planner->states[owner] = (value_state){by_host, !by_host, stretch};
}

static void visit(transfer_planner *planner, size_t index, bool keep_values)
{
    const engine_session *session = planner->session;
    const engine_stretch *stretch = &session->stretches[index];
    for (size_t s = 0; s < stretch->step_count; s++) {
        const weft_step *step = &session->schedule->steps[stretch->first_step + s];
        for (size_t i = 0; i < step->input_count; i++) {
            if (stretch->is_host)
                host_reads(planner, step->inputs[i]);
            else
                card_reads(planner, index, step->inputs[i]);
        }
        /* Whatever else the descriptors name. */
        for (size_t d = 0; d < step->descriptor_count; d++)
            for (size_t w = 0; w < step->descriptors[d].word_count; w++)
                if (step->descriptors[d].words[w].kind == WEFT_ARG_VALUE)
                    card_reads(planner, index, step->descriptors[d].words[w].index);
        for (size_t i = 0; i < step->output_count; i++)
            writes(planner, index, step->outputs[i], stretch->is_host);
    }
    for (size_t s = 0; s < stretch->step_count && keep_values; s++) {
        const weft_step *step = &session->schedule->steps[stretch->first_step + s];
        for (size_t i = 0; i < step->output_count; i++)
            host_reads(planner, step->outputs[i]);
    }
}

bool weft__xrt_plan_init(xrt_plan *plan, const engine_session *session, bool keep_values)
{
    const weft_schedule *schedule = session->schedule;
    transfer_planner planner = {.session = session, .plan = plan};
    planner.states = calloc(schedule->value_count + 1, sizeof *planner.states);
    *plan = (xrt_plan){.send = calloc(session->stretch_count + 1, sizeof *plan->send),
                       .fetch = calloc(session->stretch_count + 1, sizeof *plan->fetch),
                       .count = session->stretch_count};
    if (planner.states == NULL || plan->send == NULL || plan->fetch == NULL) {
        free(planner.states);
        weft__xrt_plan_finish(plan);
        return false;
    }
    for (size_t i = 0; i < schedule->value_count; i++)
        planner.states[i].is_on_host = schedule->values[i].place == WEFT_PLACE_INPUT;
    for (size_t s = 0; s < session->stretch_count; s++)
        visit(&planner, s, keep_values);
    for (size_t i = 0; i < schedule->output_count; i++)
        host_reads(&planner, schedule->outputs[i]);
    free(planner.states);
    if (planner.has_failed)
        weft__xrt_plan_finish(plan);
    return !planner.has_failed;
}

void weft__xrt_plan_finish(xrt_plan *plan)
{
    for (size_t s = 0; s < plan->count; s++) {
        if (plan->send != NULL)
            free(plan->send[s].values);
        if (plan->fetch != NULL)
            free(plan->fetch[s].values);
    }
    free(plan->send);
    free(plan->fetch);
    *plan = (xrt_plan){0};
}
