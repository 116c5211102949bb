/* SPDX-License-Identifier: Apache-2.0 */
/* The driver over XRT's C API. Must not know about: requests, what is computed. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/backends/xrt/xrt_backend.h"

enum { BUFFER_PLAIN = 0, MS_NS = 1000000 };

static bool open_units(xrt_card *card, const uint8_t uuid[XRT_UUID_BYTES], xrt_failure *failure)
{
    for (size_t i = 0; i < card->unit_count; i++) {
        char name[2 * XRT_NAME_BYTES];
        snprintf(name, sizeof name, "%s:{%s}", card->kernel, card->units[i].name);
        errno = 0;
        card->units[i].kernel = card->api.kernel_open(card->device, uuid, name);
        if (card->units[i].kernel == NULL)
            return weft__xrt_call_failed(failure, WEFT_E_XRT_CALL, "xrtPLKernelOpen", 0);
    }
    return true;
}

static bool open_card(xrt_card *card, xrt_failure *failure)
{
    uint8_t uuid[XRT_UUID_BYTES] = {0};
    errno = 0;
    card->device = card->info.bdf[0] != '\0' ? card->api.device_open_by_bdf(card->info.bdf)
                                             : card->api.device_open(card->info.index);
    if (card->device == NULL)
        return weft__xrt_call_failed(failure, WEFT_E_XRT_OPEN, "xrtDeviceOpen", 0);
    errno = 0;
    int code = card->api.device_load_xclbin_file(card->device, card->path);
    if (code != 0)
        return weft__xrt_call_failed(failure, WEFT_E_XRT_LOAD, "xrtDeviceLoadXclbinFile", code);
    errno = 0;
    code = card->api.device_get_xclbin_uuid(card->device, uuid);
    if (code != 0)
        return weft__xrt_call_failed(failure, WEFT_E_XRT_CALL, "xrtDeviceGetXclbinUUID", code);
    if (memcmp(uuid, card->xclbin->uuid, sizeof uuid) != 0) {
        weft__xrt_failed(failure, WEFT_E_XRT_UUID, "the card runs another bitstream");
        weft__xrt_uuid_text(card->xclbin->uuid, failure->expected);
        weft__xrt_uuid_text(uuid, failure->found);
        return false;
    }
    return open_units(card, uuid, failure);
}

static void close_card(xrt_card *card)
{
    if (atomic_load(&card->is_kept))
        return;
    for (size_t i = 0; i < card->unit_count; i++)
        if (card->units[i].kernel != NULL)
            card->api.kernel_close(card->units[i].kernel);
    if (card->device != NULL)
        card->api.device_close(card->device);
}

/* ---- buffers ---- */

/* XRT's emulation takes a buffer that the emulated card refused for one at address 0, so that it
 * lies over another one. Notes where the buffer is; false when something is there. */
static bool note_place(xrt_card *card, xrt_buffer *buffer)
{
    bool is_alone = card->mode == XRT_MODE_SW_EMU;
    if (!is_alone)
        return true;
    uint64_t address = card->api.bo_address(buffer->handle);
    xrt_span *span = calloc(1, sizeof *span);
    pthread_mutex_lock(&card->lock);
    for (const xrt_span *other = card->spans; other != NULL; other = other->next)
        is_alone = is_alone && (address >= other->address + other->bytes ||
                                other->address >= address + buffer->bytes);
    is_alone = is_alone && span != NULL;
    if (is_alone) {
        *span = (xrt_span){card->spans, buffer->handle, address, buffer->bytes};
        card->spans = span;
    }
    pthread_mutex_unlock(&card->lock);
    if (!is_alone)
        free(span);
    return is_alone;
}

static void forget_place(xrt_card *card, const void *handle)
{
    pthread_mutex_lock(&card->lock);
    for (xrt_span **at = &card->spans; *at != NULL; at = &(*at)->next)
        if ((*at)->handle == handle) {
            xrt_span *span = *at;
            *at = span->next;
            free(span);
            break;
        }
    pthread_mutex_unlock(&card->lock);
}

static bool buffer_create(xrt_card *card, const xrt_unit *unit, int argument, size_t bytes,
                          xrt_buffer *out, xrt_failure *failure)
{
    *out = (xrt_buffer){.bytes = bytes};
    int group = card->api.kernel_arg_group_id(unit->kernel, argument);
    if (group < 0)
        return weft__xrt_call_failed(failure, WEFT_E_XRT_CALL, "xrtKernelArgGroupId", group);
    errno = 0;
    out->handle = card->api.bo_alloc(card->device, bytes, BUFFER_PLAIN, (uint32_t)group);
    if (out->handle == NULL)
        return weft__xrt_call_failed(failure, WEFT_E_XRT_CARD_MEMORY, "xrtBOAlloc", 0);
    errno = 0;
    out->map = card->api.bo_map(out->handle);
    if (out->map != NULL && note_place(card, out))
        return true;
    if (out->map != NULL)
        errno = ENOMEM;
    weft__xrt_call_failed(failure, WEFT_E_XRT_CALL, out->map == NULL ? "xrtBOMap" : "xrtBOAlloc",
                          0);
    card->api.bo_free(out->handle);
    out->handle = NULL;
    return false;
}

