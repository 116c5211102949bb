/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of the OpenCL backend and its row in the table of backends. Must not know about:
 * requests' memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/backends/opencl/cl_backend.h"

static weft_status bad_threads(const cl_session *session, int32_t threads, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_THREADS, "%d threads on a device of %u cores",
                        (int)threads, (unsigned)session->device.compute_units);
    weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", session->device.name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0 for all cores, or 1 to %u",
                        (unsigned)session->device.compute_units);
    return status;
}

/* A part of the device with so many cores: PoCL runs its work-groups on that many of its threads.
 */
static weft_status limit_threads(cl_session *session, int32_t threads, weft_diag *diag)
{
    session->load.threads = (int32_t)session->device.compute_units;
    if (threads == 0 || (cl_uint)threads == session->device.compute_units)
        return WEFT_OK;
    if ((cl_uint)threads > session->device.compute_units)
        return bad_threads(session, threads, diag);
    const cl_device_partition_property parts[] = {CL_DEVICE_PARTITION_BY_COUNTS, threads,
                                                  CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_int error = clCreateSubDevices(session->device.id, parts, 1, &session->sub_device, NULL);
    if (error != CL_SUCCESS)
        return weft__cl_failed(diag, "clCreateSubDevices", session->device.name, error);
    session->load.threads = threads;
    return WEFT_OK;
}

static int target_rank(const char *target)
{
    static const char *const ascending[] = {"cpu-generic", "cpu-avx2", "cpu-avx512",
                                            "cpu-avx512-vnni"};
    for (int i = 0; i < (int)(sizeof ascending / sizeof ascending[0]); i++)
        if (strcmp(ascending[i], target) == 0)
            return i;
    return -1;
}

static void note_target(cl_session *session)
{
    const char *made_for = session->view->manifest->target;
    WEFT_ASSERT(session->device.target != NULL); /* set for every device that can be opened */
    int package_rank = target_rank(made_for), device_rank = target_rank(session->device.target);
    if (package_rank < 0 || package_rank == device_rank)
        return;
    snprintf(session->note, sizeof session->note,
             "the package was compiled for %s, the device suits %s: %s", made_for,
             session->device.target,
             package_rank > device_rank
                 ? "it runs, but not with the instructions that it was made for"
                 : "compile again to use the device's wider vectors or 8-bit products");
    session->load.note = session->note;
}

weft_status weft__cl_wrap(const cl_session *session, const void *bytes, uint64_t size,
                          const char *name, weft_diag *diag, cl_mem *out_buffer)
{
    cl_int error = CL_SUCCESS;
    *out_buffer = clCreateBuffer(session->context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR,
                                 (size_t)size, (void *)(uintptr_t)bytes, &error);
    if (error == CL_SUCCESS)
        return WEFT_OK;
    *out_buffer = NULL;
    return weft__cl_failed(diag, "clCreateBuffer", name, error);
}

static weft_status wrap_arg(cl_session *session, const weft_step *step, const weft_arg *arg,
                            weft_diag *diag)
{
    if (arg->kind == WEFT_ARG_BLOB && session->blobs[arg->index] == NULL) {
        const weft_blob *blob = &session->view->manifest->blobs[arg->index];
        return weft__cl_wrap(session, session->view->weights + blob->offset_bytes, blob->size_bytes,
                             step->name, diag, &session->blobs[arg->index]);
    }
    if (arg->kind != WEFT_ARG_VALUE)
        return WEFT_OK;
    int32_t owner = weft__storage_owner(session->schedule, arg->index);
    const weft_schedule_value *value = &session->schedule->values[owner];
    if (value->place != WEFT_PLACE_CONSTANT || session->constants[owner] != NULL)
        return WEFT_OK;
    return weft__cl_wrap(session, session->view->plain + value->offset_bytes, value->size_bytes,
                         step->name, diag, &session->constants[owner]);
}

static weft_status wrap_weights(cl_session *session, weft_diag *diag)
{
    weft_status status = WEFT_OK;
    for (size_t s = 0; s < session->schedule->step_count; s++) {
        const weft_step *step = &session->schedule->steps[s];
        for (size_t l = 0; l < step->launch_count; l++)
            for (size_t a = 0; a < step->launches[l].arg_count && status == WEFT_OK; a++)
                status = wrap_arg(session, step, &step->launches[l].args[a], diag);
    }
    return status;
}

/* Local memory is asked for when a kernel starts, too late for a message that helps. */
static weft_status check_local_memory(const cl_session *session, weft_diag *diag)
{
    cl_ulong device_bytes = 0;
    cl_int error = clGetDeviceInfo(session->device.id, CL_DEVICE_LOCAL_MEM_SIZE,
                                   sizeof device_bytes, &device_bytes, NULL);
    if (error != CL_SUCCESS)
        return weft__cl_failed(diag, "clGetDeviceInfo", session->device.name, error);
    const weft_step *worst = NULL;
    uint64_t most_bytes = device_bytes;
    for (size_t s = 0; s < session->schedule->step_count; s++)
        for (size_t l = 0; l < session->schedule->steps[s].launch_count; l++) {
            const weft_launch *launch = &session->schedule->steps[s].launches[l];
            uint64_t bytes = 0;
            for (size_t a = 0; a < launch->arg_count; a++)
                bytes += launch->args[a].kind == WEFT_ARG_LOCAL ? launch->args[a].bytes : 0;
            if (bytes > most_bytes) {
                most_bytes = bytes;
                worst = &session->schedule->steps[s];
            }
        }
    if (worst == NULL)
        return WEFT_OK;
    weft_status status = weft_diag_error(diag, WEFT_E_RUNTIME_LOCAL_MEMORY,
                                         "not enough local memory on %s", session->device.name);
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", worst->name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%llu bytes", (unsigned long long)most_bytes);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%llu bytes", (unsigned long long)device_bytes);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "compile again on this machine, or with --target cpu-generic");
    return status;
}

