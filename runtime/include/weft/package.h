/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a .weft package, and cutting a step out of it, without a device. Self-contained in C and
 * C++. Everything returned is borrowed from the package and lives until weft_package_close. A
 * package is immutable: any thread. */
#ifndef WEFT_PACKAGE_H
#define WEFT_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/diag.h"
#include "weft/shape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_package weft_package;

/* Opens and verifies a package: magic, version, sizes, the hash of every section, the manifest. The
 * file is mapped; its weights are not copied. Errors: PACKAGE_* (docs/errors.md), each naming the
 * section. *out_package is NULL on failure. */
weft_status weft_package_open(const char *path, weft_diag *diag, weft_package **out_package);
/* The same from memory, which is borrowed and must outlive the package; 128-byte aligned. */
weft_status weft_package_open_memory(const void *data, size_t size_bytes, weft_diag *diag,
                                     weft_package **out_package);
void weft_package_close(
    weft_package *package); /* NULL accepted; sessions hold their own reference */

typedef struct weft_package_info {
    const char *model, *producer, *target;
    uint64_t id;
    uint64_t file_bytes;
    int64_t opset, source_nodes, parameters, weight_bytes;
    size_t schedule_count, program_count, section_count;
} weft_package_info;
void weft_package_get_info(const weft_package *package, weft_package_info *out_info);

typedef struct weft_section_info {
    const char *name;
    uint64_t offset_bytes, size_bytes, hash;
    const void *data;
} weft_section_info;
void weft_package_get_section(const weft_package *package, size_t index,
                              weft_section_info *out_info);

typedef struct weft_program_info {
    const char *name, *source, *options;
    const char *language; /* "opencl" | "hls-c" */
    size_t kernel_count;
    const char *const *kernels;
} weft_program_info;
void weft_package_get_program(const weft_package *package, size_t index,
                              weft_program_info *out_info);

/* The engine that the descriptors are made for; name NULL: the package has none. */
typedef struct weft_package_engine {
    const char *name;
    int32_t version;                    /* of the descriptors' layout */
    size_t opencl_program, hls_program; /* its program in both languages */
    size_t parameter_count;             /* rows, columns, sizes of buffers, ... */
} weft_package_engine;
void weft_package_get_engine(const weft_package *package, weft_package_engine *out_engine);
/* Name (NULL beyond the end) and number of a parameter. */
const char *weft_package_get_engine_parameter(const weft_package *package, size_t index,
                                              int64_t *out_number);

/* The card that the package was planned for; board NULL: it was not. All numbers are predicted. */
typedef struct weft_package_card {
    const char *board;    /* "u280" */
    const char *part;     /* of the device */
    const char *platform; /* of v++; NULL: the board has none */
    double clock_mhz;
    size_t unit_count; /* compute units: one engine each */
} weft_package_card;
void weft_package_get_card(const weft_package *package, weft_package_card *out_card);

enum { WEFT_PACKAGE_CARD_PORTS = 5 }; /* program, weights, source, second, target */
typedef struct weft_package_unit {
    const char *name; /* "weft_engine_1" */
    int32_t slr;
    const char *banks[WEFT_PACKAGE_CARD_PORTS]; /* "HBM[4]" */
} weft_package_unit;
/* name NULL beyond the end. */
void weft_package_get_unit(const weft_package *package, size_t index, weft_package_unit *out_unit);

/* A package holds at least one schedule: the network at some shapes of its inputs. Inputs and
 * outputs of all schedules have the same names, element types and ranks, in the same order; no two
 * take the same shapes. */
typedef struct weft_schedule_info {
    size_t input_count, output_count, step_count, value_count;
    uint64_t arena_bytes, arena_unshared_bytes;
    int64_t macs;            /* of all steps */
    uint64_t constant_bytes; /* that the schedule reads, packed and plain */
    uint64_t own_bytes;      /* of these, what no schedule before it reads */
} weft_schedule_info;
void weft_package_get_schedule(const weft_package *package, size_t schedule,
                               weft_schedule_info *out_info);

