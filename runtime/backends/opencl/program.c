/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: from the cache when it has them, from source otherwise.
 *
 * What is kept is what the driver gives back as binary, except on PoCL. There the binary of a built
 * program costs a second compilation of every kernel (a form for any work-group size that nobody
 * runs), while that of a program that was compiled but not linked is free and holds LLVM bitcode;
 * the bitcode alone is itself a binary that PoCL takes. PoCL then finds what it made of the same
 * bitcode before in its own cache, without the preprocessing that a build from source costs each
 * time. When any of that does not hold, the source is built. Must not know about: values, requests.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "runtime/backends/opencl/cl_backend.h"

enum { LOG_LINES = 10, CACHE_FORMAT = 1 };

typedef struct binary {
    uint8_t *bytes; /* NULL: none */
    size_t size;
} binary;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Stands in front of a program's source: what its compiler does not say of the processor. PoCL as
 * Debian builds it compiles for the oldest one of the kind (kernels/cpu/qdot.cl). */
static const char *prelude(const cl_session *session)
{
    bool has_vnni =
        session->device.is_pocl && strcmp(session->device.target, "cpu-avx512-vnni") == 0;
    return has_vnni ? "#define WEFT_VNNI\n" : "";
}

static uint64_t cache_key(const cl_session *session, const weft_program *program)
{
    const char *parts[] = {prelude(session),       program->source,
                           program->options,       session->device.name,
                           session->device.driver, session->device.platform_name};
    uint64_t key = CACHE_FORMAT;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        key = XXH3_64bits_withSeed(parts[i], strlen(parts[i]) + 1, key);
    return key;
}

/* ---- binaries ---- */

static binary get_binary(cl_program program)
{
    binary result = {NULL, 0};
    size_t size = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) !=
            CL_SUCCESS ||
        size == 0)
        return result;
    uint8_t *bytes = malloc(size);
    unsigned char *list[1] = {bytes};
    if (bytes != NULL &&
        clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof list, list, NULL) == CL_SUCCESS)
        return (binary){bytes, size};
    free(bytes);
    return result;
}

/* The bitcode inside of PoCL's binary: its four magic bytes after the 32-bit length of what
 * follows. Shrinks in place. */
static bool keep_bitcode(binary *object)
{
    static const uint8_t bitcode_magic[4] = {'B', 'C', 0xc0, 0xde};
    for (size_t at = sizeof(uint32_t); at + sizeof bitcode_magic <= object->size; at++) {
        uint32_t length = 0;
        memcpy(&length, object->bytes + at - sizeof length, sizeof length);
        if (memcmp(object->bytes + at, bitcode_magic, sizeof bitcode_magic) == 0 &&
            length >= sizeof bitcode_magic && length <= object->size - at) {
            memmove(object->bytes, object->bytes + at, length);
            object->size = length;
            return true;
        }
    }
    return false;
}

static cl_program program_from_binary(const cl_session *session, const binary *from,
                                      const char *options)
{
    cl_device_id device = weft__cl_session_device(session);
    const unsigned char *bytes = from->bytes;
    cl_int status = CL_SUCCESS, error = CL_SUCCESS;
    cl_program program = clCreateProgramWithBinary(session->context, 1, &device, &from->size,
                                                   &bytes, &status, &error);
    if (error == CL_SUCCESS && status == CL_SUCCESS &&
        clBuildProgram(program, 1, &device, options, NULL, NULL) == CL_SUCCESS)
        return program;
    if (error == CL_SUCCESS)
        clReleaseProgram(program);
    return NULL;
}

/* ---- from source ---- */

static void first_lines(char *log)
{
    int lines = 0;
    for (char *c = log; *c != '\0'; c++)
        if (*c == '\n' && ++lines == LOG_LINES) {
            *c = '\0';
            return;
        }
}

static weft_status build_failed(const cl_session *session, cl_program program,
                                const weft_program *source, cl_int error, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_BUILD, "the device's compiler refused program %s: %s",
                        source->name, weft__cl_error_name(error));
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", source->kernels[0]);
    weft_diag_field_set(diag, WEFT_DIAG_AT, "%s, %s, options %s", session->device.platform_name,
                        session->device.name, source->options);
    size_t bytes = 0;
    cl_device_id device = weft__cl_session_device(session);
    clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    char *log = calloc(bytes + 1, 1);
    if (log != NULL && clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, bytes, log,
                                             NULL) == CL_SUCCESS) {
        first_lines(log);
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", log);
    }
    free(log);
    return status;
}

