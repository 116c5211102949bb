/* SPDX-License-Identifier: Apache-2.0 */
/* A package loaded on a device with its inputs filled in: what run, verify, bench and profile start
 * from. Must not know about: what is printed. */
#ifndef WEFT_CLI_ENGINE_H
#define WEFT_CLI_ENGINE_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/input.h"
#include "weft/runtime.h"

typedef struct weft_cli_engine {
    weft_session *session;
    weft_request *request;
} weft_cli_engine;

/* Creates session and request; the caller owns both through the engine, also after a failure. */
weft_status weft_cli_engine_create(weft_cli *cli, weft_package *package,
                                   const weft_session_params *params, weft_cli_engine *out_engine);
/* Puts a request for this schedule in place of the one that is there; the session has loaded it. */
weft_status weft_cli_engine_switch(weft_cli *cli, weft_cli_engine *engine, size_t schedule);
void weft_cli_engine_finish(weft_cli_engine *engine);

void weft_cli_engine_set_inputs(const weft_cli_engine *engine, const weft_cli_inputs *inputs);

/* Monotonic time. */
uint64_t weft_cli_now_ns(void);

/* "opencl on pthread-haswell, 2 threads": one line for tables; release with free. */
char *weft_cli_engine_describe(const weft_cli_engine *engine);
/* backend, device, threads, load times. */
json_t *weft_cli_engine_json(const weft_cli_engine *engine);

#endif
