/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation of rows as a step of its own. One work-item takes `block` rows. Global {blocks, 1}, work-group size 1. Arguments:
 * README.md. */

__kernel void weft_qlayer_norm(__global const uchar *restrict x, __global const int *restrict gamma,
                               __global const int *restrict beta, __global uchar *restrict y, const int is_signed,
                               const int rows, const int count, const int block, const int epsilon_high,
                               const int epsilon_low, const int beta_shift, const int shift, const int zero,
                               const int low, const int high, const float margin)
{
    const long epsilon = ((long)epsilon_high << 32) | (uint)epsilon_low;
    const uchar flip = FLIP(is_signed);
    struct norm_form f;
    make_norm_form(beta_shift, shift, zero, low, high, margin, &f);
    const int end = min(((int)get_global_id(0) + 1) * block, rows), whole = count / WEFT_VW * WEFT_VW;
    for (int r = (int)get_global_id(0) * block; r < end; r++) {
        __global const uchar *from = x + r * count;
        __global uchar *to = y + r * count;
        struct row_numbers row;
        norm_row(from, flip, count, epsilon, &row);
        for (int i = 0; i < whole; i += WEFT_VW) {
            const iv v = __builtin_convertvector(*(__global const bytes_v *)(from + i) ^ flip, iv);
            *(__global bytes_v *)(to + i) = __builtin_convertvector(norm_v(v, gamma + i, beta + i, WEFT_VW, &row, &f), bytes_v);
        }
        if (whole < count)
            store_bytes(norm_v(load_row(from + whole, flip, count - whole), gamma + whole, beta + whole, count - whole, &row, &f),
                        to + whole, count - whole);
    }
}
