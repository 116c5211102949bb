/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files in, whole files out. Must not know about: formats. */
#ifndef WEFT_CLI_FILE_H
#define WEFT_CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/errors.h"

/* Reads a regular file; *out_data is released with free. Errors: CLI_FILE_READ. */
weft_status weft_cli_file_read(const char *path, weft_cli_errors *errors, uint8_t **out_data,
                               size_t *out_bytes);

/* Writes head and then body to a temporary name beside path and renames: a failed write leaves
 * nothing. Errors: CLI_FILE_WRITE. */
weft_status weft_cli_file_write(const char *path, const void *head, size_t head_bytes,
                                const void *body, size_t body_bytes, weft_cli_errors *errors);

/* Whether both paths lead to the same file; a file that is not there is only itself. */
bool weft_cli_is_same_file(const char *a, const char *b);

#endif
