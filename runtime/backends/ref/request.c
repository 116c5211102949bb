/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of the reference backend: each request has a worker thread that executes the steps in order.
 * Must not know about: OpenCL. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/backends/ref/ref_backend.h"
#include "runtime/backends/worker.h"

typedef struct ref_request {
    const ref_session *session;
    ref_runner runner;
    weft_step_time *times; /* NULL unless the session profiles */
    weft_worker worker;
} ref_request;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static weft_status run(void *argument)
{
    ref_request *request = argument;
    uint64_t begin = now_ns();
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < request->session->schedule->step_count && status == WEFT_OK; i++) {
        uint64_t start = now_ns();
        status = weft__ref_run_step(&request->runner, i);
        if (request->times != NULL)
            request->times[i] =
                (weft_step_time){.start_ns = start - begin, .end_ns = now_ns() - begin};
    }
    return status;
}

weft_status weft__ref_submit(void *argument, weft_backend_done done, void *user, weft_diag *diag)
{
    (void)diag;
    weft__worker_submit(&((ref_request *)argument)->worker, done, user);
    return WEFT_OK;
}

static void release(ref_request *request)
{
    weft__ref_runner_finish(&request->runner);
    free(request->times);
    free(request);
}

weft_status weft__ref_request_create(void *session_argument, const weft_run_memory *memory,
                                     weft_diag *diag, void **out_request)
{
    const ref_session *session = session_argument;
    ref_request *request = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *request);
    size_t steps = session->schedule->step_count;
    bool is_good = request != NULL;
    if (is_good) {
        request->session = session;
        request->times = session->profile ? calloc(steps + 1, sizeof *request->times) : NULL;
        is_good = weft__ref_runner_init(&request->runner, session, memory) &&
                  (request->times != NULL || !session->profile) &&
                  weft__worker_init(&request->worker, run, request);
    }
    if (!is_good) {
        if (request != NULL)
            release(request);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY,
                               "out of memory or threads while creating a request");
    }
    *out_request = request;
    return WEFT_OK;
}

void weft__ref_request_destroy(void *argument)
{
    ref_request *request = argument;
    weft__worker_finish(&request->worker);
    release(request);
}

void weft__ref_get_times(void *argument, weft_step_time *out_times)
{
    const ref_request *request = argument;
    memcpy(out_times, request->times, request->session->schedule->step_count * sizeof *out_times);
}

bool weft__ref_read_storage(void *argument, int32_t value, void *out, size_t bytes)
{
    const ref_request *request = argument;
    memcpy(out, request->runner.memory->storage[value], bytes);
    return true;
}
