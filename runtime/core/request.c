/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: memory, state and waiting. The backend runs; everything about who may do what when is
 * here.
 *
 *   IDLE --submit--> RUNNING --done--> ENDED --submit--> RUNNING ...
 *
 * A run is over, and may be followed by another, when its state is ENDED; the callback comes after
 * that, so it may submit again. The request is not destroyed before the callbacks that are under
 * way have returned. Must not know about: any one backend. */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/core/memory.h"
#include "runtime/core/session.h"

typedef enum run_state { RUN_IDLE, RUN_RUNNING, RUN_ENDED } run_state;

struct weft_request {
    weft_session *session;
    const weft_schedule *schedule;
    weft_run_memory memory;
    void *impl; /* the backend's request */
    weft_step_time *times;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    run_state state;
    weft_status status; /* of the run that ended last */
    uint64_t runs_ended;
    size_t callbacks; /* under way */
    weft_request_callback callback;
    void *user;
};

const weft_session *weft__request_session(const weft_request *request)
{
    return request->session;
}

const weft_schedule *weft__request_schedule(const weft_request *request)
{
    return request->schedule;
}

/* ---- life ---- */

static bool init_waiting(weft_request *request)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(&request->lock, NULL) != 0)
        return false;
    bool is_good = pthread_condattr_init(&attr) == 0;
    if (is_good) {
        is_good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
                  pthread_cond_init(&request->changed, &attr) == 0;
        pthread_condattr_destroy(&attr);
    }
    if (!is_good)
        pthread_mutex_destroy(&request->lock);
    return is_good;
}

static weft_status fill(weft_request *request, void *backend_session, weft_diag *diag)
{
    weft_session *session = request->session;
    uint64_t needed = 0;
    if (!weft__memory_init(request->schedule, session->keep_values,
                           session->backend->wants_ports_in_arena, &request->memory, &needed)) {
        weft_status status = weft_diag_error(diag, WEFT_E_RUNTIME_MEMORY,
                                             "the memory for a run cannot be allocated");
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%" PRIu64 " bytes in one piece", needed);
        return status;
    }
    if (session->profile) {
        request->times = calloc(request->schedule->step_count + 1, sizeof *request->times);
        if (request->times == NULL)
            return weft_diag_error(diag, WEFT_E_NO_MEMORY,
                                   "out of memory while creating a request");
    }
    return session->backend->request_create(backend_session, &request->memory, diag,
                                            &request->impl);
}

static void release(weft_request *request)
{
    weft_session *session = request->session;
    if (request->impl != NULL)
        session->backend->request_destroy(request->impl);
    weft__memory_finish(request->schedule, &request->memory);
    free(request->times);
    pthread_cond_destroy(&request->changed);
    pthread_mutex_destroy(&request->lock);
    free(request);
    weft__session_unref(session);
}

static weft_status not_loaded(const weft_session *session, size_t schedule, weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_RUNTIME_SCHEDULE,
                                         "the session has not loaded schedule %zu", schedule);
    if (session->schedule_count == 1)
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%zu", session->first_schedule);
    else
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0 to %zu", session->schedule_count - 1);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "weft_session_params.schedule = WEFT_EVERY_SCHEDULE loads all");
    return status;
}

weft_status weft_request_create(weft_session *session, weft_diag *diag, weft_request **out_request)
{
    return weft_request_create_for(session, session->first_schedule, diag, out_request);
}

weft_status weft_request_create_for(weft_session *session, size_t schedule, weft_diag *diag,
                                    weft_request **out_request)
{
    *out_request = NULL;
    if (schedule < session->first_schedule ||
        schedule - session->first_schedule >= session->schedule_count)
        return not_loaded(session, schedule, diag);
    weft_request *request = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *request);
    if (request == NULL || !init_waiting(request)) {
        free(request);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a request");
    }
    atomic_fetch_add(&session->references, 1);
    request->session = session;
    request->schedule = &session->view->manifest->schedules[schedule];
    weft_status status = fill(request, session->impls[schedule - session->first_schedule], diag);
    if (status == WEFT_OK) {
        *out_request = request;
    } else {
        request->impl = NULL;
        release(request);
    }
    return status;
}

void weft_request_destroy(weft_request *request)
{
    if (request == NULL)
        return;
    pthread_mutex_lock(&request->lock);
    while (request->state == RUN_RUNNING || request->callbacks > 0)
        pthread_cond_wait(&request->changed, &request->lock);
    pthread_mutex_unlock(&request->lock);
    release(request);
}

