/* SPDX-License-Identifier: Apache-2.0 */
/* One model planned for several boards, with as many threads as there are processors: boards do not
 * depend on each other. Must not know about: how estimates are printed. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/estimate.h"
#include "cli/memory.h"

typedef struct comparison {
    weft_estimator *estimator;
    const char *const *boards;
    size_t count;
    weft_estimate_goal goal;
    weft_estimate **estimates;
    atomic_size_t next; /* board that nobody plans for yet */
    _Atomic weft_status status;
} comparison;

/* What does not fit is an answer: NULL. */
static weft_status plan_board(comparison *c, size_t board)
{
    weft_diag *unseen = NULL;
    weft_status status = weft_diag_create(&unseen);
    if (status == WEFT_OK)
        status = weft_estimate_create(c->estimator, c->boards[board], c->goal, unseen,
                                      &c->estimates[board]);
    weft_diag_destroy(unseen);
    return status == WEFT_NO_FIT ? WEFT_OK : status;
}

static void *plan_boards(void *user)
{
    comparison *c = user;
    for (;;) {
        size_t board = atomic_fetch_add(&c->next, 1);
        if (board >= c->count || c->status != WEFT_OK)
            return NULL;
        weft_status status = plan_board(c, board);
        if (status != WEFT_OK)
            c->status = status;
    }
}

weft_status weft_cli_estimate_boards(weft_estimator *estimator, const char *const *boards,
                                     size_t count, weft_estimate_goal goal,
                                     weft_estimate **out_estimates)
{
    comparison c = {estimator, boards, count, goal, out_estimates, 0, WEFT_OK};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = processors > 1 ? (size_t)processors - 1 : 0, helpers = 0;
    if (wanted >= count)
        wanted = count > 0 ? count - 1 : 0;
    pthread_t *threads = weft_cli_alloc_array(wanted + 1, sizeof *threads);
    while (helpers < wanted && pthread_create(&threads[helpers], NULL, plan_boards, &c) == 0)
        helpers++;
    plan_boards(&c); /* all of them, if there are no threads to be had */
    for (size_t i = 0; i < helpers; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return c.status;
}
