/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a command queue. Must not know about: what ran on it. */
#include <time.h>

#include "runtime/backends/opencl/cl_backend.h"

void weft__cl_release_queue(cl_command_queue queue)
{
    /* PoCL's worker threads let go of a command's event after clFinish has returned, and use the
     * device as they do so, which may be gone by then. Every event holds its queue, so it is over
     * when nobody else holds the queue. It takes microseconds; the bound is for implementations
     * that keep a reference for good. */
    enum { STEP_NS = 20000, STEPS = 500 };
    cl_uint holders = 0;
    if (queue == NULL)
        return;
    clFinish(queue);
    for (int i = 0; i < STEPS; i++) {
        if (clGetCommandQueueInfo(queue, CL_QUEUE_REFERENCE_COUNT, sizeof holders, &holders,
                                  NULL) != CL_SUCCESS ||
            holders <= 1)
            break;
        nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
    }
    clReleaseCommandQueue(queue);
}
