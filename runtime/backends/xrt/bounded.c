/* SPDX-License-Identifier: Apache-2.0 */
/* See bounded.h. Must not know about: XRT. */
#include "runtime/backends/xrt/bounded.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

typedef struct bounded_call {
    void (*work)(void *argument);
    void (*late)(void *argument);
    void *argument;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool has_ended, is_left;
} bounded_call;

static void release(bounded_call *call)
{
    pthread_cond_destroy(&call->changed);
    pthread_mutex_destroy(&call->lock);
    free(call);
}

static void *execute(void *argument)
{
    bounded_call *call = argument;
    sigset_t pipes;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipes, NULL); /* of a card that is gone; threads made here, too */
    call->work(call->argument);
    pthread_mutex_lock(&call->lock);
    call->has_ended = true;
    bool is_left = call->is_left;
    pthread_cond_signal(&call->changed);
    pthread_mutex_unlock(&call->lock);
    if (is_left) {
        call->late(call->argument);
        release(call);
    }
    return NULL;
}

static bool init_waiting(bounded_call *call)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(&call->lock, NULL) != 0)
        return false;
    bool is_good = pthread_condattr_init(&attr) == 0;
    if (is_good) {
        is_good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
                  pthread_cond_init(&call->changed, &attr) == 0;
        pthread_condattr_destroy(&attr);
    }
    if (!is_good)
        pthread_mutex_destroy(&call->lock);
    return is_good;
}

static struct timespec after(uint64_t bound_ns)
{
    const uint64_t second = UINT64_C(1000000000);
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t nanoseconds = (uint64_t)at.tv_nsec + bound_ns % second;
    at.tv_sec += (time_t)(bound_ns / second + nanoseconds / second);
    at.tv_nsec = (long)(nanoseconds % second);
    return at;
}

bool weft__xrt_bounded(void (*work)(void *argument), void (*late)(void *argument), void *argument,
                       uint64_t bound_ns)
{
    pthread_t thread;
    bounded_call *call = calloc(1, sizeof *call);
    if (call != NULL)
        *call = (bounded_call){.work = work, .late = late, .argument = argument};
    if (call == NULL || !init_waiting(call)) {
        free(call);
        work(argument);
        return true;
    }
    if (pthread_create(&thread, NULL, execute, call) != 0) {
        release(call);
        work(argument);
        return true;
    }
    struct timespec deadline = after(bound_ns);
    pthread_mutex_lock(&call->lock);
    bool is_in_time = true;
    while (!call->has_ended && is_in_time)
        is_in_time = pthread_cond_timedwait(&call->changed, &call->lock, &deadline) == 0;
    bool has_ended = call->has_ended;
    call->is_left = !has_ended;
    pthread_mutex_unlock(&call->lock);
    if (has_ended) {
        pthread_join(thread, NULL);
        release(call);
    } else {
        pthread_detach(thread);
    }
    return has_ended;
}
