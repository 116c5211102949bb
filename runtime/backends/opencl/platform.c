/* SPDX-License-Identifier: Apache-2.0 */
/* Finding devices through the ICD loader, and saying why there are none. Must not know about:
 * packages. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/backends/opencl/cl_backend.h"

enum { MAX_PLATFORMS = 16, MAX_DEVICES = 64, NO_PLATFORM = -1001 /* CL_PLATFORM_NOT_FOUND_KHR */ };

/* The compiler's target for the processor that this code runs on; a CPU device is that processor.
 */
static const char *target_of_cpu(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return __builtin_cpu_supports("avx512vnni") ? "cpu-avx512-vnni" : "cpu-avx512";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "cpu-avx2";
#endif
    return "cpu-generic";
}

/* The folder that the loader reads, and how many drivers it lists there. */
static const char *vendors_folder(size_t *out_count)
{
    const char *folder = getenv("OCL_ICD_VENDORS");
    folder = folder == NULL || folder[0] == '\0' ? "/etc/OpenCL/vendors" : folder;
    *out_count = 0;
    DIR *open_folder = opendir(folder);
    if (open_folder == NULL)
        return folder;
    for (const struct dirent *entry; (entry = readdir(open_folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        *out_count += length > 4 && strcmp(entry->d_name + length - 4, ".icd") == 0;
    }
    closedir(open_folder);
    return folder;
}

static void platform_text(cl_platform_id platform, cl_platform_info what, char *out)
{
    if (clGetPlatformInfo(platform, what, CL_TEXT_BYTES, out, NULL) != CL_SUCCESS)
        out[0] = '\0';
    out[CL_TEXT_BYTES - 1] = '\0';
}

static void device_text(cl_device_id device, cl_device_info what, char *out)
{
    if (clGetDeviceInfo(device, what, CL_TEXT_BYTES, out, NULL) != CL_SUCCESS)
        out[0] = '\0';
    out[CL_TEXT_BYTES - 1] = '\0';
}

static bool device_bool(cl_device_id device, cl_device_info what)
{
    cl_bool value = CL_FALSE;
    return clGetDeviceInfo(device, what, sizeof value, &value, NULL) == CL_SUCCESS &&
           value == CL_TRUE;
}

static void describe(cl_platform_id platform, cl_device_id id, cl_device *out)
{
    memset(out, 0, sizeof *out);
    out->platform = platform;
    out->id = id;
    platform_text(platform, CL_PLATFORM_NAME, out->platform_name);
    out->is_pocl = strcmp(out->platform_name, "Portable Computing Language") == 0;
    device_text(id, CL_DEVICE_NAME, out->name);
    device_text(id, CL_DRIVER_VERSION, out->driver);
    clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof out->compute_units, &out->compute_units,
                    NULL);
    clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof out->memory_bytes, &out->memory_bytes,
                    NULL);
    cl_device_type type = 0;
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    bool is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    out->target = is_cpu ? target_of_cpu() : "";
    if (!is_cpu || !device_bool(id, CL_DEVICE_HOST_UNIFIED_MEMORY))
        out->why_not = "not a CPU that shares the host's memory";
    else if (!device_bool(id, CL_DEVICE_AVAILABLE))
        out->why_not = "the driver says that it is not available";
    else if (!device_bool(id, CL_DEVICE_COMPILER_AVAILABLE))
        out->why_not = "the driver has no compiler";
}

/* All devices of all platforms in the loader's order. *out_error is the loader's answer. */
static size_t find_devices(cl_device *out, size_t capacity, cl_int *out_error)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint platform_count = 0;
    *out_error = clGetPlatformIDs(MAX_PLATFORMS, platforms, &platform_count);
    if (*out_error != CL_SUCCESS)
        return 0;
    if (platform_count == 0)
        *out_error = NO_PLATFORM;
    size_t count = 0;
    for (cl_uint p = 0; p < platform_count && p < MAX_PLATFORMS; p++) {
        cl_device_id ids[MAX_DEVICES];
        cl_uint id_count = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &id_count) !=
            CL_SUCCESS)
            continue;
        for (cl_uint d = 0; d < id_count && d < MAX_DEVICES && count < capacity; d++)
            describe(platforms[p], ids[d], &out[count++]);
    }
    return count;
}

