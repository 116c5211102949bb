/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the backend xrt; what it does is in the folder's other files (xrt_backend.h). Must
 * not know about: XRT's API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/backends/xrt/xrt_backend.h"

/* ---- devices ---- */

static void add_card(weft_device_list *list, const char *backend, xrt_mode mode,
                     const xrt_card_info *card)
{
    char name[XRT_NAME_BYTES + sizeof card->bdf + 8];
    snprintf(name, sizeof name, "%s%s%s", card->shell[0] == '\0' ? "card" : card->shell,
             card->bdf[0] == '\0' ? "" : " at ", card->bdf);
    weft__device_list_add(list,
                          &(weft_device_info){.backend = backend,
                                              .name = name,
                                              .platform = mode == XRT_MODE_CARD   ? "XRT"
                                                          : mode == XRT_MODE_NOOP ? "XRT, noop"
                                                                                  : "XRT, emulated",
                                              .target = "",
                                              .usable = card->is_ready,
                                              .why_not = card->is_ready ? NULL : card->why_not});
}

#if WEFT_HAVE_OPENCL
static bool has_opencl(char why[XRT_WHY_BYTES])
{
    if (weft__xrt_opencl_is_there())
        return true;
    snprintf(why, XRT_WHY_BYTES,
             "XRT's OpenCL is not among the ICD loader's implementations: "
             "OCL_ICD_VENDORS=libxilinxopencl.so.2");
    return false;
}
#else
static bool has_opencl(char why[XRT_WHY_BYTES])
{
    snprintf(why, XRT_WHY_BYTES,
             "not built in: OpenCL's headers were absent when weft was built (Debian: "
             "ocl-icd-opencl-dev opencl-headers)");
    return false;
}
#endif

static void enumerate_for(weft_device_list *list, const char *backend, bool needs_opencl)
{
    char why[XRT_WHY_BYTES];
    bool is_absent = false;
    xrt_card_info *cards = calloc(XRT_MAX_CARDS, sizeof *cards);
    bool is_ready = weft__xrt_is_ready(why, &is_absent) && (!needs_opencl || has_opencl(why));
    xrt_mode mode = weft__xrt_mode();
    size_t count = cards != NULL && is_ready ? weft__xrt_cards_find(mode, XRT_SYSFS, cards) : 0;
    for (size_t i = 0; i < count; i++)
        add_card(list, backend, mode, &cards[i]);
    free(cards);
    if (is_ready)
        snprintf(why, sizeof why,
                 "no card: the driver xocl shows none; weft softcard runs a command with a card in "
                 "software");
    if (count == 0)
        weft__device_list_add(
            list,
            &(weft_device_info){
                .backend = backend, .name = "", .platform = "XRT", .target = "", .why_not = why});
}

static void enumerate(weft_device_list *list)
{
    enumerate_for(list, "xrt", false);
}

static void enumerate_opencl(weft_device_list *list)
{
    enumerate_for(list, "xrt-opencl", true);
}

/* ---- sessions ---- */

static void write_note(xrt_loaded *loaded, const engine_session *session)
{
    const xrt_card *card = loaded->card;
    size_t planned = session->view->manifest->card.unit_count;
    size_t length = 0;
    if (card->mode == XRT_MODE_SW_EMU || card->mode == XRT_MODE_HW_EMU)
        length = (size_t)snprintf(loaded->note, sizeof loaded->note,
                                  "an emulated card: times are of this machine, not of a card");
    if (planned > 0 && planned != card->unit_count)
        snprintf(loaded->note + length, sizeof loaded->note - length,
                 "%sthe bitstream has %zu of the plan's %zu units", length > 0 ? "; " : "",
                 card->unit_count, planned);
}

