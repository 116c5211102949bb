/* SPDX-License-Identifier: Apache-2.0 */
/* A package loaded on a device; see engine.h. Must not know about: what is printed. */
#include <string.h>
#include <time.h>

#include "cli/engine.h"
#include "cli/json.h"
#include "cli/memory.h"
#include "cli/pocl.h"

weft_status weft_cli_engine_create(weft_cli *cli, weft_package *package,
                                   const weft_session_params *params, weft_cli_engine *out_engine)
{
    *out_engine = (weft_cli_engine){0};
    if (params->backend == NULL || strstr(params->backend, "opencl") != NULL)
        weft_cli_pocl_prepare(cli);
    weft_status status = weft_session_create(package, params, cli->diag, &out_engine->session);
    return status == WEFT_OK
               ? weft_request_create(out_engine->session, cli->diag, &out_engine->request)
               : status;
}

weft_status weft_cli_engine_switch(weft_cli *cli, weft_cli_engine *engine, size_t schedule)
{
    weft_request_destroy(engine->request);
    return weft_request_create_for(engine->session, schedule, cli->diag, &engine->request);
}

void weft_cli_engine_finish(weft_cli_engine *engine)
{
    weft_request_destroy(engine->request);
    weft_session_destroy(engine->session);
    *engine = (weft_cli_engine){0};
}

void weft_cli_engine_set_inputs(const weft_cli_engine *engine, const weft_cli_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        memcpy(weft_request_get_input(engine->request, i), inputs->items[i].data,
               (size_t)inputs->items[i].tensor.size_bytes);
}

uint64_t weft_cli_now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

char *weft_cli_engine_describe(const weft_cli_engine *engine)
{
    weft_load_info load;
    weft_session_get_load_info(engine->session, &load);
    return weft_cli_printf("%s on %s, %d thread%s", load.backend, load.device, (int)load.threads,
                           load.threads == 1 ? "" : "s");
}

json_t *weft_cli_engine_json(const weft_cli_engine *engine)
{
    weft_load_info load;
    weft_session_get_load_info(engine->session, &load);
    json_t *json = json_object();
    json_object_set_new(json, "backend", weft_cli_json_text(load.backend));
    json_object_set_new(json, "device", weft_cli_json_text(load.device));
    json_object_set_new(json, "threads", json_integer(load.threads));
    json_object_set_new(json, "load_ms", json_real((double)load.load_ns / 1e6));
    json_object_set_new(json, "compile_ms", json_real((double)load.compile_ns / 1e6));
    json_object_set_new(json, "programs_built", json_integer((json_int_t)load.programs_built));
    json_object_set_new(json, "programs_from_cache",
                        json_integer((json_int_t)load.programs_from_cache));
    json_object_set_new(json, "timed_by", weft_cli_json_text(load.timed_by));
    json_object_set_new(json, "note", weft_cli_json_text(load.note));
    return json;
}
