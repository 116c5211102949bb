/* SPDX-License-Identifier: Apache-2.0 */
/* A request's runs on the card's units; see lane.h. Must not know about: any one driver. */
#include <stdio.h>

#include "runtime/backends/xrt/lane.h"

/* ---- bounds ---- */

static void expect_end(xrt_lane *lane, uint64_t bound_ns, size_t bytes)
{
    uint64_t moving_ns = (uint64_t)bytes * (SECOND_NS / SLOW_BYTES_PER_S);
    atomic_store(&lane->overdue_ns,
                 weft__engine_now_ns() + bound_ns + CALL_BOUND_S * SECOND_NS + moving_ns);
}

/* False when the lane was given up meanwhile. */
static bool ended(xrt_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    bool is_wanted = !lane->is_abandoned;
    if (is_wanted)
        atomic_store(&lane->overdue_ns, 0);
    pthread_mutex_unlock(&lane->lock);
    return is_wanted;
}

static bool is_wanted(xrt_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    bool answer = !lane->is_abandoned;
    pthread_mutex_unlock(&lane->lock);
    return answer;
}

/* ---- runs ---- */

/* The way back of weft__xrt_lane_send. */
static bool fetch_values(xrt_lane *lane, const xrt_moves *moves)
{
    xrt_card *card = lane->card;
    const xrt_buffer *buffer = &lane->places[lane->group].arena;
    for (size_t i = 0; i < moves->count; i++) {
        const xrt_move *one = &moves->items[i];
        if (!card->driver->sync(card, buffer, false, one->offset, one->bytes) ||
            !weft__xrt_lane_copy(lane, one->host, buffer->map + one->offset, one->bytes))
            return false;
    }
    return true;
}

/* Notes what happened, unless the watch did, and gives the card up. */
static weft_status lose(xrt_lane *lane, xrt_failure *failure, const char *call)
{
    if (ended(lane)) {
        weft__xrt_call_failed(failure, WEFT_E_XRT_CALL, call, -1);
        weft__xrt_card_lose(lane->card, failure);
    }
    return WEFT_DEVICE;
}

/* Where the run's values are: decided with its first stretch on the card. */
static bool choose_place(xrt_lane *lane, size_t index, xrt_failure *failure)
{
    if (index == lane->first_stretch)
        lane->group = weft__xrt_group_choose(lane->card, lane);
    if (lane->places[lane->group].is_made)
        return true;
    if (weft__xrt_lane_make_place(lane, lane->group, failure))
        return true;
    /* A busy home is better than a failed run. */
    bool may_go_home = is_wanted(lane) && lane->group != lane->home;
    weft__xrt_lane_drop_place(lane, &lane->places[lane->group]);
    if (may_go_home)
        lane->group = lane->home;
    return may_go_home;
}

/* The run of a unit with the lane's memory as its arguments. */
static bool make_run(xrt_lane *lane, const xrt_unit *unit, size_t index)
{
    xrt_card *card = lane->card;
    xrt_place *place = &lane->places[unit->group];
    void *run = card->driver->run_create(card, unit);
    lane->runs[index] = run;
    return run != NULL &&
           card->driver->run_set(card, run, XRT_ARG_WEIGHTS, card->weights[index].handle) &&
           card->driver->run_set(card, run, XRT_ARG_SOURCE, place->arena.handle) &&
           card->driver->run_set(card, run, XRT_ARG_SECOND, place->arena.handle) &&
           card->driver->run_set(card, run, XRT_ARG_TARGET, place->arena.handle);
}

static bool set_arguments(xrt_lane *lane, const xrt_unit *unit, size_t index, size_t stretch,
                          uint32_t count)
{
    xrt_card *card = lane->card;
    if (lane->runs[index] == NULL && !make_run(lane, unit, index))
        return false;
    if (lane->run_stretch[index] == stretch + 1)
        return true;
    lane->run_stretch[index] = 0;
    if (!card->driver->run_set(card, lane->runs[index], XRT_ARG_PROGRAM,
                               lane->places[unit->group].programs[stretch]) ||
        !card->driver->run_set_count(card, lane->runs[index], count))
        return false;
    lane->run_stretch[index] = stretch + 1;
    return true;
}

