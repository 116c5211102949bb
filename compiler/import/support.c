/* SPDX-License-Identifier: Apache-2.0 */
/* Which operator a node is, and the list of those that are not supported: one message for all nodes
 * of a kind. Must not know about: how supported nodes are built. */
#include <string.h>

#include "compiler/import/importer.h"

enum { NAMES_SHOWN = 5 };

/* All nodes of one operator with one problem. */
typedef struct group {
    struct group *next; /* in the order of their first nodes */
    weft_error_id id;
    const weft_import_node *first;
    size_t count;
    weft_text names; /* of the first few nodes */
    const char *why;
    const char *advice; /* may be NULL */
} group;

struct weft_import_support {
    weft_importer *importer;
    weft_map groups; /* "domain:type" -> group; the problem follows from the two */
    group *list, **list_end;
};

/* What to say about operators that people meet. */
typedef struct reason {
    const char *domain;
    const char *op_type; /* NULL: any of the domain */
    const char *why;
    const char *advice;
} reason;

#define CONTROL_FLOW                                                                               \
    "it holds graphs that run depending on data", "export the model with fixed control flow"
#define RECURRENT "recurrent layers are not supported", NULL
#define DYNAMIC                                                                                    \
    "its scales are computed while the model runs, or it leaves 32-bit sums to the graph",         \
        "quantise the model statically, in QDQ form or with QLinear operators"
#define DATA_SIZED                                                                                 \
    "the size of its result depends on data",                                                      \
        "cut the model before it and do this step in the application"
#define RANDOM "its result is random", "export the model for inference"
#define SEQUENCES "sequences and optional values are not supported", NULL
static const reason reasons[] = {
    {"", "If", CONTROL_FLOW},
    {"", "Loop", CONTROL_FLOW},
    {"", "Scan", CONTROL_FLOW},
    {"", "SequenceMap", CONTROL_FLOW},
    {"", "LSTM", RECURRENT},
    {"", "GRU", RECURRENT},
    {"", "RNN", RECURRENT},
    {"", "DynamicQuantizeLinear", DYNAMIC},
    {"", "ConvInteger", DYNAMIC},
    {"", "MatMulInteger", DYNAMIC},
    {"", "NonZero", DATA_SIZED},
    {"", "NonMaxSuppression", DATA_SIZED},
    {"", "Unique", DATA_SIZED},
    {"", "Compress", DATA_SIZED},
    {"", "RandomNormal", RANDOM},
    {"", "RandomNormalLike", RANDOM},
    {"", "RandomUniform", RANDOM},
    {"", "RandomUniformLike", RANDOM},
    {"", "Bernoulli", RANDOM},
    {"", "Multinomial", RANDOM},
    {"", "SequenceAt", SEQUENCES},
    {"", "SequenceConstruct", SEQUENCES},
    {"", "SplitToSequence", SEQUENCES},
    {"", "ConcatFromSequence", SEQUENCES},
    {"", "Optional", SEQUENCES},
    {"com.microsoft", "DynamicQuantizeMatMul", DYNAMIC},
    {"com.microsoft", "MatMulIntegerToFloat", DYNAMIC},
    {"com.microsoft", NULL, "it is an operator of ONNX Runtime, which its graph optimiser puts in",
     "export the model without ONNX Runtime's optimisation"},
    {"ai.onnx.ml", NULL, "classical machine-learning operators are not supported", NULL},
    {"ai.onnx.training", NULL, "training is not supported", "export the model for inference"},
    {"ai.onnx.preview.training", NULL, "training is not supported",
     "export the model for inference"},
};

weft_import_support *weft_import_support_create(weft_importer *importer)
{
    weft_import_support *support = WEFT_NEW(importer->arena, weft_import_support);
    support->importer = importer;
    weft_map_init(&support->groups, importer->arena);
    support->list_end = &support->list;
    return support;
}

static void add(weft_import_support *support, const weft_import_node *node, weft_error_id id,
                const char *why, const char *advice)
{
    weft_arena *arena = support->importer->arena;
    const char *key = weft_arena_printf(arena, "%s:%s", node->domain, node->op_type);
    group *entry = weft_map_get(&support->groups, key);
    if (entry == NULL) {
        entry = WEFT_NEW(arena, group);
        *entry = (group){.id = id, .first = node, .why = why, .advice = advice};
        weft_text_init(&entry->names, arena);
        weft_map_put(&support->groups, key, entry);
        *support->list_end = entry;
        support->list_end = &entry->next;
    }
    if (entry->count < NAMES_SHOWN)
        weft_text_printf(&entry->names, "%s%s", entry->count > 0 ? ", " : "", node->name);
    entry->count++;
}