static void buffer_destroy(xrt_card *card, xrt_buffer *buffer)
{
    if (buffer->handle != NULL && !atomic_load(&card->is_kept)) {
        forget_place(card, buffer->handle);
        card->api.bo_free(buffer->handle);
    }
    *buffer = (xrt_buffer){0};
}

static void *part_create(xrt_card *card, const xrt_buffer *whole, size_t offset, size_t bytes)
{
    return card->api.bo_sub_alloc(whole->handle, bytes, offset);
}

static void part_destroy(xrt_card *card, void *part)
{
    if (!atomic_load(&card->is_kept))
        card->api.bo_free(part);
}

static bool sync_buffer(xrt_card *card, const xrt_buffer *buffer, bool to_card, size_t offset,
                        size_t bytes)
{
    return card->api.bo_sync(buffer->handle, to_card ? XRT_SYNC_TO_DEVICE : XRT_SYNC_FROM_DEVICE,
                             bytes, offset) == 0;
}

/* ---- runs ---- */

static void *run_create(xrt_card *card, const xrt_unit *unit)
{
    return card->api.run_open(unit->kernel);
}

static void run_destroy(xrt_card *card, void *run)
{
    if (!atomic_load(&card->is_kept))
        card->api.run_close(run);
}

static bool run_set(xrt_card *card, void *run, int argument, void *handle)
{
    return card->api.run_set_arg(run, argument, handle) == 0;
}

static bool run_set_count(xrt_card *card, void *run, uint32_t count)
{
    return card->api.run_set_arg(run, XRT_ARG_COUNT, count) == 0;
}

static bool is_over(int state)
{
    return state == XRT_RUN_COMPLETED || state == XRT_RUN_ERROR || state == XRT_RUN_ABORTED ||
           state == XRT_RUN_NO_RESPONSE || state > XRT_RUN_NO_RESPONSE || state <= 0;
}

/* XRT's emulation of 2.13 does not know time-outs, and waits with its lock held; so its state is
 * asked for, at growing distances. */
static int poll_state(xrt_card *card, void *run_handle, uint64_t deadline)
{
    enum { SHORTEST_NS = 20000, LONGEST_NS = 1000000 };
    struct timespec pause = {0, SHORTEST_NS};
    for (;;) {
        int state = card->api.run_state(run_handle);
        if (is_over(state))
            return card->api.run_wait_for(run_handle, 1); /* XRT wants its end noticed */
        if (weft__engine_now_ns() >= deadline)
            return XRT_RUN_TIMEOUT;
        nanosleep(&pause, NULL);
        pause.tv_nsec = pause.tv_nsec * 2 < LONGEST_NS ? pause.tv_nsec * 2 : LONGEST_NS;
    }
}

static int wait_for(xrt_card *card, void *run_handle, uint64_t deadline)
{
    for (;;) {
        uint64_t now = weft__engine_now_ns();
        if (now >= deadline)
            return XRT_RUN_TIMEOUT;
        uint64_t rest_ms = (deadline - now + MS_NS - 1) / MS_NS;
        int state =
            card->api.run_wait_for(run_handle, rest_ms > INT_MAX ? INT_MAX : (unsigned int)rest_ms);
        if (is_over(state))
            return state;
    }
}

static int run(xrt_card *card, void *run_handle, uint64_t timeout_ns, uint64_t *out_started_ns)
{
    if (card->api.run_start(run_handle) != 0)
        return XRT_RUN_ERROR;
    *out_started_ns = weft__engine_now_ns();
    uint64_t deadline = *out_started_ns + timeout_ns;
    bool is_emulated = card->mode == XRT_MODE_SW_EMU || card->mode == XRT_MODE_HW_EMU;
    return is_emulated ? poll_state(card, run_handle, deadline)
                       : wait_for(card, run_handle, deadline);
}

static bool read_status(xrt_card *card, const xrt_unit *unit, uint32_t *out_status)
{
    /* XRT refuses it unless xrt.ini has rw_shared, as weft softcard's has. */
    return card->mode == XRT_MODE_SW_EMU &&
           card->api.kernel_read_register(unit->kernel, 0, out_status) == 0;
}

/* The software card ends a run that hangs when its reset bit is written; other emulations and cards
 * do not know it or do not allow it. */
static bool end_run(xrt_card *card, const xrt_unit *unit, void *run_handle)
{
    enum { CONTROL = 0, RESET = 0x20, TRIES = 1000 };
    struct timespec pause = {0, MS_NS};
    if (card->mode != XRT_MODE_SW_EMU ||
        card->api.kernel_write_register(unit->kernel, CONTROL, RESET) != 0)
        return false;
    for (int i = 0; i < TRIES; i++) {
        if (is_over(card->api.run_state(run_handle)))
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

const xrt_driver weft__xrt_native_driver = {.backend = "xrt",
                                            .open = open_card,
                                            .close = close_card,
                                            .buffer_create = buffer_create,
                                            .buffer_destroy = buffer_destroy,
                                            .part_create = part_create,
                                            .part_destroy = part_destroy,
                                            .sync = sync_buffer,
                                            .run_create = run_create,
                                            .run_destroy = run_destroy,
                                            .run_set = run_set,
                                            .run_set_count = run_set_count,
                                            .run = run,
                                            .read_status = read_status,
                                            .end_run = end_run};
