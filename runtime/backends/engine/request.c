/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of the engine's backends: a worker per request goes through the stretches of the schedule.
 * Must not know about: OpenCL, compilers. */
#include <stdlib.h>
#include <string.h>

#include "runtime/backends/engine/engine_backend.h"

enum { PAGE_BYTES = 4096 }; /* so that a device takes the words as they are */

static void keep_time(engine_request *request, size_t step, uint64_t begin, uint64_t queued,
                      const engine_launch *launch)
{
    if (request->times == NULL)
        return;
    uint64_t end = weft__engine_now_ns(), start = queued;
    if (launch->end_ns != 0) {
        start = launch->start_ns;
        end = launch->end_ns;
    } else if (launch->device_ns > 0 && launch->device_ns < end - start) {
        start = end - launch->device_ns; /* without the way to the device */
    }
    request->times[step] = (weft_step_time){.queued_ns = queued - begin,
                                            .start_ns = start - begin,
                                            .end_ns = end - begin,
                                            .send_ns = launch->send_ns,
                                            .dispatch_ns = launch->dispatch_ns,
                                            .fetch_ns = launch->fetch_ns,
                                            .unit = launch->unit};
}

static weft_status run(void *argument)
{
    engine_request *request = argument;
    uint64_t begin = weft__engine_now_ns();
    for (size_t i = 0; i < request->session->stretch_count; i++) {
        const engine_session *session = request->session;
        const engine_stretch *stretch = &session->stretches[i];
        uint64_t queued = weft__engine_now_ns();
        engine_launch launch = {0};
        weft_status status = stretch->is_host
                                 ? weft__ref_run_step(&request->runner, stretch->first_step)
                                 : session->device->launch(request, stretch, &launch);
        if (status != WEFT_OK)
            return status; /* and touch nothing: engine_backend.h, may_be_stuck */
        keep_time(request, stretch->first_step, begin, queued, &launch);
    }
    return WEFT_OK;
}

static void release_parts(engine_request *request)
{
    weft__ref_runner_finish(&request->runner);
    free(request->words);
    free(request->times);
    request->words = NULL;
    request->times = NULL;
}

static void release(engine_request *request)
{
    release_parts(request);
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

/* They stay there: nothing writes a constant. */
static weft_status put_constants(const engine_request *request, weft_diag *diag)
{
    const engine_session *session = request->session;
    for (size_t i = 0; i < session->schedule->value_count; i++) {
        const weft_schedule_value *value = &session->schedule->values[i];
        uint64_t offset = request->memory->arena_offsets[i];
        if (value->place != WEFT_PLACE_CONSTANT || offset == WEFT__NOT_IN_ARENA)
            continue;
        if (!weft__constant_is_readable(session->view, value))
            return weft_diag_error(diag, WEFT_E_RUNTIME_NO_PLAIN,
                                   "constant %s cannot be read in plain form", value->name);
        weft__constant_unpack(session->view, value, request->memory->arena + offset);
    }
    return WEFT_OK;
}

static weft_status prepare(engine_request *request, weft_diag *diag)
{
    const engine_session *session = request->session;
    if (!allocate(request))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a request");
    weft_status status = put_constants(request, diag);
    if (status == WEFT_OK)
        status = weft__engine_program_write(session, request->memory, request->words, diag);
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
    request->detach = request->session->device->detach;
    request->memory = memory;
    weft_status status = prepare(request, diag);
    if (status == WEFT_OK)
        *out_request = request;
    else
        release(request);
    return status;
}

/* The thread of a run that was given up came back; session and memory may be gone. */
static void come_back(void *argument)
{
    engine_request *request = argument;
    request->detach(request);
    free(request);
}

void weft__engine_request_destroy(void *argument)
{
    engine_request *request = argument;
    if (!request->session->device->may_be_stuck) {
        weft__worker_finish(&request->worker);
    } else if (!weft__worker_finish_or_leave(&request->worker, come_back)) {
        release_parts(request);
        return;
    }
    request->session->device->detach(request);
    release(request);
}

weft_status weft__engine_submit(void *argument, weft_backend_done done, void *user, weft_diag *diag)
{
    engine_request *request = argument;
    const engine_device *device = request->session->device;
    weft_status status = device->check == NULL ? WEFT_OK : device->check(request, diag);
    if (status == WEFT_OK)
        weft__worker_submit(&request->worker, done, user);
    return status;
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

void weft__engine_explain_failure(void *argument, weft_diag *diag)
{
    engine_request *request = argument;
    if (request->session->device->explain != NULL)
        request->session->device->explain(request, diag);
}