/* The first schedule whose inputs have these shapes; inputs that are not named may have any.
 * Errors: PACKAGE_SHAPE, which lists the shapes that are there; PACKAGE_INPUT. */
weft_status weft_package_find_schedule(const weft_package *package, const weft_input_shape *shapes,
                                       size_t count, weft_diag *diag, size_t *out_schedule);

typedef struct weft_tensor_info {
    const char *name;
    const char *dtype; /* "f32" */
    int rank;
    int64_t dims[8];
    uint64_t size_bytes; /* of the dense tensor */
} weft_tensor_info;
void weft_package_get_input(const weft_package *package, size_t schedule, size_t index,
                            weft_tensor_info *out_info);
void weft_package_get_output(const weft_package *package, size_t schedule, size_t index,
                             weft_tensor_info *out_info);

typedef struct weft_value_info {
    weft_tensor_info tensor;
    const char *place;     /* "input" | "output" | "arena" | "constant" | "alias" */
    uint64_t offset_bytes; /* in the arena or section */
    uint64_t storage_bytes;
    int32_t first_step, last_step;
    int32_t alias_of; /* -1 unless an alias */
} weft_value_info;
void weft_package_get_value(const weft_package *package, size_t schedule, size_t index,
                            weft_value_info *out_info);

typedef struct weft_step_info {
    const char *name, *op, *attrs;       /* attrs as text: "strides=[2,2], act=\"relu\"" */
    const char *program, *kernel, *tile; /* of the first launch */
    uint64_t global[3], local[3];
    size_t launch_count;     /* see weft_package_get_launch; 0: only the engine executes the step */
    size_t descriptor_count; /* what the engine executes; 0: a host step */
    size_t source_count;
    const char *const *sources;
    size_t input_count, output_count, dep_count;
    const int32_t *inputs, *outputs, *deps; /* value indices (-1: none); earlier steps */
    int64_t macs, flops, weight_bytes, input_bytes, output_bytes;
    double ideal_ns;   /* a model's number (roofline of the target), never a measurement */
    const char *bound; /* "compute" | "memory" | "launch" */
    int64_t cycles; /* of the card's engine, predicted; 0: not planned for a card, or a host step */
} weft_step_info;
void weft_package_get_step(const weft_package *package, size_t schedule, size_t index,
                           weft_step_info *out_info);

/* One kernel launch of a step; they run one after the other. */
typedef struct weft_launch_info {
    const char *program, *kernel, *tile;
    uint64_t global[3], local[3];
} weft_launch_info;
void weft_package_get_launch(const weft_package *package, size_t schedule, size_t step,
                             size_t index, weft_launch_info *out_info);

/* A word of a descriptor (kernels/fpga/descriptor.h has their meaning): a number, or an offset that
 * is known when the package is loaded, of a value (and `number` bytes further) or of a constant's
 * bytes in section weights (then number is that offset). */
typedef struct weft_word_info {
    int32_t number;
    int32_t value; /* index of the value, -1: none */
    bool is_weights;
} weft_word_info;
/* Words of descriptor `index` of a step; 64, those beyond the stored ones 0. False beyond the end.
 */
bool weft_package_get_descriptor(const weft_package *package, size_t schedule, size_t step,
                                 size_t index, weft_word_info out_words[64]);

/* Writes a package that holds one step of a schedule, to run it alone: what the step reads becomes
 * the inputs, what it writes the outputs, both under the names they have here; constants, launches,
 * descriptors and the engine are kept. An input that a device leaves as sums over blocks cannot be
 * given, so the step that makes it comes along. Written atomically. Errors: PACKAGE_STEP,
 * FILE_*. */
weft_status weft_package_cut(const weft_package *package, size_t schedule, size_t step,
                             const char *path, weft_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
