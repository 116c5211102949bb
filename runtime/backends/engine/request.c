/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of the engine's backends: a worker per request goes through the stretches of the schedule.
 * Must not know about: OpenCL, compilers. */
#include <stdlib.h>
#include <string.h>

#include "runtime/backends/engine/engine_backend.h"

enum { PAGE_BYTES = 4096 }; /* so that a device takes the words as they are */

static void keep_time(engine_request *request, const engine_stretch *stretch, uint64_t begin,
                      uint64_t start, uint64_t device_ns)
{
    if (request->times == NULL)
        return;
    uint64_t end = weft__engine_now_ns();
    if (device_ns > 0 && device_ns < end - start)
        start = end - device_ns; /* without the way to the device */
    request->times[stretch->first_step] = (weft_step_time){0, start - begin, end - begin};
}

static weft_status run(void *argument)
{
    engine_request *request = argument;
    const engine_session *session = request->session;
    uint64_t begin = weft__engine_now_ns();
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < session->stretch_count && status == WEFT_OK; i++) {
        const engine_stretch *stretch = &session->stretches[i];
        uint64_t start = weft__engine_now_ns(), device_ns = 0;
        status = stretch->is_host ? weft__ref_run_step(&request->runner, stretch->first_step)
                                  : session->device->launch(request, stretch, &device_ns);
        keep_time(request, stretch, begin, start, device_ns);
    }
    return status;
}

static void release(engine_request *request)
{
    weft__ref_runner_finish(&request->runner);
    free(request->words);
    free(request->times);
    free(request);
}

static bool allocate(engine_request *request)
{
    const engine_session *session = request->session;
    size_t steps = session->schedule->step_count;
    void *words = NULL;
    request->words_bytes =
        (weft__engine_program_bytes(session) + PAGE_BYTES) / PAGE_BYTES * PAGE_BYTES;
    if (posix_memalign(&words, PAGE_BYTES, request->words_bytes) == 0)
        request->words = words;
    if (session->profile)
        request->times = calloc(steps + 1, sizeof *request->times);
    return request->words != NULL && (request->times != NULL || !session->profile) &&
           weft__ref_runner_init(&request->runner, session->host, request->memory);
}

static weft_status prepare(engine_request *request, weft_diag *diag)
{
    const engine_session *session = request->session;
    if (!allocate(request))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a request");
    weft_status status = weft__engine_program_write(session, request->memory, request->words, diag);
    if (status == WEFT_OK)
        status = session->device->attach(request, diag);
    if (status != WEFT_OK)
        return status;
    if (weft__worker_init(&request->worker, run, request))
        return WEFT_OK;
    session->device->detach(request);
    return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of threads while creating a request");
}

weft_status weft__engine_request_create(void *session, const weft_run_memory *memory,
                                        weft_diag *diag, void **out_request)
{
    engine_request *request = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *request);
    if (request == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a request");
    request->session = session;
    request->memory = memory;
    weft_status status = prepare(request, diag);
    if (status == WEFT_OK)
        *out_request = request;
    else
        release(request);
    return status;
}

void weft__engine_request_destroy(void *argument)
{
    engine_request *request = argument;
    weft__worker_finish(&request->worker);
    request->session->device->detach(request);
    release(request);
}

weft_status weft__engine_submit(void *argument, weft_backend_done done, void *user, weft_diag *diag)
{
    (void)diag;
    weft__worker_submit(&((engine_request *)argument)->worker, done, user);
    return WEFT_OK;
}

void weft__engine_get_times(void *argument, weft_step_time *out_times)
{
    const engine_request *request = argument;
    memcpy(out_times, request->times, request->session->schedule->step_count * sizeof *out_times);
}

bool weft__engine_read_storage(void *argument, int32_t value, void *out, size_t bytes)
{
    const engine_request *request = argument;
    memcpy(out, request->memory->storage[value], bytes);
    return true;
}
