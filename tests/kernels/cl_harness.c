/* SPDX-License-Identifier: Apache-2.0 */
/* See cl_harness.h. */
#include "tests/kernels/cl_harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef WEFT_TEST_DATA
#define ROOT WEFT_TEST_DATA "/../"
#else
#define ROOT "" /* run from the root of the repository */
#endif
#define KERNELS ROOT "kernels/cpu"

#define CHECK(call)                                                                                \
    do {                                                                                           \
        cl_int check_code = (call);                                                                \
        if (check_code != CL_SUCCESS) {                                                            \
            fprintf(stderr, "%s:%d: OpenCL error %d in %s\n", __FILE__, __LINE__, check_code,      \
                    #call);                                                                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

int weft_harness_open(struct cl_harness *h)
{
    cl_platform_id platform;
    cl_int code;
    char name[256] = "";
    cl_uint width = 0;
    memset(h, 0, sizeof *h);
    if (getenv("WEFT_TEST_REF_ONLY") != NULL) {
        printf("skipped: WEFT_TEST_REF_ONLY is set\n");
        return 0;
    }
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS ||
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &h->device, NULL) != CL_SUCCESS) {
        printf("skipped: no OpenCL device\n");
        return 0;
    }
    CHECK(clGetDeviceInfo(h->device, CL_DEVICE_NAME, sizeof name, name, NULL));
    CHECK(clGetDeviceInfo(h->device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width,
                          NULL));
    cl_ulong local_bytes = 0;
    CHECK(clGetDeviceInfo(h->device, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local_bytes, &local_bytes,
                          NULL));
    h->local_bytes = (size_t)local_bytes;
    h->is_slow = strstr(name, "Oclgrind") != NULL;
    const char *wanted = getenv("WEFT_TEST_VECTOR_WIDTH");
    h->vector_width = wanted != NULL ? atoi(wanted) : width >= 16 ? 16 : 8;
    h->context = clCreateContext(NULL, 1, &h->device, NULL, NULL, &code);
    CHECK(code);
    h->queue = clCreateCommandQueue(h->context, h->device, 0, &code);
    CHECK(code);
    return 1;
}

void weft_harness_close(struct cl_harness *h)
{
    CHECK(clReleaseCommandQueue(h->queue));
    CHECK(clReleaseContext(h->context));
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size)
        exit(1);
    text[size] = '\0';
    fclose(file);
    return text;
}

static cl_program build_texts(struct cl_harness *h, const char **texts, cl_uint count,
                              const char *name)
{
    cl_int code;
    const double start_ms = now_ms();
    cl_program program = clCreateProgramWithSource(h->context, count, texts, NULL, &code);
    CHECK(code);
    code = clBuildProgram(program, 1, &h->device, "-cl-std=CL1.2", NULL, NULL);
    if (code != CL_SUCCESS) {
        static char log[16384];
        clGetProgramBuildInfo(program, h->device, CL_PROGRAM_BUILD_LOG, sizeof log, log, NULL);
        fprintf(stderr, "%s: build failed\n%s\n", name, log);
        exit(1);
    }
    h->build_ms = now_ms() - start_ms;
    return program;
}

cl_program weft_harness_build(struct cl_harness *h, const char *file)
{
    char path[512], defines[64];
    snprintf(path, sizeof path, KERNELS "/%s", file);
    snprintf(defines, sizeof defines, "#define WEFT_VW %d\n#define WEFT_MR %d\n", h->vector_width,
             h->vector_width == 16 ? 14 : 6);
    char *common = read_text(KERNELS "/common.cl");
    char *family = read_text(path);
    const char *texts[3] = {defines, common, family};
    cl_program program = build_texts(h, texts, 3, path);
    free(common);
    free(family);
    return program;
}

cl_program weft_harness_build_files(struct cl_harness *h, const char *const *files, cl_uint count)
{
    char *texts[WEFT_HARNESS_FILES_MAX];
    for (cl_uint i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, ROOT "%s", files[i]);
        texts[i] = read_text(path);
    }
    cl_program program = build_texts(h, (const char **)texts, count, files[count - 1]);
    for (cl_uint i = 0; i < count; i++)
        free(texts[i]);
    return program;
}

