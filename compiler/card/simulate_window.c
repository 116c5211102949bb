/* SPDX-License-Identifier: Apache-2.0 */
/* CONV, GROUPED, POOL and MATMUL: runs are, from the outside in, matrices, tiles of channels, tiles
 * of pixels (over the whole batch) and pieces of the depth. Addresses are made as the engine makes
 * them. */
#include "compiler/base/integer.h"
#include "compiler/card/simulate_jobs.h"

/* What one run works on. */
typedef struct tile {
    int64_t pixel, pixels; /* counted over the batch */
    int64_t channel, channels;
    int64_t depth_first, depth;
    bool is_last_piece;
    int64_t image, head; /* of the matrices; else 0 */
} tile;

static tile tile_of(const sim_window_job *job, int64_t run)
{
    int64_t matrix_runs = job->pieces * job->pixel_tiles * job->channel_tiles;
    int64_t matrix = run / matrix_runs;
    run %= matrix_runs;
    int64_t piece = run % job->pieces, pixel_tile = run / job->pieces % job->pixel_tiles,
            channel_tile = run / job->pieces / job->pixel_tiles;
    tile t = {.pixel = pixel_tile * job->tile_pixels,
              .channel = channel_tile * job->tile_channels,
              .depth_first = piece * job->tile_depth,
              .is_last_piece = piece == job->pieces - 1};
    t.image = job->matrices > 1 ? matrix / job->heads : 0;
    t.head = job->matrices > 1 ? matrix % job->heads : 0;
    t.pixels = weft_least(job->tile_pixels, job->batch * job->pixels - t.pixel);
    t.channels = weft_least(job->tile_channels, job->out_channels - t.channel);
    t.depth = weft_least(job->tile_depth, job->depth - t.depth_first);
    return t;
}

static bool take_bytes(sim_stretch *out, int64_t address, int64_t bytes)
{
    *out = (sim_stretch){
        .address = address, .bytes = bytes, .step = 1, .first = address, .end = address + bytes};
    return true;
}

static bool take_padding(sim_stretch *out, int64_t bytes)
{
    *out = (sim_stretch){.bytes = bytes, .step = 1};
    return true;
}

static bool take_elements(sim_stretch *out, int64_t address, int64_t count, int64_t step)
{
    *out = (sim_stretch){.address = address, .bytes = count, .step = step, .end = 1};
    return true;
}

/* Position in x of a pixel's window. */
typedef struct corner {
    int64_t image, y, x;
} corner;

static corner corner_of(const sim_window_job *job, int64_t pixel)
{
    int64_t within = pixel % job->pixels;
    return (corner){pixel / job->pixels, within / job->out_width * job->stride_y - job->pad_top,
                    within % job->out_width * job->stride_x - job->pad_left};
}

/* A row of the window, or what a piece of the depth leaves of it. Columns outside of the image are
 * passed over. */
static bool take_window_row(const sim_window_job *job, corner at, int64_t from, int64_t bytes,
                            int64_t ky, sim_stretch *out)
{
    int64_t y = at.y + ky * job->dilation_y;
    if (y < 0 || y >= job->in_height)
        return take_padding(out, bytes);
    int64_t row = job->x + at.image * job->x_image + y * job->x_row;
    int64_t address = row + at.x * job->x_pixel + from;
    *out = (sim_stretch){.address = address,
                         .bytes = bytes,
                         .step = 1,
                         .first = weft_most(address, row),
                         .end = weft_least(address + bytes, row + job->in_width * job->x_pixel)};
    return true;
}

/* item: pixel of the tile; sub_item: element of the depth. */
static bool walk_patches(void *user, sim_process *process, sim_stretch *out)
{
    const sim_window_job *job = user;
    tile t = tile_of(job, process->run);
    if (process->sub_item == t.depth) {
        process->item++;
        process->sub_item = 0;
    }
    if (process->item == t.pixels)
        return false;
    corner at = corner_of(job, t.pixel + process->item);
    int64_t k = t.depth_first + process->sub_item;
    int64_t row_elements = job->kernel_width * job->in_channels;
    int64_t stretch_elements = job->is_merged ? row_elements : job->in_channels;
    int64_t count =
        weft_least(stretch_elements - k % stretch_elements, t.depth - process->sub_item);
    process->sub_item += count;
    if (job->is_merged)
        return take_window_row(job, at, k % row_elements, count, k / row_elements, out);
    int64_t tap = k / job->in_channels, channel = k % job->in_channels;
    int64_t y = at.y + tap / job->kernel_width * job->dilation_y;
    int64_t x = at.x + tap % job->kernel_width * job->dilation_x;
    bool is_inside = y >= 0 && y < job->in_height && x >= 0 && x < job->in_width;
    int64_t address = job->x + (t.image + at.image) * job->x_image + t.head * job->x_head +
                      y * job->x_row + x * job->x_pixel + channel * job->x_channel;
    if (job->x_channel == 1)
        return is_inside ? take_bytes(out, address, count) : take_padding(out, count);
    /* One element per cycle, of padding as well: a step that is not 1 without memory. */
    take_elements(out, address, count, job->x_channel);
    out->end = is_inside ? 1 : 0;
    return true;
}

