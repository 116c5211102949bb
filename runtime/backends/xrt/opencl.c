/* SPDX-License-Identifier: Apache-2.0 */
/* The driver over XRT's OpenCL, which is OpenCL 1.0: the platform of the ICD loader that is named
 * Xilinx. Must not know about: requests, what is computed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CL_USE_DEPRECATED_OPENCL_1_2_APIS /* clEnqueueTask */
#include <CL/cl.h>

#include "compiler/base/file.h"
#include "runtime/backends/xrt/xrt_backend.h"

enum { MAX_PLATFORMS = 16, PAGE_BYTES = 4096 };
/* XRT's extensions, by number as in its cl_ext_xilinx.h. */
enum { DEVICE_PCIE_BDF = 0x1120 };
static const cl_mem_flags MEM_EXT_PTR = (cl_mem_flags)1 << 31;

/* With that flag the host pointer of clCreateBuffer: a buffer for an argument of a kernel lies
 * where the argument is connected to. */
typedef struct ext_pointer {
    unsigned int argument;
    void *host;
    cl_kernel kernel;
} ext_pointer;

typedef struct cl_card {
    cl_device_id device;
    cl_context context;
    cl_program program;
    cl_command_queue transfers;
    cl_command_queue *units; /* per unit: one run at a time */
} cl_card;

typedef struct cl_buffer {
    cl_mem memory;
    const xrt_unit *unit;
    unsigned int argument;
} cl_buffer;

typedef struct cl_run {
    cl_kernel kernel;
    cl_command_queue queue; /* the unit's */
} cl_run;

static bool cl_failed(xrt_failure *failure, weft_error_id id, const char *call, cl_int error)
{
    bool is_memory = error == CL_MEM_OBJECT_ALLOCATION_FAILURE || error == CL_OUT_OF_RESOURCES ||
                     error == CL_OUT_OF_HOST_MEMORY;
    if (id == WEFT_E_XRT_CALL && is_memory)
        weft__xrt_failed(failure, WEFT_E_XRT_CARD_MEMORY, "the card's memory is full");
    else
        weft__xrt_failed(failure, id, "%s failed", call);
    snprintf(failure->found, sizeof failure->found, "%s: OpenCL error %d", call, (int)error);
    return false;
}

/* ---- opening ---- */

static cl_platform_id find_platform(void)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint count = 0;
    char name[XRT_NAME_BYTES];
    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &count) != CL_SUCCESS)
        return NULL;
    for (cl_uint i = 0; i < count && i < MAX_PLATFORMS; i++)
        if (clGetPlatformInfo(platforms[i], CL_PLATFORM_NAME, sizeof name, name, NULL) ==
                CL_SUCCESS &&
            strcmp(name, "Xilinx") == 0)
            return platforms[i];
    return NULL;
}

bool weft__xrt_opencl_is_there(void)
{
    return find_platform() != NULL;
}

static bool find_device(const xrt_card *card, cl_device_id *out_device, xrt_failure *failure)
{
    cl_device_id devices[XRT_MAX_CARDS];
    cl_uint count = 0;
    cl_platform_id platform = find_platform();
    if (platform == NULL)
        return weft__xrt_failed(failure, WEFT_E_XRT_ENVIRONMENT,
                                "XRT's OpenCL is not among the ICD loader's implementations "
                                "(OCL_ICD_VENDORS=libxilinxopencl.so.2)");
    cl_int error =
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ACCELERATOR, XRT_MAX_CARDS, devices, &count);
    if (error != CL_SUCCESS)
        return cl_failed(failure, WEFT_E_XRT_OPEN, "clGetDeviceIDs", error);
    for (cl_uint i = 0; i < count && i < XRT_MAX_CARDS; i++) {
        char bdf[sizeof card->info.bdf] = "";
        if (card->info.bdf[0] != '\0')
            clGetDeviceInfo(devices[i], DEVICE_PCIE_BDF, sizeof bdf, bdf, NULL);
        if (card->info.bdf[0] != '\0' ? strcmp(bdf, card->info.bdf) == 0 : i == card->info.index) {
            *out_device = devices[i];
            return true;
        }
    }
    return weft__xrt_failed(failure, WEFT_E_XRT_OPEN, "XRT's OpenCL does not list card %s",
                            card->title);
}

static bool load_program(xrt_card *card, cl_card *mine, xrt_failure *failure)
{
    weft_file_map map;
    if (weft_file_map_open(card->path, &map, NULL) != WEFT_OK)
        return weft__xrt_failed(failure, WEFT_E_XRT_LOAD, "the bitstream cannot be read");
    cl_int status = CL_SUCCESS, error = CL_SUCCESS;
    const unsigned char *bytes = map.data;
    mine->program = clCreateProgramWithBinary(mine->context, 1, &mine->device, &map.size_bytes,
                                              &bytes, &status, &error);
    weft_file_map_close(&map);
    return (error == CL_SUCCESS && status == CL_SUCCESS) ||
           cl_failed(failure, WEFT_E_XRT_LOAD, "clCreateProgramWithBinary",
                     error != CL_SUCCESS ? error : status);
}

