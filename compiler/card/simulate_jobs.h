/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of a descriptor do, for the simulation: windows (CONV, GROUPED, POOL, MATMUL)
 * and streams. Each sets up the processes of a flow; the job lives as long as the flow. Must not
 * know about: time, memory. */
#ifndef WEFT_CARD_SIMULATE_JOBS_H
#define WEFT_CARD_SIMULATE_JOBS_H

#include "compiler/card/simulate_flow.h"

typedef struct sim_window_job {
    const weft_engine_params *params;
    int64_t kind, flags, batch, in_height, in_width, in_channels, out_width, pixels, out_channels;
    int64_t kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
    int64_t x, x_image, x_row, x_pixel, x_channel, y, y_image, y_pixel, b, b_image, b_pixel;
    int64_t weights, bias, mult, shift, mean;
    int64_t tile_pixels, tile_channels, tile_depth, group_inputs, group_outputs;
    int64_t depth; /* elements of a filter; POOL: taps */
    int64_t pieces, pixel_tiles, channel_tiles;
    /* A row of a window is one stretch of memory. */
    bool is_merged;
    /* MATMUL: matrices one after the other, each with all the tiles. */
    int64_t matrices, heads, x_head, y_head, b_head, b_share, b_depth, b_column;
    bool is_softmax;
    double norm_fill;
} sim_window_job;

typedef struct sim_stream_job {
    const weft_engine_params *params;
    int64_t kind, flags;
    int64_t sizes[WEFT_D_DIMS];
    /* Operands a, b, r, y. */
    struct {
        int64_t offset, steps[WEFT_D_DIMS];
        bool is_there;
    } operands[4];
    int64_t rows;           /* innermost ones */
    int64_t row_pieces;     /* pieces of a row, when it is longer than a line; else 1 */
    int64_t rows_per_piece; /* when it is not */
    bool is_softmax, is_layer_norm;
    int64_t bias, mult;
    double norm_fill;
} sim_stream_job;

/* Cycles in which rows pass through softmax or LayerNorm behind finishing. */
static inline int64_t weft__sim_norm_cycles(bool is_softmax, int64_t rows, int64_t blocks,
                                            double fill)
{
    int64_t behind = is_softmax ? blocks - 1 : 0; /* results, behind the exponentials of a row */
    return rows * blocks + behind + (int64_t)fill;
}

/* Of `timing` only what the processes take themselves. */
void weft__sim_window_begin(sim_window_job *job, sim_flow *flow, const weft_engine_params *params,
                            const weft_card_timing *timing, const uint32_t words[WEFT_D_WORDS]);
void weft__sim_stream_begin(sim_stream_job *job, sim_flow *flow, const weft_engine_params *params,
                            const weft_card_timing *timing, const uint32_t words[WEFT_D_WORDS]);

#endif
