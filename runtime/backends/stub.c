/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the backend opencl when OpenCL's headers were absent at build time: same symbols,
 * and a clear word. */
#include "runtime/backends/backend.h"

#if !WEFT_HAVE_OPENCL

static void enumerate(weft_device_list *list)
{
    weft__device_list_add(
        list, &(weft_device_info){
                  .backend = "opencl",
                  .name = "",
                  .platform = "",
                  .target = "",
                  .why_not = "not built in: OpenCL's headers were absent when weft was built "
                             "(Debian: ocl-icd-opencl-dev opencl-headers)"});
}

static weft_status session_create(const weft_backend_params *params, weft_diag *diag,
                                  void **out_session)
{
    (void)params;
    *out_session = NULL;
    weft_status status =
        weft_diag_error(diag, WEFT_E_RUNTIME_NOT_BUILT, "the backend opencl is not built in");
    weft_diag_field_set(
        diag, WEFT_DIAG_TRY,
        "install ocl-icd-opencl-dev and opencl-headers and build again, or use backend ref");
    return status;
}

/* Without a session none of the others can be called. */
const weft_backend weft_backend_opencl = {.name = "opencl",
                                          .summary = "not built in",
                                          .enumerate = enumerate,
                                          .session_create = session_create};

#else
typedef int weft__stub_is_not_needed; /* ISO C wants at least one declaration in a file */
#endif
