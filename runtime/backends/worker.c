/* SPDX-License-Identifier: Apache-2.0 */
/* See worker.h. */
#include "runtime/backends/worker.h"

#include <signal.h>

static void release(weft_worker *worker)
{
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
}

static void *work(void *argument)
{
    weft_worker *worker = argument;
    sigset_t pipes;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipes, NULL); /* a device behind a socket may go away */
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (!worker->has_work && !worker->must_stop)
            pthread_cond_wait(&worker->changed, &worker->lock);
        if (!worker->has_work)
            break;
        worker->has_work = false;
        worker->is_running = true;
        weft_backend_done done = worker->done;
        void *user = worker->user;
        pthread_mutex_unlock(&worker->lock);
        weft_status status = worker->run(worker->argument);
        pthread_mutex_lock(&worker->lock);
        void (*orphaned)(void *argument) = worker->orphaned;
        bool is_reported = worker->is_abandoned;
        worker->is_running = worker->is_abandoned = false;
        pthread_mutex_unlock(&worker->lock);
        if (orphaned != NULL) {
            release(worker);
            orphaned(worker->argument);
            return NULL;
        }
        if (!is_reported)
            done(user, status);
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
    release(worker);
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
    release(worker);
}

void weft__worker_abandon(weft_worker *worker, weft_status status)
{
    pthread_mutex_lock(&worker->lock);
    bool is_going = worker->is_running && !worker->is_abandoned;
    worker->is_abandoned = worker->is_abandoned || is_going;
    weft_backend_done done = worker->done;
    void *user = worker->user;
    pthread_mutex_unlock(&worker->lock);
    if (is_going)
        done(user, status);
}

bool weft__worker_finish_or_leave(weft_worker *worker, void (*orphaned)(void *argument))
{
    pthread_mutex_lock(&worker->lock);
    bool is_left = worker->is_running && worker->is_abandoned;
    pthread_t thread = worker->thread;
    if (is_left)
        worker->orphaned = orphaned;
    pthread_mutex_unlock(&worker->lock);
    if (is_left)
        pthread_detach(thread);
    else
        weft__worker_finish(worker);
    return !is_left;
}
