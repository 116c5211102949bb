/* SPDX-License-Identifier: Apache-2.0 */
/* What boards.c, estimator.c and estimate.c share. Internal to this room. */
#ifndef WEFT_API_ESTIMATOR_H
#define WEFT_API_ESTIMATOR_H

#include "compiler/card/plan.h"
#include "weft/card.h"

enum { WEFT__NETWORKS = 3 }; /* batches that are looked at when none is asked for */

struct weft_estimator {
    weft_arena *arena;
    const char *name;
    weft_card_network networks[WEFT__NETWORKS]; /* largest batch first */
    int count;
    weft_estimator_info info;
};

/* A region's resources in the order of weft_card_resource. */
void weft__slr_resources(int64_t out[WEFT_CARD_RESOURCES], const weft_board_slr *slr);

#endif