static bool open_units(xrt_card *card, cl_card *mine, xrt_failure *failure)
{
    for (size_t i = 0; i < card->unit_count; i++) {
        char name[2 * XRT_NAME_BYTES];
        cl_int error = CL_SUCCESS;
        snprintf(name, sizeof name, "%s:{%s}", card->kernel, card->units[i].name);
        card->units[i].kernel = clCreateKernel(mine->program, name, &error);
        if (error != CL_SUCCESS)
            return cl_failed(failure, WEFT_E_XRT_CALL, "clCreateKernel", error);
        mine->units[i] = clCreateCommandQueue(mine->context, mine->device, 0, &error);
        if (error != CL_SUCCESS)
            return cl_failed(failure, WEFT_E_XRT_CALL, "clCreateCommandQueue", error);
    }
    return true;
}

static bool open_card(xrt_card *card, xrt_failure *failure)
{
    cl_int error = CL_SUCCESS;
    cl_card *mine = calloc(1, sizeof *mine);
    card->device = mine;
    if (mine == NULL || (mine->units = calloc(card->unit_count, sizeof(cl_command_queue))) == NULL)
        return weft__xrt_failed(failure, WEFT_E_NO_MEMORY, "out of memory while opening a card");
    if (!find_device(card, &mine->device, failure))
        return false;
    mine->context = clCreateContext(NULL, 1, &mine->device, NULL, NULL, &error);
    if (error != CL_SUCCESS)
        return cl_failed(failure, WEFT_E_XRT_OPEN, "clCreateContext", error);
    mine->transfers = clCreateCommandQueue(mine->context, mine->device, 0, &error);
    if (error != CL_SUCCESS)
        return cl_failed(failure, WEFT_E_XRT_OPEN, "clCreateCommandQueue", error);
    return load_program(card, mine, failure) && open_units(card, mine, failure);
}

static void release_card(const xrt_card *card, const cl_card *mine)
{
    for (size_t i = 0; mine->units != NULL && i < card->unit_count; i++) {
        if (mine->units[i] != NULL)
            clReleaseCommandQueue(mine->units[i]);
        if (card->units[i].kernel != NULL)
            clReleaseKernel(card->units[i].kernel);
    }
    if (mine->program != NULL)
        clReleaseProgram(mine->program);
    if (mine->transfers != NULL)
        clReleaseCommandQueue(mine->transfers);
    if (mine->context != NULL)
        clReleaseContext(mine->context);
}

static void close_card(xrt_card *card)
{
    cl_card *mine = card->device;
    if (mine == NULL)
        return;
    if (!atomic_load(&card->is_kept))
        release_card(card, mine);
    free(mine->units);
    free(mine);
    card->device = NULL;
}

/* ---- buffers: cl_mem, and the host's side as memory of its own ---- */

static cl_buffer *make_buffer(const cl_card *mine, const xrt_unit *unit, unsigned int argument,
                              size_t bytes, cl_int *out_error)
{
    cl_buffer *buffer = calloc(1, sizeof *buffer);
    ext_pointer place = {argument, NULL, unit->kernel};
    *out_error = CL_OUT_OF_HOST_MEMORY;
    if (buffer == NULL)
        return NULL;
    *buffer = (cl_buffer){.unit = unit, .argument = argument};
    buffer->memory =
        clCreateBuffer(mine->context, CL_MEM_READ_WRITE | MEM_EXT_PTR, bytes, &place, out_error);
    if (*out_error == CL_SUCCESS)
        return buffer;
    free(buffer);
    return NULL;
}

static bool buffer_create(xrt_card *card, const xrt_unit *unit, int argument, size_t bytes,
                          xrt_buffer *out, xrt_failure *failure)
{
    cl_int error = CL_SUCCESS;
    void *map = NULL;
    *out = (xrt_buffer){.bytes = bytes};
    if (posix_memalign(&map, PAGE_BYTES, bytes) != 0)
        return weft__xrt_failed(failure, WEFT_E_NO_MEMORY, "out of memory for a buffer");
    out->handle = make_buffer(card->device, unit, (unsigned int)argument, bytes, &error);
    if (out->handle == NULL) {
        free(map);
        return cl_failed(failure, WEFT_E_XRT_CALL, "clCreateBuffer", error);
    }
    memset(map, 0, bytes);
    out->map = map;
    return true;
}

static void release_buffer(const xrt_card *card, cl_buffer *buffer)
{
    if (!atomic_load(&card->is_kept))
        clReleaseMemObject(buffer->memory);
    free(buffer);
}

/* The host's side is used by blocking transfers only, so no run works on it. */
static void buffer_destroy(xrt_card *card, xrt_buffer *buffer)
{
    if (buffer->handle != NULL)
        release_buffer(card, buffer->handle);
    free(buffer->map);
    *buffer = (xrt_buffer){0};
}

