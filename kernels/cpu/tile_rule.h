/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernel and which block sizes a convolution gets on a CPU: a small cost model over shape and
 * device data. Pure arithmetic; knows the contract of kernels/cpu/README.md and nothing of graphs,
 * plans or OpenCL. */
#ifndef WEFT_KERNELS_CPU_TILE_RULE_H
#define WEFT_KERNELS_CPU_TILE_RULE_H

#include <stddef.h>

struct weft_cpu_device {
    int vector_width; /* floats per vector: WEFT_VW */
    int threads;
    size_t l1_bytes, l2_bytes; /* per core */
    size_t local_bytes;        /* largest local argument, CL_DEVICE_LOCAL_MEM_SIZE */
    double peak_flops;         /* f32, all threads together */
    double memory_bytes_per_s; /* streaming reads, all threads together */
    int is_exact; /* no F(4x4): its rounding errors are five times those of the other methods */
};

/* Numbers for a device that was not measured: vector width, threads and cache sizes decide, rates
 * are those of a common server core at 3 GHz. */
void weft_cpu_device_init(struct weft_cpu_device *device, int vector_width, int threads);

enum weft_cpu_method { WEFT_CPU_DIRECT, WEFT_CPU_WINOGRAD2, WEFT_CPU_WINOGRAD4 };

struct weft_cpu_conv_shape {
    int n, ic, oh, ow, oc, kh, kw, sh, sw, dh, dw, groups;
    int has_sums;     /* channel sums per image wanted */
    int is_gathered;  /* rows are copied first: pooled, or im2col */
    unsigned methods; /* 1 << weft_cpu_method of those that may be chosen; 0: all */
};

struct weft_cpu_conv_plan {
    enum weft_cpu_method method;
    int pg, groups; /* panels per work-item; second global dimension */
    int blocks, seg_rows, segments;
    int mb, tc, kc;       /* direct */
    int t_block;          /* Winograd */
    size_t local_bytes;   /* Winograd: size of the local argument */
    size_t scratch_elems; /* gathered rows */
    double expected_s;
};

/* MR of the device's programs: 6, or 14 where there are 32 vector registers. */
int weft_cpu_tile_rows(const struct weft_cpu_device *device);

/* The cheapest plan. The shape's numbers must be positive; groups must be 1. When none of the
 * methods fits the shape, expected_s is 0. */
void weft_cpu_conv_choose(const struct weft_cpu_device *device,
                          const struct weft_cpu_conv_shape *shape,
                          struct weft_cpu_conv_plan *out_plan);

/* Panels per work-item of weft_linear, and of weft_se_gate (at most 32) with its pixel blocks. */
int weft_cpu_linear_panels(const struct weft_cpu_device *device, int oc, int k);
void weft_cpu_gate_blocks(const struct weft_cpu_device *device, int k, int oc, int pixels,
                          int *out_pg, int *out_pixels_per_block);

/* Blocks of weft_attention: panels of queries per work-item, keys per chunk, local bytes. `tasks`:
 * heads of all images. */
struct weft_cpu_attention_plan {
    int pg, blocks, kc;
    size_t local_bytes;
};
void weft_cpu_attention_blocks(const struct weft_cpu_device *device, int tasks, int queries,
                               int keys, int depth, int channels,
                               struct weft_cpu_attention_plan *out_plan);

#endif
