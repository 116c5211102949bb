/* SPDX-License-Identifier: Apache-2.0 */
/* A request's memory on the card and its runs; see xrt_backend.h.
 *
 * Any call of the driver may be stuck for ever. The watch (units.c) then gives the run up: the
 * request is told, and may be gone when the call returns after all. So after each call a lane asks
 * whether it is still wanted before it touches what belongs to the request or the session. Must not
 * know about: any one driver. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fpga/descriptor.h"
#include "runtime/backends/xrt/bounded.h"
#include "runtime/backends/xrt/xrt_backend.h"

static const uint64_t SECOND_NS = UINT64_C(1000000000);
enum { PAGE_BYTES = 4096 };
/* Calls that are not launches: seconds are a hundred times what they take, data moved at a tenth of
 * what the slowest emulation moves. */
enum { CALL_BOUND_S = 10, SLOW_BYTES_PER_S = 20000000 };

/* ---- wanted or not ---- */

/* Copies between host memory of the request and a buffer; false, and nothing is touched, when the
 * lane was given up. */
static bool copy(xrt_lane *lane, void *to, const void *from, size_t bytes)
{
    pthread_mutex_lock(&lane->lock);
    bool is_wanted = !lane->is_abandoned;
    if (is_wanted)
        memcpy(to, from, bytes);
    pthread_mutex_unlock(&lane->lock);
    return is_wanted;
}

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

/* ---- memory ---- */

static const xrt_unit *unit_of_group(const xrt_card *card, uint32_t group)
{
    size_t i = 0;
    while (card->units[i].group != group)
        i++;
    return &card->units[i];
}

static bool make_parts(xrt_lane *lane, xrt_place *place)
{
    const size_t descriptor_bytes = WEFT_D_WORDS * sizeof(uint32_t);
    for (size_t s = 0; s < lane->stretch_count; s++) {
        const engine_stretch *stretch = &lane->stretches[s];
        if (stretch->is_host)
            continue;
        place->programs[s] = lane->card->driver->part_create(
            lane->card, &place->program, stretch->first_descriptor * descriptor_bytes,
            stretch->descriptor_count * descriptor_bytes);
        if (place->programs[s] == NULL)
            return false;
    }
    return true;
}

/* A lane's memory in the banks of a group: values and program. */
static bool make_place(xrt_lane *lane, uint32_t group, xrt_failure *failure)
{
    xrt_card *card = lane->card;
    const xrt_driver *driver = card->driver;
    const xrt_unit *unit = unit_of_group(card, group);
    xrt_place *place = &lane->places[group];
    if (!driver->buffer_create(card, unit, XRT_ARG_SOURCE, lane->arena_bytes, &place->arena,
                               failure) ||
        !driver->buffer_create(card, unit, XRT_ARG_PROGRAM, lane->words_bytes, &place->program,
                               failure)) {
        snprintf(failure->expected, sizeof failure->expected,
                 "%zu bytes for values and %zu for the program, in the banks of %s",
                 lane->arena_bytes, lane->words_bytes, unit->name);
        return false;
    }
    if (!copy(lane, place->program.map, lane->words, lane->words_bytes))
        return false;
    if (!driver->sync(card, &place->program, true, 0, lane->words_bytes) ||
        !make_parts(lane, place))
        return weft__xrt_failed(failure, WEFT_E_XRT_CALL, "the program cannot be sent");
    place->is_made = true;
    return true;
}

