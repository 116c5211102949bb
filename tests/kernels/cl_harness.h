/* SPDX-License-Identifier: Apache-2.0 */
/* The few OpenCL calls that kernel tests and kernel timings need: one device, programs from
 * kernels/cpu with macros in front, buffers, typed argument lists, launches of one work-item per
 * work-group. Knows no kernel. A failure prints what failed and ends the program: this is a test's
 * tool, not a library. */
#ifndef WEFT_TESTS_CL_HARNESS_H
#define WEFT_TESTS_CL_HARNESS_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stddef.h>

struct cl_harness {
    cl_context context;
    cl_device_id device;
    cl_command_queue queue;
    int vector_width; /* WEFT_VW of the programs: 16 where the device's vectors hold 16 floats, else
                         8; the environment variable WEFT_TEST_VECTOR_WIDTH (4, 8 or 16) overrides
                         it: any width is right on any device */
    size_t local_bytes; /* that the device has */
    int is_slow;        /* the device is an interpreter (oclgrind): run few shapes */
    double build_ms;    /* of the last program */
};

/* Opens the first device. Returns 0, having said why, when there is none or WEFT_TEST_REF_ONLY is
 * set. */
int weft_harness_open(struct cl_harness *h);
void weft_harness_close(struct cl_harness *h);

/* Builds the macros for this device + kernels/cpu/common.cl + kernels/cpu/<file>. */
cl_program weft_harness_build(struct cl_harness *h, const char *file);
/* Builds the files, named from the root of the repository, one after the other as one text. */
#define WEFT_HARNESS_FILES_MAX 8
cl_program weft_harness_build_files(struct cl_harness *h, const char *const *files, cl_uint count);
/* Builds the macros for this device, then `defines` (lines of text), kernels/cpu/common.cl and the
 * files of a row of kernels/cpu/kernels.def, separated by spaces. */
cl_program weft_harness_build_row(struct cl_harness *h, const char *defines, const char *files);
/* Builds a text; `name` is for messages. */
cl_program weft_harness_build_text(struct cl_harness *h, const char *text, const char *name);
cl_kernel weft_harness_kernel(cl_program program, const char *name);

/* A buffer of count floats, filled from `data` when it is not NULL. */
cl_mem weft_harness_buffer(struct cl_harness *h, const float *data, size_t count);
/* The same for bytes. */
cl_mem weft_harness_bytes(struct cl_harness *h, const void *data, size_t bytes);
void weft_harness_read_bytes(struct cl_harness *h, cl_mem buffer, void *data, size_t bytes);
void weft_harness_read(struct cl_harness *h, cl_mem buffer, float *data, size_t count);

/* Sets all arguments; types holds one letter each: b cl_mem, i int, f double to float, l size_t
 * bytes of local. */
void weft_harness_args(cl_kernel kernel, const char *types, ...);
void weft_harness_launch(struct cl_harness *h, cl_kernel kernel, size_t gx, size_t gy);
void weft_harness_finish(struct cl_harness *h);

#endif
