/* SPDX-License-Identifier: Apache-2.0 */
/* Example inputs for calibration, one after the other: --data as a folder of pictures and npy
 * files, one npy file of many samples, or seeded random numbers. A sample fills all inputs of the
 * model once. Must not know about: sessions, quantisation. */
#ifndef WEFT_CLI_SAMPLES_H
#define WEFT_CLI_SAMPLES_H

#include "cli/cli.h"
#include "cli/npy.h"
#include "weft/package.h"

typedef struct weft_cli_samples {
    char *name; /* what the data is, without the path before it: part of a calibration's key */
    size_t available; /* samples; SIZE_MAX for random ones */
    size_t count;     /* of them, by --count or by default */
    uint64_t seed;    /* random */
    char *folder;     /* DIR with its files in order of name */
    char **files;
    size_t file_count;
    weft_npy npy; /* of one file for all */
} weft_cli_samples;

/* Reads --data and --count; what does not fit the inputs is an error. inputs: input_count of them,
 * borrowed. */
weft_status weft_cli_samples_open(weft_cli *cli, const weft_tensor_info *inputs, size_t input_count,
                                  weft_cli_samples *out_samples);
/* Fills out with input `input` of sample `index`. */
weft_status weft_cli_samples_get(weft_cli *cli, const weft_cli_samples *samples, size_t index,
                                 const weft_tensor_info *tensor, size_t input, void *out);
void weft_cli_samples_finish(weft_cli_samples *samples);

#endif
