/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the backends opencl and engine-opencl when OpenCL's headers were absent at build
 * time: same symbols, and a clear word. */
#include "runtime/backends/backend.h"

#if !WEFT_HAVE_OPENCL

static void add(weft_device_list *list, const char *backend)
{
    weft__device_list_add(
        list, &(weft_device_info){
                  .backend = backend,
                  .name = "",
                  .platform = "",
                  .target = "",
                  .why_not = "not built in: OpenCL's headers were absent when weft was built "
                             "(Debian: ocl-icd-opencl-dev opencl-headers)"});
}

static void enumerate(weft_device_list *list)
{
    add(list, "opencl");
}

static void enumerate_engine(weft_device_list *list)
{
    add(list, "engine-opencl");
}

static weft_status refuse(const char *backend, const char *other, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_NOT_BUILT, "the backend %s is not built in", backend);
    weft_diag_field_set(
        diag, WEFT_DIAG_TRY,
        "install ocl-icd-opencl-dev and opencl-headers and build again, or use backend %s", other);
    return status;
}

static weft_status session_create(const weft_backend_params *params, weft_diag *diag,
                                  void **out_session)
{
    (void)params;
    *out_session = NULL;
    return refuse("opencl", "ref", diag);
}

static weft_status session_create_engine(const weft_backend_params *params, weft_diag *diag,
                                         void **out_session)
{
    (void)params;
    *out_session = NULL;
    return refuse("engine-opencl", "engine-hls", diag);
}

/* Without a session none of the others can be called. */
const weft_backend weft_backend_opencl = {.name = "opencl",
                                          .summary = "not built in",
                                          .enumerate = enumerate,
                                          .session_create = session_create};
const weft_backend weft_backend_engine_opencl = {.name = "engine-opencl",
                                                 .summary = "not built in",
                                                 .enumerate = enumerate_engine,
                                                 .session_create = session_create_engine};

#else
typedef int weft__stub_is_not_needed; /* ISO C wants at least one declaration in a file */
#endif
