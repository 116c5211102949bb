/* SPDX-License-Identifier: Apache-2.0 */
/* A thread per request for backends whose runs block: it waits for work, runs it and reports. Must
 * not know about: what a run does. */
#ifndef WEFT_RUNTIME_BACKENDS_WORKER_H
#define WEFT_RUNTIME_BACKENDS_WORKER_H

#include <pthread.h>

#include "runtime/backends/backend.h"

typedef struct weft_worker {
    weft_status (*run)(void *argument);
    void *argument;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool has_work, must_stop;
    bool is_running, is_abandoned;    /* abandoned: the run was reported although it goes on */
    void (*orphaned)(void *argument); /* nobody waits for the thread; it calls this and ends */
    weft_backend_done done;
    void *user;
} weft_worker;

/* False when the system gives no thread; then there is nothing to finish. */
bool weft__worker_init(weft_worker *worker, weft_status (*run)(void *argument), void *argument);
/* No run is going. `done` is called after it, by the thread and with no lock held. */
void weft__worker_submit(weft_worker *worker, weft_backend_done done, void *user);
/* Ends the thread after the run that was submitted. */
void weft__worker_finish(weft_worker *worker);

/* For runs that may never return. Reports the run that is going as ended with this status, from the
 * caller's thread; does nothing when none is going. The worker may be gone when it returns. */
void weft__worker_abandon(weft_worker *worker, weft_status status);
/* Like weft__worker_finish, but does not wait for an abandoned run. False when one is still going:
 * then the worker and what the run touches must live on, and the thread calls orphaned(argument)
 * when the run returns after all, which may release the worker. */
bool weft__worker_finish_or_leave(weft_worker *worker, void (*orphaned)(void *argument));

#endif
