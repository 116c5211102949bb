/* SPDX-License-Identifier: Apache-2.0 */
/* Picking and mixing along one axis by tables that the compiler made: gathering by constant indices, and resizing, one axis after the
 * other. The tensor is seen as x[outer][axis][inner]; the tables stay below `axis`.
 *   weft_gather    y[o][i][c] = x[o][source[i]][c]; elements of 4 bytes, whatever they mean; weft_gather_bytes: of one byte
 *   weft_resample  y[o][i][c] = sum over t of weight[i][t] * x[o][source[i][t]][c], f32; a weight of 0 reads nothing
 * i runs over `count`. Global {outer, ceil(count / block)}, work-group size 1. */

__kernel void weft_gather(__global const float *restrict x, __global const int *restrict source, __global float *restrict y,
                          const int axis, const int count, const int inner, const int block)
{
    __global const float *from = x + (int)get_global_id(0) * axis * inner;
    __global float *to = y + (int)get_global_id(0) * count * inner;
    const int end = min(((int)get_global_id(1) + 1) * block, count);
    if (inner < WEFT_VW) {
        for (int i = (int)get_global_id(1) * block; i < end; i++)
            for (int c = 0; c < inner; c++)
                to[i * inner + c] = from[source[i] * inner + c];
        return;
    }
    for (int i = (int)get_global_id(1) * block; i < end; i++)
        for (int c = 0; c < inner; c += WEFT_VW)
            store_part(load_part(from + source[i] * inner + c, inner - c), to + i * inner + c, inner - c);
}

__kernel void weft_gather_bytes(__global const uchar *restrict x, __global const int *restrict source,
                                __global uchar *restrict y, const int axis, const int count, const int inner,
                                const int block)
{
    __global const uchar *from = x + (int)get_global_id(0) * axis * inner;
    __global uchar *to = y + (int)get_global_id(0) * count * inner;
    const int end = min(((int)get_global_id(1) + 1) * block, count);
    if (inner == 1) {
        for (int i = (int)get_global_id(1) * block; i < end; i++)
            to[i] = from[source[i]];
        return;
    }
    for (int i = (int)get_global_id(1) * block; i < end; i++)
        for (int c = 0; c < inner; c++)
            to[i * inner + c] = from[source[i] * inner + c];
}

__kernel void weft_resample(__global const float *restrict x, __global const int *restrict source,
                            __global const float *restrict weight, __global float *restrict y, const int axis,
                            const int count, const int inner, const int taps, const int block)
{
    __global const float *from = x + (int)get_global_id(0) * axis * inner;
    __global float *to = y + (int)get_global_id(0) * count * inner;
    const int end = min(((int)get_global_id(1) + 1) * block, count);
    for (int i = (int)get_global_id(1) * block; i < end; i++) {
        if (inner == 1) {
            float sum = 0.0f;
            for (int t = i * taps; t < (i + 1) * taps; t++)
                if (weight[t] != 0.0f)
                    sum += weight[t] * from[source[t]];
            to[i] = sum;
            continue;
        }
        for (int c = 0; c < inner; c += WEFT_VW) {
            fv sum = (fv)(0.0f);
            for (int t = i * taps; t < (i + 1) * taps; t++)
                if (weight[t] != 0.0f)
                    sum += weight[t] * load_part(from + source[t] * inner + c, inner - c);
            store_part(sum, to + i * inner + c, inner - c);
        }
    }
}
