/* SPDX-License-Identifier: Apache-2.0 */
/* A card with a bitstream, from the comparison of both with the package to the weights in their
 * banks; see xrt_backend.h. Must not know about: requests, any one driver. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/backends/xrt/bounded.h"
#include "runtime/backends/xrt/xrt_backend.h"

static const uint64_t SECOND_NS = UINT64_C(1000000000);
/* Loading a large card takes up to ten seconds; everything else milliseconds. */
enum { OPEN_BOUND_S = 60, CLOSE_BOUND_S = 10 };
/* A launch: what the model predicts may be far too low, never by this much. An emulated engine is C
 * on this machine, which takes minutes for what a card does in milliseconds. */
enum { LAUNCH_BOUND_S = 10, LAUNCH_FACTOR = 100, EMULATED_LAUNCH_BOUND_S = 600 };
enum { MAX_UNITS = 64, PAGE_BYTES = 4096 };

/* ---- life ---- */

static void free_card(void *argument)
{
    xrt_card *card = argument;
    while (card->spans != NULL) { /* left when the device is kept */
        xrt_span *next = card->spans->next;
        free(card->spans);
        card->spans = next;
    }
    if (!atomic_load(&card->is_kept))
        weft__xrt_unclaim(card->claim, card->info.index);
    pthread_cond_destroy(&card->watch_wakes);
    pthread_mutex_destroy(&card->lock);
    weft__xrt_api_close(&card->api);
    weft_arena_destroy(card->arena);
    free(card->units);
    free(card->weights);
    free(card->owns_weights);
    free(card);
}

static void close_device(void *argument)
{
    xrt_card *card = argument;
    for (size_t i = 0; card->weights != NULL && i < card->unit_count; i++)
        if (card->owns_weights[i])
            card->driver->buffer_destroy(card, &card->weights[i]);
    card->driver->close(card);
}

void weft__xrt_card_ref(xrt_card *card)
{
    atomic_fetch_add(&card->references, 1);
}

void weft__xrt_card_unref(xrt_card *card)
{
    if (atomic_fetch_sub(&card->references, 1) == 1 &&
        weft__xrt_bounded(close_device, free_card, card, CLOSE_BOUND_S * SECOND_NS))
        free_card(card);
}

void weft__xrt_card_close(xrt_card *card)
{
    weft__xrt_watch_stop(card);
    weft__xrt_card_unref(card);
}

static bool init_waiting(xrt_card *card)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(&card->lock, NULL) != 0)
        return false;
    bool is_good = pthread_condattr_init(&attr) == 0;
    if (is_good) {
        is_good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
                  pthread_cond_init(&card->watch_wakes, &attr) == 0;
        pthread_condattr_destroy(&attr);
    }
    if (!is_good)
        pthread_mutex_destroy(&card->lock);
    return is_good;
}

/* ---- what is there ---- */

static weft_status find_card(xrt_card *card, int32_t number, weft_diag *diag)
{
    xrt_card_info *cards = calloc(XRT_MAX_CARDS, sizeof *cards);
    if (cards == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    size_t count = weft__xrt_cards_find(card->mode, XRT_SYSFS, cards), ready = 0;
    const xrt_card_info *found = weft__xrt_cards_ready(cards, count, (size_t)number);
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count; i++)
        ready += cards[i].is_ready;
    if (found != NULL) {
        card->info = *found;
    } else if (ready > 0) {
        status =
            weft_diag_error(diag, WEFT_E_RUNTIME_DEVICE_INDEX,
                            "the backend %s has no device %" PRId32, card->driver->backend, number);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0 to %zu, see weft devices", ready - 1);
    } else {
        status = weft_diag_error(diag, WEFT_E_XRT_NO_CARD, "there is no card that can be used");
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s",
                            count > 0 ? cards[0].why_not : "the driver xocl shows no card");
        weft_diag_field_set(diag, WEFT_DIAG_TRY,
                            "weft devices; without a card: weft softcard -- weft run ...");
    }
    free(cards);
    return status;
}

static weft_status check_xrt(xrt_card *card, weft_diag *diag)
{
    char why[XRT_WHY_BYTES];
    bool is_absent = false;
    card->mode = weft__xrt_mode();
    if (!weft__xrt_is_ready(why, &is_absent)) {
        weft_status status = is_absent
                                 ? weft_diag_error(diag, WEFT_E_XRT_ABSENT, "XRT is not installed")
                                 : weft_diag_error(diag, WEFT_E_XRT_ENVIRONMENT,
                                                   "XRT's environment is not complete");
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
        weft_diag_field_set(diag, WEFT_DIAG_TRY,
                            "weft doctor; without a card: weft softcard -- weft run ...");
        return status;
    }
    if (weft__xrt_api_open(&card->api, why))
        return WEFT_OK;
    weft_status status = weft_diag_error(diag, WEFT_E_XRT_LIBRARY, "XRT's library cannot be used");
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    return status;
}

