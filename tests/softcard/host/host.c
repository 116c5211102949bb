/* SPDX-License-Identifier: Apache-2.0 */
/* A host program for tests of the software card, as somebody else would write one: XRT's C API
 * through dlopen, or OpenCL. Must not know about: weft, except to make an xclbin.
 *
 *   host make FILE.xclbin KERNEL.so UNITS PLATFORM
 *   host native FILE.xclbin DEVICE [forget]     forget: the inputs are not sent to the card
 *   host opencl FILE.xclbin DEVICE
 *
 * Exit status: 0 right sums, 3 wrong sums, 4 the run did not end, 1 anything else. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/base/file.h"
#include "tests/softcard/sample_xclbin.h"

enum { COUNT = 4096, BYTES = COUNT * 4, WAIT_S = 3, COMPLETED = 4, LAUNCHES = 5 };
enum { RIGHT, FAILED, WRONG = 3, HANGS = 4 };

static void check(int is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "host: %s failed\n", what);
    _exit(FAILED); /* XRT's own handlers of the end may wait for a card that is gone */
}

/* ---- making a bitstream ---- */

static int make(char **argv)
{
    weft_arena *arena = weft_arena_create();
    weft_file_map map;
    check(arena != NULL && weft_file_map_open(argv[1], &map, NULL) == WEFT_OK, argv[1]);
    weft_xclbin x = sample_xclbin(arena, (size_t)atoi(argv[2]), argv[3]);
    x.bitstream = map.data;
    x.bitstream_bytes = map.size_bytes;
    check(weft_xclbin_write(&x, argv[0], NULL) == WEFT_OK, "writing the xclbin");
    weft_file_map_close(&map);
    weft_arena_destroy(arena);
    return RIGHT;
}

static int verdict(const unsigned *a, const unsigned *b, const unsigned *c)
{
    int wrong = 0;
    for (unsigned i = 0; i < COUNT; i++)
        wrong += c[i] != a[i] + b[i];
    printf("%d of %d sums wrong\n", wrong, (int)COUNT);
    return wrong == 0 ? RIGHT : WRONG;
}

static void fill(unsigned *data, unsigned seed)
{
    for (unsigned i = 0; i < COUNT; i++)
        data[i] = seed == 0 ? 0 : i * 2654435761u + seed;
}

/* ---- native ---- */

typedef void *handle;
static void *xrt;

static void *function(const char *name)
{
    void *found = dlsym(xrt, name);
    check(found != NULL, name);
    return found;
}
#define CALL(type, name, parameters, ...) ((type(*) parameters)function(#name))(__VA_ARGS__)

/* Waits of XRT 2.13 for a unit that does not answer have no end, whatever bound they are given. */
static void end_wait(int number)
{
    (void)number;
    _exit(HANGS);
}

static int native(const char *file, unsigned device_index, int forgets)
{
    unsigned char uuid[16];
    handle buffers[3];
    unsigned *data[3];
    xrt = dlopen("libxrt_coreutil.so.2", RTLD_NOW);
    check(xrt != NULL, "loading XRT");
    handle device = CALL(handle, xrtDeviceOpen, (unsigned), device_index);
    check(device != NULL, "xrtDeviceOpen");
    check(CALL(int, xrtDeviceLoadXclbinFile, (handle, const char *), device, file) == 0,
          "xrtDeviceLoadXclbinFile");
    check(CALL(int, xrtDeviceGetXclbinUUID, (handle, unsigned char *), device, uuid) == 0, "uuid");
    handle kernel = CALL(handle, xrtPLKernelOpen, (handle, const unsigned char *, const char *),
                         device, uuid, "vadd");
    check(kernel != NULL, "xrtPLKernelOpen");
    handle run = CALL(handle, xrtRunOpen, (handle), kernel);
    for (int i = 0; i < 3; i++) {
        int group = CALL(int, xrtKernelArgGroupId, (handle, int), kernel, i);
        buffers[i] = CALL(handle, xrtBOAlloc, (handle, size_t, unsigned long, unsigned), device,
                          BYTES, 0, (unsigned)group);
        check(buffers[i] != NULL, "xrtBOAlloc");
        data[i] = CALL(unsigned *, xrtBOMap, (handle), buffers[i]);
        check(data[i] != NULL, "xrtBOMap");
        fill(data[i], i == 2 ? 0 : (unsigned)i + 1);
        if (i < 2 && !forgets)
            check(CALL(int, xrtBOSync, (handle, int, size_t, size_t), buffers[i], 0, BYTES, 0) == 0,
                  "xrtBOSync");
        CALL(int, xrtRunSetArg, (handle, int, ...), run, i, buffers[i]);
    }
    CALL(int, xrtRunSetArg, (handle, int, ...), run, 3, (unsigned)COUNT);
    signal(SIGALRM, end_wait);
    for (int i = 0; i < LAUNCHES; i++) {
        alarm(WAIT_S);
        CALL(int, xrtRunStart, (handle), run);
        check(CALL(int, xrtRunWait, (handle), run) == COMPLETED, "xrtRunWait");
        alarm(0);
        printf("run %d ended\n", i);
        fflush(stdout);
    }
    CALL(int, xrtBOSync, (handle, int, size_t, size_t), buffers[2], 1, BYTES, 0);
    int result = verdict(data[0], data[1], data[2]);
    CALL(int, xrtRunClose, (handle), run);
    for (int i = 0; i < 3; i++)
        CALL(int, xrtBOFree, (handle), buffers[i]);
    CALL(int, xrtKernelClose, (handle), kernel);
    CALL(int, xrtDeviceClose, (handle), device);
    return result;
}

