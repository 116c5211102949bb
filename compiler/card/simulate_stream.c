/* SPDX-License-Identifier: Apache-2.0 */
/* ADD, MUL, TABLE, MOVE, FILL, SOFTMAX and LAYER_NORM: runs are pieces, which are as many whole
 * innermost rows as fit a line of the engine, or parts of a row that does not fit. */
#include "compiler/base/integer.h"
#include "compiler/card/simulate_jobs.h"

enum { A, B, R, Y };
enum { INNERMOST = WEFT_D_DIMS - 1 };

/* Rows and elements of one run. */
typedef struct piece {
    int64_t row, rows;
    int64_t element, elements; /* of each row */
} piece;

static piece piece_of(const sim_stream_job *job, int64_t run)
{
    if (job->row_pieces == 1) {
        int64_t row = run * job->rows_per_piece;
        return (piece){row, weft_least(job->rows_per_piece, job->rows - row), 0,
                       job->sizes[INNERMOST]};
    }
    int64_t element = run % job->row_pieces * job->params->piece;
    return (piece){run / job->row_pieces, 1, element,
                   weft_least(job->params->piece, job->sizes[INNERMOST] - element)};
}

static int64_t row_address(const sim_stream_job *job, int operand, int64_t row, int64_t element)
{
    int64_t address =
        job->operands[operand].offset + element * job->operands[operand].steps[INNERMOST];
    for (int i = INNERMOST - 1; i >= 0; i--) {
        address += row % job->sizes[i] * job->operands[operand].steps[i];
        row /= job->sizes[i];
    }
    return address;
}

/* Whether a row of an operand is the one before it again, which the engine has then kept if it fits
 * into so many words. */
static bool is_kept(const sim_stream_job *job, int operand, int64_t row)
{
    int64_t port = job->params->port, words = weft_engine_row_words(job->params);
    int64_t address = row_address(job, operand, row, 0);
    return row > 0 && job->row_pieces == 1 && job->operands[operand].steps[INNERMOST] == 1 &&
           row_address(job, operand, row - 1, 0) == address &&
           address % port + job->sizes[INNERMOST] <= words * port;
}

/* The next row of an operand; `index` counts rows of the piece. */
static bool take_row(const sim_stream_job *job, int operand, piece p, int64_t index,
                     sim_stretch *out)
{
    int64_t address = row_address(job, operand, p.row + index, p.element);
    int64_t step = job->operands[operand].steps[INNERMOST];
    *out = (sim_stretch){.address = address,
                         .bytes = p.elements,
                         .step = step,
                         .first = address,
                         .end = address + p.elements};
    if (operand != Y && is_kept(job, operand, p.row + index))
        out->end = out->first;
    if (step == 0) { /* a word full of it at a time */
        out->step = 1;
        out->repeats = job->params->port;
        out->bytes = weft_blocks(p.elements, job->params->port);
    }
    return true;
}

static int64_t rows_to_load(const sim_stream_job *job, int operand, int64_t run)
{
    if (!job->operands[operand].is_there)
        return 0;
    return piece_of(job, run).rows;
}

static bool walk_source(void *user, sim_process *process, sim_stretch *out)
{
    const sim_stream_job *job = user;
    return process->item < rows_to_load(job, A, process->run) &&
           take_row(job, A, piece_of(job, process->run), process->item++, out);
}

/* b and then r. */
static bool walk_second(void *user, sim_process *process, sim_stretch *out)
{
    const sim_stream_job *job = user;
    piece p = piece_of(job, process->run);
    int64_t item = process->item++, of_b = rows_to_load(job, B, process->run);
    if (item < of_b)
        return take_row(job, B, p, item, out);
    return item - of_b < rows_to_load(job, R, process->run) &&
           take_row(job, R, p, item - of_b, out);
}

/* LAYER_NORM: biases and scales for each piece. */
static bool walk_norms(void *user, sim_process *process, sim_stretch *out)
{
    const sim_stream_job *job = user;
    enum { VECTORS = 2 };
    if (!job->is_layer_norm || process->item == VECTORS)
        return false;
    int64_t address = process->item++ == 0 ? job->bias : job->mult;
    int64_t bytes = 4 * job->sizes[INNERMOST];
    *out = (sim_stretch){
        .address = address, .bytes = bytes, .step = 1, .first = address, .end = address + bytes};
    return true;
}

/* Rows that follow each other without a gap are one stretch. */
static bool walk_store(void *user, sim_process *process, sim_stretch *out)
{
    const sim_stream_job *job = user;
    piece p = piece_of(job, process->run);
    if (process->item == p.rows)
        return false;
    take_row(job, Y, p, process->item++, out);
    while (out->step == 1 && process->item < p.rows &&
           row_address(job, Y, p.row + process->item, p.element) == out->end) {
        out->end += p.elements;
        out->bytes += p.elements;
        process->item++;
    }
    return true;
}

