/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bytes of an input come from: npy and picture files, and generators.
 * Must not know about: packages, schedules. */
#ifndef WEFT_CLI_INPUT_DATA_H
#define WEFT_CLI_INPUT_DATA_H

#include "cli/cli.h"
#include "cli/image.h"
#include "cli/npy.h"
#include "weft/package.h"

typedef enum weft_cli_file_kind {
    WEFT_CLI_FILE_NONE,
    WEFT_CLI_FILE_NPY,
    WEFT_CLI_FILE_IMAGE
} weft_cli_file_kind;

/* A data file, recognised by its first bytes. */
typedef struct weft_cli_file_data {
    weft_cli_file_kind kind;
    weft_npy npy;
    weft_image image;
} weft_cli_file_data;

weft_status weft_cli_file_data_read(const char *path, weft_cli_errors *errors,
                                    weft_cli_file_data *out_data);
void weft_cli_file_data_finish(weft_cli_file_data *data);

/* Resamples, crops and normalises a picture by --crop, --mean and --std into an f32 tensor,
 * channels first or last by which dimension is 3; every image of the batch gets the same. */
weft_status weft_cli_input_from_image(weft_cli *cli, const char *path, const weft_image *image,
                                      const weft_tensor_info *tensor, void *out);

/* "random", "random:SEED", "zeros", "ones". Random floats are normal(0, 1), integers -4 to 4
 * (unsigned 0 to 8), bools 0 or 1. */
weft_status weft_cli_input_generate(weft_cli *cli, const char *what, uint64_t seed,
                                    const weft_tensor_info *tensor, void *out);

#endif