static void drop_place(xrt_lane *lane, xrt_place *place)
{
    xrt_card *card = lane->card;
    for (size_t s = 0; place->programs != NULL && s < lane->stretch_count; s++)
        if (place->programs[s] != NULL) {
            card->driver->part_destroy(card, place->programs[s]);
            place->programs[s] = NULL;
        }
    card->driver->buffer_destroy(card, &place->program);
    card->driver->buffer_destroy(card, &place->arena);
    place->is_made = false;
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

/* ---- life ---- */

static void free_lane(xrt_lane *lane)
{
    for (uint32_t g = 0; lane->places != NULL && g < lane->card->group_count; g++)
        free(lane->places[g].programs);
    for (size_t i = 0; i < lane->stretch_count; i++) {
        if (lane->send != NULL)
            free(lane->send[i].items);
        if (lane->fetch != NULL)
            free(lane->fetch[i].items);
    }
    free(lane->send);
    free(lane->fetch);
    free(lane->stretches);
    free(lane->places);
    free(lane->runs);
    free(lane->run_stretch);
    pthread_cond_destroy(&lane->gets_unit);
    pthread_mutex_destroy(&lane->lock);
    weft__xrt_card_unref(lane->card);
    free(lane);
}

static void release_memory(void *argument)
{
    xrt_lane *lane = argument;
    if (atomic_load(&lane->card->is_kept))
        return;
    for (size_t i = 0; i < lane->card->unit_count; i++)
        if (lane->runs[i] != NULL)
            lane->card->driver->run_destroy(lane->card, lane->runs[i]);
    for (uint32_t g = 0; g < lane->card->group_count; g++)
        drop_place(lane, &lane->places[g]);
}

static void release_late(void *argument)
{
    free_lane(argument);
}

static void leave_late(void *argument)
{
    release_memory(argument);
    free_lane(argument);
}

static void unlink_lane(xrt_lane *lane)
{
    xrt_card *card = lane->card;
    pthread_mutex_lock(&card->lock);
    for (xrt_lane **at = &card->lanes; *at != NULL; at = &(*at)->next)
        if (*at == lane) {
            *at = lane->next;
            break;
        }
    pthread_mutex_unlock(&card->lock);
}

/* Also called by the thread of a run that was given up; nothing of the session is touched. */
void weft__xrt_lane_detach(engine_request *request)
{
    xrt_lane *lane = request->attached;
    if (lane == NULL)
        return;
    request->attached = NULL;
    unlink_lane(lane);
    if (weft__xrt_bounded(release_memory, release_late, lane, CALL_BOUND_S * SECOND_NS))
        free_lane(lane);
}

static bool make_moves(const engine_request *request, const xrt_transfer *list, xrt_moves *out)
{
    const weft_run_memory *memory = request->memory;
    out->items = calloc(list->count + 1, sizeof *out->items);
    for (size_t i = 0; out->items != NULL && i < list->count; i++) {
        size_t offset = (size_t)memory->arena_offsets[list->values[i]];
        size_t bytes = (size_t)request->session->schedule->values[list->values[i]].size_bytes;
        out->items[out->count++] = (xrt_move){memory->arena + offset, offset, bytes};
        out->bytes += bytes;
    }
    return out->items != NULL;
}

static bool fill_lane(xrt_lane *lane, const engine_request *request)
{
    const engine_session *session = request->session;
    const xrt_plan *plan = &((const xrt_loaded *)session->loaded)->plan;
    const xrt_card *card = lane->card;
    size_t stretches = session->stretch_count;
    lane->stretches = calloc(stretches + 1, sizeof *lane->stretches);
    lane->send = calloc(stretches + 1, sizeof *lane->send);
    lane->fetch = calloc(stretches + 1, sizeof *lane->fetch);
    lane->places = calloc(card->group_count, sizeof *lane->places);
    lane->runs = calloc(card->unit_count, sizeof *lane->runs);
    lane->run_stretch = calloc(card->unit_count, sizeof *lane->run_stretch);
    bool is_good = lane->stretches != NULL && lane->send != NULL && lane->fetch != NULL &&
                   lane->places != NULL && lane->runs != NULL && lane->run_stretch != NULL;
    for (uint32_t g = 0; is_good && g < card->group_count; g++) {
        lane->places[g].programs = calloc(stretches + 1, sizeof(void *));
        is_good = lane->places[g].programs != NULL;
    }
    for (size_t s = 0; is_good && s < stretches; s++) {
        lane->stretches[s] = session->stretches[s];
        is_good = make_moves(request, &plan->send[s], &lane->send[s]) &&
                  make_moves(request, &plan->fetch[s], &lane->fetch[s]);
    }
    while (is_good && lane->first_stretch < stretches &&
           lane->stretches[lane->first_stretch].is_host)
        lane->first_stretch++;
    return is_good;
}

static xrt_lane *create_lane(engine_request *request)
{
    xrt_card *card = ((xrt_loaded *)request->session->loaded)->card;
    xrt_lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    *lane = (xrt_lane){.card = card,
                       .request = request,
                       .words = request->words,
                       .words_bytes = request->words_bytes,
                       .stretch_count = request->session->stretch_count,
                       .arena_bytes =
                           (request->memory->arena_bytes + PAGE_BYTES) / PAGE_BYTES * PAGE_BYTES};
    if (pthread_mutex_init(&lane->lock, NULL) != 0) {
        free(lane);
        return NULL;
    }
    if (pthread_cond_init(&lane->gets_unit, NULL) != 0) {
        pthread_mutex_destroy(&lane->lock);
        free(lane);
        return NULL;
    }
    weft__xrt_card_ref(card);
    if (fill_lane(lane, request))
        return lane;
    free_lane(lane);
    return NULL;
}

static void make_home(void *argument)
{
    xrt_lane *lane = argument;
    make_place(lane, lane->home, &lane->failure);
}

static weft_status give_up_attaching(xrt_lane *lane, weft_diag *diag)
{
    xrt_failure failure = {0};
    weft__xrt_failed(&failure, WEFT_E_XRT_NO_ANSWER,
                     "%s does not answer while memory for a request is made", lane->card->title);
    pthread_mutex_lock(&lane->lock);
    lane->is_abandoned = true;
    pthread_mutex_unlock(&lane->lock);
    weft__xrt_card_lose(lane->card, &failure);
    return weft__xrt_failure_report(&failure, NULL, diag);
}

weft_status weft__xrt_lane_attach(engine_request *request, weft_diag *diag)
{
    xrt_card *card = ((xrt_loaded *)request->session->loaded)->card;
    if (atomic_load(&card->is_lost))
        return weft__xrt_card_report(card, diag);
    xrt_lane *lane = create_lane(request);
    if (lane == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a request");
    pthread_mutex_lock(&card->lock);
    lane->home = card->next_home++ % card->group_count;
    pthread_mutex_unlock(&card->lock);
    uint64_t bound_ns =
        CALL_BOUND_S * SECOND_NS + (uint64_t)request->words_bytes * (SECOND_NS / SLOW_BYTES_PER_S);
    weft__xrt_card_ref(card); /* across the call: the lane may take its own along */
    weft_status status = WEFT_OK;
    if (!weft__xrt_bounded(make_home, leave_late, lane, bound_ns)) {
        status = give_up_attaching(lane, diag);
        weft__xrt_card_unref(card);
        return status;
    }
    weft__xrt_card_unref(card);
    request->attached = lane;
    if (lane->failure.id != 0) {
        status = weft__xrt_failure_report(&lane->failure, card->path, diag);
        weft__xrt_lane_detach(request);
        return status;
    }
    pthread_mutex_lock(&card->lock);
    lane->next = card->lanes;
    card->lanes = lane;
    pthread_mutex_unlock(&card->lock);
    return WEFT_OK;
}

/* ---- runs ---- */

/* One value after the other. False when a call failed or the lane was given up. */
static bool move(xrt_lane *lane, const xrt_moves *moves, bool to_card)
{
    xrt_card *card = lane->card;
    const xrt_buffer *buffer = &lane->places[lane->group].arena;
    for (size_t i = 0; i < moves->count; i++) {
        const xrt_move *one = &moves->items[i];
        uint8_t *device = buffer->map + one->offset;
        if ((to_card && !copy(lane, device, one->host, one->bytes)) ||
            !card->driver->sync(card, buffer, to_card, one->offset, one->bytes) ||
            (!to_card && !copy(lane, one->host, device, one->bytes)))
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
    if (make_place(lane, lane->group, failure))
        return true;
    /* A busy home is better than a failed run. */
    bool may_go_home = is_wanted(lane) && lane->group != lane->home;
    drop_place(lane, &lane->places[lane->group]);
    if (may_go_home)
        lane->group = lane->home;
    return may_go_home;
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
        expect_end(lane, 0, send->bytes + lane->words_bytes);
        if (!choose_place(lane, index, &failure) || !move(lane, send, true))
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
    if (!move(lane, fetch, false))
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
