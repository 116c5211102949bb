/* SPDX-License-Identifier: Apache-2.0 */
/* A request's memory on the card, from its first buffer to its last; see lane.h. Must not know
 * about: any one driver. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fpga/descriptor.h"
#include "runtime/backends/xrt/bounded.h"
#include "runtime/backends/xrt/lane.h"

enum { PAGE_BYTES = 4096 };

/* ---- memory ---- */

bool weft__xrt_lane_copy(xrt_lane *lane, void *to, const void *from, size_t bytes)
{
    pthread_mutex_lock(&lane->lock);
    bool is_wanted = !lane->is_abandoned;
    if (is_wanted)
        memcpy(to, from, bytes);
    pthread_mutex_unlock(&lane->lock);
    return is_wanted;
}

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

bool weft__xrt_lane_send(xrt_lane *lane, const xrt_buffer *arena, const xrt_moves *moves)
{
    for (size_t i = 0; i < moves->count; i++) {
        const xrt_move *one = &moves->items[i];
        if (!weft__xrt_lane_copy(lane, arena->map + one->offset, one->host, one->bytes) ||
            !lane->card->driver->sync(lane->card, arena, true, one->offset, one->bytes))
            return false;
    }
    return true;
}

bool weft__xrt_lane_make_place(xrt_lane *lane, uint32_t group, xrt_failure *failure)
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
    if (!weft__xrt_lane_copy(lane, place->program.map, lane->words, lane->words_bytes))
        return false;
    if (!driver->sync(card, &place->program, true, 0, lane->words_bytes) ||
        !make_parts(lane, place))
        return weft__xrt_failed(failure, WEFT_E_XRT_CALL, "the program cannot be sent");
    if (!weft__xrt_lane_send(lane, &place->arena, &lane->constants))
        return weft__xrt_failed(failure, WEFT_E_XRT_CALL, "the constants cannot be sent");
    place->is_made = true;
    return true;
}

void weft__xrt_lane_drop_place(xrt_lane *lane, xrt_place *place)
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
    free(lane->constants.items);
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
    for (size_t i = 0; i < lane->card->unit_count; i++)
        if (lane->runs[i] != NULL)
            lane->card->driver->run_destroy(lane->card, lane->runs[i]);
    for (uint32_t g = 0; g < lane->card->group_count; g++)
        weft__xrt_lane_drop_place(lane, &lane->places[g]);
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

static void add_move(const engine_request *request, size_t value, xrt_moves *out)
{
    const weft_run_memory *memory = request->memory;
    size_t offset = (size_t)memory->arena_offsets[value];
    size_t bytes = (size_t)request->session->schedule->values[value].size_bytes;
    out->items[out->count++] = (xrt_move){memory->arena + offset, offset, bytes};
    out->bytes += bytes;
}

static bool make_moves(const engine_request *request, const xrt_transfer *list, xrt_moves *out)
{
    out->items = calloc(list->count + 1, sizeof *out->items);
    for (size_t i = 0; out->items != NULL && i < list->count; i++)
        add_move(request, (size_t)list->values[i], out);
    return out->items != NULL;
}

static bool find_constants(const engine_request *request, xrt_moves *out)
{
    const weft_schedule *schedule = request->session->schedule;
    out->items = calloc(schedule->value_count + 1, sizeof *out->items);
    for (size_t i = 0; out->items != NULL && i < schedule->value_count; i++)
        if (schedule->values[i].place == WEFT_PLACE_CONSTANT &&
            request->memory->arena_offsets[i] != WEFT__NOT_IN_ARENA)
            add_move(request, i, out);
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
                   lane->places != NULL && lane->runs != NULL && lane->run_stretch != NULL &&
                   find_constants(request, &lane->constants);
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
    weft__xrt_lane_make_place(lane, lane->home, &lane->failure);
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
    uint64_t sent_bytes = request->words_bytes + lane->constants.bytes;
    uint64_t bound_ns = CALL_BOUND_S * SECOND_NS + sent_bytes * (SECOND_NS / SLOW_BYTES_PER_S);
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
