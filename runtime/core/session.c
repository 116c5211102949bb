/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: parameters are checked here, then the backend loads. Must not know about: any one
 * backend. */
#include "runtime/core/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/base/text.h"

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static weft_status no_memory(weft_diag *diag)
{
    return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
}

/* ---- parameters ---- */

static weft_status unknown_backend(const char *name, weft_diag *diag)
{
    char list[256] = "";
    const char *names[16];
    size_t count = 0;
    for (; count < sizeof names / sizeof names[0] && weft_backends[count] != NULL; count++) {
        names[count] = weft_backends[count]->name;
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%s", count == 0 ? "" : ", ", names[count]);
    }
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_BACKEND, "no backend is named %s", name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "one of: %s", list);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", name);
    const char *nearest = weft_nearest(name, names, count);
    if (nearest != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s", nearest);
    return status;
}

static const weft_backend *find_backend(const char *name)
{
    size_t i = 0;
    while (weft_backends[i] != NULL && strcmp(weft_backends[i]->name, name) != 0)
        i++;
    return weft_backends[i];
}

static weft_status check_params(const weft_package *package, const weft_session_params *params,
                                weft_diag *diag)
{
    if (params->size != sizeof *params) {
        weft_status status =
            weft_diag_error(diag, WEFT_E_RUNTIME_PARAMS, "weft_session_params.size is not valid");
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED,
                            "%zu (start from WEFT_SESSION_PARAMS_DEFAULT)", sizeof *params);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%zu", params->size);
        return status;
    }
    size_t count = weft_package_get_view(package)->manifest->schedule_count;
    if (params->schedule >= count && params->schedule != WEFT_EVERY_SCHEDULE) {
        weft_status status = weft_diag_error(diag, WEFT_E_RUNTIME_SCHEDULE,
                                             "the package has no schedule %zu", params->schedule);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0 to %zu", count - 1);
        weft_diag_field_set(diag, WEFT_DIAG_TRY,
                            "weft inspect lists the schedules with their shapes");
        return status;
    }
    if (params->threads < 0) {
        weft_status status =
            weft_diag_error(diag, WEFT_E_RUNTIME_THREADS, "%" PRId32 " threads", params->threads);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0 for all cores, or a positive number");
        return status;
    }
    if (params->device < 0) {
        weft_status status = weft_diag_error(diag, WEFT_E_RUNTIME_DEVICE_INDEX,
                                             "no device has number %" PRId32, params->device);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0 or more, see weft devices");
        return status;
    }
    return WEFT_OK;
}

static char *join(const char *folder, const char *rest)
{
    size_t bytes = strlen(folder) + strlen(rest) + 1;
    char *path = malloc(bytes);
    if (path != NULL)
        snprintf(path, bytes, "%s%s", folder, rest);
    return path;
}

/* "rs50.weft" -> "rs50.xclbin" */
static char *beside(const char *package)
{
    static const char ending[] = ".weft";
    size_t length = strlen(package), kept = length;
    if (length >= sizeof ending - 1 && strcmp(package + length - (sizeof ending - 1), ending) == 0)
        kept -= sizeof ending - 1;
    char *path = malloc(kept + sizeof ".xclbin");
    if (path != NULL)
        snprintf(path, kept + sizeof ".xclbin", "%.*s.xclbin", (int)kept, package);
    return path;
}

/* NULL: keep nothing, because the caller says so or because there is no home to keep it in. */
static bool choose_cache_dir(const char *wanted, char **out_folder)
{
    *out_folder = NULL;
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (wanted != NULL)
        *out_folder = wanted[0] == '\0' ? NULL : join(wanted, "");
    else if (xdg != NULL && xdg[0] == '/') /* the XDG specification has relative ones ignored */
        *out_folder = join(xdg, "/weft");
    else if (home != NULL && home[0] != '\0')
        *out_folder = join(home, "/.cache/weft");
    else
        return true;
    return *out_folder != NULL || (wanted != NULL && wanted[0] == '\0');
}

/* ---- life ---- */

