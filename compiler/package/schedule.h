/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule: what the planner makes, the package stores and the runtime executes. One data model
 * for all three.
 *
 * A schedule is a list of steps in a valid order; step i may start when all of its deps have ended.
 * A step says up to three things: its meaning (an operator of ops.def with attributes, inputs and
 * outputs), which the reference backend executes; its launches (a kernel with arguments and a grid
 * each, run one after the other; one for nearly every step, several where data moves from or to
 * several tensors), which an OpenCL device executes; and its descriptors, which the engine executes
 * (kernels/fpga/descriptor.h; none: the step runs on the host by its meaning). All name tensors by
 * index into `values`.
 * Everything lives in one arena and is immutable once built. */
#ifndef WEFT_PACKAGE_SCHEDULE_H
#define WEFT_PACKAGE_SCHEDULE_H

#include "compiler/base/tensor.h"

/* Alignment of everything that a kernel gets a pointer to: OpenCL asks it of sub-buffers, and it
 * spares split cache lines. */
enum { WEFT_STORAGE_ALIGN = 128 };

typedef enum weft_place {
    WEFT_PLACE_INPUT,  /* graph input, bound per request */
    WEFT_PLACE_OUTPUT, /* graph output, bound per request */
    WEFT_PLACE_ARENA,  /* at offset_bytes of the request's arena while first_step..last_step run */
    WEFT_PLACE_CONSTANT, /* plain elements at offset_bytes of section "plain", or only packed (see
                            weft_blob) */
    WEFT_PLACE_ALIAS,    /* the storage of value alias_of, seen with this shape */
    WEFT_PLACE_COUNT
} weft_place;

typedef struct weft_schedule_value {
    const char *name;
    weft_dtype dtype;
    weft_shape shape; /* the meaning's shape */
    weft_place place;
    int32_t alias_of; /* place ALIAS: index of the value that owns the storage (never itself an
                         alias) */
    uint64_t
        offset_bytes; /* place ARENA and CONSTANT with plain data; multiple of WEFT_STORAGE_ALIGN */
    uint64_t size_bytes;           /* of the storage; for partial sums larger than the shape says */
    int32_t first_step, last_step; /* ARENA, OUTPUT: lifetime, inclusive */
    bool has_plain;                /* CONSTANT: elements are in section "plain" */
    int32_t blob; /* CONSTANT: a blob it can be got back from (packing PLAIN or PANEL); -1: none, or
                     not a constant */
    /* A mean [N,C] that a kernel leaves as sums over blocks of positions: storage is f32 [N,
     * partial_blocks, C] and mean = sum over blocks / partial_count. 0: stored plainly. */
    int32_t partial_blocks;
    int64_t partial_count;
} weft_schedule_value;

/* A constant as a kernel wants it: at offset_bytes (aligned to WEFT_STORAGE_ALIGN) of section
 * "weights". Several schedules may share a blob. */
typedef enum weft_packing {
    WEFT_PACK_PLAIN, /* as the value's shape says, zeros may follow */
    WEFT_PACK_PANEL, /* [rows/panel][...][panel]: kernels/cpu/pack.h, conv and linear; rows padded
                        with zeros; invertible */
    WEFT_PACK_WINOGRAD, /* transformed; the plain form is kept for the reference backend */
    WEFT_PACK_DOT, /* [rows/panel][k/dot][panel][dot] of 8 bits: kernels/cpu/qpack.h; the plain form
                      is kept as well */
    WEFT_PACK_COUNT
} weft_packing;

typedef struct weft_blob {
    weft_packing packing;
    int32_t panel;    /* rows per panel */
    int32_t winograd; /* m of F(m x m, 3 x 3): 2 or 4; else 0 */
    uint64_t offset_bytes, size_bytes;
} weft_blob;

typedef enum weft_arg_kind {
    WEFT_ARG_VALUE,   /* pointer to the storage of value `index` (aliases resolved) */
    WEFT_ARG_BLOB,    /* pointer to blob `index` */
    WEFT_ARG_NULL,    /* null pointer */
    WEFT_ARG_INT,     /* i32 */
    WEFT_ARG_FLOAT,   /* f32 */
    WEFT_ARG_LOCAL,   /* `bytes` of local memory */
    WEFT_ARG_SCRATCH, /* pointer to `bytes` of arena at `offset_bytes`, private to the step */
    WEFT_ARG_COUNT
} weft_arg_kind;

typedef struct weft_arg {
    weft_arg_kind kind;
    int32_t index; /* VALUE, BLOB */
    int32_t i;
    float f;
    uint64_t bytes, offset_bytes;
} weft_arg;

typedef struct weft_launch {
    int32_t program,
        kernel; /* index into the package's programs, and into that program's kernels */
    weft_arg *args;
    size_t arg_count;
    uint64_t global[3], local[3];
    const char *tile; /* short text for tables: "6x16", "F4 6x16 T12" */
} weft_launch;

