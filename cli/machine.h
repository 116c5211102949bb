/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine and this process are: memory, CPU, folders. Must not know about: packages,
 * devices. */
#ifndef WEFT_CLI_MACHINE_H
#define WEFT_CLI_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weft_cli_process_memory {
    uint64_t now_bytes, peak_bytes; /* VmRSS, VmHWM; 0 when the system does not say */
} weft_cli_process_memory;
weft_cli_process_memory weft_cli_process_memory_get(void);

typedef struct weft_cli_machine {
    char cpu[128];      /* model name; "" when unknown */
    char features[128]; /* those of avx, avx2, fma, avx512f, avx512_vnni, ... that it has */
    long cores;
    uint64_t memory_bytes, available_bytes;
} weft_cli_machine;
void weft_cli_machine_get(weft_cli_machine *out_machine);

/* The folder where compiled kernels are kept when nothing else is said; release with free; NULL
 * when there is no home. */
char *weft_cli_default_cache_dir(void);
/* Whether a file could be made in the folder or in its nearest existing ancestor. */
bool weft_cli_folder_is_writable(const char *path);

#endif
