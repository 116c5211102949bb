/* SPDX-License-Identifier: Apache-2.0 */
/* weft/card.h: a network that is planned for cards, in the batches that may pay. */
#include "compiler/api/estimator.h"

#include "compiler/api/model.h"

/* Batches that are looked at when none is asked for: one for latency, and two that an engine is
 * kept busy with. More only adds latency: at eight every layer fills the array. */
static const int64_t batches[WEFT__NETWORKS] = {8, 4, 1};

static weft_status add_network(weft_estimator *estimator, const weft_graph *graph, int64_t batch,
                               weft_diag *diag)
{
    weft_status status = weft_card_network_make(estimator->arena, graph, batch,
                                                &estimator->networks[estimator->count],
                                                &estimator->info.is_assumed, diag);
    estimator->count += status == WEFT_OK;
    return status;
}

/* Other batches than the model's own are tried in silence: shapes written into the model may forbid
 * them. */
static void add_batches(weft_estimator *estimator, const weft_graph *graph)
{
    weft_diag *unseen = NULL;
    if (weft_diag_create(&unseen) != WEFT_OK)
        return;
    for (int i = 0; i < WEFT__NETWORKS; i++)
        if (add_network(estimator, graph, batches[i], unseen) != WEFT_OK)
            break;
    weft_diag_destroy(unseen);
    if (estimator->count < WEFT__NETWORKS)
        estimator->count = 0;
}

static weft_status fill(weft_estimator *estimator, const weft_graph *graph, int64_t batch,
                        weft_diag *diag)
{
    if (WEFT_ARENA_TRY(estimator->arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while planning");
    estimator->name = weft_arena_strdup(estimator->arena, graph->name);
    weft_status status = WEFT_OK;
    if (batch == 0)
        add_batches(estimator, graph);
    if (estimator->count == 0) {
        estimator->info.has_one_batch = batch == 0;
        status = add_network(estimator, graph, batch, diag);
    }
    if (status != WEFT_OK)
        return status;
    const weft_card_network *network = &estimator->networks[estimator->count - 1];
    estimator->info.model = estimator->name;
    estimator->info.step_count = network->schedule->step_count;
    for (size_t i = 0; i < network->schedule->step_count; i++) {
        const weft_step *step = &network->schedule->steps[i];
        if (step->descriptor_count == 0)
            estimator->info.host_step_count++;
        else
            estimator->info.macs += step->cost.macs;
    }
    estimator->info.macs /= network->batch;
    return WEFT_OK;
}

weft_status weft_estimator_create(const weft_model *model, int64_t batch, weft_diag *diag,
                                  weft_estimator **out_estimator)
{
    *out_estimator = NULL;
    if (model == NULL || batch < 0 || batch > 4096)
        return weft_diag_error(diag, WEFT_E_API_USE,
                               "weft_estimator_create: needs a model and a batch of 0 to 4096");
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    if (WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    weft_estimator *estimator = WEFT_NEW(arena, weft_estimator);
    estimator->arena = arena;
    weft_status status = fill(estimator, model->graph, batch, diag);
    if (status == WEFT_OK)
        *out_estimator = estimator;
    else
        weft_arena_destroy(arena);
    return status;
}

void weft_estimator_destroy(weft_estimator *estimator)
{
    if (estimator != NULL)
        weft_arena_destroy(estimator->arena); /* the estimator lies in it */
}

void weft_estimator_get_info(const weft_estimator *estimator, weft_estimator_info *out_info)
{
    *out_info = estimator->info;
}