/* The first schedule's session has what the others share, so it is the last to go. */
static weft_status load(weft_session *session, const weft_session_params *params, weft_diag *diag)
{
    weft_backend_params backend_params = {.view = session->view,
                                          .device = params->device,
                                          .threads = params->threads,
                                          .profile = session->profile,
                                          .keep_values = session->keep_values,
                                          .cache_dir = session->cache_dir,
                                          .bitstream = params->bitstream,
                                          .timeout_ns = params->launch_timeout_ns};
    const char *path = session->view->path;
    if (params->bitstream == NULL && path != NULL) {
        session->bitstream = beside(path);
        if (session->bitstream == NULL)
            return no_memory(diag);
        backend_params.bitstream = session->bitstream;
    }
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < session->schedule_count && status == WEFT_OK; i++) {
        backend_params.schedule = &session->view->manifest->schedules[session->first_schedule + i];
        backend_params.shares = i == 0 ? NULL : session->impls[0];
        status = session->backend->session_create(&backend_params, diag, &session->impls[i]);
        if (status != WEFT_OK)
            session->impls[i] = NULL;
    }
    return status;
}

weft_status weft_session_create(weft_package *package, const weft_session_params *params,
                                weft_diag *diag, weft_session **out_session)
{
    *out_session = NULL;
    uint64_t begin_ns = now_ns();
    weft_session_params defaults = WEFT_SESSION_PARAMS_DEFAULT;
    params = params == NULL ? &defaults : params;
    weft_status status = check_params(package, params, diag);
    if (status != WEFT_OK)
        return status;
    const char *name = params->backend == NULL ? "opencl" : params->backend;
    const weft_backend *backend = find_backend(name);
    if (backend == NULL)
        return unknown_backend(name, diag);
    weft_session *session = weft_arena_injected_failure() ? NULL : calloc(1, sizeof *session);
    if (session == NULL)
        return no_memory(diag);
    atomic_init(&session->references, 1);
    session->package = weft_package_ref(package);
    session->backend = backend;
    session->view = weft_package_get_view(package);
    bool is_every = params->schedule == WEFT_EVERY_SCHEDULE;
    session->first_schedule = is_every ? 0 : params->schedule;
    session->schedule_count = is_every ? session->view->manifest->schedule_count : 1;
    session->impls = calloc(session->schedule_count, sizeof *session->impls);
    session->profile = params->profile;
    session->keep_values = params->keep_values;
    bool is_good =
        session->impls != NULL && choose_cache_dir(params->cache_dir, &session->cache_dir);
    status = is_good ? load(session, params, diag) : no_memory(diag);
    if (status != WEFT_OK) {
        weft__session_unref(session);
        return status;
    }
    session->load_ns = now_ns() - begin_ns;
    *out_session = session;
    return WEFT_OK;
}

void weft__session_unref(weft_session *session)
{
    if (atomic_fetch_sub(&session->references, 1) != 1)
        return;
    for (size_t i = session->impls == NULL ? 0 : session->schedule_count; i-- > 0;)
        if (session->impls[i] != NULL)
            session->backend->session_destroy(session->impls[i]);
    free(session->impls);
    weft_package_close(session->package);
    free(session->cache_dir);
    free(session->bitstream);
    free(session);
}

void weft_session_destroy(weft_session *session)
{
    if (session != NULL)
        weft__session_unref(session);
}

void weft_session_get_load_info(const weft_session *session, weft_load_info *out_info)
{
    weft_backend_load loaded = {0};
    session->backend->session_get_load(session->impls[0], &loaded);
    for (size_t i = 1; i < session->schedule_count; i++) {
        weft_backend_load one = {0};
        session->backend->session_get_load(session->impls[i], &one);
        loaded.compile_ns += one.compile_ns;
        loaded.programs_built += one.programs_built;
        loaded.programs_from_cache += one.programs_from_cache;
    }
    *out_info = (weft_load_info){.backend = session->backend->name,
                                 .device = loaded.device,
                                 .load_ns = session->load_ns,
                                 .compile_ns = loaded.compile_ns,
                                 .programs_built = loaded.programs_built,
                                 .programs_from_cache = loaded.programs_from_cache,
                                 .threads = loaded.threads,
                                 .note = loaded.note,
                                 .timed_by = loaded.timed_by == NULL ? "device" : loaded.timed_by};
}
