/* SPDX-License-Identifier: Apache-2.0 */
/* The backend engine-opencl: the engine's OpenCL C as one work-item of an OpenCL device that shares
 * the host's memory. Program, weights and arena are buffers over host memory; the arena belongs to
 * the host between launches. Must not know about: how runs are put together. */
#include <stdlib.h>

#include "kernels/fpga/engine.h"
#include "runtime/backends/engine/engine_backend.h"
#include "runtime/backends/opencl/cl_backend.h"

enum { WORD_BYTES = WEFT_ENGINE_PORT_MAX };
enum { ARG_PROGRAM, ARG_WEIGHTS, ARG_SOURCE, ARG_SECOND, ARG_TARGET, ARG_COUNT };

typedef struct engine_cl {
    cl_session session;
    cl_mem weights; /* NULL when the package has none */
} engine_cl;

typedef struct engine_cl_request {
    cl_command_queue queue;
    cl_mem arena;
    cl_mem program;   /* the whole */
    cl_mem *programs; /* per stretch: its part; NULL for host steps */
    cl_kernel kernel;
    bool is_mapped; /* the arena belongs to the host */
} engine_cl_request;

static void close_engine(engine_session *session)
{
    engine_cl *loaded = session->loaded;
    if (session->shares != NULL)
        return;
    if (loaded->weights != NULL)
        clReleaseMemObject(loaded->weights);
    weft__cl_session_close(&loaded->session);
    free(loaded);
}

