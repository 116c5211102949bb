/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's backends: steps with descriptors are executed by the engine's program, the others on
 * the host by their meaning (backend ref). Two of them differ only in how the program is built and
 * called:
 *
 *   load.c     checks, the order of runs: which steps are the engine's, which the host's
 *   program.c  descriptors -> the words that the engine reads
 *   request.c  runs: one launch for steps in a row, one per step when the session profiles
 *   opencl.c   engine-opencl: the OpenCL C on an OpenCL device
 *   hls.c      engine-hls: the HLS C compiled by the machine's C compiler and loaded
 *   compiler.c calling that compiler (compiler.h)
 *
 * Inputs and outputs lie in the request's arena, which is the engine's. */
#ifndef WEFT_RUNTIME_BACKENDS_ENGINE_ENGINE_BACKEND_H
#define WEFT_RUNTIME_BACKENDS_ENGINE_ENGINE_BACKEND_H

#include "runtime/backends/engine/compiler.h"
#include "runtime/backends/ref/ref_backend.h"
#include "runtime/backends/worker.h"

/* Steps [first, first + count) one after the other on the engine, or on the host. */
typedef struct engine_stretch {
    size_t first_step, step_count;
    bool is_host;
    uint32_t first_descriptor, descriptor_count;
} engine_stretch;

typedef struct engine_device engine_device;

typedef struct engine_session engine_session;
struct engine_session {
    const engine_device *device;
    const weft_package_view *view;
    const weft_schedule *schedule;
    const engine_session *shares; /* whose device, program and weights this one uses; NULL */
    ref_session *host;
    bool profile;
    engine_stretch *stretches;
    size_t stretch_count;
    uint32_t descriptor_count; /* of the schedule */
    weft_backend_load load;
    void *loaded; /* the device's */
};

typedef struct engine_request engine_request;
struct engine_request {
    const engine_session *session;
    const weft_run_memory *memory;
    ref_runner runner;
    uint32_t *words;       /* the program: descriptors of 64 words, page-aligned */
    size_t words_bytes;    /* whole pages */
    weft_step_time *times; /* NULL unless the session profiles */
    weft_worker worker;
    void *attached;                          /* the device's */
    void (*detach)(engine_request *request); /* the device's; outlives the session */
};

/* What is known about one launch, in ns. */
typedef struct engine_launch {
    uint64_t device_ns;        /* how long the device took; 0: it cannot tell */
    uint64_t start_ns, end_ns; /* on the clock of weft__engine_now_ns; 0: not known */
    uint64_t send_ns, dispatch_ns, fetch_ns;
    uint32_t unit;
} engine_launch;

/* How an engine is reached. */
struct engine_device {
    /* Builds the program, or takes that of session->shares, and sets session->loaded and
     * session->load. After an error nothing is loaded. */
    weft_status (*open)(engine_session *session, const weft_backend_params *params,
                        weft_diag *diag);
    void (*close)(engine_session *session);
    /* Makes words and arena of the request known to the device; sets request->attached. */
    weft_status (*attach)(engine_request *request, weft_diag *diag);
    void (*detach)(engine_request *request);
    /* Executes a stretch of the engine's and returns when it is done and the host may touch the
     * arena. After an error nothing of request and session is touched: see may_be_stuck. */
    weft_status (*launch)(engine_request *request, const engine_stretch *stretch,
                          engine_launch *out_launch);
    /* The rest may be NULL. */

    /* Whether a run can be started. */
    weft_status (*check)(engine_request *request, weft_diag *diag);
    /* Says what the last run failed of. */
    void (*explain)(engine_request *request, weft_diag *diag);
    /* launch may never return; the device then calls weft__worker_abandon, and the request is left
     * to its thread, which detaches it when launch returns after all. */
    bool may_be_stuck;
};

/* ---- load.c ---- */

weft_status weft__engine_session_create(const engine_device *device,
                                        const weft_backend_params *params, weft_diag *diag,
                                        void **out_session);
void weft__engine_session_destroy(void *session);
void weft__engine_session_get_load(const void *session, weft_backend_load *out_load);
uint64_t weft__engine_now_ns(void);
/* For devices that load nothing per schedule: takes what session->shares has. */
void weft__engine_load_share(engine_session *session);

/* ---- program.c ---- */

/* Bytes of a schedule's program. */
size_t weft__engine_program_bytes(const engine_session *session);
/* Writes it for a run over the memory. Errors: ENGINE_ADDRESS, ENGINE_DESCRIPTOR. */
weft_status weft__engine_program_write(const engine_session *session, const weft_run_memory *memory,
                                       uint32_t *out_words, weft_diag *diag);

/* ---- request.c ---- */

weft_status weft__engine_request_create(void *session, const weft_run_memory *memory,
                                        weft_diag *diag, void **out_request);
void weft__engine_request_destroy(void *request);
weft_status weft__engine_submit(void *request, weft_backend_done done, void *user, weft_diag *diag);
void weft__engine_get_times(void *request, weft_step_time *out_times);
bool weft__engine_read_storage(void *request, int32_t value, void *out, size_t bytes);
void weft__engine_explain_failure(void *request, weft_diag *diag);

#endif
