/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a built graph as an ONNX file. Weights are generated while the file is written, one tensor
 * at a time, so the memory needed is that of the largest tensor and not of the model. The file
 * appears under its name only when whole. Knows nothing about architectures or the command line.
 */
#ifndef WEFT_MODELS_ONNX_WRITE_H
#define WEFT_MODELS_ONNX_WRITE_H

#include "models/onnx_build.h"

typedef enum weft_write_status {
    WEFT_WRITE_OK,
    WEFT_WRITE_NO_MEMORY,
    WEFT_WRITE_TOO_LARGE,  /* over protobuf's 2 GiB */
    WEFT_WRITE_NOT_A_FILE, /* something that is not a regular file has the name already */
    WEFT_WRITE_NO_CREATE,  /* errno says why, as for the next two */
    WEFT_WRITE_IO,
    WEFT_WRITE_NO_RENAME
} weft_write_status;

/* The graph must be complete, without failure and with weights. On success *out_bytes is the file's
 * size. */
weft_write_status weft_write_onnx(const weft_build *build, const char *producer, const char *path,
                                  uint64_t *out_bytes);

#endif