/* What to do about an operator of ONNX's own domain that is in no table; another first letter is no
 * slip of the pen. */
static const char *advise_on_unknown(weft_import_support *support, const char *op_type)
{
    const char *names[WEFT_OP_COUNT];
    size_t count = 0;
    for (int op = WEFT_OP_NONE + 1; op < WEFT_OP_COUNT; op++)
        if (weft_op_get((weft_op)op)->domain[0] == '\0')
            names[count++] = weft_op_get((weft_op)op)->name;
    const char *nearest = weft_nearest(op_type, names, count);
    bool is_slip = nearest != NULL && nearest[0] == op_type[0];
    return weft_arena_printf(support->importer->arena,
                             "express it with operators of `weft list ops`, or cut the model "
                             "before it and do this step in the application%s%s%s",
                             is_slip ? "; or is " : "", is_slip ? nearest : "",
                             is_slip ? " meant?" : "");
}

static void add_unsupported(weft_import_support *support, const weft_import_node *node)
{
    const char *why = NULL, *advice = NULL;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0] && why == NULL; i++) {
        const reason *row = &reasons[i];
        if (strcmp(row->domain, node->domain) == 0 &&
            (row->op_type == NULL || strcmp(row->op_type, node->op_type) == 0)) {
            why = row->why;
            advice = row->advice;
        }
    }
    if (why == NULL && node->domain[0] == '\0') {
        why = "it is not in the table of operators";
        advice = advise_on_unknown(support, node->op_type);
    } else if (why == NULL) {
        why = weft_arena_printf(
            support->importer->arena,
            "the domain %s is not known, and the model has no function of that name", node->domain);
        advice = "export the model with standard operators, or with a function of that name";
    }
    add(support, node, WEFT_E_OP_UNSUPPORTED, why, advice);
}

static bool has_graph(const weft_import_node *node)
{
    for (size_t i = 0; i < node->attr_count; i++)
        if (node->attrs[i].value->g != NULL || node->attrs[i].value->n_graphs > 0)
            return true;
    return false;
}

weft_op weft_import_resolve(weft_import_support *support, const weft_import_node *node)
{
    bool is_onnx = node->domain[0] == '\0';
    const char *op_type = node->op_type;
    if (is_onnx && strcmp(op_type, "Dropout") == 0)
        op_type = "Identity"; /* what it does in inference */
    if (is_onnx && strcmp(op_type, "Upsample") == 0 && node->opset < 10)
        op_type = "Resize"; /* its name since opset 10 */
    if (is_onnx && strcmp(op_type, "CastLike") == 0)
        op_type = "Cast"; /* to a type that is known when the node is upgraded */
    weft_op op = weft_op_find(node->domain, op_type);
    if (op == WEFT_OP_NONE || has_graph(node)) {
        add_unsupported(support, node);
        return WEFT_OP_NONE;
    }
    const weft_op_row *row = weft_op_get(op);
    bool is_renamed = op_type != node->op_type;
    bool is_in_range = node->opset >= WEFT_IMPORT_MIN_OPSET && node->opset <= WEFT_IMPORT_MAX_OPSET;
    if (is_onnx && !is_renamed && is_in_range &&
        (node->opset < row->since || node->opset > row->until)) {
        add(support, node, WEFT_E_OP_VERSION,
            weft_arena_printf(support->importer->arena, "it is supported in opsets %d to %d",
                              row->since, row->until),
            "export the model with one of these opsets");
        return WEFT_OP_NONE;
    }
    return op;
}

void weft_import_support_report(weft_import_support *support)
{
    weft_importer *importer = support->importer;
    for (group *entry = support->list; entry != NULL; entry = entry->next) {
        const weft_import_node *node = entry->first;
        if (entry->count > NAMES_SHOWN)
            weft_text_printf(&entry->names, ", and %zu more", entry->count - NAMES_SHOWN);
        weft_status status = weft_diag_error(
            importer->diag, entry->id, "operator not supported: %s%s%s (opset %s), %zu node%s",
            node->domain, node->domain[0] == '\0' ? "" : ".",
            *node->op_type == '\0' ? "without a name" : node->op_type,
            node->opset == 0 ? "not declared"
                             : weft_arena_printf(importer->arena, "%lld", (long long)node->opset),
            entry->count, entry->count == 1 ? "" : "s");
        weft_import_note(importer, status);
        weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", entry->names.data);
        weft_diag_field_set(importer->diag, WEFT_DIAG_WHY, "%s", entry->why);
        if (entry->advice != NULL)
            weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "%s", entry->advice);
    }
}
