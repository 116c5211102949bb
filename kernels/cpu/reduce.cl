/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions and softmax, f32. The tensor is seen as [outer][count][inner]; the caller merges axes so.
 *   weft_reduce   y[outer][inner] = finish(reduction over count of x), global {outer, blocks of inner}
 *   weft_softmax  over count, the same global size
 * Work-group size 1. Sums run in the order of memory, lane by lane, so the same shape gives the same bits. */

#define RED_SUM 0 /* times scale: the mean with scale = 1 / count */
#define RED_MAX 1
#define RED_MIN 2
#define RED_PROD 3
#define RED_SUM_ABS 4
#define RED_SUM_SQUARE 5
#define RED_L2 6

INLINE float reduce_start(const int op)
{
    return op == RED_MAX ? -INFINITY : op == RED_MIN ? INFINITY : op == RED_PROD ? 1.0f : 0.0f;
}

INLINE fv reduce_step(const fv acc, const fv x, const int op)
{
    switch (op) {
    case RED_MAX: return larger(x, acc);
    case RED_MIN: return smaller(x, acc);
    case RED_PROD: return acc * x;
    case RED_SUM_ABS: return acc + fabs(x);
    case RED_SUM_SQUARE:
    case RED_L2: return fma(x, x, acc);
    default: return acc + x;
    }
}

/* Folds two partial results (x already mapped). */
INLINE float reduce_join(const float a, const float b, const int op)
{
    if (op == RED_MAX)
        return a > b || isnan(a) ? a : b;
    if (op == RED_MIN)
        return a < b || isnan(a) ? a : b;
    return op == RED_PROD ? a * b : a + b;
}

__kernel void weft_reduce(__global const float *restrict x, __global float *restrict y, const int op, const float scale,
                          const int count, const int inner, const int block)
{
    __global const float *from = x + (int)get_global_id(0) * count * inner;
    __global float *to = y + (int)get_global_id(0) * inner;
    if (inner == 1) {
        fv acc = (fv)(reduce_start(op));
        int i = 0;
        for (; i + WEFT_VW <= count; i += WEFT_VW)
            acc = reduce_step(acc, LOADV(from + i), op);
        float lane[WEFT_VW];
        STOREV(acc, lane);
        float all = reduce_start(op);
        for (int l = 0; l < WEFT_VW; l++)
            all = reduce_join(all, lane[l], op);
        for (; i < count; i++) {
            const float e = from[i];
            const float mapped = op == RED_SUM_ABS ? fabs(e) : op == RED_SUM_SQUARE || op == RED_L2 ? e * e : e;
            all = reduce_join(all, mapped, op);
        }
        to[0] = (op == RED_L2 ? sqrt(all) : all) * scale;
        return;
    }
    const int end = min(((int)get_global_id(1) + 1) * block, inner);
    for (int c = (int)get_global_id(1) * block; c < end; c += WEFT_VW) {
        fv acc = (fv)(reduce_start(op));
        for (int i = 0; i < count; i++)
            acc = reduce_step(acc, load_part(from + i * inner + c, end - c), op);
        store_part((op == RED_L2 ? sqrt(acc) : acc) * scale, to + c, end - c);
    }
}

INLINE void softmax_row(__global const float *from, __global float *to, const int count, const int is_log)
{
    float top = from[0];
    for (int i = 1; i < count; i++)
        top = fmax(top, from[i]);
    float sum = 0.0f;
    for (int i = 0; i < count; i += WEFT_VW) {
        float lane[WEFT_VW];
        STOREV(exp_v(load_part(from + i, count - i) - top), lane);
        for (int l = 0; l < WEFT_VW && i + l < count; l++)
            sum += lane[l];
    }
    const float log_sum = log(sum);
    for (int i = 0; i < count; i += WEFT_VW) {
        const fv v = load_part(from + i, count - i) - top;
        store_part(is_log ? v - log_sum : exp_v(v) / sum, to + i, count - i);
    }
}

/* The maximum may drop a NaN: the sum then has it. */
__kernel void weft_softmax(__global const float *restrict x, __global float *restrict y, const int count, const int inner,
                           const int is_log, const int block)
{
    __global const float *from = x + (int)get_global_id(0) * count * inner;
    __global float *to = y + (int)get_global_id(0) * count * inner;
    if (inner == 1) {
        softmax_row(from, to, count, is_log);
        return;
    }
    const int end = min(((int)get_global_id(1) + 1) * block, inner);
    for (int c = (int)get_global_id(1) * block; c < end; c += WEFT_VW) {
        const int left = end - c;
        fv top = load_part(from + c, left);
        for (int i = 1; i < count; i++)
            top = fmax(top, load_part(from + i * inner + c, left));
        fv sum = (fv)(0.0f);
        for (int i = 0; i < count; i++)
            sum += exp_v(load_part(from + i * inner + c, left) - top);
        const fv log_sum = log(sum);
        for (int i = 0; i < count; i++) {
            const fv v = load_part(from + i * inner + c, left) - top;
            store_part(is_log ? v - log_sum : exp_v(v) / sum, to + i * inner + c, left);
        }
    }
}
