/* SPDX-License-Identifier: Apache-2.0 */
/* The reference backend: each step's meaning, executed by the plain C kernel of its operator. It
 * reads no launch, no packed weight unless there is no plain one, and no OpenCL; so it is the
 * oracle for everything that does. The engine's backends run host steps by the same functions.
 *
 *   session.c  constants, and the row in the table of backends
 *   meaning.c  checks of all steps
 *   step.c     one step
 *   request.c  runs */
#ifndef WEFT_RUNTIME_BACKENDS_REF_REF_BACKEND_H
#define WEFT_RUNTIME_BACKENDS_REF_REF_BACKEND_H

#include "compiler/ir/graph.h"
#include "runtime/backends/backend.h"

typedef struct ref_session {
    weft_arena *arena;
    const weft_package_view *view;
    const weft_schedule *schedule;
    bool profile;
    const weft_op_row **rows; /* per step */
    const void *
        *constants; /* per value: elements of a constant, or NULL when a step must unpack it */
    size_t widest;  /* most inputs and outputs of a step together */
} ref_session;

/* Whether every step's operator exists and agrees with its attributes, inputs and outputs: kernels
 * rely on it. Fills session->rows. */
weft_status weft__ref_check_steps(ref_session *session, weft_diag *diag);

/* Whatever the device; *out_session is destroyed by weft__ref_session_destroy. */
weft_status weft__ref_session_create(const weft_backend_params *params, weft_diag *diag,
                                     ref_session **out_session);
void weft__ref_session_destroy(ref_session *session); /* NULL accepted */

/* Executes steps over the memory of one request; one thread at a time. */
typedef struct ref_runner {
    const ref_session *session;
    const weft_run_memory *memory;
    weft_tensor *tensors;   /* room for the widest step */
    weft_tensor **operands; /* the same: pointers to them, NULL for operands that are left out */
    void **unpacked;        /* the same: what is freed after the step */
} ref_runner;

/* Also after false the runner must be finished. */
bool weft__ref_runner_init(ref_runner *runner, const ref_session *session,
                           const weft_run_memory *memory);
void weft__ref_runner_finish(ref_runner *runner);
weft_status weft__ref_run_step(ref_runner *runner, size_t index);

weft_status weft__ref_request_create(void *session, const weft_run_memory *memory, weft_diag *diag,
                                     void **out_request);
void weft__ref_request_destroy(void *request);
weft_status weft__ref_submit(void *request, weft_backend_done done, void *user, weft_diag *diag);
void weft__ref_get_times(void *request, weft_step_time *out_times);
bool weft__ref_read_storage(void *request, int32_t value, void *out, size_t bytes);

#endif
