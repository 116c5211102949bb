/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule of the integer contract behind one number, for the comparison of compilers: plain C
 * includes this text, OpenCL C gets it after the two headers. A case is 12 integers. Must not know
 * what a right result is. */
#ifndef WEFT_INT_ROWS_H
#include "kernels/include/weft_int_rows.h"
#endif

enum {
    RULE_REQUANTISE,
    RULE_ADD,
    RULE_MULTIPLY,
    RULE_TABLE_INDEX,
    RULE_BYTE,
    RULE_ROUND64,
    RULE_ROUND32,
    RULE_SOFTMAX_FACTOR,
    RULE_SOFTMAX_STAGE,
    RULE_SPREAD,
    RULE_FOURS,
    RULE_ROOT,
    RULE_INVERSE,
    RULE_UNIT,
    RULE_NORM_STAGE,
    RULE_COUNT
};
enum { ROW_AVERAGE, ROW_MAX, ROW_SOFTMAX, ROW_NORM, ROW_COUNT };
enum { RULE_ARGS = 12 };

WEFT_INT_FN weft_s64 rule_wide(const weft_s32 low, const weft_s32 high)
{
    return (weft_s64)high * 4294967296 + (weft_u32)low;
}

WEFT_INT_FN weft_s64 rule_apply(const weft_s32 rule, const WEFT_MEM weft_s32 *a)
{
    const weft_s64 wide = rule_wide(a[0], a[1]);
    switch (rule) {
    case RULE_REQUANTISE: return weft_requantise(a[0], a[1], a[2], a[3], a[4], a[5]);
    case RULE_ADD: return weft_add_stage(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    case RULE_MULTIPLY: return weft_multiply_stage(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    case RULE_TABLE_INDEX: return weft_table_index(a[0], a[1]);
    case RULE_BYTE: return weft_byte_value(weft_byte_of(a[0]), a[1]);
    case RULE_ROUND64: return weft_round_shift64(wide, a[2]);
    case RULE_ROUND32: return weft_round_shift32(a[0], a[1]);
    case RULE_SOFTMAX_FACTOR: return weft_softmax_factor(wide, a[2]);
    case RULE_SOFTMAX_STAGE:
        return weft_softmax_stage((weft_u32)a[2], wide, a[3], a[4], a[5], a[6]);
    case RULE_SPREAD: return weft_layer_norm_spread(a[2], a[3], a[4], wide);
    case RULE_FOURS: return weft_spread_fours(wide);
    case RULE_ROOT: return weft_root64(wide);
    case RULE_INVERSE: return weft_inverse_root(wide, a[2]);
    case RULE_UNIT: return weft_layer_norm_unit(a[2], a[3], a[4], wide, a[5]);
    default: return weft_layer_norm_stage(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    }
}

/* a: kind, count, stride, is_signed, mult or epsilon's low half, shift, zero, low, high, epsilon's
 * high half, beta_shift, x_zero. Averages and maxima leave their value in y[0]. */
WEFT_INT_FN void rule_row(const WEFT_MEM weft_s32 *a, const WEFT_MEM weft_u8 *x,
                          WEFT_MEM weft_u8 *y, const WEFT_TABLE weft_u32 *exps,
                          const WEFT_TABLE weft_s32 *gamma, const WEFT_TABLE weft_s32 *beta)
{
    switch (a[0]) {
    case ROW_AVERAGE:
        y[0] = weft_byte_of(weft_requantise(weft_row_sum(x, a[1], a[2], a[3], a[11]), a[4], a[5],
                                            a[6], a[7], a[8]));
        break;
    case ROW_MAX: y[0] = weft_byte_of(weft_row_max(x, a[1], a[2], a[3])); break;
    case ROW_SOFTMAX:
        weft_softmax_row(x, y, a[1], a[2], a[3], exps, a[4], a[5], a[6], a[7], a[8]);
        break;
    default:
        weft_layer_norm_row(x, y, a[1], a[2], a[3], rule_wide(a[4], a[9]), gamma, beta, a[10],
                            a[5], a[6], a[7], a[8]);
        break;
    }
}

#if defined(__OPENCL_VERSION__) || defined(__OPENCL_C_VERSION__)
__kernel void rules(const __global int *cases, __global long *out, const int per_rule)
{
    const int i = (int)get_global_id(0);
    out[i] = rule_apply(i / per_rule, cases + i * RULE_ARGS);
}

/* Rows of 4096 bytes; 64 sets of tables in turn. */
__kernel void rows(const __global int *cases, const __global uchar *x, __global uchar *y,
                   const __global uint *exps, const __global int *gamma, const __global int *beta)
{
    const int i = (int)get_global_id(0), set = i % 64;
    rule_row(cases + i * RULE_ARGS, x + i * WEFT_ROW_MAX, y + i * WEFT_ROW_MAX, exps + set * 256,
             gamma + set * WEFT_ROW_MAX, beta + set * WEFT_ROW_MAX);
}
#endif
