/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of steps that memory bandwidth bounds (squeeze-excite, classifier) are fetched ahead by
 * convolutions that compute.
 *
 * A matrix-vector product uses each weight once; at batch 1 it waits for memory while the cores
 * idle, and the convolutions around it leave memory idle while the cores work. weft_conv with rows
 * in place, and weft_qconv, can fetch so many lines of another blob into the last-level cache as
 * they go (kernels/cpu/README.md). Each such step gets one convolution before it as its fetcher:
 * the nearest that has none to serve yet and that lies within a few steps, so that what was fetched
 * is still there. */
#include <string.h>

#include "compiler/plan/internal.h"

/* Places in weft_conv's argument list. */
enum { ARG_SCRATCH = 7, ARG_GATHER = 33, ARG_LINES = 34 };
/* Places in weft_qconv's. */
enum { QARG_LATER = 8, QARG_SEGMENT_ROWS = 27, QARG_BLOCKS = 29, QARG_LINES = 38 };
enum { ARG_WEIGHTS = 1 /* of weft_linear, weft_se_gate and weft_qconv */ };
/* Rows up to which a product with a matrix of 8 bits waits for the matrix. */
enum { FEW_ROWS = 4 };
enum { LINE_BYTES = 64, LEAST_BYTES = 65536, MOST_STEPS_BACK = 6 };

static const char *kernel_of(const schedule_state *state, const weft_step *step)
{
    weft_program *programs = NULL;
    weft_program_set_get(state->planner->programs, &programs);
    const weft_launch *launch = &step->launches[0];
    return programs[launch->program].kernels[launch->kernel];
}

static uint64_t q_rows(const weft_launch *launch)
{
    uint64_t segments = launch->global[0] / (uint64_t)launch->args[QARG_BLOCKS].i;
    return segments * (uint64_t)launch->args[QARG_SEGMENT_ROWS].i;
}

static bool is_reader(const char *kernel, const weft_launch *launch)
{
    return strcmp(kernel, "weft_linear") == 0 || strcmp(kernel, "weft_se_gate") == 0 ||
           (strcmp(kernel, "weft_qconv") == 0 && q_rows(launch) <= FEW_ROWS);
}

/* Gives the step the lines of the blob to fetch; false when it cannot or fetches others already. */
static bool fetch_with(const schedule_state *state, weft_step *step, int32_t blob, uint64_t bytes)
{
    if (step->launch_count == 0)
        return false;
    const char *kernel = kernel_of(state, step);
    weft_arg *args = step->launches[0].args;
    bool is_q = strcmp(kernel, "weft_qconv") == 0;
    if (is_q ? q_rows(&step->launches[0]) <= FEW_ROWS
             : strcmp(kernel, "weft_conv") != 0 || step->launch_count != 1 ||
                   args[ARG_GATHER].i != 0)
        return false;
    weft_arg *pointer = &args[is_q ? QARG_LATER : ARG_SCRATCH];
    if (pointer->kind != WEFT_ARG_NULL)
        return false;
    *pointer = (weft_arg){.kind = WEFT_ARG_BLOB, .index = blob};
    args[is_q ? QARG_LINES : ARG_LINES].i = (int32_t)(bytes / LINE_BYTES);
    return true;
}

void weft__plan_prefetch(schedule_state *state)
{
    weft_schedule *out = state->out;
    for (size_t s = 0; s < out->step_count; s++) {
        const weft_step *reader = &out->steps[s];
        if (reader->launch_count == 0 || !is_reader(kernel_of(state, reader), &reader->launches[0]))
            continue;
        int32_t blob = reader->launches[0].args[ARG_WEIGHTS].index;
        uint64_t bytes = state->planner->blobs.data[blob].size_bytes;
        if (bytes < LEAST_BYTES || bytes > (uint64_t)state->planner->target->l3_bytes / 2)
            continue;
        for (size_t back = 1; back <= MOST_STEPS_BACK && back <= s; back++)
            if (fetch_with(state, &out->steps[s - back], blob, bytes))
                break;
    }
}
