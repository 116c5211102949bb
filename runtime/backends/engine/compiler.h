/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's HLS C, compiled by the machine's C compiler into a shared library. */
#ifndef WEFT_RUNTIME_BACKENDS_ENGINE_COMPILER_H
#define WEFT_RUNTIME_BACKENDS_ENGINE_COMPILER_H

#include "compiler/base/arena.h"
#include "compiler/package/schedule.h"

typedef void (*engine_function)(const uint32_t *program, const uint64_t *weights,
                                const uint64_t *source, const uint64_t *second, uint64_t *target,
                                uint32_t count);

/* NULL when a compiler is there; otherwise what to install. */
const char *weft__engine_compiler_why_not(void);

/* A loaded library; NULL library: none. */
typedef struct engine_library {
    void *library;
    engine_function function;
    bool is_from_cache;
} engine_library;

/* The program compiled into a library and loaded, from cache_dir (NULL: a temporary folder that is
 * gone again) when it is there. Errors: HLS_*. */
weft_status weft__engine_library_open(const weft_program *program, const char *cache_dir,
                                      weft_diag *diag, engine_library *out_library);
void weft__engine_library_close(engine_library *library);
/* The library itself, malloc'ed, for another process to load. Errors: HLS_*. */
weft_status weft__engine_library_compile(const weft_program *program, weft_diag *diag,
                                         uint8_t **out_library, size_t *out_bytes);
/* The command that compiles: "gcc -m64". */
const char *weft__engine_compiler_name(weft_arena *arena);

#endif