void weft__cl_session_close(cl_session *session)
{
    const weft_manifest *manifest = session->view->manifest;
    for (size_t i = 0; session->constants != NULL && i < session->schedule->value_count; i++)
        if (session->constants[i] != NULL)
            clReleaseMemObject(session->constants[i]);
    free(session->constants);
    if (session->shares != NULL)
        return;
    for (size_t i = 0; session->blobs != NULL && i < manifest->blob_count; i++)
        if (session->blobs[i] != NULL)
            clReleaseMemObject(session->blobs[i]);
    for (size_t i = 0; session->programs != NULL && i < manifest->program_count; i++)
        if (session->programs[i] != NULL)
            clReleaseProgram(session->programs[i]);
    if (session->context != NULL)
        clReleaseContext(session->context);
    if (session->sub_device != NULL)
        clReleaseDevice(session->sub_device);
    free(session->blobs);
    free(session->programs);
}

static void session_destroy(void *session)
{
    weft__cl_session_close(session);
    free(session);
}

static weft_status no_launch(const weft_step *step, weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_RUNTIME_NO_LAUNCH,
                                         "step %s has no kernel for backend opencl", step->name);
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", step->name);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "backend engine-opencl, engine-hls or ref");
    return status;
}

/* Context, programs and buffers of another schedule's session; what this schedule needs beyond them
 * is added to them. */
static void share(cl_session *session, const cl_session *from)
{
    session->shares = from;
    session->device = from->device;
    session->sub_device = from->sub_device;
    session->context = from->context;
    session->programs = from->programs;
    session->blobs = from->blobs;
    session->load =
        (weft_backend_load){.device = session->device.name, .threads = from->load.threads};
}

weft_status weft__cl_session_open(cl_session *session, const weft_backend_params *params,
                                  weft_diag *diag)
{
    const weft_manifest *manifest = params->view->manifest;
    *session = (cl_session){
        .view = params->view, .schedule = params->schedule, .profile = params->profile};
    if (params->shares != NULL) {
        share(session, params->shares);
        session->constants = calloc(params->schedule->value_count + 1, sizeof(cl_mem));
        return session->constants != NULL
                   ? WEFT_OK
                   : weft_diag_error(diag, WEFT_E_NO_MEMORY,
                                     "out of memory while creating a session");
    }
    session->programs = calloc(manifest->program_count + 1, sizeof(cl_program));
    session->blobs = calloc(manifest->blob_count + 1, sizeof(cl_mem));
    session->constants = calloc(params->schedule->value_count + 1, sizeof(cl_mem));
    if (session->programs == NULL || session->blobs == NULL || session->constants == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    weft_status status = weft__cl_choose_device(params->device, diag, &session->device);
    if (status == WEFT_OK)
        status = limit_threads(session, params->threads, diag);
    if (status != WEFT_OK)
        return status;
    session->load.device = session->device.name;
    cl_device_id device = weft__cl_session_device(session);
    cl_int error = CL_SUCCESS;
    session->context = clCreateContext(NULL, 1, &device, NULL, NULL, &error);
    if (error == CL_SUCCESS)
        return WEFT_OK;
    session->context = NULL;
    return weft__cl_failed(diag, "clCreateContext", session->device.name, error);
}

static weft_status load(cl_session *session, const weft_backend_params *params, weft_diag *diag)
{
    weft_status status = weft__cl_session_open(session, params, diag);
    if (status != WEFT_OK)
        return status;
    for (size_t s = 0; s < session->schedule->step_count; s++)
        if (session->schedule->steps[s].launch_count == 0)
            return no_launch(&session->schedule->steps[s], diag);
    note_target(session);
    status = check_local_memory(session, diag);
    if (status == WEFT_OK)
        status = weft__cl_build_programs(session, params->cache_dir, diag);
    return status == WEFT_OK ? wrap_weights(session, diag) : status;
}

static weft_status session_create(const weft_backend_params *params, weft_diag *diag,
                                  void **out_session)
{
    cl_session *session = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *session);
    if (session == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    weft_status status = load(session, params, diag);
    if (status == WEFT_OK)
        *out_session = session;
    else
        session_destroy(session);
    return status;
}

static void enumerate(weft_device_list *list)
{
    weft__cl_enumerate_for(list, "opencl");
}

static void session_get_load(const void *session, weft_backend_load *out_load)
{
    *out_load = ((const cl_session *)session)->load;
}

const weft_backend weft_backend_opencl = {.name = "opencl",
                                          .summary =
                                              "compiled kernels on a CPU through OpenCL (PoCL)",
                                          .keeps_partial_sums = true,
                                          .enumerate = enumerate,
                                          .session_create = session_create,
                                          .session_destroy = session_destroy,
                                          .session_get_load = session_get_load,
                                          .request_create = weft__cl_request_create,
                                          .request_destroy = weft__cl_request_destroy,
                                          .submit = weft__cl_submit,
                                          .get_times = weft__cl_get_times,
                                          .read_storage = weft__cl_read_storage};