static weft_status open_engine(const xrt_driver *driver, engine_session *session,
                               const weft_backend_params *params, weft_diag *diag)
{
    xrt_loaded *loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    weft_status status = WEFT_OK;
    if (!weft__xrt_plan_init(&loaded->plan, session, params->keep_values))
        status = weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while creating a session");
    if (status == WEFT_OK && session->shares != NULL) {
        loaded->card = ((const xrt_loaded *)session->shares->loaded)->card;
        weft__xrt_card_ref(loaded->card);
    } else if (status == WEFT_OK) {
        status = weft__xrt_card_open(driver, session, params, diag, &loaded->card);
    }
    if (status != WEFT_OK) {
        weft__xrt_plan_finish(&loaded->plan);
        free(loaded);
        return status;
    }
    write_note(loaded, session);
    bool is_emulated =
        loaded->card->mode == XRT_MODE_SW_EMU || loaded->card->mode == XRT_MODE_HW_EMU;
    session->loaded = loaded;
    session->load = (weft_backend_load){.device = loaded->card->title,
                                        .note = loaded->note[0] == '\0' ? NULL : loaded->note,
                                        .threads = 1,
                                        .timed_by = is_emulated ? "emulation" : "host"};
    return WEFT_OK;
}

static weft_status open_native(engine_session *session, const weft_backend_params *params,
                               weft_diag *diag)
{
    return open_engine(&weft__xrt_native_driver, session, params, diag);
}

static void close_engine(engine_session *session)
{
    xrt_loaded *loaded = session->loaded;
    if (session->shares != NULL)
        weft__xrt_card_unref(loaded->card);
    else
        weft__xrt_card_close(loaded->card);
    weft__xrt_plan_finish(&loaded->plan);
    free(loaded);
}

static const engine_device native_device = {.open = open_native,
                                            .close = close_engine,
                                            .attach = weft__xrt_lane_attach,
                                            .detach = weft__xrt_lane_detach,
                                            .launch = weft__xrt_lane_launch,
                                            .check = weft__xrt_lane_check,
                                            .explain = weft__xrt_lane_explain,
                                            .may_be_stuck = true};

static weft_status session_create(const weft_backend_params *params, weft_diag *diag,
                                  void **out_session)
{
    return weft__engine_session_create(&native_device, params, diag, out_session);
}

const weft_backend weft_backend_xrt = {.name = "xrt",
                                       .summary = "the engine on a card, through XRT",
                                       .wants_ports_in_arena = true,
                                       .enumerate = enumerate,
                                       .session_create = session_create,
                                       .session_destroy = weft__engine_session_destroy,
                                       .session_get_load = weft__engine_session_get_load,
                                       .request_create = weft__engine_request_create,
                                       .request_destroy = weft__engine_request_destroy,
                                       .submit = weft__engine_submit,
                                       .get_times = weft__engine_get_times,
                                       .read_storage = weft__engine_read_storage,
                                       .explain_failure = weft__engine_explain_failure};

#if WEFT_HAVE_OPENCL
static weft_status open_opencl(engine_session *session, const weft_backend_params *params,
                               weft_diag *diag)
{
    return open_engine(&weft__xrt_opencl_driver, session, params, diag);
}
#else
static weft_status open_opencl(engine_session *session, const weft_backend_params *params,
                               weft_diag *diag)
{
    (void)session, (void)params;
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_NOT_BUILT, "the backend xrt-opencl is not built in");
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "install ocl-icd-opencl-dev and opencl-headers and build again, or use "
                        "backend xrt");
    return status;
}
#endif

static const engine_device opencl_device = {.open = open_opencl,
                                            .close = close_engine,
                                            .attach = weft__xrt_lane_attach,
                                            .detach = weft__xrt_lane_detach,
                                            .launch = weft__xrt_lane_launch,
                                            .check = weft__xrt_lane_check,
                                            .explain = weft__xrt_lane_explain,
                                            .may_be_stuck = true};

static weft_status session_create_opencl(const weft_backend_params *params, weft_diag *diag,
                                         void **out_session)
{
    return weft__engine_session_create(&opencl_device, params, diag, out_session);
}

const weft_backend weft_backend_xrt_opencl = {.name = "xrt-opencl",
                                              .summary =
                                                  "the engine on a card, through XRT's OpenCL",
                                              .wants_ports_in_arena = true,
                                              .enumerate = enumerate_opencl,
                                              .session_create = session_create_opencl,
                                              .session_destroy = weft__engine_session_destroy,
                                              .session_get_load = weft__engine_session_get_load,
                                              .request_create = weft__engine_request_create,
                                              .request_destroy = weft__engine_request_destroy,
                                              .submit = weft__engine_submit,
                                              .get_times = weft__engine_get_times,
                                              .read_storage = weft__engine_read_storage,
                                              .explain_failure = weft__engine_explain_failure};
