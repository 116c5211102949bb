/* SPDX-License-Identifier: Apache-2.0 */
/* Weights in the order in which the CPU kernels of this folder stream them. The compiler calls this
 * at compile time; kernels/cpu/README.md draws the layouts. Knows nothing of graphs, packages or
 * OpenCL.
 *
 * nr is the panel width, WEFT_VW * WEFT_NV of the device. Sizes are counts of floats; a size
 * function returns 0 when a dimension is not positive or the count does not fit, and then nothing
 * may be packed. All functions are pure and may run in several threads at once. */
#ifndef WEFT_KERNELS_CPU_PACK_H
#define WEFT_KERNELS_CPU_PACK_H

#include <stddef.h>

/* weft_conv: source [oc][kh][kw][ic], as weft.Conv2D has it. In front of the panels stands a zero
 * vector as long as one of the kernel's rows (ic, or taps * ic when is_gathered: rows gathered by
 * im2col), rounded up to 16. */
size_t weft_pack_conv_elems(int oc, int ic, int kh, int kw, int nr, int is_gathered);
void weft_pack_conv(float *out, const float *ohwi, int oc, int ic, int kh, int kw, int nr,
                    int is_gathered);

/* weft_winograd: source [oc][3][3][ic]; m is 2 or 4, the side of the output tile. A zero vector
 * of ic floats, rounded up to 16, stands in front. */
size_t weft_pack_winograd_elems(int oc, int ic, int m, int nr);
void weft_pack_winograd(float *out, const float *ohwi, int oc, int ic, int m, int nr);

/* weft_linear, weft_se_gate: source [oc][k] row-major (is_transposed 0) or [k][oc] (1). */
size_t weft_pack_linear_elems(int oc, int k, int nr);
void weft_pack_linear(float *out, const float *source, int oc, int k, int nr, int is_transposed);

/* Bias of every family: oc floats, then zeros up to a multiple of nr. source may be NULL (all
 * zeros). */
size_t weft_pack_bias_elems(int oc, int nr);
void weft_pack_bias(float *out, const float *source, int oc, int nr);

/* weft_depthwise: source [oc][kh][kw][ic / groups]; out [kh][kw][ic / groups][oc rounded up to nr].
 */
size_t weft_pack_depthwise_elems(int oc, int ic_per_group, int kh, int kw, int nr);
void weft_pack_depthwise(float *out, const float *source, int oc, int ic_per_group, int kh, int kw,
                         int nr);

#endif