static weft_status read_bitstream(xrt_card *card, const weft_backend_params *params,
                                  weft_diag *diag)
{
    if (params->bitstream == NULL) {
        weft_status status =
            weft_diag_error(diag, WEFT_E_XRT_NO_BITSTREAM, "no bitstream is named for the package");
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "--xclbin FILE, or weft build PACKAGE");
        return status;
    }
    card->path = weft_arena_strdup(card->arena, params->bitstream);
    if (access(card->path, R_OK) != 0) {
        weft_status status =
            weft_diag_error(diag, WEFT_E_XRT_NO_BITSTREAM, "there is no bitstream for the package");
        weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", card->path);
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s, or --xclbin FILE",
                            card->mode == XRT_MODE_SW_EMU ? "weft build PACKAGE --target softcard"
                                                          : "weft build PACKAGE");
        return status;
    }
    return weft_xclbin_read(card->arena, card->path, &card->xclbin, diag);
}

/* ---- units and their groups ---- */

static bool share_banks(const weft_xclbin_unit *a, const weft_xclbin_unit *b)
{
    return a->banks[XRT_ARG_PROGRAM] == b->banks[XRT_ARG_PROGRAM] &&
           a->banks[XRT_ARG_SOURCE] == b->banks[XRT_ARG_SOURCE];
}

static bool find_units(xrt_card *card)
{
    const weft_xclbin *xclbin = card->xclbin;
    card->unit_count = xclbin->unit_count < MAX_UNITS ? xclbin->unit_count : MAX_UNITS;
    card->units = calloc(card->unit_count, sizeof *card->units);
    card->weights = calloc(card->unit_count, sizeof *card->weights);
    card->owns_weights = calloc(card->unit_count, sizeof *card->owns_weights);
    if (card->units == NULL || card->weights == NULL || card->owns_weights == NULL)
        return false;
    for (size_t i = 0; i < card->unit_count; i++) {
        size_t first = 0;
        while (!share_banks(&xclbin->units[first], &xclbin->units[i]))
            first++;
        card->units[i] =
            (xrt_unit){.name = xclbin->units[i].name,
                       .base = xclbin->units[i].base,
                       .group = first < i ? card->units[first].group : card->group_count};
        card->group_count += first == i;
    }
    return true;
}

/* ---- loading ---- */

typedef struct loading {
    xrt_card *card;
    const uint8_t *weights; /* of the package; not touched once the card is left */
    size_t weights_bytes;
    xrt_failure failure;
} loading;

/* Copies host memory, unless the session has given up and it may be gone. */
static bool copy_weights(loading *load, xrt_buffer *to)
{
    pthread_mutex_lock(&load->card->lock);
    bool is_there = !load->card->is_left;
    if (is_there && load->weights_bytes > 0)
        memcpy(to->map, load->weights, load->weights_bytes);
    pthread_mutex_unlock(&load->card->lock);
    return is_there;
}

static bool place_weights(loading *load, size_t index)
{
    xrt_card *card = load->card;
    const weft_xclbin_unit *units = card->xclbin->units;
    size_t first = 0, bytes = load->weights_bytes == 0 ? PAGE_BYTES : load->weights_bytes;
    while (units[first].banks[XRT_ARG_WEIGHTS] != units[index].banks[XRT_ARG_WEIGHTS])
        first++;
    if (first < index) {
        card->weights[index] = card->weights[first];
        return true;
    }
    xrt_buffer *buffer = &card->weights[index];
    if (!card->driver->buffer_create(card, &card->units[index], XRT_ARG_WEIGHTS, bytes, buffer,
                                     &load->failure)) {
        const weft_xclbin_memory *bank =
            &card->xclbin->memories[units[index].banks[XRT_ARG_WEIGHTS]];
        snprintf(load->failure.expected, XRT_TEXT_BYTES,
                 "%zu bytes of weights in %s of %" PRIu64 " bytes", bytes, bank->tag,
                 bank->size_bytes);
        return false;
    }
    card->owns_weights[index] = true;
    if (!copy_weights(load, buffer))
        return false;
    return card->driver->sync(card, buffer, true, 0, bytes) ||
           weft__xrt_call_failed(&load->failure, WEFT_E_XRT_CALL, "sending the weights", -1);
}

static void load_card(void *argument)
{
    loading *load = argument;
    bool is_good = load->card->driver->open(load->card, &load->failure);
    for (size_t i = 0; is_good && i < load->card->unit_count; i++)
        is_good = place_weights(load, i);
}

static void loaded_late(void *argument)
{
    loading *load = argument;
    weft__xrt_card_unref(load->card);
    free(load);
}

