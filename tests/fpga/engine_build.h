/* SPDX-License-Identifier: Apache-2.0 */
/* Printed engines made ready to run: texts, files in a temporary folder, and the HLS C compiled by
 * a C compiler of the machine, as a shared object or as a program of its own with sanitizers. Knows
 * nothing of what the engine computes. */
#ifndef WEFT_TESTS_FPGA_ENGINE_BUILD_H
#define WEFT_TESTS_FPGA_ENGINE_BUILD_H

#include "compiler/codegen/engine_print.h"

typedef void weft_engine_call(const uint32_t *program, const uint64_t *weights,
                              const uint64_t *source, const uint64_t *second, uint64_t *target,
                              uint32_t count);

struct engine_library {
    char folder[64]; /* temporary, removed by close */
    void *handle;
    weft_engine_call *call;
};

/* What the printed C must pass without a message. */
#define ENGINE_CFLAGS "-std=c99 -O1 -Wall -Wextra -Wpedantic -Werror"

/* Whether the shell finds this program. */
int engine_has_compiler(const char *cc);

/* Prints the engine as HLS C, compiles it with `cc` ENGINE_CFLAGS and `flags`, loads it. 1 when it
 * worked. */
int engine_library_open(const char *cc, const char *flags, const weft_engine_params *params,
                        struct engine_library *out_library);
void engine_library_close(struct engine_library *library);

/* Compiles the engine and the cases into one program with address and undefined-behaviour
 * sanitizers and runs `count` cases of each kind in it; 1 when it ends well. */
int engine_run_sanitized(const char *cc, const weft_engine_params *params, int count);

#endif
