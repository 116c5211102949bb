/* SPDX-License-Identifier: Apache-2.0 */
/* Weights, biases and ratios of integer convolutions in the order in which the CPU kernels of this
 * folder stream them; kernels/cpu/README.md draws the layouts. Knows nothing of graphs, packages or
 * OpenCL.
 *
 * nr is the panel width, 2 * WEFT_VW; dot is WEFT_DOT, the products per lane and step. Size
 * functions count elements and return 0 when a dimension is not positive or the count does not fit:
 * then nothing may be packed. All functions are pure and may run in several threads at once. */
#ifndef WEFT_KERNELS_CPU_QPACK_H
#define WEFT_KERNELS_CPU_QPACK_H

#include <stddef.h>
#include <stdint.h>

/* weft_qconv: source [oc][kh][kw][ic], as weft.QConv2D has it; out [ceil(oc / nr)][k /
 * dot][nr][dot] bytes. k counts taps of ic channels rounded up to dot each, or rows of taps * ic
 * rounded up as a whole when is_gathered. What is rounded up is 0. */
size_t weft_qpack_conv_bytes(int oc, int ic, int kh, int kw, int nr, int dot, int is_gathered);
void weft_qpack_conv(int8_t *out, const int8_t *ohwi, int oc, int ic, int kh, int kw, int nr,
                     int dot, int is_gathered);

/* weft_qwinograd2, 4: source [oc][3][3][ic]; m is 2 or 4; out [ceil(oc / nr)][(m + 2)^2][ic /
 * 2][nr][2], elements of 16 bits. The kernels are exact while no sum without bias exceeds
 * WEFT_QWINOGRAD<m>_SUM_MAX. */
#define WEFT_QWINOGRAD2_SUM_MAX ((1 << 29) - 1)
#define WEFT_QWINOGRAD4_SUM_MAX ((1 << 25) - 1)
size_t weft_qpack_winograd_elems(int oc, int ic, int m, int nr);
void weft_qpack_winograd(int16_t *out, const int8_t *ohwi, int oc, int ic, int m, int nr);

/* A bound of |sum of (x - zero) * w| over all channels of k weights each and all x. */
int64_t weft_qpack_sum_bound(const int8_t *ohwi, int oc, size_t k);

/* Per output channel, zeros up to a multiple of nr. The bias of WEFT_DOT 4 takes off what the zero
 * point adds to the sums: x_zero is that of the u8 form of x (s8 + 128), k the weights per channel;
 * x_zero = 0 leaves the bias as it is. bias may be NULL. */
size_t weft_qpack_channel_elems(int oc, int nr);
void weft_qpack_bias(int32_t *out, const int32_t *bias, const int8_t *ohwi, int oc, size_t k,
                     int nr, int x_zero);
/* mult / 2^shift as a double, at most 2^19: there every sum but 0 leaves the range of 8 bits. */
void weft_qpack_ratio(double *out, const int32_t *mult, const int32_t *shift, int oc, int nr);

/* By how much a result of weft_qlayer_norm made in float and the rule's can differ, in units of the
 * result, where they are within +-512; gamma and beta: the largest absolute numbers of the layer.
 * At most 0.5, which leaves every element to the rule. */
double weft_qnorm_margin(double gamma, double beta, int beta_shift, int shift);

#endif
