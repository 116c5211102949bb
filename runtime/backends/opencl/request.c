/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the OpenCL backend. All that can be done once is done at creation: buffers, kernels,
 * arguments. A run is then one enqueue per launch on the request's own in-order queue. Inputs and
 * outputs are mapped for the host between runs, as OpenCL asks for buffers over host memory. Must
 * not know about: how programs are built. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/backends/opencl/cl_backend.h"

typedef struct cl_launch {
    cl_kernel kernel;
    const char *step; /* name, for messages */
    size_t global[3], local[3];
} cl_launch;

typedef struct cl_request {
    const cl_session *session;
    const weft_run_memory *memory;
    cl_command_queue queue;
    cl_mem arena;
    cl_mem *values;  /* per value that owns storage a launch touches; NULL otherwise */
    cl_mem *scratch; /* one per argument of that kind */
    size_t scratch_count;
    cl_launch *launches;
    size_t launch_count;
    cl_event *events; /* per launch; NULL unless the session profiles, or before the first run */
    cl_event last;    /* what the run's end is known by */
    bool is_mapped;   /* ports belong to the host */
    weft_backend_done done;
    void *user;
} cl_request;

/* ---- buffers ---- */

static weft_status sub_buffer(const cl_request *request, uint64_t offset, uint64_t size,
                              const char *step, weft_diag *diag, cl_mem *out_buffer)
{
    cl_buffer_region region = {(size_t)offset, (size_t)size};
    cl_int error = CL_SUCCESS;
    *out_buffer = clCreateSubBuffer(request->arena, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                                    &region, &error);
    if (error == CL_SUCCESS)
        return WEFT_OK;
    *out_buffer = NULL;
    return weft__cl_failed(diag, "clCreateSubBuffer", step, error);
}

static weft_status host_buffer(const cl_request *request, void *host, size_t size, const char *name,
                               weft_diag *diag, cl_mem *out_buffer)
{
    cl_int error = CL_SUCCESS;
    *out_buffer = clCreateBuffer(request->session->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR,
                                 size, host, &error);
    if (error == CL_SUCCESS)
        return WEFT_OK;
    *out_buffer = NULL;
    return weft__cl_failed(diag, "clCreateBuffer", name, error);
}

/* The buffer behind a value; made at first use. */
static weft_status value_buffer(cl_request *request, int32_t index, const char *step,
                                weft_diag *diag, cl_mem *out_buffer)
{
    const cl_session *session = request->session;
    int32_t owner = weft__storage_owner(session->schedule, index);
    const weft_schedule_value *value = &session->schedule->values[owner];
    weft_status status = WEFT_OK;
    if (value->place == WEFT_PLACE_CONSTANT) {
        *out_buffer = session->constants[owner];
        return WEFT_OK;
    }
    if (request->values[owner] == NULL && value->place == WEFT_PLACE_ARENA)
        status = sub_buffer(request, request->memory->arena_offsets[owner], value->size_bytes, step,
                            diag, &request->values[owner]);
    else if (request->values[owner] == NULL)
        status = host_buffer(request, request->memory->storage[owner], (size_t)value->size_bytes,
                             value->name, diag, &request->values[owner]);
    *out_buffer = request->values[owner];
    return status;
}

/* ---- kernels and arguments ---- */