/* The bytes under the windows, tap by tap; item: pixel of the tile, sub_item: element of the
 * depth, whose channels are the stretch. */
static bool walk_windows(void *user, sim_process *process, sim_stretch *out)
{
    const sim_window_job *job = user;
    tile t = tile_of(job, process->run);
    if (process->sub_item == t.depth) {
        process->item++;
        process->sub_item = 0;
    }
    if (process->item == t.pixels)
        return false;
    corner at = corner_of(job, t.pixel + process->item);
    int64_t k = t.depth_first + process->sub_item++;
    int64_t tap = k / job->group_inputs, input = k % job->group_inputs;
    int64_t y = at.y + tap / job->kernel_width * job->dilation_y;
    int64_t x = at.x + tap % job->kernel_width * job->dilation_x;
    bool is_inside = y >= 0 && y < job->in_height && x >= 0 && x < job->in_width;
    int64_t group = t.channel / job->group_outputs;
    int64_t address = job->x + at.image * job->x_image + y * job->x_row + x * job->x_pixel +
                      (group * job->group_inputs + input) * job->x_channel;
    if (job->group_inputs == 1 && job->group_outputs == 1 && job->x_channel == 1)
        return is_inside ? take_bytes(out, address, t.channels) : take_padding(out, t.channels);
    /* Output channels of a group read the same element. */
    take_elements(out, address, t.channels, job->group_inputs * job->x_channel);
    out->repeats = job->group_outputs;
    out->phase = t.channel % job->group_outputs;
    out->end = is_inside ? 1 : 0;
    return true;
}

/* A filter per channel, and with the last piece of the depth the tile's three vectors. item:
 * stretch of the run. */
static bool walk_filters(void *user, sim_process *process, sim_stretch *out)
{
    const sim_window_job *job = user;
    enum { VECTORS = 3 };
    tile t = tile_of(job, process->run);
    const int64_t vectors[VECTORS] = {job->bias, job->mult, job->shift};
    int64_t item = process->item++;
    if (job->kind == WEFT_KIND_POOL || job->kind == WEFT_KIND_MATMUL)
        return false;
    if (item < t.channels)
        return take_bytes(out, job->weights + (t.channel + item) * job->depth + t.depth_first,
                          t.depth);
    item -= t.channels;
    return t.is_last_piece && item < VECTORS &&
           take_bytes(out, vectors[item] + 4 * t.channel, 4 * t.channels);
}

/* Rows of a tile in y or the residual. Rows that follow each other without a gap are one stretch,
 * up to the end of an image. item: pixel of the tile. */
static bool take_rows(const sim_window_job *job, sim_process *process, tile t, int64_t base,
                      int64_t image_step, int64_t pixel_step, sim_stretch *out)
{
    if (process->item >= t.pixels)
        return false;
    int64_t pixel = t.pixel + process->item, within = pixel % job->pixels;
    int64_t count =
        pixel_step == t.channels ? weft_least(job->pixels - within, t.pixels - process->item) : 1;
    process->item += count;
    return take_bytes(out,
                      base + pixel / job->pixels * image_step + within * pixel_step + t.channel,
                      count * t.channels);
}

/* Operand b of MATMUL: its rows or its columns; item: which one. */
static bool take_factor(const sim_window_job *job, sim_process *process, tile t, sim_stretch *out)
{
    bool is_rows = job->b_depth != 1;
    int64_t item = process->item++;
    if (item >= (is_rows ? t.depth : t.channels))
        return false;
    int64_t depth = t.depth_first + (is_rows ? item : 0), column = t.channel + (is_rows ? 0 : item);
    return take_bytes(out,
                      job->b + t.image * job->b_image + t.head / job->b_share * job->b_head +
                          depth * job->b_depth + column * job->b_column,
                      is_rows ? t.channels : t.depth);
}

static bool walk_residual(void *user, sim_process *process, sim_stretch *out)
{
    const sim_window_job *job = user;
    tile t = tile_of(job, process->run);
    if (job->kind == WEFT_KIND_MATMUL)
        return take_factor(job, process, t, out);
    return t.is_last_piece && (job->flags & WEFT_FLAG_RESIDUAL) != 0 &&
           take_rows(job, process, t, job->b, job->b_image, job->b_pixel, out);
}