cl_program weft_harness_build_row(struct cl_harness *h, const char *defines, const char *files)
{
    char macros[64];
    const char *texts[WEFT_HARNESS_FILES_MAX + 3] = {macros, defines};
    char *owned[WEFT_HARNESS_FILES_MAX + 1];
    cl_uint count = 0;
    snprintf(macros, sizeof macros, "#define WEFT_VW %d\n#define WEFT_MR %d\n", h->vector_width,
             h->vector_width == 16 ? 14 : 6);
    owned[count++] = read_text(KERNELS "/common.cl");
    for (const char *name = files; *name != '\0'; count++) {
        char path[512];
        const size_t length = strcspn(name, " ");
        const int is_shared = strncmp(name, "weft_", 5) == 0;
        snprintf(path, sizeof path, "%s/%.*s", is_shared ? ROOT "kernels/include" : KERNELS,
                 (int)length, name);
        if (count > WEFT_HARNESS_FILES_MAX)
            exit(1);
        owned[count] = read_text(path);
        name += length;
        name += strspn(name, " ");
    }
    for (cl_uint i = 0; i < count; i++)
        texts[2 + i] = owned[i];
    cl_program program = build_texts(h, texts, count + 2, files);
    for (cl_uint i = 0; i < count; i++)
        free(owned[i]);
    return program;
}

cl_program weft_harness_build_text(struct cl_harness *h, const char *text, const char *name)
{
    return build_texts(h, &text, 1, name);
}

cl_kernel weft_harness_kernel(cl_program program, const char *name)
{
    cl_int code;
    cl_kernel kernel = clCreateKernel(program, name, &code);
    if (code != CL_SUCCESS)
        fprintf(stderr, "kernel %s: ", name);
    CHECK(code);
    return kernel;
}

cl_mem weft_harness_bytes(struct cl_harness *h, const void *data, size_t bytes)
{
    cl_int code;
    const cl_mem_flags flags = CL_MEM_READ_WRITE | (data != NULL ? CL_MEM_COPY_HOST_PTR : 0);
    cl_mem buffer = clCreateBuffer(h->context, flags, bytes, (void *)(size_t)data, &code);
    CHECK(code);
    /* Oclgrind 21.10 gives the number of a released buffer to the next one, and what it knows of
     * initialised bytes keeps the size and the state of the first: a second reference keeps each
     * number to one buffer. */
    if (h->is_slow)
        CHECK(clRetainMemObject(buffer));
    return buffer;
}

void weft_harness_read_bytes(struct cl_harness *h, cl_mem buffer, void *data, size_t bytes)
{
    CHECK(clEnqueueReadBuffer(h->queue, buffer, CL_TRUE, 0, bytes, data, 0, NULL, NULL));
}

cl_mem weft_harness_buffer(struct cl_harness *h, const float *data, size_t count)
{
    return weft_harness_bytes(h, data, count * sizeof *data);
}

void weft_harness_read(struct cl_harness *h, cl_mem buffer, float *data, size_t count)
{
    weft_harness_read_bytes(h, buffer, data, count * sizeof *data);
}

void weft_harness_args(cl_kernel kernel, const char *types, ...)
{
    va_list list;
    va_start(list, types);
    for (cl_uint i = 0; types[i] != '\0'; i++) {
        cl_int code = CL_INVALID_ARG_INDEX;
        if (types[i] == 'b') {
            cl_mem value = va_arg(list, cl_mem);
            code = clSetKernelArg(kernel, i, sizeof value, &value);
        } else if (types[i] == 'i') {
            cl_int value = va_arg(list, int);
            code = clSetKernelArg(kernel, i, sizeof value, &value);
        } else if (types[i] == 'f') {
            cl_float value = (float)va_arg(list, double);
            code = clSetKernelArg(kernel, i, sizeof value, &value);
        } else if (types[i] == 'l') {
            code = clSetKernelArg(kernel, i, va_arg(list, size_t), NULL);
        }
        if (code != CL_SUCCESS)
            fprintf(stderr, "argument %u: ", i);
        CHECK(code);
    }
    va_end(list);
}

void weft_harness_launch(struct cl_harness *h, cl_kernel kernel, size_t gx, size_t gy)
{
    const size_t global[2] = {gx, gy};
    const size_t local[2] = {1, 1};
    CHECK(clEnqueueNDRangeKernel(h->queue, kernel, 2, NULL, global, local, 0, NULL, NULL));
}

void weft_harness_finish(struct cl_harness *h)
{
    CHECK(clFinish(h->queue));
}