void *weft_request_get_input(weft_request *request, size_t index)
{
    const weft_schedule *schedule = request->schedule;
    return index < schedule->input_count ? request->memory.storage[schedule->inputs[index]] : NULL;
}

const void *weft_request_get_output(const weft_request *request, size_t index)
{
    const weft_schedule *schedule = request->schedule;
    return index < schedule->output_count ? request->memory.storage[schedule->outputs[index]]
                                          : NULL;
}

/* ---- running ---- */

static void run_ended(void *user, weft_status status)
{
    weft_request *request = user;
    pthread_mutex_lock(&request->lock);
    weft_request_callback callback = request->callback;
    void *callback_user = request->user;
    request->state = RUN_ENDED;
    request->status = status;
    request->runs_ended++;
    request->callbacks += callback != NULL;
    pthread_cond_broadcast(&request->changed);
    pthread_mutex_unlock(&request->lock);
    if (callback == NULL)
        return;
    callback(callback_user, request, status);
    pthread_mutex_lock(&request->lock);
    request->callbacks--;
    pthread_cond_broadcast(&request->changed);
    pthread_mutex_unlock(&request->lock);
}

weft_status weft_request_submit(weft_request *request, weft_request_callback callback, void *user,
                                weft_diag *diag)
{
    pthread_mutex_lock(&request->lock);
    run_state before = request->state;
    if (before != RUN_RUNNING) {
        request->state = RUN_RUNNING;
        request->callback = callback;
        request->user = user;
    }
    pthread_mutex_unlock(&request->lock);
    if (before == RUN_RUNNING) {
        weft_status status = weft_diag_error(diag, WEFT_E_REQUEST_BUSY, "the request is running");
        weft_diag_field_set(diag, WEFT_DIAG_TRY,
                            "wait for it, or create another request to have several in flight");
        return status;
    }
    weft_status status = request->session->backend->submit(request->impl, run_ended, request, diag);
    if (status != WEFT_OK) {
        pthread_mutex_lock(&request->lock);
        request->state = before;
        pthread_cond_broadcast(&request->changed);
        pthread_mutex_unlock(&request->lock);
    }
    return status;
}

static struct timespec deadline_after(uint64_t timeout_ns)
{
    const uint64_t second = UINT64_C(1000000000);
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t nanoseconds = (uint64_t)at.tv_nsec + timeout_ns % second;
    at.tv_sec += (time_t)(timeout_ns / second + nanoseconds / second);
    at.tv_nsec = (long)(nanoseconds % second);
    return at;
}

static weft_status timed_out(const weft_request *request, uint64_t timeout_ns, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_REQUEST_TIMEOUT, "the run did not end within %.3f s",
                        (double)timeout_ns / 1e9);
    weft_diag_field_set(diag, WEFT_DIAG_AT, "backend %s", request->session->backend->name);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "wait again with a longer bound; the run goes on");
    return status;
}

weft_status weft_request_wait(weft_request *request, uint64_t timeout_ns, weft_diag *diag)
{
    struct timespec deadline = deadline_after(timeout_ns);
    pthread_mutex_lock(&request->lock);
    bool was_submitted = request->state != RUN_IDLE, is_late = false;
    uint64_t runs_before = request->runs_ended;
    while (request->state == RUN_RUNNING && request->runs_ended == runs_before && !is_late) {
        if (timeout_ns == 0)
            pthread_cond_wait(&request->changed, &request->lock);
        else
            is_late = pthread_cond_timedwait(&request->changed, &request->lock, &deadline) != 0;
    }
    is_late = request->state == RUN_RUNNING && request->runs_ended == runs_before;
    weft_status status = request->status;
    pthread_mutex_unlock(&request->lock);
    if (!was_submitted)
        return weft_diag_error(diag, WEFT_E_REQUEST_IDLE, "the request was never submitted");
    if (is_late)
        return timed_out(request, timeout_ns, diag);
    if (status != WEFT_OK) {
        weft_diag_error(diag, WEFT_E_REQUEST_FAILED, "the run failed: %s",
                        weft_status_text(status));
        weft_diag_field_set(diag, WEFT_DIAG_AT, "backend %s", request->session->backend->name);
        if (request->session->backend->explain_failure != NULL)
            request->session->backend->explain_failure(request->impl, diag);
    }
    return status;
}

weft_status weft_request_run(weft_request *request, uint64_t timeout_ns, weft_diag *diag)
{
    weft_status status = weft_request_submit(request, NULL, NULL, diag);
    return status == WEFT_OK ? weft_request_wait(request, timeout_ns, diag) : status;
}

/* ---- after a run ---- */

