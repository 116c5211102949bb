/* SPDX-License-Identifier: Apache-2.0 */
/* Roofline per step: the time the target's peak or its memory would need, whichever is longer.
 * Williams, Waterman and Patterson, "Roofline: an insightful visual performance model", 2009. A
 * model; every table that shows it says so. */
#include "compiler/plan/internal.h"

/* Activations of up to half the last-level cache are taken to stay there between steps: they cost a
 * tenth of a memory access. */
static const double CACHED_SHARE = 0.1;

/* Operations that are multiply-adds of 8-bit values, or of the 16-bit ones that Winograd makes of
 * them. Everything else counts as f32, which has as many lanes as s32. */
static double product_ops(const weft_node *node, const weft_step *step)
{
    double products = 2.0 * (double)step->cost.macs, all = (double)step->cost.flops;
    return node->op != WEFT_OP_QConv2D ? 0.0 : products < all ? products : all;
}

void weft__plan_cost(const schedule_state *state, const weft_node *node, weft_step *step)
{
    const weft_target *target = state->planner->target;
    weft_op_cost cost = weft_node_cost(node);
    step->cost.macs = cost.macs;
    if (step->cost.flops == 0)
        step->cost.flops = cost.flops;
    step->cost.weight_bytes = cost.weight_bytes;
    step->cost.input_bytes = cost.input_bytes;
    step->cost.output_bytes = cost.output_bytes;
    double products = product_ops(node, step);
    double compute_ns = (products / target->peak_gops +
                         ((double)step->cost.flops - products) / target->peak_gflops) /
                        state->planner->threads;
    double activations = (double)(cost.input_bytes + cost.output_bytes);
    if (activations < (double)target->l3_bytes / 2)
        activations *= CACHED_SHARE;
    double memory_ns = ((double)cost.weight_bytes + activations) / target->memory_gbytes;
    step->cost.ideal_ns = compute_ns > memory_ns ? compute_ns : memory_ns;
    step->cost.bound = compute_ns > memory_ns ? WEFT_BOUND_COMPUTE : WEFT_BOUND_MEMORY;
    if (step->cost.ideal_ns < target->launch_ns)
        step->cost.bound = WEFT_BOUND_LAUNCH;
}

struct weft_cpu_device weft__plan_device(const planner *shared)
{
    const weft_target *target = shared->target;
    return (struct weft_cpu_device){.vector_width = target->vector_floats,
                                    .threads = shared->threads,
                                    .l1_bytes = (size_t)target->l1_bytes,
                                    .l2_bytes = (size_t)target->l2_bytes,
                                    .local_bytes = (size_t)target->local_bytes,
                                    .peak_flops = target->peak_gflops * 1e9 * shared->threads,
                                    .memory_bytes_per_s = target->memory_gbytes * 1e9,
                                    .is_exact = shared->is_deep};
}
