/* SPDX-License-Identifier: Apache-2.0 */
/* See observer.h. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/load.h"
#include "cli/memory.h"
#include "cli/observer.h"

weft_status weft_cli_observer_open(weft_cli *cli, weft_model *model, const char *path,
                                   weft_cli_observer *out_observer)
{
    weft_compile_params params = WEFT_COMPILE_PARAMS_DEFAULT;
    params.threads = (int32_t)weft_cli_args_int(&cli->args, "threads", 0);
    params.engine = "none";
    *out_observer = (weft_cli_observer){0};
    char *package = weft_cli_printf("%s.observer-%ld", path, (long)getpid());
    weft_status status = weft_compile(&model, 1, &params, package, cli->diag, NULL);
    if (status == WEFT_OK) {
        status = weft_package_open(package, cli->diag, &out_observer->package);
        unlink(package); /* it stays mapped */
    }
    free(package);
    if (status != WEFT_OK)
        return status;
    weft_session_params session = weft_cli_session_params(cli, 0);
    return weft_cli_engine_create(cli, out_observer->package, &session, &out_observer->engine);
}

void weft_cli_observer_close(weft_cli_observer *observer)
{
    weft_cli_engine_finish(&observer->engine);
    weft_package_close(observer->package);
    *observer = (weft_cli_observer){0};
}

weft_status weft_cli_observer_run(weft_cli *cli, weft_cli_observer *observer)
{
    return weft_request_run(observer->engine.request, 0, cli->diag);
}

const float *weft_cli_observer_output(const weft_cli_observer *observer, int index)
{
    return weft_request_get_output(observer->engine.request, (size_t)index);
}

void *weft_cli_observer_input(const weft_cli_observer *observer, size_t index)
{
    return weft_request_get_input(observer->engine.request, index);
}