static bool has_run(weft_request *request)
{
    pthread_mutex_lock(&request->lock);
    bool answer = request->state == RUN_ENDED && request->status == WEFT_OK;
    pthread_mutex_unlock(&request->lock);
    return answer;
}

size_t weft_request_get_times(const weft_request *request, const weft_step_time **out_times)
{
    *out_times = NULL;
    weft_request *mine =
        (weft_request *)(uintptr_t)request; /* the lock and the cached times are no visible state */
    if (!request->session->profile || !has_run(mine))
        return 0;
    request->session->backend->get_times(request->impl, mine->times);
    *out_times = request->times;
    return request->schedule->step_count;
}

/* out[n][c] = sum over blocks of sums[n][block][c] / count; in double, as the sums of thousands of
 * elements need it. */
static void finish_means(const weft_schedule_value *owner, const float *sums, size_t images,
                         size_t channels, float *out)
{
    size_t blocks = (size_t)owner->partial_blocks;
    for (size_t n = 0; n < images; n++)
        for (size_t c = 0; c < channels; c++) {
            double sum = 0;
            for (size_t b = 0; b < blocks; b++)
                sum += (double)sums[(n * blocks + b) * channels + c];
            out[n * channels + c] = (float)(sum / (double)owner->partial_count);
        }
}

/* Whether a step writes the storage, by this name or another. */
static bool is_written(const weft_schedule *schedule, int32_t owner)
{
    if (schedule->values[owner].place == WEFT_PLACE_INPUT)
        return true;
    for (size_t s = 0; s < schedule->step_count; s++)
        for (size_t i = 0; i < schedule->steps[s].output_count; i++)
            if (schedule->steps[s].outputs[i] >= 0 &&
                weft__storage_owner(schedule, schedule->steps[s].outputs[i]) == owner)
                return true;
    return false;
}

static weft_status cannot_read(weft_diag *diag, size_t value, const char *why)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_REQUEST_VALUE, "value %zu cannot be read", value);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    return status;
}

static weft_status read_means(weft_request *request, int32_t owner_index,
                              const weft_schedule_value *value, size_t index, void *out,
                              weft_diag *diag)
{
    const weft_schedule_value *owner = &request->schedule->values[owner_index];
    float *sums = malloc((size_t)owner->size_bytes);
    if (sums == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while reading a value");
    bool is_read = request->session->backend->read_storage(request->impl, owner_index, sums,
                                                           (size_t)owner->size_bytes);
    int64_t elems = 0;
    weft_shape_elems(&value->shape, &elems);
    size_t images = (size_t)owner->shape.dims[0]; /* a positive number: the manifest's check */
    if (is_read)
        finish_means(owner, sums, images, (size_t)elems / images, out);
    free(sums);
    return is_read ? WEFT_OK : cannot_read(diag, index, "the device has no memory for it");
}

weft_status weft_request_get_value(weft_request *request, size_t value, void *out,
                                   size_t capacity_bytes, weft_diag *diag)
{
    const weft_session *session = request->session;
    if (value >= request->schedule->value_count)
        return cannot_read(diag, value, "the schedule has no value of this number");
    const weft_schedule_value *wanted = &request->schedule->values[value];
    int32_t owner_index = weft__storage_owner(request->schedule, (int32_t)value);
    const weft_schedule_value *owner = &request->schedule->values[owner_index];
    size_t bytes = 0;
    weft_shape_bytes(&wanted->shape, wanted->dtype, &bytes);
    if (capacity_bytes < bytes) {
        weft_status status = cannot_read(diag, value, "the buffer is too small");
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%zu bytes", bytes);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%zu bytes", capacity_bytes);
        return status;
    }
    if (owner->place == WEFT_PLACE_CONSTANT)
        return weft__constant_is_readable(session->view, owner) &&
                       weft__constant_unpack(session->view, owner, out)
                   ? WEFT_OK
                   : cannot_read(
                         diag, value,
                         "the package holds this constant only in a form that cannot be turned back");
    if (owner->place == WEFT_PLACE_ARENA && !session->keep_values)
        return cannot_read(diag, value,
                           "the session does not keep values (weft_session_params.keep_values)");
    if (!is_written(request->schedule, owner_index))
        return cannot_read(diag, value, "no step of this schedule writes it");
    if (!has_run(request))
        return cannot_read(diag, value, "there is no finished run");
    if (owner->partial_blocks > 0 && session->backend->keeps_partial_sums)
        return read_means(request, owner_index, wanted, value, out, diag);
    return session->backend->read_storage(request->impl, owner_index, out, bytes)
               ? WEFT_OK
               : cannot_read(diag, value, "the device has no memory for it");
}
