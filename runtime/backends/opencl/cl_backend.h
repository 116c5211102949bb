/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenCL backend: launches of the schedule on a CPU device that shares the host's memory.
 * Weights are the package's mapped pages, values are the request's memory; nothing is copied.
 * docs/design/opencl.md has the measurements behind it.
 *
 *   platform.c  which devices there are, and why not
 *   program.c   source -> cl_program, by way of the kernel cache
 *   cache.c     compiled programs in files
 *   session.c   context, programs, buffers over the package
 *   request.c   buffers over the request's memory, kernels with their arguments, runs
 *   error.c     OpenCL's error numbers as words */
#ifndef WEFT_RUNTIME_BACKENDS_OPENCL_CL_BACKEND_H
#define WEFT_RUNTIME_BACKENDS_OPENCL_CL_BACKEND_H

#include <CL/cl.h>

#include "runtime/backends/backend.h"

enum { CL_TEXT_BYTES = 256 }; /* names of devices and platforms */

/* ---- queue.c ---- */

/* Waits until the device has let go of everything that ran on the queue, and releases it. NULL
 * accepted; the caller has released its events. */
void weft__cl_release_queue(cl_command_queue queue);

/* ---- error.c ---- */

const char *weft__cl_error_name(cl_int error);
/* "clEnqueueNDRangeKernel failed: CL_OUT_OF_RESOURCES"; about (NULL accepted) is the step or kernel
 * it was about. */
weft_status weft__cl_failed(weft_diag *diag, const char *call, const char *about, cl_int error);

/* ---- platform.c ---- */

typedef struct cl_device {
    cl_platform_id platform;
    cl_device_id id;
    char name[CL_TEXT_BYTES], platform_name[CL_TEXT_BYTES], driver[CL_TEXT_BYTES];
    cl_uint compute_units;
    cl_ulong memory_bytes;
    bool is_pocl;
    const char *target;
    const char *why_not; /* NULL: usable */
} cl_device;

void weft__cl_enumerate_for(weft_device_list *list, const char *backend);
/* The usable device of this number. Errors: no platform, no such device, device that cannot be
 * used. */
weft_status weft__cl_choose_device(int32_t index, weft_diag *diag, cl_device *out_device);

/* ---- cache.c ---- */

/* Looks for a file of this key; bytes are freed by the caller. False when there is none, or a
 * damaged one. */
bool weft__cl_cache_load(const char *folder, uint64_t key, uint8_t **out_bytes, size_t *out_size);
/* Best effort, atomic: another process sees all or nothing. */
void weft__cl_cache_store(const char *folder, uint64_t key, const uint8_t *bytes, size_t size);

/* ---- session.c ---- */

typedef struct cl_session {
    const weft_package_view *view;
    const weft_schedule *schedule;
    const struct cl_session
        *shares; /* whose context, programs and blobs these are; NULL: its own */
    bool profile;
    cl_device device;
    cl_device_id sub_device; /* NULL when the whole device is used */
    cl_context context;
    cl_program *programs; /* per program of the package; NULL when no schedule uses it */
    cl_mem *blobs;        /* per blob, over the mapped weights; NULL when no schedule uses it */
    cl_mem *constants; /* per value: a constant in plain form that a launch reads; NULL otherwise */
    char note[CL_TEXT_BYTES];
    weft_backend_load load;
} cl_session;

/* A session on a device with its context and room for programs and buffers, but nothing built:
 * shared with engine-opencl. After an error it must be closed as well. */
weft_status weft__cl_session_open(cl_session *session, const weft_backend_params *params,
                                  weft_diag *diag);
void weft__cl_session_close(cl_session *session);
/* A read-only buffer over pages of the package, or over other memory that outlives it. */
weft_status weft__cl_wrap(const cl_session *session, const void *bytes, uint64_t size,
                          const char *name, weft_diag *diag, cl_mem *out_buffer);

static inline cl_device_id weft__cl_session_device(const cl_session *session)
{
    return session->sub_device != NULL ? session->sub_device : session->device.id;
}

/* ---- program.c ---- */

/* Builds the programs that the schedule uses; counts and times go to session->load. cache_dir NULL:
 * keep nothing. */
weft_status weft__cl_build_programs(cl_session *session, const char *cache_dir, weft_diag *diag);

/* Builds the program of this index, which session->programs has not yet. */
weft_status weft__cl_build_program(cl_session *session, size_t index, const char *cache_dir,
                                   weft_diag *diag);

/* ---- request.c ---- */

weft_status weft__cl_request_create(void *session, const weft_run_memory *memory, weft_diag *diag,
                                    void **out_request);
void weft__cl_request_destroy(void *request);
weft_status weft__cl_submit(void *request, weft_backend_done done, void *user, weft_diag *diag);
void weft__cl_get_times(void *request, weft_step_time *out_times);
bool weft__cl_read_storage(void *request, int32_t value, void *out, size_t bytes);

#endif
