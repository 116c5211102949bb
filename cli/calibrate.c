/* SPDX-License-Identifier: Apache-2.0 */
/* Running the models of a quantisation; see calibrate.h. Must not know about: what is printed at
 * the end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/calibrate.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/report.h"

/* Statistics are saved this often: what an interruption loses. */
static const uint64_t save_interval_ns = UINT64_C(5000000000);
/* Lines of progress where the line cannot move. */
static const uint64_t line_interval_ns = UINT64_C(10000000000);

/* ---- runners ---- */

/* A name in the folder for temporary files; the file exists and is empty. */
static char *temporary_file(weft_cli *cli)
{
    const char *folder = getenv("TMPDIR");
    char *path = weft_cli_printf("%s/weft-quantize-XXXXXX",
                                 folder == NULL || folder[0] == '\0' ? "/tmp" : folder);
    int descriptor = mkstemp(path);
    if (descriptor < 0) {
        weft_cli_error(&cli->errors, WEFT_CLI_E_FILE_WRITE, "cannot make a temporary file %s",
                       path);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "TMPDIR=FOLDER, with room in it");
        free(path);
        return NULL;
    }
    close(descriptor);
    return path;
}

weft_status weft_cli_runner_create(weft_cli *cli, weft_model *model, weft_cli_runner *out_runner)
{
    *out_runner = (weft_cli_runner){0};
    weft_compile_params params = WEFT_COMPILE_PARAMS_DEFAULT;
    params.engine = "none";
    params.threads = (int32_t)weft_cli_args_int(&cli->args, "threads", 0);
    char *path = temporary_file(cli);
    if (path == NULL)
        return WEFT_IO;
    weft_status status = weft_compile(&model, 1, &params, path, cli->diag, NULL);
    if (status == WEFT_OK)
        status = weft_package_open(path, cli->diag, &out_runner->package);
    unlink(path); /* what is mapped stays */
    free(path);
    weft_session_params session = weft_cli_session_params(cli, 0);
    if (status == WEFT_OK)
        status = weft_cli_engine_create(cli, out_runner->package, &session, &out_runner->engine);
    weft_cli_report_flush(cli);
    return status;
}

void weft_cli_runner_finish(weft_cli_runner *runner)
{
    weft_cli_engine_finish(&runner->engine);
    weft_package_close(runner->package);
    *runner = (weft_cli_runner){0};
}

static weft_status fill_inputs(weft_cli *cli, const weft_cli_runner *runner,
                               const weft_cli_samples *samples, size_t index)
{
    weft_schedule_info info;
    weft_package_get_schedule(runner->package, 0, &info);
    weft_status status = WEFT_OK;
    for (size_t i = 0; status == WEFT_OK && i < info.input_count; i++) {
        weft_tensor_info tensor;
        weft_package_get_input(runner->package, 0, i, &tensor);
        status = weft_cli_samples_get(cli, samples, index, &tensor, i,
                                      weft_request_get_input(runner->engine.request, i));
    }
    return status;
}

static const float *tensor_data(const weft_cli_runner *runner, const weft_quant_tensor *tensor)
{
    return tensor->input >= 0
               ? weft_request_get_input(runner->engine.request, (size_t)tensor->input)
               : weft_request_get_output(runner->engine.request, (size_t)tensor->output);
}

/* ---- progress ---- */

typedef struct progress {
    weft_cli *cli;
    int stage, stage_count;
    const char *what;
    uint64_t begin_ns, shown_ns;
    size_t first, count;
} progress;

static void show(progress *p, size_t done)
{
    uint64_t now_ns = weft_cli_now_ns();
    if (p->shown_ns != 0 &&
        now_ns - p->shown_ns < (p->cli->has_moving_line ? UINT64_C(200000000) : line_interval_ns))
        return;
    double seconds = (double)(now_ns - p->begin_ns) / 1e9;
    double per_sample = done > p->first ? seconds / (double)(done - p->first) : 0;
    char *text = done > p->first
                     ? weft_cli_printf("%s: %zu of %zu samples, %.1f s, %.0f s left", p->what, done,
                                       p->count, seconds, per_sample * (double)(p->count - done))
                     : weft_cli_printf("%s: %zu of %zu samples", p->what, done, p->count);
    weft_cli_progress(p->cli, p->stage, p->stage_count, text);
    free(text);
    p->shown_ns = now_ns;
}

static progress begin(weft_cli *cli, int stage, const char *what, size_t first, size_t count)
{
    progress p = {cli, stage, WEFT_CLI_QUANTIZE_STAGES, what, weft_cli_now_ns(), 0, first, count};
    show(&p, first);
    return p;
}

/* ---- the two loops ---- */

static weft_status observe_sample(weft_cli *cli, weft_quant *quant, const weft_cli_runner *observer)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; status == WEFT_OK && i < weft_quant_tensor_count(quant); i++) {
        weft_quant_tensor tensor;
        weft_quant_get_tensor(quant, i, &tensor);
        status = weft_quant_observe(quant, i, tensor_data(observer, &tensor), cli->diag);
    }
    if (status == WEFT_OK)
        weft_quant_add_sample(quant);
    return status;
}

weft_status weft_cli_calibrate(weft_cli *cli, weft_quant *quant, const weft_cli_runner *observer,
                               const weft_cli_samples *samples, const char *resume)
{
    size_t first = weft_quant_samples(quant);
    progress p = begin(cli, WEFT_CLI_QUANTIZE_CALIBRATE, "calibrate", first, samples->count);
    uint64_t saved_ns = weft_cli_now_ns();
    weft_status status = WEFT_OK;
    for (size_t i = first; status == WEFT_OK && i < samples->count; i++) {
        status = fill_inputs(cli, observer, samples, i);
        if (status == WEFT_OK)
            status = weft_request_run(observer->engine.request, 0, cli->diag);
        if (status == WEFT_OK)
            status = observe_sample(cli, quant, observer);
        bool is_due = i + 1 == samples->count || weft_cli_now_ns() - saved_ns > save_interval_ns;
        if (status == WEFT_OK && resume != NULL && is_due) {
            status = weft_quant_save(quant, resume, cli->diag);
            saved_ns = weft_cli_now_ns();
        }
        show(&p, i + 1);
    }
    return status;
}

weft_status weft_cli_measure(weft_cli *cli, weft_quant *quant, const weft_cli_runner *observer,
                             const weft_cli_runner *checker, const weft_cli_samples *samples,
                             size_t first, size_t count)
{
    progress p = begin(cli, WEFT_CLI_QUANTIZE_MEASURE, "measure", 0, count);
    weft_status status = WEFT_OK;
    for (size_t i = 0; status == WEFT_OK && i < count; i++) {
        const weft_cli_runner *const both[] = {observer, checker};
        for (size_t k = 0; status == WEFT_OK && k < 2; k++) {
            status = fill_inputs(cli, both[k], samples, first + i);
            if (status == WEFT_OK)
                status = weft_request_run(both[k]->engine.request, 0, cli->diag);
        }
        for (size_t k = 0; status == WEFT_OK && k < weft_quant_tensor_count(quant); k++) {
            weft_quant_tensor tensor;
            weft_quant_get_tensor(quant, k, &tensor);
            if (tensor.output >= 0)
                weft_quant_compare(quant, k, tensor_data(observer, &tensor),
                                   tensor_data(checker, &tensor));
        }
        show(&p, i + 1);
    }
    return status;
}