/* OpenCL 1.0 has no parts of buffers: a copy. */
static void *part_create(xrt_card *card, const xrt_buffer *whole, size_t offset, size_t bytes)
{
    const cl_card *mine = card->device;
    const cl_buffer *from = whole->handle;
    cl_int error = CL_SUCCESS;
    cl_buffer *part = make_buffer(mine, from->unit, from->argument, bytes, &error);
    if (part != NULL && clEnqueueWriteBuffer(mine->transfers, part->memory, CL_TRUE, 0, bytes,
                                             whole->map + offset, 0, NULL, NULL) != CL_SUCCESS) {
        release_buffer(card, part);
        return NULL;
    }
    return part;
}

static void part_destroy(xrt_card *card, void *part)
{
    release_buffer(card, part);
}

static bool sync_buffer(xrt_card *card, const xrt_buffer *buffer, bool to_card, size_t offset,
                        size_t bytes)
{
    const cl_card *mine = card->device;
    cl_mem memory = ((const cl_buffer *)buffer->handle)->memory;
    uint8_t *host = buffer->map + offset;
    cl_int error = to_card ? clEnqueueWriteBuffer(mine->transfers, memory, CL_TRUE, offset, bytes,
                                                  host, 0, NULL, NULL)
                           : clEnqueueReadBuffer(mine->transfers, memory, CL_TRUE, offset, bytes,
                                                 host, 0, NULL, NULL);
    return error == CL_SUCCESS;
}

/* ---- runs: a kernel object each, because that is where arguments are ---- */

static void *run_create(xrt_card *card, const xrt_unit *unit)
{
    const cl_card *mine = card->device;
    cl_run *made = calloc(1, sizeof *made);
    char name[2 * XRT_NAME_BYTES];
    cl_int error = CL_SUCCESS;
    if (made == NULL)
        return NULL;
    snprintf(name, sizeof name, "%s:{%s}", card->kernel, unit->name);
    made->queue = mine->units[unit - card->units];
    made->kernel = clCreateKernel(mine->program, name, &error);
    if (error == CL_SUCCESS)
        return made;
    free(made);
    return NULL;
}

static void run_destroy(xrt_card *card, void *run_handle)
{
    if (!atomic_load(&card->is_kept))
        clReleaseKernel(((cl_run *)run_handle)->kernel);
    free(run_handle);
}

static bool run_set(xrt_card *card, void *run_handle, int argument, void *handle)
{
    (void)card;
    const cl_buffer *buffer = handle;
    return clSetKernelArg(((cl_run *)run_handle)->kernel, (cl_uint)argument, sizeof(cl_mem),
                          &buffer->memory) == CL_SUCCESS;
}

static bool run_set_count(xrt_card *card, void *run_handle, uint32_t count)
{
    (void)card;
    return clSetKernelArg(((cl_run *)run_handle)->kernel, XRT_ARG_COUNT, sizeof count, &count) ==
           CL_SUCCESS;
}

/* clWaitForEvents has no bound, so the state is asked for, at growing distances. */
static int wait_for(cl_event event, uint64_t deadline)
{
    enum { SHORTEST_NS = 20000, LONGEST_NS = 500000 };
    struct timespec pause = {0, SHORTEST_NS};
    for (;;) {
        cl_int state = CL_COMPLETE;
        if (clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL) !=
                CL_SUCCESS ||
            state < 0)
            return XRT_RUN_ERROR;
        if (state == CL_COMPLETE)
            return XRT_RUN_COMPLETED;
        if (weft__engine_now_ns() >= deadline)
            return XRT_RUN_TIMEOUT;
        nanosleep(&pause, NULL);
        pause.tv_nsec = pause.tv_nsec * 2 < LONGEST_NS ? pause.tv_nsec * 2 : LONGEST_NS;
    }
}

static int run(xrt_card *card, void *run_handle, uint64_t timeout_ns, uint64_t *out_started_ns)
{
    (void)card;
    const cl_run *mine = run_handle;
    cl_event event = NULL;
    /* XRT starts what is enqueued by itself; its clFlush waits for the end. */
    if (clEnqueueTask(mine->queue, mine->kernel, 0, NULL, &event) != CL_SUCCESS)
        return XRT_RUN_ERROR;
    *out_started_ns = weft__engine_now_ns();
    int state = wait_for(event, *out_started_ns + timeout_ns);
    clReleaseEvent(event);
    return state;
}

const xrt_driver weft__xrt_opencl_driver = {.backend = "xrt-opencl",
                                            .open = open_card,
                                            .close = close_card,
                                            .buffer_create = buffer_create,
                                            .buffer_destroy = buffer_destroy,
                                            .part_create = part_create,
                                            .part_destroy = part_destroy,
                                            .sync = sync_buffer,
                                            .run_create = run_create,
                                            .run_destroy = run_destroy,
                                            .run_set = run_set,
                                            .run_set_count = run_set_count,
                                            .run = run};
