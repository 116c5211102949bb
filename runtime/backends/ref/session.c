/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of the reference backend and its row in the table of backends. Must not know about:
 * OpenCL. */
#include <stdlib.h>
#include <unistd.h>

#include "runtime/backends/ref/ref_backend.h"

/* Constants that must be unpacked stay unpacked when they are small; a large one is unpacked by
 * each step that reads it and freed after it, so that a run needs the memory of one at a time. */
enum { KEEP_UNPACKED_BYTES = 64 * 1024 };

static uint64_t memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
}

static uint32_t core_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}

static void enumerate(weft_device_list *list)
{
    weft__device_list_add(list, &(weft_device_info){.backend = "ref",
                                                    .name = "plain C",
                                                    .platform = "weft reference kernels",
                                                    .target = "cpu-generic",
                                                    .compute_units = core_count(),
                                                    .memory_bytes = memory_bytes(),
                                                    .usable = true});
}

static void find_constants(ref_session *session)
{
    for (size_t i = 0; i < session->schedule->value_count; i++) {
        const weft_schedule_value *value = &session->schedule->values[i];
        size_t bytes = 0;
        if (value->place != WEFT_PLACE_CONSTANT)
            continue;
        session->constants[i] = weft__constant_find(session->view, value);
        weft_shape_bytes(&value->shape, value->dtype, &bytes);
        if (session->constants[i] == NULL && bytes <= KEEP_UNPACKED_BYTES &&
            weft__constant_is_readable(session->view, value)) {
            void *copy = weft_arena_alloc(session->arena, bytes);
            weft__constant_unpack(session->view, value, copy);
            session->constants[i] = copy;
        }
    }
}

static weft_status wrong_device(int32_t device, weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_RUNTIME_DEVICE_INDEX,
                                         "the backend ref has no device %d", (int)device);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0: plain C");
    return status;
}

weft_status weft__ref_session_create(const weft_backend_params *params, weft_diag *diag,
                                     ref_session **out_session)
{
    weft_arena *arena = weft_arena_create();
    if (arena == NULL || WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    }
    ref_session *session = WEFT_NEW(arena, ref_session);
    session->arena = arena;
    session->view = params->view;
    session->schedule = params->schedule;
    session->profile = params->profile;
    session->rows = WEFT_NEW_ARRAY(arena, const weft_op_row *, params->schedule->step_count);
    session->constants = WEFT_NEW_ARRAY(arena, const void *, params->schedule->value_count);
    find_constants(session);
    weft_status status = weft__ref_check_steps(session, diag);
    if (status == WEFT_OK)
        *out_session = session;
    else
        weft_arena_destroy(arena);
    return status;
}

void weft__ref_session_destroy(ref_session *session)
{
    if (session != NULL)
        weft_arena_destroy(session->arena);
}

static weft_status session_create(const weft_backend_params *params, weft_diag *diag,
                                  void **out_session)
{
    ref_session *session = NULL;
    if (params->device != 0)
        return wrong_device(params->device, diag);
    weft_status status = weft__ref_session_create(params, diag, &session);
    if (status == WEFT_OK)
        *out_session = session;
    return status;
}

static void session_destroy(void *session)
{
    weft__ref_session_destroy(session);
}

static void session_get_load(const void *session, weft_backend_load *out_load)
{
    (void)session;
    *out_load = (weft_backend_load){.device = "plain C", .threads = 1};
}

const weft_backend weft_backend_ref = {
    .name = "ref",
    .summary = "reference kernels in plain C: slow, exact, always there",
    .keeps_partial_sums = false,
    .enumerate = enumerate,
    .session_create = session_create,
    .session_destroy = session_destroy,
    .session_get_load = session_get_load,
    .request_create = weft__ref_request_create,
    .request_destroy = weft__ref_request_destroy,
    .submit = weft__ref_submit,
    .get_times = weft__ref_get_times,
    .read_storage = weft__ref_read_storage};