static weft_status set_arg(cl_request *request, const cl_launch *launch, cl_uint index,
                           const weft_arg *arg, weft_diag *diag)
{
    cl_mem buffer = NULL;
    weft_status status = WEFT_OK;
    cl_int error = CL_SUCCESS;
    switch (arg->kind) {
    case WEFT_ARG_INT: error = clSetKernelArg(launch->kernel, index, sizeof arg->i, &arg->i); break;
    case WEFT_ARG_FLOAT:
        error = clSetKernelArg(launch->kernel, index, sizeof arg->f, &arg->f);
        break;
    case WEFT_ARG_LOCAL:
        error = clSetKernelArg(launch->kernel, index, (size_t)arg->bytes, NULL);
        break;
    case WEFT_ARG_VALUE:
        status = value_buffer(request, arg->index, launch->step, diag, &buffer);
        break;
    case WEFT_ARG_BLOB: buffer = request->session->blobs[arg->index]; break;
    case WEFT_ARG_SCRATCH:
        status = sub_buffer(request, arg->offset_bytes, arg->bytes, launch->step, diag, &buffer);
        if (status == WEFT_OK)
            request->scratch[request->scratch_count++] = buffer;
        break;
    default: break; /* a null pointer */
    }
    if (status != WEFT_OK)
        return status;
    if (arg->kind != WEFT_ARG_INT && arg->kind != WEFT_ARG_FLOAT && arg->kind != WEFT_ARG_LOCAL)
        error =
            clSetKernelArg(launch->kernel, index, sizeof(cl_mem), buffer == NULL ? NULL : &buffer);
    if (error == CL_SUCCESS)
        return WEFT_OK;
    char about[CL_TEXT_BYTES];
    snprintf(about, sizeof about, "step %s, argument %u", launch->step, (unsigned)index);
    return weft__cl_failed(diag, "clSetKernelArg", about, error);
}

static weft_status prepare_launch(cl_request *request, const weft_step *step,
                                  const weft_launch *from, weft_diag *diag)
{
    const cl_session *session = request->session;
    const weft_program *program = &session->view->manifest->programs[from->program];
    const char *name = program->kernels[from->kernel];
    cl_int error = CL_SUCCESS;
    cl_kernel kernel = clCreateKernel(session->programs[from->program], name, &error);
    if (error != CL_SUCCESS)
        return weft__cl_failed(diag, "clCreateKernel", name, error);
    cl_launch *launch = &request->launches[request->launch_count++];
    launch->kernel = kernel;
    launch->step = step->name;
    for (int i = 0; i < 3; i++) {
        launch->global[i] = (size_t)from->global[i];
        launch->local[i] = (size_t)from->local[i];
    }
    cl_uint wanted = 0;
    error = clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof wanted, &wanted, NULL);
    if (error != CL_SUCCESS || wanted != from->arg_count) {
        char about[CL_TEXT_BYTES];
        snprintf(about, sizeof about,
                 "step %s: kernel %s takes %u arguments, the schedule gives %zu", step->name, name,
                 (unsigned)wanted, from->arg_count);
        return weft__cl_failed(diag, "clGetKernelInfo", about,
                               error == CL_SUCCESS ? CL_INVALID_KERNEL_ARGS : error);
    }
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < from->arg_count && status == WEFT_OK; i++)
        status = set_arg(request, launch, (cl_uint)i, &from->args[i], diag);
    return status;
}

static void count_launches(const weft_schedule *schedule, size_t *out_launches, size_t *out_scratch)
{
    *out_launches = *out_scratch = 0;
    for (size_t s = 0; s < schedule->step_count; s++)
        for (size_t l = 0; l < schedule->steps[s].launch_count; l++) {
            const weft_launch *launch = &schedule->steps[s].launches[l];
            *out_launches += 1;
            for (size_t a = 0; a < launch->arg_count; a++)
                *out_scratch += launch->args[a].kind == WEFT_ARG_SCRATCH;
        }
}

/* ---- ports ---- */

static bool is_port(const cl_request *request, size_t index)
{
    weft_place place = request->session->schedule->values[index].place;
    return request->values[index] != NULL &&
           (place == WEFT_PLACE_INPUT || place == WEFT_PLACE_OUTPUT);
}

/* Gives ports to the host (after the launches) or back to the device. *out_last: the event of the
 * last map, when asked for. */
static cl_int map_ports(cl_request *request)
{
    const weft_schedule *schedule = request->session->schedule;
    for (size_t i = 0; i < schedule->value_count; i++) {
        if (!is_port(request, i))
            continue;
        cl_int error = CL_SUCCESS;
        clEnqueueMapBuffer(request->queue, request->values[i], CL_FALSE, CL_MAP_READ | CL_MAP_WRITE,
                           0, (size_t)schedule->values[i].size_bytes, 0, NULL, NULL, &error);
        if (error != CL_SUCCESS)
            return error;
    }
    request->is_mapped = true;
    return CL_SUCCESS;
}

