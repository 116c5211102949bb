/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets which unit, in the order of asking, and the watch over calls of XRT that do not return.
 * Must not know about: XRT's API. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/backends/xrt/xrt_backend.h"

enum { WATCH_MS = 100 };

/* ---- units ---- */

static bool fits(const xrt_unit *unit, uint64_t groups)
{
    return (groups >> unit->group & 1) != 0;
}

static void hold(xrt_unit *unit, xrt_lane *lane)
{
    unit->holder = lane;
    unit->held_since_ns = weft__engine_now_ns();
}

xrt_unit *weft__xrt_unit_take(xrt_card *card, xrt_lane *lane, uint64_t groups)
{
    xrt_unit *unit = NULL;
    pthread_mutex_lock(&card->lock);
    bool is_lost = atomic_load(&card->is_lost);
    /* A free unit that somebody in the queue could use is never left free, so nobody is overtaken.
     */
    for (size_t i = 0; i < card->unit_count && unit == NULL && !is_lost; i++)
        if (card->units[i].holder == NULL && fits(&card->units[i], groups))
            unit = &card->units[i];
    if (unit != NULL) {
        hold(unit, lane);
    } else if (!is_lost) {
        lane->waits_for = groups;
        lane->given = NULL;
        lane->next_waiter = NULL;
        if (card->last_waiter != NULL)
            card->last_waiter->next_waiter = lane;
        else
            card->first_waiter = lane;
        card->last_waiter = lane;
        while (lane->waits_for != 0)
            pthread_cond_wait(&lane->gets_unit, &card->lock);
        unit = lane->given;
    }
    pthread_mutex_unlock(&card->lock);
    return unit;
}

void weft__xrt_unit_give(xrt_card *card, xrt_unit *unit)
{
    pthread_mutex_lock(&card->lock);
    xrt_lane *before = NULL, *waiter = card->first_waiter;
    while (waiter != NULL && !fits(unit, waiter->waits_for)) {
        before = waiter;
        waiter = waiter->next_waiter;
    }
    unit->holder = NULL;
    if (waiter != NULL) {
        if (before != NULL)
            before->next_waiter = waiter->next_waiter;
        else
            card->first_waiter = waiter->next_waiter;
        if (card->last_waiter == waiter)
            card->last_waiter = before;
        hold(unit, waiter);
        waiter->given = unit;
        waiter->waits_for = 0;
        pthread_cond_signal(&waiter->gets_unit);
    }
    pthread_mutex_unlock(&card->lock);
}

uint32_t weft__xrt_group_choose(xrt_card *card, const xrt_lane *lane)
{
    uint32_t free_group = UINT32_MAX;
    bool is_home_free = false;
    if (card->group_count == 1)
        return 0;
    pthread_mutex_lock(&card->lock);
    for (size_t i = 0; i < card->unit_count; i++) {
        const xrt_unit *unit = &card->units[i];
        if (unit->holder != NULL)
            continue;
        is_home_free = is_home_free || unit->group == lane->home;
        free_group = free_group == UINT32_MAX ? unit->group : free_group;
    }
    pthread_mutex_unlock(&card->lock);
    return is_home_free || free_group == UINT32_MAX ? lane->home : free_group;
}

/* The unit's control register: from the system's files, else from the driver. */
static bool read_status(xrt_card *card, const xrt_unit *unit, uint32_t *out_status)
{
    char name[2 * XRT_NAME_BYTES];
    snprintf(name, sizeof name, "%s:%s", card->kernel, unit->name);
    if (weft__xrt_unit_status(XRT_SYSFS, card->info.bdf, name, out_status))
        return true;
    return card->driver->read_status != NULL && card->driver->read_status(card, unit, out_status);
}

