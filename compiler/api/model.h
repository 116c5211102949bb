/* SPDX-License-Identifier: Apache-2.0 */
/* What a weft_model holds; shared by the files of this room. */
#ifndef WEFT_API_MODEL_H
#define WEFT_API_MODEL_H

#include "compiler/ir/graph.h"
#include "weft/compiler.h"

/* The engine of packages whose maker names none: that of continuous integration. */
#define WEFT__DEFAULT_ENGINE "s"

struct weft_model {
    weft_arena *arena;
    weft_graph *graph; /* as imported; compiling works on a copy */
    const char *path;  /* for messages; NULL: it was not read from a file */
    weft_model_info info;
    weft_model_node *nodes;
};

/* A copy of a graph in another arena: nodes, values and attributes are new, constant data is shared
 * with the original. */
weft_graph *weft__graph_copy(weft_arena *arena, const weft_graph *graph);
/* A copy that needs nothing of the original. Constants of equal content are one: `constants` knows
 * those of the graphs that were kept before. */
weft_graph *weft__graph_keep(weft_arena *arena, weft_map *constants, const weft_graph *graph);
/* Whether the models are one network at several shapes: inputs and outputs of the same names, types
 * and ranks, no two with the same shapes. Texts for messages go to the arena. Errors:
 * PLAN_OTHER_MODEL for each that is not, PLAN_SAME_SHAPES. */
weft_status weft__models_check_group(weft_arena *arena, weft_model *const *models, size_t count,
                                     weft_diag *diag);
/* A model of an inferred graph; both live in the arena, which closing the model destroys. */
weft_model *weft__model_wrap(weft_arena *arena, weft_graph *graph);

#endif