static cl_int unmap_ports(cl_request *request)
{
    request->is_mapped = false;
    for (size_t i = 0; i < request->session->schedule->value_count; i++) {
        if (!is_port(request, i))
            continue;
        cl_int error = clEnqueueUnmapMemObject(request->queue, request->values[i],
                                               request->memory->storage[i], 0, NULL, NULL);
        if (error != CL_SUCCESS)
            return error;
    }
    return CL_SUCCESS;
}

/* ---- life ---- */

static void release_events(cl_request *request)
{
    for (size_t i = 0; request->events != NULL && i < request->launch_count; i++)
        if (request->events[i] != NULL) {
            clReleaseEvent(request->events[i]);
            request->events[i] = NULL;
        }
    if (request->last != NULL)
        clReleaseEvent(request->last);
    request->last = NULL;
}

void weft__cl_request_destroy(void *argument)
{
    cl_request *request = argument;
    if (request->is_mapped)
        unmap_ports(request);
    if (request->queue != NULL)
        clFinish(request->queue);
    release_events(request);
    for (size_t i = 0; i < request->launch_count; i++)
        clReleaseKernel(request->launches[i].kernel);
    for (size_t i = 0; i < request->scratch_count; i++)
        clReleaseMemObject(request->scratch[i]);
    for (size_t i = 0; request->values != NULL && i < request->session->schedule->value_count; i++)
        if (request->values[i] != NULL)
            clReleaseMemObject(request->values[i]);
    if (request->arena != NULL)
        clReleaseMemObject(request->arena);
    weft__cl_release_queue(request->queue);
    free(request->events);
    free(request->launches);
    free(request->scratch);
    free(request->values);
    free(request);
}

static weft_status prepare(cl_request *request, weft_diag *diag)
{
    const cl_session *session = request->session;
    cl_int error = CL_SUCCESS;
    request->queue = clCreateCommandQueue(session->context, weft__cl_session_device(session),
                                          session->profile ? CL_QUEUE_PROFILING_ENABLE : 0, &error);
    if (error != CL_SUCCESS) {
        request->queue = NULL;
        return weft__cl_failed(diag, "clCreateCommandQueue", session->device.name, error);
    }
    weft_status status = WEFT_OK;
    if (request->memory->arena_bytes > 0)
        status = host_buffer(request, request->memory->arena, request->memory->arena_bytes, "arena",
                             diag, &request->arena);
    for (size_t s = 0; s < session->schedule->step_count; s++) {
        const weft_step *step = &session->schedule->steps[s];
        for (size_t l = 0; l < step->launch_count && status == WEFT_OK; l++)
            status = prepare_launch(request, step, &step->launches[l], diag);
    }
    if (status == WEFT_OK)
        error = map_ports(request);
    if (status == WEFT_OK && error == CL_SUCCESS)
        error = clFinish(request->queue);
    return error == CL_SUCCESS ? status : weft__cl_failed(diag, "clEnqueueMapBuffer", NULL, error);
}

weft_status weft__cl_request_create(void *session_argument, const weft_run_memory *memory,
                                    weft_diag *diag, void **out_request)
{
    const cl_session *session = session_argument;
    size_t launches = 0, scratch = 0;
    count_launches(session->schedule, &launches, &scratch);
    cl_request *request = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *request);
    if (request == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a request");
    request->session = session;
    request->memory = memory;
    request->values = calloc(session->schedule->value_count + 1, sizeof(cl_mem));
    request->scratch = calloc(scratch + 1, sizeof(cl_mem));
    request->launches = calloc(launches + 1, sizeof *request->launches);
    request->events = session->profile ? calloc(launches + 1, sizeof(cl_event)) : NULL;
    bool has_memory = request->values != NULL && request->scratch != NULL &&
                      request->launches != NULL && (request->events != NULL || !session->profile);
    weft_status status = has_memory ? prepare(request, diag)
                                    : weft_diag_error(diag, WEFT_E_NO_MEMORY,
                                                      "out of memory while creating a request");
    if (status == WEFT_OK)
        *out_request = request;
    else
        weft__cl_request_destroy(request);
    return status;
}

