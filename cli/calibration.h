/* SPDX-License-Identifier: Apache-2.0 */
/* Example inputs for calibrating a model: a folder of pictures and npy files, an npy file of
 * several samples, or seeded random numbers. Sample i is always the same. Must not know about:
 * statistics, devices. */
#ifndef WEFT_CLI_CALIBRATION_H
#define WEFT_CLI_CALIBRATION_H

#include "cli/cli.h"
#include "cli/input_data.h"

typedef struct weft_cli_calibration {
    const char *what; /* the --data argument */
    bool is_random;
    uint64_t seed;
    char **files; /* of a folder, in the order of their names */
    size_t file_count;
    weft_cli_file_data array; /* of one npy file */
    size_t sample_count;      /* that there are; of random ones: that were asked for */
} weft_cli_calibration;

/* Opens --data; a model with several inputs takes random data only. count: how many random samples,
 * and the most that are taken of others; 0: 64 random ones, all others. */
weft_status weft_cli_calibration_open(weft_cli *cli, const weft_tensor_info *inputs,
                                      size_t input_count, size_t count,
                                      weft_cli_calibration *out_calibration);
/* Fills one input with sample `index`. */
weft_status weft_cli_calibration_read(weft_cli *cli, const weft_cli_calibration *calibration,
                                      size_t index, size_t input, const weft_tensor_info *tensor,
                                      void *out);
void weft_cli_calibration_finish(weft_cli_calibration *calibration);

#endif
