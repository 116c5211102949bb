/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged descriptors: see engine_fuzz_pass in engine_case.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernels/fpga/check.h"
#include "tests/fpga/engine_case.h"

static int32_t word(const struct engine_case *c, int index)
{
    return (int32_t)c->program[index];
}

/* Loop iterations of a descriptor that was accepted, roughly; damaged sizes may be large. */
static double work_of(const struct engine_case *c)
{
    int kind = word(c, WEFT_D_KIND);
    double work = 1;
    if (!weft_engine_has_tiles(kind))
        for (int i = 0; i < WEFT_D_DIMS; i++)
            work *= word(c, WEFT_D_SIZES + i);
    else
        for (int i = WEFT_D_BATCH; i <= WEFT_D_KERNEL_WIDTH; i++)
            work *= i == WEFT_D_IN_HEIGHT || i == WEFT_D_IN_WIDTH ? 1 : word(c, i);
    if (kind == WEFT_KIND_MATMUL)
        work *= word(c, WEFT_D_HEADS);
    return work;
}

static void damage(draw *d, struct engine_case *c)
{
    for (int64_t n = draw_in(d, 1, 3); n > 0; n--) {
        int64_t at = draw_in(d, WEFT_D_FLAGS, WEFT_D_WORDS - 1);
        switch (draw_in(d, 0, 3)) {
        case 0: c->program[at] += (uint32_t)draw_in(d, -2, 2); break;
        case 1: c->program[at] *= 2; break;
        case 2: c->program[at] = (uint32_t)draw_edgy(d, -300, 300); break;
        default: c->program[at] = (uint32_t)draw_edgy(d, INT32_MIN, INT32_MAX); break;
        }
    }
}

int engine_fuzz_pass(engine_run *run, void *context, const weft_engine_params *params, int count)
{
    enum { WORK_MAX = 1000000 };
    int executed = 0, refused = 0;
    for (int kind = WEFT_KIND_CONV; kind < WEFT_KIND_COUNT; kind++) {
        draw d = {.state = 1000 + (uint64_t)kind};
        for (int i = 0; i < count && weft_engine_has_kind(params, kind); i++) {
            struct engine_case c;
            engine_case_make(&d, kind, params, &c);
            const weft_descriptor_memory memory = {c.weights, c.weights_bytes, c.arena_bytes};
            const char *wrong = weft_descriptor_check(c.program, params, &memory);
            if (wrong != NULL) {
                fprintf(stderr, "kind %d, case %d: refused: %s\n", kind, i, wrong);
                engine_case_free(&c);
                return 0;
            }
            damage(&d, &c);
            if (weft_descriptor_check(c.program, params, &memory) != NULL) {
                refused++;
            } else if (work_of(&c) < WORK_MAX) {
                run(context, &c);
                executed++;
            }
            engine_case_free(&c);
        }
    }
    printf("damaged descriptors: %d refused, %d executed\n", refused, executed);
    return refused > count && executed > count;
}
