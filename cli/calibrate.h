/* SPDX-License-Identifier: Apache-2.0 */
/* Running the models of a quantisation: the observer over the calibration data, then observer and
 * quantised model side by side. Must not know about: what is printed at the end. */
#ifndef WEFT_CLI_CALIBRATE_H
#define WEFT_CLI_CALIBRATE_H

#include "cli/engine.h"
#include "cli/samples.h"
#include "weft/compiler.h"
#include "weft/quantize.h"

/* Stages of weft quantize, for its progress line. */
enum {
    WEFT_CLI_QUANTIZE_PREPARE = 1,
    WEFT_CLI_QUANTIZE_CALIBRATE,
    WEFT_CLI_QUANTIZE_CHOOSE,
    WEFT_CLI_QUANTIZE_MEASURE,
    WEFT_CLI_QUANTIZE_STAGES = WEFT_CLI_QUANTIZE_MEASURE
};

/* A model of a quantisation that runs. */
typedef struct weft_cli_runner {
    weft_package *package;
    weft_cli_engine engine;
} weft_cli_runner;

/* Compiles the model to a package that only this process sees, and loads it. */
weft_status weft_cli_runner_create(weft_cli *cli, weft_model *model, weft_cli_runner *out_runner);
void weft_cli_runner_finish(weft_cli_runner *runner);

/* Observes samples from where the quant stands up to samples->count; with resume, a path, saves the
 * statistics now and then and at the end. */
weft_status weft_cli_calibrate(weft_cli *cli, weft_quant *quant, const weft_cli_runner *observer,
                               const weft_cli_samples *samples, const char *resume);

/* Compares observer and checker on `count` samples from sample `first` on. */
weft_status weft_cli_measure(weft_cli *cli, weft_quant *quant, const weft_cli_runner *observer,
                             const weft_cli_runner *checker, const weft_cli_samples *samples,
                             size_t first, size_t count);

#endif