/* ---- OpenCL ---- */

static cl_platform_id find_platform(void)
{
    cl_platform_id platforms[8], found = NULL;
    cl_uint count = 0;
    check(clGetPlatformIDs(8, platforms, &count) == CL_SUCCESS, "clGetPlatformIDs");
    for (cl_uint i = 0; i < count; i++) {
        char name[64] = "";
        clGetPlatformInfo(platforms[i], CL_PLATFORM_NAME, sizeof name, name, NULL);
        printf("platform %s\n", name);
        if (strcmp(name, "Xilinx") == 0)
            found = platforms[i];
    }
    check(found != NULL, "finding the platform Xilinx");
    return found;
}

static int opencl(const char *file, unsigned device_index)
{
    cl_device_id devices[16];
    cl_uint device_count = 0, count = COUNT;
    cl_int error = 0, built = 0;
    weft_file_map map;
    char name[128] = "";
    unsigned *data[3];
    cl_mem buffers[3];
    check(weft_file_map_open(file, &map, NULL) == WEFT_OK, file);
    check(clGetDeviceIDs(find_platform(), CL_DEVICE_TYPE_ACCELERATOR, 16, devices, &device_count) ==
              CL_SUCCESS,
          "clGetDeviceIDs");
    check(device_index < device_count, "finding the device");
    cl_device_id device = devices[device_index];
    clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof name, name, NULL);
    printf("device %s, %u there\n", name, device_count);
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, &error);
    check(context != NULL, "clCreateContext");
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, &error);
    cl_program program =
        clCreateProgramWithBinary(context, 1, &device, &map.size_bytes, &map.data, &built, &error);
    check(program != NULL && clBuildProgram(program, 1, &device, "", NULL, NULL) == CL_SUCCESS,
          "clCreateProgramWithBinary");
    cl_kernel kernel = clCreateKernel(program, "vadd", &error);
    check(kernel != NULL, "clCreateKernel");
    for (cl_uint i = 0; i < 3; i++) {
        check(posix_memalign((void **)&data[i], 4096, BYTES) == 0, "posix_memalign");
        fill(data[i], i == 2 ? 0 : i + 1);
        buffers[i] = clCreateBuffer(context, i == 2 ? CL_MEM_WRITE_ONLY : CL_MEM_READ_ONLY, BYTES,
                                    NULL, &error);
        check(buffers[i] != NULL, "clCreateBuffer");
        clSetKernelArg(kernel, i, sizeof buffers[i], &buffers[i]);
        if (i < 2)
            check(clEnqueueWriteBuffer(queue, buffers[i], CL_TRUE, 0, BYTES, data[i], 0, NULL,
                                       NULL) == CL_SUCCESS,
                  "clEnqueueWriteBuffer");
    }
    clSetKernelArg(kernel, 3, sizeof count, &count);
    for (int i = 0; i < LAUNCHES; i++)
        check(clEnqueueTask(queue, kernel, 0, NULL, NULL) == CL_SUCCESS, "clEnqueueTask");
    check(clFinish(queue) == CL_SUCCESS, "clFinish");
    check(clEnqueueReadBuffer(queue, buffers[2], CL_TRUE, 0, BYTES, data[2], 0, NULL, NULL) ==
              CL_SUCCESS,
          "clEnqueueReadBuffer");
    int result = verdict(data[0], data[1], data[2]);
    for (int i = 0; i < 3; i++) {
        clReleaseMemObject(buffers[i]);
        free(data[i]);
    }
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
    weft_file_map_close(&map);
    return result;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "make") == 0)
        return make(argv + 2);
    check(argc >= 4, "reading the arguments");
    unsigned device = (unsigned)atoi(argv[3]);
    return strcmp(argv[1], "native") == 0 ? native(argv[2], device, argc > 4)
                                          : opencl(argv[2], device);
}