/* One instruction of the engine. Its words are of the kinds INT (i, as a u32), VALUE (the offset of
 * the value's storage in the engine's arena, and i bytes further) and BLOB (the offset of the blob
 * in section weights); both offsets in bytes, resolved when the package is loaded. Words after the
 * last one are zero. */
enum { WEFT_DESCRIPTOR_WORDS = 64 };
typedef struct weft_descriptor {
    weft_arg *words; /* at most WEFT_DESCRIPTOR_WORDS */
    size_t word_count;
} weft_descriptor;

typedef enum weft_bound {
    WEFT_BOUND_COMPUTE,
    WEFT_BOUND_MEMORY,
    WEFT_BOUND_LAUNCH,
    WEFT_BOUND_COUNT
} weft_bound;

typedef struct weft_step_cost {
    int64_t macs;  /* of the operator's definition: direct convolution, not Winograd's */
    int64_t flops; /* floating-point operations that the chosen kernel performs */
    int64_t weight_bytes, input_bytes, output_bytes;
    double ideal_ns; /* roofline: the larger of flops / peak and bytes / bandwidth of the target. A
                        model, not a measurement */
    weft_bound bound;
    int64_t cycles; /* of the card's engine, predicted; 0: not made for a card, or a host step */
} weft_step_cost;

typedef struct weft_step {
    const char *name;
    const char *op; /* "weft.Conv2D" */
    weft_attrs attrs;
    int32_t *inputs; /* value index, -1 = omitted */
    size_t input_count;
    int32_t *outputs; /* value index, -1 = not asked for */
    size_t output_count;
    const char **sources; /* ONNX node names */
    size_t source_count;
    int32_t *deps; /* earlier steps, ascending; write-after-read hazards of the arena included */
    size_t dep_count;
    weft_launch *launches; /* at least one, unless the step has descriptors */
    size_t launch_count;
    weft_descriptor *descriptors; /* run one after the other; none: a host step */
    size_t descriptor_count;
    weft_step_cost cost;
} weft_step;

typedef struct weft_schedule {
    weft_schedule_value *values;
    size_t value_count;
    int32_t *inputs, *outputs; /* value indices in the model's order */
    size_t input_count, output_count;
    weft_step *steps;
    size_t step_count;
    uint64_t arena_bytes;          /* with lifetimes overlapped */
    uint64_t arena_unshared_bytes; /* what it would be without */
} weft_schedule;

typedef enum weft_language {
    WEFT_LANGUAGE_OPENCL,
    WEFT_LANGUAGE_HLS_C,
    WEFT_LANGUAGE_COUNT
} weft_language;

typedef struct weft_program {
    const char *name;    /* "conv_f32_6x16" */
    const char *source;  /* complete */
    const char *options; /* for the language's compiler */
    const char **kernels;
    size_t kernel_count;
    weft_language language;
} weft_program;

/* The engine that the descriptors are made for; its program is there in both languages. */
typedef struct weft_engine {
    const char *name;      /* a row of kernels/fpga/engines.def; NULL: the package has no engine */
    int32_t version;       /* of the descriptors' layout */
    weft_attrs parameters; /* ints: rows, columns and SIMD of the matrix array, sizes of buffers */
    int32_t opencl_program, hls_program; /* indices in programs */
} weft_engine;

/* Where the engines of a card are, as planned. The bank of a port is written as a connectivity file
 * writes it ("HBM[4]"). */
enum { WEFT_CARD_PORTS = 5 }; /* program, weights, source, second, target */
typedef struct weft_card_unit {
    const char *name; /* of the compute unit: "weft_engine_1" */
    int32_t slr;
    const char *banks[WEFT_CARD_PORTS];
} weft_card_unit;

typedef struct weft_card {
    const char *board; /* "u280"; NULL: the package was not made for a card */
    const char *part;  /* of the device */
    const char
        *platform; /* of v++, with the newest tools that know the board; NULL: there is none */
    double clock_mhz;
    weft_card_unit *units;
    size_t unit_count;
} weft_card;

/* Everything in a package besides raw section bytes. */
typedef struct weft_manifest {
    const char *model;    /* graph name */
    const char *producer; /* "weft 0.1.0" */
    const char *target;   /* "cpu-avx2" */
    int64_t opset;
    int64_t source_nodes; /* ONNX nodes as imported */
    int64_t parameters;   /* elements of constants as imported */
    int64_t weight_bytes; /* bytes of constants as imported */
    weft_program *programs;
    size_t program_count;
    weft_engine engine;
    weft_card card;
    weft_blob *blobs;
    size_t blob_count;
    weft_schedule *schedules;
    size_t schedule_count;
} weft_manifest;

#endif