/* ---- runs ---- */

static void CL_CALLBACK run_ended(cl_event event, cl_int event_status, void *argument)
{
    (void)event;
    cl_request *request = argument;
    request->done(request->user, event_status < 0 ? WEFT_DEVICE : WEFT_OK);
}

static cl_int enqueue_launches(cl_request *request, const char **out_step)
{
    for (size_t i = 0; i < request->launch_count; i++) {
        const cl_launch *launch = &request->launches[i];
        cl_int error = clEnqueueNDRangeKernel(request->queue, launch->kernel, 3, NULL,
                                              launch->global, launch->local, 0, NULL,
                                              request->events == NULL ? NULL : &request->events[i]);
        if (error != CL_SUCCESS) {
            *out_step = launch->step;
            return error;
        }
    }
    return CL_SUCCESS;
}

weft_status weft__cl_submit(void *argument, weft_backend_done done, void *user, weft_diag *diag)
{
    cl_request *request = argument;
    const char *step = NULL, *call = "clEnqueueNDRangeKernel";
    release_events(request);
    request->done = done;
    request->user = user;
    cl_int error = request->is_mapped ? unmap_ports(request) : CL_SUCCESS;
    if (error == CL_SUCCESS)
        error = enqueue_launches(request, &step);
    if (error == CL_SUCCESS)
        error = map_ports(request);
    if (error == CL_SUCCESS) {
        call = "clEnqueueMarkerWithWaitList";
        error = clEnqueueMarkerWithWaitList(request->queue, 0, NULL, &request->last);
    }
    if (error == CL_SUCCESS) {
        call = "clSetEventCallback";
        error = clSetEventCallback(request->last, CL_COMPLETE, run_ended, request);
    }
    if (error != CL_SUCCESS) {
        clFinish(request->queue); /* nothing of this run may go on */
        return weft__cl_failed(diag, call, step, error);
    }
    clFlush(request->queue);
    return WEFT_OK;
}

static uint64_t event_ns(cl_event event, cl_profiling_info what)
{
    cl_ulong ns = 0;
    return event != NULL && clGetEventProfilingInfo(event, what, sizeof ns, &ns, NULL) == CL_SUCCESS
               ? ns
               : 0;
}

static uint64_t since(uint64_t begin, uint64_t ns)
{
    return ns > begin ? ns - begin : 0;
}

/* The run starts when its first launch was queued. A step of several launches lasts from the first
 * one's start to the last one's end. */
void weft__cl_get_times(void *argument, weft_step_time *out_times)
{
    const cl_request *request = argument;
    const weft_schedule *schedule = request->session->schedule;
    uint64_t begin =
        request->launch_count > 0 ? event_ns(request->events[0], CL_PROFILING_COMMAND_QUEUED) : 0;
    size_t launch = 0;
    for (size_t s = 0; s < schedule->step_count; s++) {
        size_t last = launch + schedule->steps[s].launch_count - 1;
        out_times[s].queued_ns =
            since(begin, event_ns(request->events[launch], CL_PROFILING_COMMAND_QUEUED));
        out_times[s].start_ns =
            since(begin, event_ns(request->events[launch], CL_PROFILING_COMMAND_START));
        out_times[s].end_ns =
            since(begin, event_ns(request->events[last], CL_PROFILING_COMMAND_END));
        launch = last + 1;
    }
}

bool weft__cl_read_storage(void *argument, int32_t value, void *out, size_t bytes)
{
    cl_request *request = argument;
    return request->values[value] != NULL &&
           clEnqueueReadBuffer(request->queue, request->values[value], CL_TRUE, 0, bytes, out, 0,
                               NULL, NULL) == CL_SUCCESS;
}