void weft__cl_enumerate_for(weft_device_list *list, const char *backend)
{
    cl_device *devices = calloc(MAX_DEVICES, sizeof *devices);
    if (devices == NULL)
        return;
    cl_int error = CL_SUCCESS;
    size_t count = find_devices(devices, MAX_DEVICES, &error);
    for (size_t i = 0; i < count; i++)
        weft__device_list_add(list, &(weft_device_info){.backend = backend,
                                                        .name = devices[i].name,
                                                        .platform = devices[i].platform_name,
                                                        .target = devices[i].target,
                                                        .compute_units = devices[i].compute_units,
                                                        .memory_bytes = devices[i].memory_bytes,
                                                        .usable = devices[i].why_not == NULL,
                                                        .why_not = devices[i].why_not});
    if (count == 0) {
        char why[CL_TEXT_BYTES * 2];
        size_t drivers = 0;
        const char *folder = vendors_folder(&drivers);
        snprintf(
            why, sizeof why,
            "no OpenCL device: the loader finds %zu driver%s in %s; on Debian install pocl-opencl-icd",
            drivers, drivers == 1 ? "" : "s", folder);
        weft__device_list_add(
            list,
            &(weft_device_info){
                .backend = backend, .name = "", .platform = "", .target = "", .why_not = why});
    }
    free(devices);
}

static weft_status no_platform(cl_int error, weft_diag *diag)
{
    size_t drivers = 0;
    const char *folder = vendors_folder(&drivers);
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_NO_PLATFORM, "no OpenCL platform was found");
    weft_diag_field_set(diag, WEFT_DIAG_AT,
                        "the loader looked in %s and found %zu driver%s (*.icd)", folder, drivers,
                        drivers == 1 ? "" : "s");
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "clGetPlatformIDs: %s (%d)",
                        error == NO_PLATFORM ? "CL_PLATFORM_NOT_FOUND_KHR"
                                             : weft__cl_error_name(error),
                        (int)error);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        drivers == 0
                            ? "on Debian: apt-get install pocl-opencl-icd; or run with backend ref"
                            : "PoCL needs a cache folder that it can write to: set POCL_CACHE_DIR; "
                              "or reinstall pocl-opencl-icd, or run with backend ref");
    return status;
}

static weft_status no_such_device(int32_t index, const cl_device *devices, size_t count,
                                  weft_diag *diag)
{
    char usable[CL_TEXT_BYTES * 4] = "", refused[CL_TEXT_BYTES * 4] = "";
    size_t number = 0;
    for (size_t i = 0; i < count; i++) {
        char *list = devices[i].why_not == NULL ? usable : refused;
        size_t length = strlen(list);
        if (devices[i].why_not == NULL)
            snprintf(list + length, sizeof usable - length, "%s%zu: %s", length == 0 ? "" : "; ",
                     number++, devices[i].name);
        else
            snprintf(list + length, sizeof refused - length, "%s%s (%s)", length == 0 ? "" : "; ",
                     devices[i].name, devices[i].why_not);
    }
    weft_status status =
        number == 0 && count > 0
            ? weft_diag_error(diag, WEFT_E_RUNTIME_DEVICE_KIND, "no OpenCL device can be used")
            : weft_diag_error(diag, WEFT_E_RUNTIME_DEVICE_INDEX,
                              "the backend opencl has no device %d", (int)index);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s", number == 0 ? "a CPU device" : usable);
    if (refused[0] != '\0')
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "not usable: %s", refused);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        number == 0 ? "on Debian: apt-get install pocl-opencl-icd"
                                    : "weft devices");
    return status;
}

weft_status weft__cl_choose_device(int32_t index, weft_diag *diag, cl_device *out_device)
{
    cl_device *devices = calloc(MAX_DEVICES, sizeof *devices);
    if (devices == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while looking for devices");
    cl_int error = CL_SUCCESS;
    size_t count = find_devices(devices, MAX_DEVICES, &error), i = 0;
    int32_t left = index;
    while (i < count && (devices[i].why_not != NULL || left-- > 0))
        i++;
    weft_status status = WEFT_OK;
    if (error != CL_SUCCESS || count == 0)
        status = no_platform(error == CL_SUCCESS ? NO_PLATFORM : error, diag);
    else if (i == count)
        status = no_such_device(index, devices, count, diag);
    else
        *out_device = devices[i];
    free(devices);
    return status;
}
