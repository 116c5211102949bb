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
    weft_backend_done done;
    void *user;
} weft_worker;

/* False when the system gives no thread; then there is nothing to finish. */
bool weft__worker_init(weft_worker *worker, weft_status (*run)(void *argument), void *argument);
/* No run is going. `done` is called after it, by the thread and with no lock held. */
void weft__worker_submit(weft_worker *worker, weft_backend_done done, void *user);
/* Ends the thread after the run that was submitted. */
void weft__worker_finish(weft_worker *worker);

#endif