static weft_status load_bitstream(xrt_card *card, const engine_session *session, weft_diag *diag)
{
    loading *load = calloc(1, sizeof *load);
    if (load == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    /* Sections of a package end with a page. */
    *load = (loading){.card = card,
                      .weights = session->view->weights,
                      .weights_bytes = (session->view->weights_bytes + PAGE_BYTES - 1) /
                                       PAGE_BYTES * PAGE_BYTES};
    weft__xrt_card_ref(card); /* the thread's */
    if (!weft__xrt_bounded(load_card, loaded_late, load, OPEN_BOUND_S * SECOND_NS)) {
        pthread_mutex_lock(&card->lock);
        card->is_left = true;
        pthread_mutex_unlock(&card->lock);
        weft_status status =
            weft_diag_error(diag, WEFT_E_XRT_NO_ANSWER,
                            "%s does not answer while the bitstream is loaded", card->title);
        weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", card->path);
        return status;
    }
    weft_status status = load->failure.id == 0
                             ? WEFT_OK
                             : weft__xrt_failure_report(&load->failure, card->path, diag);
    loaded_late(load);
    return status;
}

/* ---- opening ---- */

static weft_status prepare(xrt_card *card, const engine_session *session,
                           const weft_backend_params *params, weft_diag *diag)
{
    const weft_manifest *manifest = session->view->manifest;
    weft_status status = check_xrt(card, diag);
    if (status == WEFT_OK)
        status = find_card(card, params->device, diag);
    if (status == WEFT_OK)
        status = read_bitstream(card, params, diag);
    if (status == WEFT_OK)
        status = weft__xrt_match(
            &(xrt_sides){card->path, card->xclbin, manifest, card->mode, &card->info}, diag);
    if (status != WEFT_OK)
        return status;
    card->kernel = card->xclbin->kernel;
    card->timeout_ns = params->timeout_ns;
    card->clock_mhz = manifest->card.board == NULL ? 0 : manifest->card.clock_mhz;
    const char *shell = card->info.shell[0] != '\0' ? card->info.shell : card->xclbin->platform;
    snprintf(card->title, sizeof card->title, "%.*s%s%s", XRT_NAME_BYTES,
             shell == NULL ? "card" : shell, card->mode == XRT_MODE_CARD ? " at " : ", emulated",
             card->info.bdf);
    return find_units(card)
               ? WEFT_OK
               : weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
}

/* A card of its own for the session, where there are only emulated ones. */
static weft_status claim_card(xrt_card *card, weft_diag *diag)
{
    if (card->mode == XRT_MODE_CARD)
        return WEFT_OK;
    card->claim = weft__xrt_claim(card->info.index);
    if (card->claim >= 0)
        return WEFT_OK;
    weft_status status = weft_diag_error(diag, WEFT_E_XRT_BUSY,
                                         "another session of this process has %s", card->title);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "XRT has one emulated device per process and number");
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "destroy the other session first, or choose another card with --device");
    return status;
}

weft_status weft__xrt_card_open(const xrt_driver *driver, const engine_session *session,
                                const weft_backend_params *params, weft_diag *diag,
                                xrt_card **out_card)
{
    xrt_card *card = calloc(1, sizeof *card);
    weft_arena *arena = card == NULL ? NULL : weft_arena_create();
    if (arena == NULL || !init_waiting(card)) {
        weft_arena_destroy(arena);
        free(card);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    }
    card->arena = arena;
    card->driver = driver;
    card->claim = -1;
    atomic_init(&card->references, 1);
    atomic_init(&card->is_lost, false);
    atomic_init(&card->is_kept, false);
    if (WEFT_ARENA_TRY(arena)) {
        free_card(card);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    }
    weft_status status = prepare(card, session, params, diag);
    if (status == WEFT_OK)
        status = claim_card(card, diag);
    if (status != WEFT_OK) {
        free_card(card);
        return status;
    }
    status = load_bitstream(card, session, diag);
    if (status == WEFT_OK && !weft__xrt_watch_start(card))
        status = weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of threads while creating a session");
    if (status == WEFT_OK)
        *out_card = card;
    else
        weft__xrt_card_unref(card);
    return status;
}

uint64_t weft__xrt_bound_ns(const xrt_card *card, const weft_schedule *schedule,
                            const engine_stretch *stretch)
{
    if (card->timeout_ns > 0)
        return card->timeout_ns;
    if (card->mode == XRT_MODE_SW_EMU || card->mode == XRT_MODE_HW_EMU)
        return EMULATED_LAUNCH_BOUND_S * SECOND_NS;
    double cycles = 0;
    for (size_t s = 0; s < stretch->step_count; s++)
        cycles += (double)schedule->steps[stretch->first_step + s].cost.cycles;
    double predicted_ns = card->clock_mhz > 0 ? cycles * 1e3 / card->clock_mhz : 0;
    const double limit_ns = 86400e9; /* a day */
    predicted_ns =
        predicted_ns * LAUNCH_FACTOR < limit_ns ? predicted_ns * LAUNCH_FACTOR : limit_ns;
    return LAUNCH_BOUND_S * SECOND_NS + (uint64_t)predicted_ns;
}

weft_status weft__xrt_card_report(xrt_card *card, weft_diag *diag)
{
    xrt_failure lost = {0};
    weft__xrt_failed(&lost, WEFT_E_XRT_LOST, "%s was lost by this session", card->title);
    pthread_mutex_lock(&card->lock);
    snprintf(lost.why, sizeof lost.why, "%s", card->failure.summary);
    pthread_mutex_unlock(&card->lock);
    return weft__xrt_failure_report(&lost, card->path, diag);
}
