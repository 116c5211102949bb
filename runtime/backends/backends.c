/* SPDX-License-Identifier: Apache-2.0 */
/* The list of backends. A new one is a line here and a folder beside. */
#include "runtime/backends/backend.h"

const weft_backend *const weft_backends[] = {&weft_backend_opencl,
                                             &weft_backend_ref,
                                             &weft_backend_engine_opencl,
                                             &weft_backend_engine_hls,
                                             &weft_backend_xrt,
                                             &weft_backend_xrt_opencl,
                                             NULL};
