/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of the reference backend: each request has a worker thread that executes the steps in order.
 * Must not know about: OpenCL. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/backends/ref/ref_backend.h"

typedef struct ref_request {
    const ref_session *session;
    const weft_run_memory *memory;
    weft_step_time *times;  /* NULL unless the session profiles */
    weft_tensor *tensors;   /* room for the widest step; used by the worker only */
    weft_tensor **operands; /* the same: pointers to them, NULL for operands that are left out */
    void **unpacked;        /* the same: what is freed after the step */
    pthread_t worker;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool has_work, must_stop;
    weft_backend_done done;
    void *user;
} ref_request;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The tensor behind a value of the schedule. NULL data: out of memory. A constant that had to be
 * unpacked is left in *out_unpacked. */
static weft_tensor tensor_of(const ref_request *request, int32_t index, void **out_unpacked)
{
    const ref_session *session = request->session;
    const weft_schedule_value *value = &session->schedule->values[index];
    int32_t owner_index = weft__storage_owner(session->schedule, index);
    const weft_schedule_value *owner = &session->schedule->values[owner_index];
    weft_tensor tensor = {value->dtype, value->shape, request->memory->storage[index]};
    if (owner->place != WEFT_PLACE_CONSTANT)
        return tensor;
    const void *elements = session->constants[owner_index];
    if (elements == NULL) {
        size_t bytes = 0;
        weft_shape_bytes(&owner->shape, owner->dtype, &bytes);
        *out_unpacked = malloc(bytes);
        if (*out_unpacked != NULL)
            weft__constant_unpack(session->view, owner, *out_unpacked);
        elements = *out_unpacked;
    }
    tensor.data = (void *)(uintptr_t)elements; /* kernels do not write inputs */
    return tensor;
}

static weft_status run_step(ref_request *request, size_t index)
{
    const weft_step *step = &request->session->schedule->steps[index];
    size_t count = step->input_count + step->output_count;
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count; i++) {
        int32_t value =
            i < step->input_count ? step->inputs[i] : step->outputs[i - step->input_count];
        request->operands[i] = NULL;
        request->unpacked[i] = NULL;
        if (value < 0)
            continue;
        request->tensors[i] = tensor_of(request, value, &request->unpacked[i]);
        request->operands[i] = &request->tensors[i];
        if (request->tensors[i].data == NULL)
            status = WEFT_NO_MEMORY;
    }
    weft_ref_call call = {.attrs = &step->attrs,
                          .inputs = (const weft_tensor *const *)request->operands,
                          .input_count = step->input_count,
                          .outputs = request->operands + step->input_count,
                          .output_count = step->output_count};
    if (status == WEFT_OK)
        status = request->session->rows[index]->ref(&call);
    for (size_t i = 0; i < count; i++)
        free(request->unpacked[i]);
    return status;
}

static weft_status run(ref_request *request)
{
    uint64_t begin = now_ns();
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < request->session->schedule->step_count && status == WEFT_OK; i++) {
        uint64_t start = now_ns();
        status = run_step(request, i);
        if (request->times != NULL)
            request->times[i] = (weft_step_time){0, start - begin, now_ns() - begin};
    }
    return status;
}

static void *work(void *argument)
{
    ref_request *request = argument;
    pthread_mutex_lock(&request->lock);
    for (;;) {
        while (!request->has_work && !request->must_stop)
            pthread_cond_wait(&request->changed, &request->lock);
        if (!request->has_work)
            break;
        request->has_work = false;
        weft_backend_done done = request->done;
        void *user = request->user;
        pthread_mutex_unlock(&request->lock);
        done(user, run(request));
        pthread_mutex_lock(&request->lock);
    }
    pthread_mutex_unlock(&request->lock);
    return NULL;
}

weft_status weft__ref_submit(void *argument, weft_backend_done done, void *user, weft_diag *diag)
{
    (void)diag;
    ref_request *request = argument;
    pthread_mutex_lock(&request->lock);
    request->done = done;
    request->user = user;
    request->has_work = true;
    pthread_cond_signal(&request->changed);
    pthread_mutex_unlock(&request->lock);
    return WEFT_OK;
}

static void release(ref_request *request)
{
    free(request->times);
    free(request->tensors);
    free(request->operands);
    free(request->unpacked);
    free(request);
}

static bool start_worker(ref_request *request)
{
    if (pthread_mutex_init(&request->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&request->changed, NULL) != 0) {
        pthread_mutex_destroy(&request->lock);
        return false;
    }
    if (pthread_create(&request->worker, NULL, work, request) == 0)
        return true;
    pthread_cond_destroy(&request->changed);
    pthread_mutex_destroy(&request->lock);
    return false;
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
        request->memory = memory;
        request->times = session->profile ? calloc(steps + 1, sizeof *request->times) : NULL;
        request->tensors = calloc(session->widest + 1, sizeof *request->tensors);
        request->operands = calloc(session->widest + 1, sizeof(weft_tensor *));
        request->unpacked = calloc(session->widest + 1, sizeof *request->unpacked);
        is_good = (request->times != NULL || !session->profile) && request->tensors != NULL &&
                  request->operands != NULL && request->unpacked != NULL && start_worker(request);
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
    pthread_mutex_lock(&request->lock);
    request->must_stop = true;
    pthread_cond_signal(&request->changed);
    pthread_mutex_unlock(&request->lock);
    pthread_join(request->worker, NULL);
    pthread_cond_destroy(&request->changed);
    pthread_mutex_destroy(&request->lock);
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
    memcpy(out, request->memory->storage[value], bytes);
    return true;
}
