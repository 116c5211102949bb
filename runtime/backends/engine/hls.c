/* SPDX-License-Identifier: Apache-2.0 */
/* The backend engine-hls: the engine's HLS C, compiled by the machine's C compiler. What a card
 * computes, without a card; slow, because the C describes hardware. Must not know about: OpenCL. */
#include <stdlib.h>
#include <unistd.h>

#include "kernels/fpga/descriptor.h"
#include "runtime/backends/engine/engine_backend.h"

static weft_status open_engine(engine_session *session, const weft_backend_params *params,
                               weft_diag *diag)
{
    const weft_manifest *manifest = session->view->manifest;
    if (session->shares != NULL) {
        weft__engine_load_share(session);
        return WEFT_OK;
    }
    engine_library *library = calloc(1, sizeof *library);
    if (library == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    uint64_t begin = weft__engine_now_ns();
    weft_status status = weft__engine_library_open(
        &manifest->programs[manifest->engine.hls_program], params->cache_dir, diag, library);
    if (status != WEFT_OK) {
        free(library);
        return status;
    }
    session->loaded = library;
    session->load = (weft_backend_load){.device = "HLS C on this machine",
                                        .compile_ns = weft__engine_now_ns() - begin,
                                        .programs_built = !library->is_from_cache,
                                        .programs_from_cache = library->is_from_cache,
                                        .threads = 1};
    return WEFT_OK;
}

static void close_engine(engine_session *session)
{
    if (session->shares != NULL)
        return;
    weft__engine_library_close(session->loaded);
    free(session->loaded);
}

static weft_status attach(engine_request *request, weft_diag *diag)
{
    (void)request, (void)diag;
    return WEFT_OK;
}

static void detach(engine_request *request)
{
    (void)request;
}

static weft_status launch(engine_request *request, const engine_stretch *stretch,
                          engine_launch *out_launch)
{
    const engine_library *library = request->session->loaded;
    void *arena = request->memory->arena;
    const void *weights = request->session->view->weights;
    (void)out_launch;
    library->function(request->words + (size_t)stretch->first_descriptor * WEFT_D_WORDS, weights,
                      arena, arena, arena, stretch->descriptor_count);
    return WEFT_OK;
}

static const engine_device device = {.open = open_engine,
                                     .close = close_engine,
                                     .attach = attach,
                                     .detach = detach,
                                     .launch = launch};

static void enumerate(weft_device_list *list)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES),
         page_bytes = sysconf(_SC_PAGESIZE);
    const char *why_not = weft__engine_compiler_why_not();
    weft__device_list_add(
        list, &(weft_device_info){.backend = "engine-hls",
                                  .name = "HLS C on this machine",
                                  .platform = "the engine of a card, compiled by the C compiler",
                                  .target = "",
                                  .compute_units = cores > 0 ? (uint32_t)cores : 1,
                                  .memory_bytes = pages > 0 && page_bytes > 0
                                                      ? (uint64_t)pages * (uint64_t)page_bytes
                                                      : 0,
                                  .usable = why_not == NULL,
                                  .why_not = why_not});
}

static weft_status session_create(const weft_backend_params *params, weft_diag *diag,
                                  void **out_session)
{
    if (params->device == 0)
        return weft__engine_session_create(&device, params, diag, out_session);
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_DEVICE_INDEX,
                        "the backend engine-hls has no device %d", (int)params->device);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "0: HLS C on this machine");
    return status;
}

const weft_backend weft_backend_engine_hls = {
    .name = "engine-hls",
    .summary = "the card's engine as HLS C, compiled by this machine's C compiler",
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
