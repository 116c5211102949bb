/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling ONNX models to packages. Self-contained in C and C++. Nothing here prints or exits; no
 * global state. */
#ifndef WEFT_COMPILER_H
#define WEFT_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/diag.h"
#include "weft/shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- models ---- */

typedef struct weft_model weft_model; /* an imported ONNX model; externally locked */

typedef struct weft_model_params {
    size_t size; /* sizeof(weft_model_params) */
    const char *
        path; /* file to map, or, with data, the name for messages and the place of external data */
    const void *data; /* NULL, or the model's bytes (borrowed during the call) */
    size_t data_bytes;
    const weft_input_shape *shapes;
    size_t shape_count;
} weft_model_params;
#define WEFT_MODEL_PARAMS_DEFAULT                                                                  \
    {                                                                                              \
        sizeof(weft_model_params), NULL, NULL, 0, NULL, 0                                          \
    }

/* Reads, checks and infers. All problems of the model are in diag, not only the first. */
weft_status weft_model_open(const weft_model_params *params, weft_diag *diag,
                            weft_model **out_model);
void weft_model_close(weft_model *model); /* NULL accepted */

typedef struct weft_model_info {
    const char *name;
    int64_t opset;
    size_t node_count, input_count, output_count;
    int64_t parameters; /* learned elements: weights, biases, batch normalisation's scale and shift,
                           not its statistics */
    int64_t weight_bytes;
    int64_t macs; /* of convolutions and matrix products */
} weft_model_info;
void weft_model_get_info(const weft_model *model, weft_model_info *out_info);

typedef struct weft_model_tensor {
    const char *name;
    const char *dtype;
    int rank;
    int64_t dims[8];
} weft_model_tensor;
void weft_model_get_input(const weft_model *model, size_t index, weft_model_tensor *out_tensor);
void weft_model_get_output(const weft_model *model, size_t index, weft_model_tensor *out_tensor);

/* A node as imported, in order; borrowed until close. */
typedef struct weft_model_node {
    const char *name, *op, *attrs;
    weft_model_tensor output; /* first output */
    int64_t macs, parameters;
} weft_model_node;
void weft_model_get_node(const weft_model *model, size_t index, weft_model_node *out_node);

/* The graph in text form; free with weft_text_free. */
weft_status weft_model_print(const weft_model *model, char **out_text);
void weft_text_free(char *text);

/* ---- compiling ---- */

typedef struct weft_compile_params {
    size_t size;        /* sizeof(weft_compile_params) */
    const char *target; /* row of weft_target_get; NULL: the machine the call runs on */
    int32_t threads;    /* compute threads the blocks are balanced for; 0 = cores of this machine */
    int32_t level;      /* 0: no optimisation (each ONNX node a step); 1: everything */
    bool verify_passes; /* verify the graph after each pass */
    const char *dump_after; /* pass name, "all", or NULL */
    void (*dump)(void *user, const char *pass, const char *text);
    void (*progress)(void *user, int stage, int stage_count,
                     const char *title); /* before each stage */
    void *user;
    const char *engine; /* row of weft_engine_info_get that executes steps of 8-bit values; NULL:
                           the default one; "none": no descriptors are made */
    const char *board;  /* a board (weft/card.h): the engine is planned for it, with engines, banks
                           and cycles in the package; NULL: no card. Excludes engine. Of several
                           models the one with most multiply-accumulates is planned for */
    bool for_latency;   /* with board: shortest time of one batch, else most images per second */
} weft_compile_params;
#define WEFT_COMPILE_PARAMS_DEFAULT                                                                \
    {                                                                                              \
        sizeof(weft_compile_params), NULL, 0, 1, false, NULL, NULL, NULL, NULL, NULL, NULL, false  \
    }

typedef struct weft_compile_report weft_compile_report;

