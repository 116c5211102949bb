/* SPDX-License-Identifier: Apache-2.0 */
/* weft/compiler.h: the tables, for listings and documentation pages. */
#include <string.h>

#include "compiler/api/model.h"
#include "compiler/codegen/program.h"
#include "compiler/ir/graph.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/target.h"
#include "kernels/fpga/engine.h"
#include "weft/compiler.h"

size_t weft_op_info_count(void)
{
    return WEFT_OP_COUNT - 1; /* row 0 is WEFT_OP_NONE */
}

void weft_op_info_get(size_t index, weft_op_info *out_info)
{
    memset(out_info, 0, sizeof *out_info);
    if (index >= weft_op_info_count())
        return;
    const weft_op_row *row = weft_op_get((weft_op)(index + 1));
    *out_info = (weft_op_info){.name = row->name,
                               .domain = row->domain,
                               .attrs = row->attrs,
                               .doc = row->doc,
                               .since = row->since,
                               .until = row->until,
                               .runs = weft_op_runs_name(row->runs)};
}

size_t weft_pass_info_count(void)
{
    return WEFT_PASS_COUNT;
}

void weft_pass_info_get(size_t index, weft_pass_info *out_info)
{
    memset(out_info, 0, sizeof *out_info);
    const weft_pass_row *row = index < WEFT_PASS_COUNT ? weft_pass_get(index) : NULL;
    if (row != NULL)
        *out_info = (weft_pass_info){row->name, row->doc, row->required};
}

size_t weft_target_info_count(void)
{
    return weft_target_count();
}

void weft_target_info_get(size_t index, weft_target_info *out_info)
{
    memset(out_info, 0, sizeof *out_info);
    const weft_target *target = weft_target_get(index);
    if (target != NULL)
        *out_info = (weft_target_info){.name = target->name,
                                       .doc = target->doc,
                                       .vector_floats = target->vector_floats,
                                       .tile_rows = target->tile_rows,
                                       .tile_columns = 2 * target->vector_floats,
                                       .l1_bytes = target->l1_bytes,
                                       .l2_bytes = target->l2_bytes,
                                       .peak_gflops_per_thread = target->peak_gflops,
                                       .peak_gops_per_thread = target->peak_gops,
                                       .memory_gbytes_per_s = target->memory_gbytes};
}

const char *weft_target_of_this_machine(void)
{
    return weft_target_here()->name;
}

size_t weft_engine_info_count(void)
{
    size_t count = 0;
    while (weft_engines[count].name != NULL)
        count++;
    return count;
}

void weft_engine_info_get(size_t index, weft_engine_info *out_info)
{
    memset(out_info, 0, sizeof *out_info);
    if (index >= weft_engine_info_count())
        return;
    const weft_engine_params *engine = &weft_engines[index];
    *out_info = (weft_engine_info){.name = engine->name,
                                   .doc = engine->doc,
                                   .rows = engine->rows,
                                   .columns = engine->cols,
                                   .simd = engine->simd,
                                   .lanes = engine->lanes,
                                   .storage_bytes = weft_engine_storage_bytes(engine),
                                   .is_default = strcmp(engine->name, WEFT__DEFAULT_ENGINE) == 0};
}

size_t weft_kernel_info_count(void)
{
    return WEFT_KERNEL_COUNT;
}

void weft_kernel_info_get(size_t index, weft_kernel_info *out_info)
{
    memset(out_info, 0, sizeof *out_info);
    if (index < WEFT_KERNEL_COUNT) {
        const weft_kernel_row *row = weft_kernel_get((weft_kernel_family)index);
        *out_info = (weft_kernel_info){row->name, row->doc};
    }
}

size_t weft_error_info_count(void)
{
    return weft_error_row_count();
}

void weft_error_info_get(size_t index, weft_error_info *out_info)
{
    memset(out_info, 0, sizeof *out_info);
    const weft_error_row *row = index < weft_error_row_count() ? weft_error_row_get(index) : NULL;
    if (row != NULL)
        *out_info = (weft_error_info){row->number, row->name, row->title, row->help, row->status};
}