static weft_status open_engine(engine_session *session, const weft_backend_params *params,
                               weft_diag *diag)
{
    if (session->shares != NULL) {
        weft__engine_load_share(session);
        return WEFT_OK;
    }
    engine_cl *loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    const weft_package_view *view = session->view;
    session->loaded = loaded;
    weft_status status = weft__cl_session_open(&loaded->session, params, diag);
    uint64_t begin = weft__engine_now_ns();
    if (status == WEFT_OK)
        status =
            weft__cl_build_program(&loaded->session, (size_t)view->manifest->engine.opencl_program,
                                   params->cache_dir, diag);
    loaded->session.load.compile_ns = weft__engine_now_ns() - begin;
    /* Whole words of the engine; sections end with a page. */
    if (status == WEFT_OK && view->weights_bytes > 0)
        status = weft__cl_wrap(&loaded->session, view->weights,
                               (view->weights_bytes + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES,
                               "weights", diag, &loaded->weights);
    session->load = loaded->session.load;
    if (status != WEFT_OK)
        close_engine(session);
    return status;
}

/* ---- requests ---- */

static cl_int map_arena(engine_request *request)
{
    engine_cl_request *mine = request->attached;
    cl_int error = CL_SUCCESS;
    clEnqueueMapBuffer(mine->queue, mine->arena, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                       request->memory->arena_bytes, 0, NULL, NULL, &error);
    mine->is_mapped = error == CL_SUCCESS;
    return error;
}

static cl_int unmap_arena(engine_request *request)
{
    engine_cl_request *mine = request->attached;
    mine->is_mapped = false;
    return clEnqueueUnmapMemObject(mine->queue, mine->arena, request->memory->arena, 0, NULL, NULL);
}

static void detach(engine_request *request)
{
    engine_cl_request *mine = request->attached;
    if (mine == NULL)
        return;
    if (mine->is_mapped)
        unmap_arena(request);
    if (mine->queue != NULL)
        clFinish(mine->queue);
    if (mine->kernel != NULL)
        clReleaseKernel(mine->kernel);
    for (size_t i = 0; mine->programs != NULL && i < request->session->stretch_count; i++)
        if (mine->programs[i] != NULL)
            clReleaseMemObject(mine->programs[i]);
    if (mine->program != NULL)
        clReleaseMemObject(mine->program);
    if (mine->arena != NULL)
        clReleaseMemObject(mine->arena);
    weft__cl_release_queue(mine->queue);
    free(mine->programs);
    free(mine);
    request->attached = NULL;
}

static cl_int set_args(const engine_cl *loaded, engine_cl_request *mine)
{
    const cl_mem buffers[] = {loaded->weights, mine->arena, mine->arena, mine->arena};
    cl_int error = CL_SUCCESS;
    for (cl_uint i = 0; i < sizeof buffers / sizeof buffers[0] && error == CL_SUCCESS; i++)
        error = clSetKernelArg(mine->kernel, ARG_WEIGHTS + i, sizeof(cl_mem),
                               buffers[i] == NULL ? NULL : &buffers[i]);
    return error;
}

/* A kernel begins at its first descriptor: a part of the program for every stretch. */
static cl_int make_programs(const engine_session *session, engine_cl_request *mine)
{
    const size_t descriptor_bytes = WEFT_D_WORDS * sizeof(uint32_t);
    cl_int error = CL_SUCCESS;
    for (size_t i = 0; i < session->stretch_count && error == CL_SUCCESS; i++) {
        const engine_stretch *stretch = &session->stretches[i];
        cl_buffer_region region = {stretch->first_descriptor * descriptor_bytes,
                                   stretch->descriptor_count * descriptor_bytes};
        if (!stretch->is_host)
            mine->programs[i] = clCreateSubBuffer(mine->program, CL_MEM_READ_ONLY,
                                                  CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    }
    return error;
}

static weft_status make(engine_request *request, engine_cl_request *mine, weft_diag *diag)
{
    const engine_cl *loaded = request->session->loaded;
    const cl_session *session = &loaded->session;
    const weft_manifest *manifest = session->view->manifest;
    const weft_program *program = &manifest->programs[manifest->engine.opencl_program];
    const char *call = "clCreateCommandQueue";
    cl_int error = CL_SUCCESS;
    mine->queue = clCreateCommandQueue(session->context, weft__cl_session_device(session),
                                       CL_QUEUE_PROFILING_ENABLE, &error);
    if (error == CL_SUCCESS) {
        call = "clCreateBuffer";
        mine->arena = clCreateBuffer(session->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR,
                                     request->memory->arena_bytes, request->memory->arena, &error);
    }
    if (error == CL_SUCCESS)
        mine->program = clCreateBuffer(session->context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR,
                                       request->words_bytes, request->words, &error);
    if (error == CL_SUCCESS) {
        call = "clCreateSubBuffer";
        error = make_programs(request->session, mine);
    }
    if (error == CL_SUCCESS) {
        call = "clCreateKernel";
        mine->kernel = clCreateKernel(session->programs[manifest->engine.opencl_program],
                                      program->kernels[0], &error);
    }
    if (error == CL_SUCCESS) {
        call = "clSetKernelArg";
        error = set_args(loaded, mine);
    }
    if (error == CL_SUCCESS) {
        call = "clEnqueueMapBuffer";
        error = map_arena(request);
    }
    return error == CL_SUCCESS ? WEFT_OK : weft__cl_failed(diag, call, program->name, error);
}

static weft_status attach(engine_request *request, weft_diag *diag)
{
    engine_cl_request *mine = calloc(1, sizeof *mine);
    if (mine == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a request");
    request->attached = mine;
    mine->programs = calloc(request->session->stretch_count + 1, sizeof(cl_mem));
    weft_status status =
        mine->programs != NULL
            ? make(request, mine, diag)
            : weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a request");
    if (status != WEFT_OK)
        detach(request);
    return status;
}

static uint64_t duration_ns(cl_event event)
{
    cl_ulong start = 0, end = 0;
    if (clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) !=
            CL_SUCCESS ||
        clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) !=
            CL_SUCCESS)
        return 0;
    return end > start ? end - start : 0;
}

static weft_status launch(engine_request *request, const engine_stretch *stretch,
                          engine_launch *out_launch)
{
    engine_cl_request *mine = request->attached;
    cl_uint count = stretch->descriptor_count;
    const size_t one[1] = {1};
    cl_event event = NULL;
    cl_int error = unmap_arena(request);
    if (error == CL_SUCCESS)
        error = clSetKernelArg(mine->kernel, ARG_PROGRAM, sizeof(cl_mem),
                               &mine->programs[stretch - request->session->stretches]);
    if (error == CL_SUCCESS)
        error = clSetKernelArg(mine->kernel, ARG_COUNT, sizeof count, &count);
    if (error == CL_SUCCESS)
        error =
            clEnqueueNDRangeKernel(mine->queue, mine->kernel, 1, NULL, one, one, 0, NULL, &event);
    cl_int map_error = map_arena(request); /* waits: the queue is in order */
    cl_int ended = CL_COMPLETE;
    if (event != NULL) {
        clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof ended, &ended, NULL);
        out_launch->device_ns = duration_ns(event);
        clReleaseEvent(event);
    }
    return error == CL_SUCCESS && map_error == CL_SUCCESS && ended >= 0 ? WEFT_OK : WEFT_DEVICE;
}

static const engine_device device = {.open = open_engine,
                                     .close = close_engine,
                                     .attach = attach,
                                     .detach = detach,
                                     .launch = launch};

static void enumerate(weft_device_list *list)
{
    weft__cl_enumerate_for(list, "engine-opencl");
}

static weft_status session_create(const weft_backend_params *params, weft_diag *diag,
                                  void **out_session)
{
    return weft__engine_session_create(&device, params, diag, out_session);
}

const weft_backend weft_backend_engine_opencl = {
    .name = "engine-opencl",
    .summary = "the card's engine as OpenCL C on a CPU through OpenCL (PoCL)",
    .wants_ports_in_arena = true,
    .enumerate = enumerate,
    .session_create = session_create,
    .session_destroy = weft__engine_session_destroy,
    .session_get_load = weft__engine_session_get_load,
    .request_create = weft__engine_request_create,
    .request_destroy = weft__engine_request_destroy,
    .submit = weft__engine_submit,
    .get_times = weft__engine_get_times,
    .read_storage = weft__engine_read_storage};
