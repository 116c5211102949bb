/* SPDX-License-Identifier: Apache-2.0 */
/* PoCL's cache folder, without which PoCL offers no device. Must not know about: packages. */
#ifndef WEFT_CLI_POCL_H
#define WEFT_CLI_POCL_H

#include "cli/cli.h"

/* Where PoCL keeps the kernels it compiled; release with free; NULL when nothing names a folder. */
char *weft_cli_pocl_cache_dir(void);

/* To be called before the first use of OpenCL. When that folder cannot be made or written to,
 * points POCL_CACHE_DIR to a new temporary one, which is removed when the process exits. */
void weft_cli_pocl_prepare(weft_cli *cli);

#endif
