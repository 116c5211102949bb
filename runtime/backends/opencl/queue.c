/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a command queue. Must not know about: what ran on it. */
#include <time.h>

#include "runtime/backends/opencl/cl_backend.h"

void weft__cl_release_queue(cl_command_queue queue)
{
    /* PoCL's worker threads let go of a command's event after clFinish has returned, and use the
     * device as they do so, which may be gone by then. Every event holds its queue, so it is over
     * when nobody else holds the queue, or when those who do (the queue's own last event) have not
     * changed for some milliseconds: a worker needs microseconds. */
    enum { STEP_NS = 20000, STEPS_WITHOUT_CHANGE = 50 };
    cl_uint holders = 0, before = 0;
    if (queue == NULL)
        return;
    clFinish(queue);
    for (int still = 0; still < STEPS_WITHOUT_CHANGE; still++) {
        if (clGetCommandQueueInfo(queue, CL_QUEUE_REFERENCE_COUNT, sizeof holders, &holders,
                                  NULL) != CL_SUCCESS ||
            holders <= 1)
            break;
        still = holders == before ? still : 0;
        before = holders;
        nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
    }
    clReleaseCommandQueue(queue);
}
