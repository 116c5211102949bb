/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's npy files, versions 1.0, 2.0 and 3.0.
 *
 *   0   6   "\x93NUMPY"
 *   6   2   u8 major, u8 minor version
 *   8   2|4 header length: u16 in version 1, u32 in 2 and 3, little-endian
 *   ..      header: a Python dictionary with 'descr', 'fortran_order', 'shape', padded with spaces,
 * ends with a newline
 *   ..      the elements
 *
 * Must not know about: models, inputs. */
#ifndef WEFT_CLI_NPY_H
#define WEFT_CLI_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "cli/errors.h"

enum { WEFT_NPY_MAX_RANK = 8 };

typedef struct weft_npy {
    const char *dtype; /* weft's name, "f32"; static */
    int rank;
    int64_t dims[WEFT_NPY_MAX_RANK];
    size_t data_bytes;
    void *data; /* row-major, in this machine's byte order; owned */
} weft_npy;

/* Reads from bytes; name is for messages. Allocates no more than the file holds. Errors: CLI_NPY_*.
 */
weft_status weft_npy_parse(const char *name, const uint8_t *bytes, size_t size_bytes,
                           weft_cli_errors *errors, weft_npy *out_npy);
weft_status weft_npy_read(const char *path, weft_cli_errors *errors, weft_npy *out_npy);
/* NumPy's name of a dtype ("f32" is "float32"); for messages. */
const char *weft_npy_numpy_name(const char *dtype);
void weft_npy_finish(weft_npy *npy);

/* Writes version 1.0, row-major; dtype is weft's name. */
weft_status weft_npy_write(const char *path, const char *dtype, int rank, const int64_t *dims,
                           const void *data, weft_cli_errors *errors);

#endif