static weft_status unit_failed(xrt_lane *lane, const xrt_unit *unit, int state, uint64_t timeout_ns)
{
    xrt_card *card = lane->card;
    xrt_failure failure = {0};
    if (state == XRT_RUN_TIMEOUT) {
        weft__xrt_failed(&failure, WEFT_E_XRT_TIMEOUT, "unit %s did not end in %.1f s", unit->name,
                         (double)timeout_ns / 1e9);
        snprintf(failure.expected, sizeof failure.expected, "an end within %.1f s",
                 (double)timeout_ns / 1e9);
    } else {
        weft__xrt_failed(&failure, WEFT_E_XRT_UNIT, "unit %s failed", unit->name);
        snprintf(failure.expected, sizeof failure.expected, "state %s",
                 weft__xrt_run_state_name(XRT_RUN_COMPLETED));
    }
    snprintf(failure.why, sizeof failure.why, "XRT's state of the run: %s",
             weft__xrt_run_state_name(state));
    weft__xrt_units_describe(card, failure.found, sizeof failure.found);
    if (state == XRT_RUN_TIMEOUT && card->mode != XRT_MODE_CARD &&
        (card->driver->end_run == NULL ||
         !card->driver->end_run(card, unit, lane->runs[unit - card->units])))
        atomic_store(&card->is_kept, true);
    if (ended(lane))
        weft__xrt_card_lose(card, &failure);
    return WEFT_DEVICE;
}

weft_status weft__xrt_lane_launch(engine_request *request, const engine_stretch *stretch,
                                  engine_launch *out_launch)
{
    xrt_lane *lane = request->attached;
    xrt_card *card = lane->card;
    size_t index = (size_t)(stretch - request->session->stretches);
    const xrt_moves *send = &lane->send[index], *fetch = &lane->fetch[index];
    uint32_t count = stretch->descriptor_count;
    uint64_t timeout_ns = weft__xrt_bound_ns(card, request->session->schedule, stretch);
    xrt_failure failure = {0};
    if (atomic_load(&card->is_lost))
        return WEFT_DEVICE;
    uint64_t begin = weft__engine_now_ns();
    if (send->count > 0 || index == lane->first_stretch) {
        expect_end(lane, 0, send->bytes + lane->words_bytes + lane->constants.bytes);
        if (!choose_place(lane, index, &failure) ||
            !weft__xrt_lane_send(lane, &lane->places[lane->group].arena, send))
            return lose(lane, &failure, "sending values");
        if (!ended(lane))
            return WEFT_DEVICE;
    }
    uint64_t sent = weft__engine_now_ns();
    xrt_unit *unit = weft__xrt_unit_take(card, lane, UINT64_C(1) << lane->group);
    if (unit == NULL)
        return WEFT_DEVICE;
    expect_end(lane, timeout_ns, fetch->bytes);
    uint64_t taken = weft__engine_now_ns(), started = taken;
    size_t unit_index = (size_t)(unit - card->units);
    if (!set_arguments(lane, unit, unit_index, index, count))
        return lose(lane, &failure, "setting arguments");
    int state = card->driver->run(card, lane->runs[unit_index], timeout_ns, &started);
    uint64_t finished = weft__engine_now_ns();
    if (state != XRT_RUN_COMPLETED)
        return unit_failed(lane, unit, state, timeout_ns);
    weft__xrt_unit_give(card, unit);
    if (!fetch_values(lane, fetch))
        return lose(lane, &failure, "fetching values");
    if (!ended(lane))
        return WEFT_DEVICE;
    *out_launch = (engine_launch){.start_ns = started,
                                  .end_ns = finished,
                                  .send_ns = sent - begin,
                                  .dispatch_ns = started - taken,
                                  .fetch_ns = weft__engine_now_ns() - finished,
                                  .unit = (uint32_t)unit_index};
    return WEFT_OK;
}

weft_status weft__xrt_lane_check(engine_request *request, weft_diag *diag)
{
    xrt_lane *lane = request->attached;
    return atomic_load(&lane->card->is_lost) ? weft__xrt_card_report(lane->card, diag) : WEFT_OK;
}

void weft__xrt_lane_explain(engine_request *request, weft_diag *diag)
{
    xrt_card *card = ((xrt_lane *)request->attached)->card;
    pthread_mutex_lock(&card->lock);
    xrt_failure failure = card->failure;
    pthread_mutex_unlock(&card->lock);
    if (failure.id != 0)
        weft__xrt_failure_report(&failure, card->path, diag);
}