/* PoCL's way, see above. NULL when it does not work out; then the plain way says what is wrong. */
static cl_program build_by_bitcode(const cl_session *session, cl_program source,
                                   const char *options, binary *out_binary)
{
    cl_device_id device = weft__cl_session_device(session);
    if (clCompileProgram(source, 1, &device, options, 0, NULL, NULL, NULL, NULL) != CL_SUCCESS)
        return NULL;
    *out_binary = get_binary(source);
    cl_program built = NULL;
    if (out_binary->bytes != NULL && keep_bitcode(out_binary))
        built = program_from_binary(session, out_binary, "");
    if (built == NULL) {
        free(out_binary->bytes);
        *out_binary = (binary){NULL, 0};
    }
    return built;
}

static weft_status create_from_source(const cl_session *session, const weft_program *from,
                                      weft_diag *diag, cl_program *out_program)
{
    cl_int error = CL_SUCCESS;
    const char *texts[] = {prelude(session), from->source};
    *out_program = clCreateProgramWithSource(session->context, 2, texts, NULL, &error);
    return error == CL_SUCCESS
               ? WEFT_OK
               : weft__cl_failed(diag, "clCreateProgramWithSource", from->name, error);
}

static weft_status build_source(const cl_session *session, const weft_program *from,
                                weft_diag *diag, cl_program *out_program, binary *out_binary)
{
    cl_device_id device = weft__cl_session_device(session);
    cl_program program = NULL;
    weft_status status = create_from_source(session, from, diag, &program);
    if (status != WEFT_OK)
        return status;
    if (session->device.is_pocl) {
        *out_program = build_by_bitcode(session, program, from->options, out_binary);
        clReleaseProgram(program);
        if (*out_program != NULL)
            return WEFT_OK;
        status = create_from_source(session, from, diag,
                                    &program); /* a compiled one cannot be built again */
        if (status != WEFT_OK)
            return status;
    }
    cl_int error = clBuildProgram(program, 1, &device, from->options, NULL, NULL);
    if (error != CL_SUCCESS) {
        status = build_failed(session, program, from, error, diag);
        clReleaseProgram(program);
        return status;
    }
    if (!session->device.is_pocl)
        *out_binary = get_binary(program);
    *out_program = program;
    return WEFT_OK;
}

/* ---- all of them ---- */

weft_status weft__cl_build_program(cl_session *session, size_t index, const char *cache_dir,
                                   weft_diag *diag)
{
    const weft_program *program = &session->view->manifest->programs[index];
    uint64_t key = cache_key(session, program);
    binary kept = {NULL, 0};
    const char *binary_options = session->device.is_pocl ? "" : program->options;
    if (cache_dir != NULL && weft__cl_cache_load(cache_dir, key, &kept.bytes, &kept.size)) {
        session->programs[index] = program_from_binary(session, &kept, binary_options);
        free(kept.bytes);
        kept = (binary){NULL, 0};
    }
    if (session->programs[index] != NULL) {
        session->load.programs_from_cache++;
        return WEFT_OK;
    }
    weft_status status = build_source(session, program, diag, &session->programs[index], &kept);
    session->load.programs_built += status == WEFT_OK;
    if (status == WEFT_OK && cache_dir != NULL && kept.bytes != NULL)
        weft__cl_cache_store(cache_dir, key, kept.bytes, kept.size);
    free(kept.bytes);
    return status;
}

weft_status weft__cl_build_programs(cl_session *session, const char *cache_dir, weft_diag *diag)
{
    uint64_t begin = now_ns();
    weft_status status = WEFT_OK;
    for (size_t s = 0; s < session->schedule->step_count; s++) {
        const weft_step *step = &session->schedule->steps[s];
        for (size_t l = 0; l < step->launch_count && status == WEFT_OK; l++) {
            size_t index = (size_t)step->launches[l].program;
            if (session->programs[index] == NULL)
                status = weft__cl_build_program(session, index, cache_dir, diag);
        }
    }
    session->load.compile_ns = now_ns() - begin;
    return status;
}
