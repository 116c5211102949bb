/* SPDX-License-Identifier: Apache-2.0 */
/* The table that every backend fills, and what the core gives it. The core checks arguments, owns
 * the memory of requests and knows their state; a backend only executes. Must not know about: any
 * one backend.
 *
 * Lock rule: the core holds no lock when it calls a backend, and a backend holds none when it calls
 * `done`. */
#ifndef WEFT_RUNTIME_BACKENDS_BACKEND_H
#define WEFT_RUNTIME_BACKENDS_BACKEND_H

#include "compiler/package/format.h"
#include "weft/runtime.h"

/* ---- what the core gives ---- */

/* The devices of one weft_device_list. Strings are copied; a list that cannot grow drops the entry.
 */
void weft__device_list_add(weft_device_list *list, const weft_device_info *info);

/* Checked by the core; everything outlives the backend's session. */
typedef struct weft_backend_params {
    const weft_package_view *view;
    const weft_schedule *schedule;
    int32_t device;
    int32_t threads; /* 0: all */
    bool profile, keep_values;
    const char *cache_dir; /* NULL: keep nothing */
    const char *bitstream; /* NULL: none is named, and the package has no path */
    uint64_t timeout_ns;   /* of a launch on a card; 0: by the prediction */
    /* A session of this backend for another schedule of the same package, made with the same other
     * parameters, whose device, programs and weights this one uses. It outlives this one, and
     * nothing runs in it yet. NULL: none. */
    void *shares;
} weft_backend_params;

#define WEFT__NOT_IN_ARENA UINT64_MAX

/* Host memory of one request; outlives the backend's request. */
typedef struct weft_run_memory {
    uint8_t *arena; /* aligned to WEFT_STORAGE_ALIGN at least; may be NULL when arena_bytes is 0 */
    size_t arena_bytes;
    uint64_t *arena_offsets; /* per value of place ARENA: its offset in this arena; differs from the
                                schedule's with keep_values. With wants_ports_in_arena ports too, and
                                constants that descriptors name; WEFT__NOT_IN_ARENA: other constants */
    bool has_ports_in_arena;
    void **storage; /* per value: INPUT, OUTPUT, ARENA and what aliases them; NULL for constants */
} weft_run_memory;

/* The index of the value that owns the storage of `index`. */
int32_t weft__storage_owner(const weft_schedule *schedule, int32_t index);

/* Plain elements of constants (core/constant.c). Where they stand in the package, or NULL when they
 * must be unpacked first. */
const void *weft__constant_find(const weft_package_view *view, const weft_schedule_value *value);
/* Whether the package holds a form that can be turned back; and doing it, into out (the dense
 * size). */
bool weft__constant_is_readable(const weft_package_view *view, const weft_schedule_value *value);
bool weft__constant_unpack(const weft_package_view *view, const weft_schedule_value *value,
                           void *out);

/* Called by a backend once per accepted submit, from any thread. The request may be gone when it
 * returns. */
typedef void (*weft_backend_done)(void *user, weft_status status);

/* ---- what a backend gives ---- */

typedef struct weft_backend_load {
    const char *device; /* owned by the backend's session */
    const char *note;   /* the same; NULL when there is nothing to say */
    uint64_t compile_ns;
    size_t programs_built, programs_from_cache;
    int32_t threads;
    const char *timed_by; /* NULL: "device" */
} weft_backend_load;

typedef struct weft_backend {
    const char *name, *summary;
    /* True when sums over blocks stay in the arena as kernels leave them
     * (weft_schedule_value.partial_blocks); false when the backend stores such values as their
     * shape says. */
    bool keeps_partial_sums;
    /* True when inputs, outputs and constants that descriptors name must lie in the request's arena
     * (behind its values), because the device gets one pointer. The backend fills the constants. */
    bool wants_ports_in_arena;

    /* Adds each device, usable or not, in a fixed order. Cheap; must not fail. */
    void (*enumerate)(weft_device_list *list);

    /* *out_session is set on WEFT_OK only. Errors are added to diag. */
    weft_status (*session_create)(const weft_backend_params *params, weft_diag *diag,
                                  void **out_session);
    /* All requests are gone. Never NULL. */
    void (*session_destroy)(void *session);
    void (*session_get_load)(const void *session, weft_backend_load *out_load);

    /* Prepares a run over the memory, so that submit has little to do. Any thread, several at a
     * time. */
    weft_status (*request_create)(void *session, const weft_run_memory *memory, weft_diag *diag,
                                  void **out_request);
    /* No run is going. Never NULL. */
    void (*request_destroy)(void *request);

    /* Starts a run. After WEFT_OK `done` is called once, possibly before submit returns; after an
     * error never. */
    weft_status (*submit)(void *request, weft_backend_done done, void *user, weft_diag *diag);
    /* Device times of the run that ended last, one per step of the schedule, in ns from its start.
     * The session profiles. */
    void (*get_times)(void *request, weft_step_time *out_times);
    /* Copies the storage of a value of place INPUT, OUTPUT or ARENA into out. No run is going.
     * False when no launch touches it. */
    bool (*read_storage)(void *request, int32_t value, void *out, size_t bytes);
    /* Adds what the run that ended last failed of. May be NULL. No run is going. */
    void (*explain_failure)(void *request, weft_diag *diag);
} weft_backend;

/* Always there. */
extern const weft_backend weft_backend_ref;
/* backends/opencl, or backends/stub.c when OpenCL's headers were absent at build time. */
extern const weft_backend weft_backend_opencl;
/* backends/engine: the engine's descriptors, and host steps by the reference kernels. The first one
 * needs OpenCL's headers as well. */
extern const weft_backend weft_backend_engine_opencl;
extern const weft_backend weft_backend_engine_hls;
/* backends/xrt: the engine on cards, through XRT's own API and through its OpenCL. */
extern const weft_backend weft_backend_xrt;
extern const weft_backend weft_backend_xrt_opencl;

/* All backends in the order of listings, ended by NULL. */
extern const weft_backend *const weft_backends[];

#endif