static int64_t count_elements(void *user, const sim_process *process)
{
    const sim_stream_job *job = user;
    piece p = piece_of(job, process->run);
    if (!job->is_softmax && !job->is_layer_norm)
        return weft_blocks(p.rows * p.elements, job->params->lanes);
    int64_t blocks = weft_blocks(p.elements, job->params->lanes);
    return p.rows * blocks + weft__sim_norm_cycles(job->is_softmax, p.rows, blocks, job->norm_fill);
}

static void read_operand(sim_stream_job *job, int operand, const uint32_t *words, int offset_word,
                         int steps_word, bool is_there)
{
    job->operands[operand].offset = (int32_t)words[offset_word];
    job->operands[operand].is_there = is_there;
    for (int i = 0; i < WEFT_D_DIMS; i++)
        job->operands[operand].steps[i] = (int32_t)words[steps_word + i];
}

static void read_job(sim_stream_job *job, const weft_engine_params *params, const uint32_t *words)
{
    *job = (sim_stream_job){
        .params = params, .kind = words[WEFT_D_KIND], .flags = words[WEFT_D_FLAGS], .rows = 1};
    for (int i = 0; i < WEFT_D_DIMS; i++) {
        job->sizes[i] = (int32_t)words[WEFT_D_SIZES + i];
        job->rows *= i < INNERMOST ? job->sizes[i] : 1;
    }
    bool is_product = job->kind == WEFT_KIND_MUL;
    read_operand(job, A, words, WEFT_D_X, WEFT_D_A_STEPS, job->kind != WEFT_KIND_FILL);
    read_operand(job, B, words, WEFT_D_B, WEFT_D_B_STEPS, is_product || job->kind == WEFT_KIND_ADD);
    read_operand(job, R, words, WEFT_D_R, WEFT_D_R_STEPS,
                 is_product && (job->flags & WEFT_FLAG_RESIDUAL) != 0);
    read_operand(job, Y, words, WEFT_D_Y, WEFT_D_Y_STEPS, true);
    int64_t inner = job->sizes[INNERMOST];
    job->is_softmax = job->kind == WEFT_KIND_SOFTMAX;
    job->is_layer_norm = job->kind == WEFT_KIND_LAYER_NORM;
    bool is_padded = job->is_softmax || job->is_layer_norm; /* rows begin at whole lanes */
    int64_t pitch = is_padded ? weft_round_up(inner, params->lanes) : inner;
    int64_t most = is_padded ? params->line : params->piece;
    job->row_pieces = weft_blocks(inner, most);
    job->rows_per_piece = job->row_pieces == 1 ? most / pitch : 1;
    job->bias = (int32_t)words[WEFT_D_BIAS];
    job->mult = (int32_t)words[WEFT_D_MULT];
}

void weft__sim_stream_begin(sim_stream_job *job, sim_flow *flow, const weft_engine_params *params,
                            const weft_card_timing *timing, const uint32_t words[WEFT_D_WORDS])
{
    read_job(job, params, words);
    job->norm_fill = timing->norm_fill;
    flow->job = job;
    flow->run_count = weft_blocks(job->rows, job->rows_per_piece) * job->row_pieces;
    flow->process_count = SIM_PROCESSES;
    enum { NONE = SIM_NONE };
    const sim_process loads = {.producers = {NONE}, .consumers = {WEFT_PROCESS_FINISH, NONE}};
    for (int i = 0; i < SIM_PROCESSES; i++)
        flow->processes[i] = loads;
    flow->processes[WEFT_PROCESS_SOURCE].walk = walk_source;
    flow->processes[WEFT_PROCESS_SOURCE].queue = WEFT_PORT_SOURCE;
    flow->processes[WEFT_PROCESS_WEIGHTS].walk = walk_norms;
    flow->processes[WEFT_PROCESS_WEIGHTS].queue = WEFT_PORT_WEIGHTS;
    flow->processes[WEFT_PROCESS_SECOND].walk = walk_second;
    flow->processes[WEFT_PROCESS_SECOND].queue = WEFT_PORT_SECOND;
    /* No sums in a stream. */
    flow->processes[WEFT_PROCESS_SUM] = (sim_process){.queue = NONE,
                                                      .state = SIM_ENDED,
                                                      .run = flow->run_count,
                                                      .producers = {NONE},
                                                      .consumers = {NONE}};
    flow->processes[WEFT_PROCESS_FINISH] = (sim_process){
        .count = count_elements,
        .queue = NONE,
        .producers = {WEFT_PROCESS_SOURCE, WEFT_PROCESS_WEIGHTS, WEFT_PROCESS_SECOND, NONE},
        .consumers = {WEFT_PROCESS_TARGET, NONE}};
    flow->processes[WEFT_PROCESS_TARGET] = (sim_process){.walk = walk_store,
                                                         .queue = WEFT_PORT_TARGET,
                                                         .writes = true,
                                                         .producers = {WEFT_PROCESS_FINISH, NONE},
                                                         .consumers = {NONE}};
}
