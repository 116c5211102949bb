/* SPDX-License-Identifier: Apache-2.0 */
/* main ENGINE COUNT: runs the cases through the engine that is linked into this program. Then
 * as many damaged ones. Compiled by engine_run_sanitized; exits with 1 when a case differs. */
#include <stdlib.h>

#include "tests/fpga/engine_case.h"

void weft_engine(const uint32_t *program, const uint64_t *weights, const uint64_t *source,
                 const uint64_t *second, uint64_t *target, uint32_t count);

static void run(void *context, const struct engine_case *c)
{
    (void)context;
    void *arena = c->arena, *weights = c->weights;
    weft_engine(c->program, weights, arena, arena, arena, 2);
}

int main(int argc, char **argv)
{
    const weft_engine_params *params = argc == 3 ? engine_case_engine(argv[1]) : NULL;
    if (params == NULL)
        return 1;
    int count = atoi(argv[2]);
    return engine_cases_pass(run, NULL, params, count) && engine_fuzz_pass(run, NULL, params, count)
               ? 0
               : 1;
}
