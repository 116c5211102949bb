/* SPDX-License-Identifier: Apache-2.0 */
/* Running packages on devices. Self-contained in C and C++.
 *
 *   weft_package  --->  weft_session (package + device; immutable, shared by threads)
 *                           |
 *                           +--> weft_request (buffers of one inference, for one schedule; used by
 *                                one thread at a time; many per session)
 *
 * A package of several schedules (one network at several shapes) is loaded once for all of them:
 * a session of every schedule has one copy of kernels and weights on the device, and a request for
 * the schedule that weft_package_find_schedule names.
 *
 * Nothing here prints, exits, installs handlers or keeps global state. */
#ifndef WEFT_RUNTIME_H
#define WEFT_RUNTIME_H

#include "weft/package.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- devices ---- */

typedef struct weft_device_info {
    const char *backend;  /* "ref", "opencl" */
    const char *name;     /* "pthread-haswell-AMD EPYC" */
    const char *platform; /* "Portable Computing Language 3.1" */
    const char *target;   /* the compiler target that suits it: "cpu-avx2" */
    uint32_t compute_units;
    uint64_t memory_bytes;
    bool usable;
    const char *why_not; /* when not usable: the reason and what to install */
} weft_device_info;

/* Cheap, never fails loudly: a backend that is absent yields one entry with usable = false. The
 * list owns its strings. */
typedef struct weft_device_list weft_device_list;
weft_status weft_device_list_create(weft_diag *diag, weft_device_list **out_list);
void weft_device_list_destroy(weft_device_list *list);
size_t weft_device_list_count(const weft_device_list *list);
const weft_device_info *weft_device_list_get(const weft_device_list *list, size_t index);

/* ---- sessions ---- */

typedef struct weft_session weft_session;

/* Loads all schedules, over one copy of kernels and weights. */
#define WEFT_EVERY_SCHEDULE SIZE_MAX

typedef struct weft_session_params {
    size_t size;         /* sizeof(weft_session_params) */
    const char *backend; /* NULL: "opencl" */
    int32_t device;      /* index among the backend's usable devices */
    int32_t threads;     /* CPU devices: compute threads; 0 = all cores */
    size_t schedule;     /* which schedule of the package, or WEFT_EVERY_SCHEDULE */
    bool profile;        /* record device times per step */
    bool keep_values; /* give every value its own memory so that weft_request_get_value works after
                         a run */
    const char *cache_dir; /* compiled kernels; NULL: $XDG_CACHE_HOME/weft or ~/.cache/weft; "" =
                              keep nothing */
    const char *bitstream; /* cards: the xclbin; NULL: beside the package, PACKAGE.xclbin for
                              PACKAGE.weft */
    uint64_t launch_timeout_ns; /* cards: a launch that takes longer has failed; 0: 10 s and 100
                                   times the prediction */
} weft_session_params;
#define WEFT_SESSION_PARAMS_DEFAULT                                                                \
    {                                                                                              \
        sizeof(weft_session_params), NULL, 0, 0, 0, false, false, NULL, NULL, 0                    \
    }

/* Loads a package onto a device. The session holds a reference to the package. Errors: RUNTIME_*.
 */
weft_status weft_session_create(weft_package *package, const weft_session_params *params,
                                weft_diag *diag, weft_session **out_session);
void weft_session_destroy(
    weft_session *session); /* all requests must be destroyed; NULL accepted */

typedef struct weft_load_info {
    const char *backend, *device;
    uint64_t load_ns;    /* weft_session_create in total */
    uint64_t compile_ns; /* of it, building kernels */
    size_t programs_built, programs_from_cache;
    int32_t threads;
    const char *note;     /* e.g. package made for another CPU target; NULL when none */
    const char *timed_by; /* whose clock the times of steps are of: "device", "host" (from the
                             host's call to its return), or "emulation" (the same, of an emulated
                             card: no card's times) */
} weft_load_info;
void weft_session_get_load_info(const weft_session *session, weft_load_info *out_info);

/* ---- requests ---- */

typedef struct weft_request weft_request;

/* A request for the session's schedule; for the first when the session has every one. The caller
 * destroys it. Errors: RUNTIME_*. Any thread, several at a time. */
weft_status weft_request_create(weft_session *session, weft_diag *diag, weft_request **out_request);
/* The same for a schedule of this number in the package, which the session has loaded. Requests of
 * different schedules run beside each other like others. Errors: RUNTIME_SCHEDULE when it has not.
 */
weft_status weft_request_create_for(weft_session *session, size_t schedule, weft_diag *diag,
                                    weft_request **out_request);
void weft_request_destroy(weft_request *request); /* waits for a submitted run; NULL accepted */

/* Host memory of input / output i, dense, row-major, in the dtype and shape that
 * weft_package_get_input states for its schedule. Owned by the request; write inputs before a run,
 * read outputs after it. NULL when index is out of range. */
void *weft_request_get_input(weft_request *request, size_t index);
const void *weft_request_get_output(const weft_request *request, size_t index);

/* Runs and waits. timeout_ns 0: no bound. WEFT_TIMEOUT leaves the run going; wait again or destroy.
 */
weft_status weft_request_run(weft_request *request, uint64_t timeout_ns, weft_diag *diag);

/* Starts a run and returns. callback (may be NULL) is called once from a runtime thread, with no
 * lock held, when the run has ended; it must not destroy the request. A request that is already
 * running: REQUEST_BUSY. */
typedef void (*weft_request_callback)(void *user, weft_request *request, weft_status status);
weft_status weft_request_submit(weft_request *request, weft_request_callback callback, void *user,
                                weft_diag *diag);
weft_status weft_request_wait(weft_request *request, uint64_t timeout_ns, weft_diag *diag);

/* Device times of the last run, one per step in schedule order; count is 0 unless the session
 * profiles. Times are in ns from the start of the run (device clock). */
typedef struct weft_step_time {
    uint64_t queued_ns, start_ns, end_ns;
    /* Cards: values to the card before the start, from having a unit to the start, and values back
     * after the end; how long each took. */
    uint64_t send_ns, dispatch_ns, fetch_ns;
    uint32_t unit; /* cards: the compute unit that executed the step */
} weft_step_time;
size_t weft_request_get_times(const weft_request *request, const weft_step_time **out_times);

/* The value with this index (weft_package_get_value) after a run of a session with keep_values,
 * dense as its tensor info says; constants and values that were optimised into others included
 * where they exist. Copies into out (capacity bytes). */
weft_status weft_request_get_value(weft_request *request, size_t value, void *out,
                                   size_t capacity_bytes, weft_diag *diag);

/* How one element of a step's output comes about by the step's meaning: its operands, the sum and
 * every stage of 8-bit arithmetic with its result, from the values of this run. For operators that
 * are not of 8 bits the result alone. The session keeps values. Errors: RUNTIME_*, REQUEST_*. */
typedef struct weft_explanation weft_explanation;
weft_status weft_request_explain(weft_request *request, size_t step, size_t output,
                                 uint64_t element, weft_diag *diag,
                                 weft_explanation **out_explanation);
/* Number of lines, and line i: "sum", "8123 + bias -1234 = 6889". Borrowed until destroyed. */
size_t weft_explanation_count(const weft_explanation *explanation);
const char *weft_explanation_name(const weft_explanation *explanation, size_t index);
const char *weft_explanation_text(const weft_explanation *explanation, size_t index);
void weft_explanation_destroy(weft_explanation *explanation); /* NULL accepted */

#ifdef __cplusplus
}
#endif
#endif
