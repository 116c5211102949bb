/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of the engine's backends. Must not know about: OpenCL, compilers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/fpga/descriptor.h"
#include "runtime/backends/engine/engine_backend.h"

uint64_t weft__engine_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static weft_status check_engine(const weft_package_view *view, weft_diag *diag)
{
    const weft_engine *engine = &view->manifest->engine;
    if (engine->name == NULL) {
        weft_status status = weft_diag_error(diag, WEFT_E_ENGINE_ABSENT, "package %s has no engine",
                                             view->manifest->model);
        weft_diag_field_set(
            diag, WEFT_DIAG_TRY,
            "compile a quantised model without --engine none, or use backend ref or "
            "opencl");
        return status;
    }
    if (engine->version == WEFT_D_VERSION_NOW)
        return WEFT_OK;
    weft_status status = weft_diag_error(diag, WEFT_E_ENGINE_VERSION,
                                         "the descriptors of package %s have an unknown version",
                                         view->manifest->model);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "version %d", (int)WEFT_D_VERSION_NOW);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "version %" PRId32, engine->version);
    return status;
}

/* Engine steps in a row are one stretch, or one each when times are taken; host steps are one each.
 */
static bool find_stretches(engine_session *session)
{
    const weft_schedule *schedule = session->schedule;
    session->stretches = calloc(schedule->step_count + 1, sizeof *session->stretches);
    if (session->stretches == NULL)
        return false;
    uint64_t descriptors = 0;
    for (size_t s = 0; s < schedule->step_count; s++) {
        size_t count = schedule->steps[s].descriptor_count;
        engine_stretch *last =
            session->stretch_count == 0 ? NULL : &session->stretches[session->stretch_count - 1];
        if (descriptors + count > INT32_MAX)
            return false;
        if (count > 0 && last != NULL && !last->is_host && !session->profile) {
            last->step_count++;
            last->descriptor_count += (uint32_t)count;
        } else {
            session->stretches[session->stretch_count++] =
                (engine_stretch){s, 1, count == 0, (uint32_t)descriptors, (uint32_t)count};
        }
        descriptors += count;
    }
    session->descriptor_count = (uint32_t)descriptors;
    return true;
}

weft_status weft__engine_session_create(const engine_device *device,
                                        const weft_backend_params *params, weft_diag *diag,
                                        void **out_session)
{
    weft_status status = check_engine(params->view, diag);
    if (status != WEFT_OK)
        return status;
    engine_session *session = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *session);
    if (session == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    session->view = params->view;
    session->schedule = params->schedule;
    session->shares = params->shares;
    session->profile = params->profile;
    status = find_stretches(session) ? weft__ref_session_create(params, diag, &session->host)
                                     : weft_diag_error(diag, WEFT_E_NO_MEMORY,
                                                       "out of memory while creating a session");
    if (status == WEFT_OK)
        status = device->open(session, params, diag);
    if (status == WEFT_OK) {
        session->device = device;
        *out_session = session;
    } else {
        weft__engine_session_destroy(session);
    }
    return status;
}

void weft__engine_session_destroy(void *argument)
{
    engine_session *session = argument;
    if (session->device != NULL)
        session->device->close(session);
    weft__ref_session_destroy(session->host);
    free(session->stretches);
    free(session);
}

void weft__engine_load_share(engine_session *session)
{
    session->loaded = session->shares->loaded;
    session->load = (weft_backend_load){.device = session->shares->load.device,
                                        .threads = session->shares->load.threads,
                                        .timed_by = session->shares->load.timed_by};
}

void weft__engine_session_get_load(const void *session, weft_backend_load *out_load)
{
    *out_load = ((const engine_session *)session)->load;
}