static size_t describe(xrt_card *card, const xrt_unit *unit, char *out, size_t capacity)
{
    uint32_t status = 0;
    int length = snprintf(out, capacity, "%s ", unit->name);
    size_t used = (size_t)length < capacity ? (size_t)length : capacity;
    if (unit->holder == NULL)
        length = snprintf(out + used, capacity - used, "free");
    else
        length = snprintf(out + used, capacity - used, "busy for %.1f s",
                          (double)(weft__engine_now_ns() - unit->held_since_ns) / 1e9);
    used = used + (size_t)length < capacity ? used + (size_t)length : capacity;
    if (!read_status(card, unit, &status))
        return used;
    length = snprintf(out + used, capacity - used, ", control 0x%" PRIx32 " (%s)", status,
                      (status & 2) != 0   ? "done"
                      : (status & 4) != 0 ? "idle"
                      : (status & 1) != 0 ? "started and not done"
                                          : "neither started nor idle");
    return used + (size_t)length < capacity ? used + (size_t)length : capacity;
}

void weft__xrt_units_describe(xrt_card *card, char *out, size_t capacity)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < card->unit_count && used + 3 < capacity; i++) {
        if (i > 0) {
            memcpy(out + used, "; ", 3);
            used += 2;
        }
        used += describe(card, &card->units[i], out + used, capacity - used);
    }
}

void weft__xrt_card_lose(xrt_card *card, const xrt_failure *failure)
{
    pthread_mutex_lock(&card->lock);
    if (card->failure.id == 0)
        card->failure = *failure;
    atomic_store(&card->is_lost, true);
    for (xrt_lane *lane = card->first_waiter; lane != NULL; lane = lane->next_waiter) {
        lane->waits_for = 0;
        pthread_cond_signal(&lane->gets_unit);
    }
    card->first_waiter = card->last_waiter = NULL;
    pthread_mutex_unlock(&card->lock);
}

/* ---- the watch ---- */

/* The lane whose run is overdue, and nobody's any more; NULL when there is none. */
static xrt_lane *find_overdue(xrt_card *card)
{
    uint64_t now = weft__engine_now_ns();
    for (xrt_lane *lane = card->lanes; lane != NULL; lane = lane->next) {
        uint64_t overdue = atomic_load(&lane->overdue_ns);
        if (overdue == 0 || now < overdue)
            continue;
        pthread_mutex_lock(&lane->lock);
        /* It may have ended since. */
        bool is_overdue = atomic_load(&lane->overdue_ns) == overdue;
        lane->is_abandoned = lane->is_abandoned || is_overdue;
        if (is_overdue)
            atomic_store(&lane->overdue_ns, 0);
        pthread_mutex_unlock(&lane->lock);
        if (is_overdue)
            return lane;
    }
    return NULL;
}

static void abandon(xrt_card *card, engine_request *request)
{
    xrt_failure failure = {0};
    weft__xrt_failed(&failure, WEFT_E_XRT_NO_ANSWER, "%s does not answer", card->title);
    snprintf(failure.found, sizeof failure.found,
             "a call of XRT for a run that has not returned; it is left behind");
    weft__xrt_card_lose(card, &failure);
    weft__worker_abandon(&request->worker, WEFT_DEVICE);
}

static void *watch(void *argument)
{
    xrt_card *card = argument;
    pthread_mutex_lock(&card->lock);
    while (!card->is_closing) {
        xrt_lane *lane = find_overdue(card);
        if (lane != NULL) {
            engine_request *request = lane->request; /* running, so it is there */
            pthread_mutex_unlock(&card->lock);
            abandon(card, request);
            pthread_mutex_lock(&card->lock);
            continue;
        }
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_nsec += WATCH_MS * 1000000L;
        at.tv_sec += at.tv_nsec / 1000000000L;
        at.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&card->watch_wakes, &card->lock, &at);
    }
    pthread_mutex_unlock(&card->lock);
    return NULL;
}

bool weft__xrt_watch_start(xrt_card *card)
{
    card->has_watch = pthread_create(&card->watch, NULL, watch, card) == 0;
    return card->has_watch;
}

void weft__xrt_watch_stop(xrt_card *card)
{
    if (!card->has_watch)
        return;
    pthread_mutex_lock(&card->lock);
    card->is_closing = true;
    pthread_cond_signal(&card->watch_wakes);
    pthread_mutex_unlock(&card->lock);
    pthread_join(card->watch, NULL);
    card->has_watch = false;
}
