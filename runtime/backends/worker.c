/* SPDX-License-Identifier: Apache-2.0 */
/* See worker.h. */
#include "runtime/backends/worker.h"

static void *work(void *argument)
{
    weft_worker *worker = argument;
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (!worker->has_work && !worker->must_stop)
            pthread_cond_wait(&worker->changed, &worker->lock);
        if (!worker->has_work)
            break;
        worker->has_work = false;
        weft_backend_done done = worker->done;
        void *user = worker->user;
        pthread_mutex_unlock(&worker->lock);
        done(user, worker->run(worker->argument));
        pthread_mutex_lock(&worker->lock);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

bool weft__worker_init(weft_worker *worker, weft_status (*run)(void *argument), void *argument)
{
    *worker = (weft_worker){.run = run, .argument = argument};
    if (pthread_mutex_init(&worker->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&worker->changed, NULL) != 0) {
        pthread_mutex_destroy(&worker->lock);
        return false;
    }
    if (pthread_create(&worker->thread, NULL, work, worker) == 0)
        return true;
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    return false;
}

void weft__worker_submit(weft_worker *worker, weft_backend_done done, void *user)
{
    pthread_mutex_lock(&worker->lock);
    worker->done = done;
    worker->user = user;
    worker->has_work = true;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

void weft__worker_finish(weft_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->must_stop = true;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
}