/* Images that end within a tile. */
static int64_t images_ending(const sim_window_job *job, tile t)
{
    return (t.pixel + t.pixels) / job->pixels - t.pixel / job->pixels;
}

/* Rows, and a line of means for every image that ends. sub_item: means stored so far. */
static bool walk_store(void *user, sim_process *process, sim_stretch *out)
{
    const sim_window_job *job = user;
    tile t = tile_of(job, process->run);
    if (!t.is_last_piece)
        return false;
    int64_t y = job->y + t.image * job->y_image + t.head * job->y_head;
    if (take_rows(job, process, t, y, job->y_image, job->y_pixel, out))
        return true;
    if ((job->flags & WEFT_FLAG_MEAN) == 0 || process->sub_item == images_ending(job, t))
        return false;
    int64_t image = t.pixel / job->pixels + process->sub_item++;
    return take_bytes(out, job->mean + image * job->out_channels + t.channel, t.channels);
}

static int64_t count_sum(void *user, const sim_process *process)
{
    const sim_window_job *job = user;
    const weft_engine_params *p = job->params;
    tile t = tile_of(job, process->run);
    if (job->kind != WEFT_KIND_CONV && job->kind != WEFT_KIND_MATMUL)
        return t.pixels * weft_blocks(t.channels, p->lanes) * t.depth;
    return weft_blocks(t.pixels, p->rows) * weft_blocks(t.channels, p->cols) *
           weft_blocks(t.depth, p->simd);
}

static int64_t count_finish(void *user, const sim_process *process)
{
    const sim_window_job *job = user;
    tile t = tile_of(job, process->run);
    if (!t.is_last_piece)
        return 0;
    int64_t blocks = weft_blocks(t.channels, job->params->lanes);
    int64_t means = (job->flags & WEFT_FLAG_MEAN) != 0 ? images_ending(job, t) : 0;
    return (t.pixels + means * job->params->lanes) * blocks +
           (job->is_softmax ? weft__sim_norm_cycles(true, t.pixels, blocks, job->norm_fill) : 0);
}

static void read_matrices(sim_window_job *job, const int32_t *d)
{
    job->heads = d[WEFT_D_HEADS];
    job->x_head = d[WEFT_D_X_HEAD];
    job->y_head = d[WEFT_D_Y_HEAD];
    job->b_head = d[WEFT_D_B_HEAD];
    job->b_share = d[WEFT_D_B_SHARE];
    job->b_depth = d[WEFT_D_B_DEPTH];
    job->b_column = d[WEFT_D_B_COLUMN];
    job->matrices = job->batch * job->heads;
    job->batch = 1;
    job->is_softmax = (job->flags & WEFT_FLAG_SOFTMAX) != 0;
    job->flags &= ~(int64_t)(WEFT_FLAG_MEAN | WEFT_FLAG_RESIDUAL);
}

static void read_job(sim_window_job *job, const int32_t *d)
{
    *job = (sim_window_job){
        .kind = d[WEFT_D_KIND],
        .flags = d[WEFT_D_FLAGS],
        .batch = d[WEFT_D_BATCH],
        .in_height = d[WEFT_D_IN_HEIGHT],
        .in_width = d[WEFT_D_IN_WIDTH],
        .in_channels = d[WEFT_D_IN_CHANNELS],
        .out_width = d[WEFT_D_OUT_WIDTH],
        .pixels = (int64_t)d[WEFT_D_OUT_HEIGHT] * d[WEFT_D_OUT_WIDTH],
        .out_channels = d[WEFT_D_OUT_CHANNELS],
        .kernel_width = d[WEFT_D_KERNEL_WIDTH],
        .stride_y = d[WEFT_D_STRIDE_Y],
        .stride_x = d[WEFT_D_STRIDE_X],
        .dilation_y = d[WEFT_D_DILATION_Y],
        .dilation_x = d[WEFT_D_DILATION_X],
        .pad_top = d[WEFT_D_PAD_TOP],
        .pad_left = d[WEFT_D_PAD_LEFT],
        .x = d[WEFT_D_X],
        .x_image = d[WEFT_D_X_IMAGE],
        .x_row = d[WEFT_D_X_ROW],
        .x_pixel = d[WEFT_D_X_PIXEL],
        .x_channel = d[WEFT_D_X_CHANNEL],
        .y = d[WEFT_D_Y],
        .y_image = d[WEFT_D_Y_IMAGE],
        .y_pixel = d[WEFT_D_Y_PIXEL],
        .b = d[WEFT_D_B],
        .b_image = d[WEFT_D_B_IMAGE],
        .b_pixel = d[WEFT_D_B_PIXEL],
        .weights = d[WEFT_D_WEIGHTS],
        .bias = d[WEFT_D_BIAS],
        .mult = d[WEFT_D_MULT],
        .shift = d[WEFT_D_SHIFT],
        .mean = d[WEFT_D_MEAN],
        .tile_pixels = d[WEFT_D_TILE_PIXELS],
        .tile_channels = d[WEFT_D_TILE_CHANNELS],
        .tile_depth = d[WEFT_D_TILE_DEPTH],
    };
    job->matrices = 1;
    if (job->kind == WEFT_KIND_MATMUL)
        read_matrices(job, d);
    int64_t groups = job->kind == WEFT_KIND_POOL      ? job->out_channels
                     : job->kind == WEFT_KIND_GROUPED ? d[WEFT_D_GROUPS]
                                                      : 1;
    job->group_inputs = job->in_channels / groups;
    job->group_outputs = job->out_channels / groups;
    job->depth = d[WEFT_D_KERNEL_HEIGHT] * job->kernel_width * job->group_inputs;
    job->is_merged = job->kind != WEFT_KIND_MATMUL && job->x_channel == 1 &&
                     job->x_pixel == job->in_channels && job->dilation_x == 1;
    job->pieces = weft_blocks(job->depth, job->tile_depth);
    job->pixel_tiles = weft_blocks(job->batch * job->pixels, job->tile_pixels);
    job->channel_tiles = weft_blocks(job->out_channels, job->tile_channels);
}

