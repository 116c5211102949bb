/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of steps that memory bandwidth bounds (squeeze-excite, classifier) are fetched ahead by
 * convolutions that compute.
 *
 * A matrix-vector product uses each weight once; at batch 1 it waits for memory while the cores
 * idle, and the convolutions around it leave memory idle while the cores work. weft_conv with rows
 * in place can fetch so many lines of another blob into the last-level cache as it goes
 * (kernels/cpu/README.md). Each such step gets one convolution before it as its fetcher: the
 * nearest that has none to serve yet and that lies within a few steps, so that what was fetched is
 * still there. */
#include <string.h>

#include "compiler/plan/internal.h"

/* Places in weft_conv's argument list. */
enum { ARG_SCRATCH = 7, ARG_GATHER = 33, ARG_LINES = 34 };
enum { ARG_WEIGHTS = 1 /* of weft_linear and weft_se_gate */ };
enum { LINE_BYTES = 64, LEAST_BYTES = 65536, MOST_STEPS_BACK = 6 };

static const char *kernel_of(const schedule_state *state, const weft_step *step)
{
    weft_program *programs = NULL;
    weft_program_set_get(state->planner->programs, &programs);
    const weft_launch *launch = &step->launches[0];
    return programs[launch->program].kernels[launch->kernel];
}

static bool can_fetch(const schedule_state *state, const weft_step *step)
{
    if (step->launch_count != 1 || strcmp(kernel_of(state, step), "weft_conv") != 0)
        return false;
    const weft_arg *args = step->launches[0].args;
    return args[ARG_GATHER].i == 0 && args[ARG_SCRATCH].kind == WEFT_ARG_NULL;
}

void weft__plan_prefetch(schedule_state *state)
{
    weft_schedule *out = state->out;
    for (size_t s = 0; s < out->step_count; s++) {
        const weft_step *reader = &out->steps[s];
        const char *kernel = kernel_of(state, reader);
        if (strcmp(kernel, "weft_linear") != 0 && strcmp(kernel, "weft_se_gate") != 0)
            continue;
        int32_t blob = reader->launches[0].args[ARG_WEIGHTS].index;
        uint64_t bytes = state->planner->blobs.data[blob].size_bytes;
        if (bytes < LEAST_BYTES || bytes > (uint64_t)state->planner->target->l3_bytes / 2)
            continue;
        for (size_t back = 1; back <= MOST_STEPS_BACK && back <= s; back++) {
            weft_step *fetcher = &out->steps[s - back];
            if (!can_fetch(state, fetcher))
                continue;
            weft_arg *args = fetcher->launches[0].args;
            args[ARG_SCRATCH] = (weft_arg){.kind = WEFT_ARG_BLOB, .index = blob};
            args[ARG_LINES].i = (int32_t)(bytes / LINE_BYTES);
            break;
        }
    }
}
