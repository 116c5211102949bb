/* SPDX-License-Identifier: Apache-2.0 */
/* The part of XRT's C API that weft calls, declared here and found at run time, so that weft is
 * built and starts without XRT. The functions have had these types since XRT 2.13. Must not know
 * about: packages, engines. */
#ifndef WEFT_RUNTIME_BACKENDS_XRT_API_H
#define WEFT_RUNTIME_BACKENDS_XRT_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct xrt_api {
    void *library;
    void *(*device_open)(unsigned int index);
    void *(*device_open_by_bdf)(const char *bdf);
    int (*device_close)(void *device);
    int (*device_load_xclbin_file)(void *device, const char *path);
    int (*device_get_xclbin_uuid)(void *device, uint8_t out[16]);
    void *(*kernel_open)(void *device, const uint8_t uuid[16], const char *name);
    int (*kernel_close)(void *kernel);
    int (*kernel_arg_group_id)(void *kernel, int argument);
    int (*kernel_read_register)(void *kernel, uint32_t offset, uint32_t *out);
    int (*kernel_write_register)(void *kernel, uint32_t offset, uint32_t value);
    void *(*bo_alloc)(void *device, size_t bytes, uint64_t flags, uint32_t group);
    void *(*bo_sub_alloc)(void *parent, size_t bytes, size_t offset);
    int (*bo_free)(void *buffer);
    void *(*bo_map)(void *buffer);
    uint64_t (*bo_address)(void *buffer);
    int (*bo_sync)(void *buffer, int direction, size_t bytes, size_t offset);
    void *(*run_open)(void *kernel);
    int (*run_set_arg)(void *run, int index, ...);
    int (*run_start)(void *run);
    int (*run_wait_for)(void *run, unsigned int timeout_ms);
    int (*run_state)(void *run);
    int (*run_close)(void *run);
} xrt_api;

enum { XRT_SYNC_TO_DEVICE = 0, XRT_SYNC_FROM_DEVICE = 1 };

/* States of a run: XRT's ert_cmd_state. */
enum {
    XRT_RUN_NEW = 1,
    XRT_RUN_QUEUED,
    XRT_RUN_RUNNING,
    XRT_RUN_COMPLETED,
    XRT_RUN_ERROR,
    XRT_RUN_ABORTED,
    XRT_RUN_SUBMITTED,
    XRT_RUN_TIMEOUT,
    XRT_RUN_NO_RESPONSE
};
const char *weft__xrt_run_state_name(int state);

/* What XRT is told to drive, by XCL_EMULATION_MODE. */
typedef enum xrt_mode {
    XRT_MODE_CARD,
    XRT_MODE_NOOP,
    XRT_MODE_SW_EMU,
    XRT_MODE_HW_EMU,
    XRT_MODE_UNKNOWN
} xrt_mode;
xrt_mode weft__xrt_mode(void);
const char *weft__xrt_mode_name(xrt_mode mode); /* "sw_emu" */

enum { XRT_WHY_BYTES = 512 };

/* Whether XRT is there and its environment complete: XRT ends the whole process, or waits for
 * minutes, when it is not. False: out_why says what is missing and what to do; out_is_absent
 * whether XRT itself is. Asks XRT for nothing but its version. */
bool weft__xrt_is_ready(char out_why[XRT_WHY_BYTES], bool *out_is_absent);

/* Loads the library and finds every function; after weft__xrt_is_ready. False: out_why. The library
 * stays in the process, because threads of its own may. */
bool weft__xrt_api_open(xrt_api *out_api, char out_why[XRT_WHY_BYTES]);
void weft__xrt_api_close(xrt_api *api);

#endif