/* Compiles to the file out_path (written atomically; nothing is left on failure). Several models
 * (the same network at other shapes: inputs and outputs of the same names, types and ranks) become
 * several schedules in the order given, over one set of weights: constants of equal content are
 * stored once, and packed forms take no more than those of the schedule with the largest ones.
 * out_path NULL: check only, nothing is written. out_report may be NULL; the caller destroys it.
 * The models stay usable. Errors: PASS_*, PLAN_*, FILE_*; all unsupported nodes are listed, not
 * only the first. */
weft_status weft_compile(weft_model *const *models, size_t model_count,
                         const weft_compile_params *params, const char *out_path, weft_diag *diag,
                         weft_compile_report **out_report);

typedef struct weft_stage_time {
    const char *name; /* pass or stage */
    uint64_t time_ns;
    size_t nodes_before, nodes_after, changes;
} weft_stage_time;
size_t weft_compile_report_stage_count(const weft_compile_report *report);
const weft_stage_time *weft_compile_report_stage(const weft_compile_report *report, size_t index);
/* A node of a quantised model that computes in f32: it has no 8-bit form, or is not between
 * quantised tensors. None for models without quantised tensors. Of the first model when several
 * were compiled; most multiply-accumulates first. */
typedef struct weft_float_layer {
    const char *name, *op; /* as imported */
    const char *reason;
    int64_t macs;
} weft_float_layer;
size_t weft_compile_report_float_count(const weft_compile_report *report);
/* NULL beyond the end; borrowed from the report. */
const weft_float_layer *weft_compile_report_float(const weft_compile_report *report, size_t index);
/* Whether the model has tensors of 8 bits. */
bool weft_compile_report_is_quantised(const weft_compile_report *report);
/* The plan of all schedules as JSON text (schema weft.plan/1), borrowed from the report. */
const char *weft_compile_report_plan_json(const weft_compile_report *report);
void weft_compile_report_destroy(weft_compile_report *report);

/* ---- tables, for listings and documentation ---- */

typedef struct weft_op_info {
    const char *name, *domain, *attrs, *doc;
    const char *runs; /* on a device: "kernel", "lowered" (a pass turns it into what has a kernel)
                         or "folded" (only what the compiler computes from constants and shapes) */
    int since, until;
} weft_op_info;
size_t weft_op_info_count(void);
void weft_op_info_get(size_t index, weft_op_info *out_info);

typedef struct weft_pass_info {
    const char *name, *doc;
    bool required;
} weft_pass_info;
size_t weft_pass_info_count(void);
void weft_pass_info_get(size_t index, weft_pass_info *out_info);

/* A CPU target: the figures the planner uses, and where they come from. */
typedef struct weft_target_info {
    const char *name, *doc;
    int vector_floats;
    int tile_rows, tile_columns;
    int64_t l1_bytes, l2_bytes;
    double peak_gflops_per_thread, memory_gbytes_per_s; /* used for ideal times: a model */
    double peak_gops_per_thread; /* of multiply-adds of 8-bit values, each two operations */
} weft_target_info;
size_t weft_target_info_count(void);
void weft_target_info_get(size_t index, weft_target_info *out_info);
const char *weft_target_of_this_machine(void);

/* An engine: the machine on a card that executes the 8-bit steps. */
typedef struct weft_engine_info {
    const char *name, *doc;
    int rows, columns, simd, lanes; /* of the matrix array; of the vector unit */
    int64_t storage_bytes;          /* on-chip arrays, each counted once */
    bool is_default;
} weft_engine_info;
size_t weft_engine_info_count(void);
void weft_engine_info_get(size_t index, weft_engine_info *out_info);

typedef struct weft_kernel_info {
    const char *name, *doc; /* kernel family */
} weft_kernel_info;
size_t weft_kernel_info_count(void);
void weft_kernel_info_get(size_t index, weft_kernel_info *out_info);

/* Rows of the error table: number, name, exit code, what it means and what to do. */
typedef struct weft_error_info {
    uint32_t number;
    const char *name, *title, *help;
    weft_status status;
} weft_error_info;
size_t weft_error_info_count(void);
void weft_error_info_get(size_t index, weft_error_info *out_info);

#ifdef __cplusplus
}
#endif
#endif