void weft__sim_window_begin(sim_window_job *job, sim_flow *flow, const weft_engine_params *params,
                            const weft_card_timing *timing, const uint32_t words[WEFT_D_WORDS])
{
    int32_t numbers[WEFT_D_WORDS];
    for (int i = 0; i < WEFT_D_WORDS; i++)
        numbers[i] = (int32_t)words[i];
    read_job(job, numbers);
    job->params = params;
    job->norm_fill = timing->norm_fill;
    bool is_array = job->kind == WEFT_KIND_CONV || job->kind == WEFT_KIND_MATMUL;
    flow->job = job;
    flow->run_count = job->matrices * job->channel_tiles * job->pixel_tiles * job->pieces;
    flow->process_count = SIM_PROCESSES;
    enum { NONE = SIM_NONE };
    const sim_process processes[SIM_PROCESSES] = {
        [WEFT_PROCESS_SOURCE] = {.walk = is_array ? walk_patches : walk_windows,
                                 .queue = WEFT_PORT_SOURCE,
                                 .producers = {NONE},
                                 .consumers = {WEFT_PROCESS_SUM, NONE}},
        [WEFT_PROCESS_WEIGHTS] = {.walk = walk_filters,
                                  .queue = WEFT_PORT_WEIGHTS,
                                  .producers = {NONE},
                                  .consumers = {WEFT_PROCESS_SUM, NONE}},
        [WEFT_PROCESS_SECOND] = {.walk = walk_residual,
                                 .queue = WEFT_PORT_SECOND,
                                 .producers = {NONE},
                                 .consumers = {WEFT_PROCESS_FINISH, NONE}},
        [WEFT_PROCESS_SUM] = {.count = count_sum,
                              .queue = NONE,
                              .producers = {WEFT_PROCESS_SOURCE, WEFT_PROCESS_WEIGHTS, NONE},
                              .consumers = {WEFT_PROCESS_FINISH, NONE}},
        [WEFT_PROCESS_FINISH] = {.count = count_finish,
                                 .queue = NONE,
                                 .producers = {WEFT_PROCESS_SECOND, WEFT_PROCESS_SUM, NONE},
                                 .consumers = {WEFT_PROCESS_TARGET, NONE}},
        [WEFT_PROCESS_TARGET] = {.walk = walk_store,
                                 .queue = WEFT_PORT_TARGET,
                                 .writes = true,
                                 .producers = {WEFT_PROCESS_FINISH, NONE},
                                 .consumers = {NONE}},
    };
    for (int i = 0; i < SIM_PROCESSES; i++)
        flow->processes[i] = processes[i];
    if (params->b_bytes >
        0) { /* every sum waits for the second operand; residuals have 3 buffers */
        flow->processes[WEFT_PROCESS_SECOND].consumers[0] = WEFT_PROCESS_SUM;
        flow->processes[WEFT_PROCESS_SUM].producers[2] = WEFT_PROCESS_SECOND;
        flow->processes[WEFT_PROCESS_SUM].producers[3] = NONE;
    }
}
