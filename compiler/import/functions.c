/* SPDX-License-Identifier: Apache-2.0 */
/* The list of nodes of the model, with calls of model-local functions replaced by the functions'
 * nodes.
 *
 * Inside a call, formal names become the caller's, other names get the call's name in front, and
 * attribute references become the caller's attributes or the function's defaults. Work and memory
 * are charged to a budget, because a few functions that call each other twice can describe more
 * nodes than memory holds. Must not know about: which operators exist. */
#include <string.h>

#include "compiler/import/importer.h"

enum {
    MAX_CALL_DEPTH = 32, /* exporters nest functions two or three deep */
    BUDGET_PER_BYTE = 64,
    BUDGET_BASE_BYTES = 16 << 20,
    CALL_COST_BYTES = 1024, /* the maps of one call, */
    NAME_COST_BYTES = 64,   /* and each name in them: slots of a map that doubles */
    /* Fields that are newer than the onnx.proto of Debian 12 */
    FIELD_NODE_OVERLOAD = 8,
    FIELD_FUNCTION_ATTRIBUTE_PROTO = 11,
    FIELD_FUNCTION_OVERLOAD = 13
};

typedef struct function {
    const Onnx__FunctionProto *proto;
    weft_map opsets;  /* domain -> version (int64_t *) */
    bool is_prepared; /* opsets and defaults were read */
    bool is_active;   /* a call of it is being expanded */
    WEFT_VEC(weft_import_attr) defaults;
} function;

/* What names mean while the nodes of the graph, or of one call, are listed. */
typedef struct scope {
    bool is_call;
    const char *prefix; /* name of the call */
    const weft_map *opsets;
    weft_map renames; /* names inside -> names of the graph */
    weft_map attrs;   /* names -> Onnx__AttributeProto */
    int depth;
} scope;

typedef struct flattener {
    weft_importer *importer;
    weft_map functions; /* "domain:name:overload" -> function */
    weft_map names;     /* set of all names of the graph, once there are functions */
    size_t budget_bytes;
    bool is_exhausted;
    uint64_t counter;
} flattener;

static bool spend(flattener *flat, size_t bytes)
{
    if (bytes <= flat->budget_bytes) {
        flat->budget_bytes -= bytes;
        return true;
    }
    if (!flat->is_exhausted) {
        weft_importer *importer = flat->importer;
        weft_import_note(
            importer,
            weft_diag_error(importer->diag, WEFT_E_MODEL_EXPANDS,
                            "the functions of the model expand to more than its size explains: %s",
                            weft_import_path(importer)));
        weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "more than %zu nodes so far",
                            importer->nodes.count);
    }
    flat->is_exhausted = true;
    flat->budget_bytes = 0;
    return false;
}

static const char *domain_of(const char *domain)
{
    domain = weft_import_text(domain);
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

static void read_opsets(weft_arena *arena, Onnx__OperatorSetIdProto *const *imports, size_t count,
                        weft_map *out_opsets)
{
    weft_map_init(out_opsets, arena);
    for (size_t i = 0; i < count; i++)
        weft_map_put(out_opsets, domain_of(imports[i]->domain), &imports[i]->version);
}

static const char *overload_of(flattener *flat, const ProtobufCMessage *message, uint32_t field)
{
    const uint8_t *data = NULL;
    size_t size_bytes = 0;
    if (!weft_import_unknown_field(message, field, 0, &data, &size_bytes))
        return "";
    return weft_arena_strndup(flat->importer->arena, (const char *)data, size_bytes);
}

static const char *key_of(flattener *flat, const char *domain, const char *name,
                          const char *overload)
{
    return weft_arena_printf(flat->importer->arena, "%s:%s:%s", domain_of(domain),
                             weft_import_text(name), overload);
}

static void collect_functions(flattener *flat)
{
    weft_importer *importer = flat->importer;
    const Onnx__ModelProto *model = importer->model;
    for (size_t i = 0; i < model->n_functions; i++) {
        const Onnx__FunctionProto *proto = model->functions[i];
        const char *key = key_of(flat, proto->domain, proto->name,
                                 overload_of(flat, &proto->base, FIELD_FUNCTION_OVERLOAD));
        if (weft_map_get(&flat->functions, key) != NULL) {
            weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_FUNCTION,
                                                       "function defined twice: %s", key));
            continue;
        }
        function *entry = WEFT_NEW(importer->arena, function);
        entry->proto = proto;
        weft_map_put(&flat->functions, key, entry);
    }
    const Onnx__GraphProto *graph = model->graph;
    for (size_t i = 0; i < graph->n_initializer; i++)
        weft_map_put(&flat->names, weft_import_text(graph->initializer[i]->name), flat);
    for (size_t i = 0; i < graph->n_input; i++)
        weft_map_put(&flat->names, weft_import_text(graph->input[i]->name), flat);
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t j = 0; j < graph->node[i]->n_output; j++)
            weft_map_put(&flat->names, graph->node[i]->output[j], flat);
}

/* Opsets and attribute defaults of a function, read when it is called first. */
static void prepare(flattener *flat, function *called)
{
    if (called->is_prepared)
        return;
    called->is_prepared = true;
    weft_importer *importer = flat->importer;
    const Onnx__FunctionProto *proto = called->proto;
    read_opsets(importer->arena, proto->opset_import, proto->n_opset_import, &called->opsets);
    const uint8_t *data = NULL;
    size_t size_bytes = 0;
    for (size_t i = 0; weft_import_unknown_field(&proto->base, FIELD_FUNCTION_ATTRIBUTE_PROTO, i,
                                                 &data, &size_bytes);
         i++) {
        const Onnx__AttributeProto *value =
            weft_import_unpack_attribute(importer, data, size_bytes);
        if (value == NULL || value->name == NULL) {
            weft_import_note(importer,
                             weft_diag_error(importer->diag, WEFT_E_FUNCTION,
                                             "unreadable attribute default of function %s",
                                             weft_import_text(proto->name)));
            continue;
        }
        weft_import_attr attr = {.name = value->name, .value = value};
        WEFT_VEC_PUSH(importer->arena, &called->defaults, attr);
    }
}

/* A name that the graph does not have yet: prefix/name, with a number behind it when that is taken.
 */
static const char *fresh_name(flattener *flat, const char *prefix, const char *name)
{
    weft_arena *arena = flat->importer->arena;
    if (!spend(flat, 2 * (strlen(prefix) + strlen(name)) + NAME_COST_BYTES))
        return name;
    const char *candidate = weft_arena_printf(arena, "%s/%s", prefix, name);
    while (weft_map_get(&flat->names, candidate) != NULL)
        candidate = weft_arena_printf(arena, "%s/%s.%llu", prefix, name,
                                      (unsigned long long)++flat->counter);
    weft_map_put(&flat->names, candidate, flat);
    return candidate;
}

static const char *outer_name(flattener *flat, scope *at, const char *name)
{
    if (!at->is_call || *name == '\0')
        return name;
    const char *outer = weft_map_get(&at->renames, name);
    if (outer == NULL) {
        outer = fresh_name(flat, at->prefix, name);
        weft_map_put(&at->renames, name, (void *)(uintptr_t)outer);
    }
    return outer;
}

/* The attribute as the graph sees it; false when it refers to one that the caller left out and that
 * has no default. */
static bool outer_attr(flattener *flat, const scope *at, const Onnx__AttributeProto *attr,
                       const char *node, weft_import_attr *out)
{
    const char *reference = weft_import_text(attr->ref_attr_name);
    *out = (weft_import_attr){.name = weft_import_text(attr->name), .value = attr};
    if (*reference == '\0')
        return true;
    if (!at->is_call) {
        weft_importer *importer = flat->importer;
        weft_import_note(importer,
                         weft_diag_error(importer->diag, WEFT_E_ATTR_FORM,
                                         "an attribute refers to a function's, but is in none: %s",
                                         reference));
        weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", node);
        return false;
    }
    out->value = weft_map_get(&at->attrs, reference);
    return out->value != NULL;
}

static void list_node(flattener *flat, scope *at, const Onnx__NodeProto *proto,
                      weft_import_node *out_node)
{
    weft_arena *arena = flat->importer->arena;
    *out_node = (weft_import_node){.domain = domain_of(proto->domain),
                                   .op_type = weft_import_text(proto->op_type)};
    const int64_t *version = weft_map_get(at->opsets, out_node->domain);
    out_node->opset = version != NULL ? *version : 0;
    out_node->inputs = WEFT_NEW_ARRAY(arena, const char *, proto->n_input);
    out_node->outputs = WEFT_NEW_ARRAY(arena, const char *, proto->n_output);
    out_node->attrs = WEFT_NEW_ARRAY(arena, weft_import_attr, proto->n_attribute);
    for (size_t i = 0; i < proto->n_input; i++)
        out_node->inputs[out_node->input_count++] = outer_name(flat, at, proto->input[i]);
    for (size_t i = 0; i < proto->n_output; i++)
        out_node->outputs[out_node->output_count++] = outer_name(flat, at, proto->output[i]);
    const char *name = weft_import_text(proto->name);
    const char *first = "";
    for (size_t i = 0; i < out_node->output_count && *first == '\0'; i++)
        first = out_node->outputs[i];
    if (at->is_call)
        out_node->name =
            weft_arena_printf(arena, "%s/%s", at->prefix, *name != '\0' ? name : out_node->op_type);
    else
        out_node->name =
            *name != '\0' ? name : weft_arena_printf(arena, "%s:%s", out_node->op_type, first);
    for (size_t i = 0; i < proto->n_attribute; i++)
        if (outer_attr(flat, at, proto->attribute[i], out_node->name,
                       &out_node->attrs[out_node->attr_count]))
            out_node->attr_count++;
}

static size_t cost_bytes(const scope *at, const Onnx__NodeProto *proto)
{
    size_t text =
        strlen(weft_import_text(proto->name)) + strlen(at->prefix) +
        strlen(weft_import_text(proto->domain)) +
        2 * strlen(weft_import_text(proto->op_type)); /* the name, and the key to look it up */
    return sizeof(weft_import_node) + (proto->n_input + proto->n_output) * sizeof(char *) +
           proto->n_attribute * sizeof(weft_import_attr) + text;
}

/* A formal output that is a formal input, or another output too, is copied. */
static void copy_name(flattener *flat, const char *call, const char *from, const char *to)
{
    weft_arena *arena = flat->importer->arena;
    weft_import_node copy = {.name = weft_arena_printf(arena, "%s/%s", call, to),
                             .domain = "",
                             .op_type = "Identity",
                             .opset = WEFT_IMPORT_MAX_OPSET,
                             .input_count = 1,
                             .output_count = 1};
    copy.inputs = WEFT_NEW(arena, const char *);
    copy.outputs = WEFT_NEW(arena, const char *);
    copy.inputs[0] = from;
    copy.outputs[0] = to;
    WEFT_VEC_PUSH(arena, &flat->importer->nodes, copy);
}

static weft_status fail_call(flattener *flat, const weft_import_node *call, const char *why)
{
    weft_importer *importer = flat->importer;
    weft_status status = weft_import_note(
        importer, weft_diag_error(importer->diag, WEFT_E_FUNCTION, "function %s cannot be expanded",
                                  call->op_type));
    weft_diag_field_set(importer->diag, WEFT_DIAG_NODES, "%s", call->name);
    weft_diag_field_set(importer->diag, WEFT_DIAG_WHY, "%s", why);
    /* What reads the call's outputs is not to blame: they get stand-ins. */
    for (size_t i = 0; i < call->output_count; i++)
        if (*call->outputs[i] != '\0' && weft_map_get(&importer->values, call->outputs[i]) == NULL)
            weft_map_put(&importer->values, call->outputs[i],
                         weft_import_stand_in(importer, call->outputs[i]));
    return status;
}

static void list_nodes(flattener *flat, scope *at, Onnx__NodeProto *const *nodes, size_t count);

static void expand_call(flattener *flat, const scope *caller, function *called,
                        const weft_import_node *call)
{
    const Onnx__FunctionProto *proto = called->proto;
    weft_arena *arena = flat->importer->arena;
    const char *why =
        called->is_active                      ? "it calls itself"
        : caller->depth == MAX_CALL_DEPTH      ? "functions are nested too deeply"
        : call->input_count > proto->n_input   ? "the call has more inputs than the function"
        : call->output_count > proto->n_output ? "the call has more outputs than the function"
                                               : NULL;
    if (why != NULL) {
        fail_call(flat, call, why);
        return;
    }
    prepare(flat, called);
    size_t names = proto->n_input + proto->n_output + called->defaults.count + call->attr_count;
    if (!spend(flat, CALL_COST_BYTES + names * NAME_COST_BYTES))
        return;
    scope inside = {.is_call = true,
                    .prefix = call->name,
                    .opsets = &called->opsets,
                    .depth = caller->depth + 1};
    weft_map_init(&inside.renames, arena);
    weft_map_init(&inside.attrs, arena);
    for (size_t i = 0; i < called->defaults.count; i++)
        weft_map_put(&inside.attrs, called->defaults.data[i].name,
                     (void *)(uintptr_t)called->defaults.data[i].value);
    for (size_t i = 0; i < call->attr_count; i++)
        weft_map_put(&inside.attrs, call->attrs[i].name, (void *)(uintptr_t)call->attrs[i].value);
    for (size_t i = 0; i < proto->n_input; i++)
        weft_map_put(&inside.renames, proto->input[i],
                     (void *)(uintptr_t)(i < call->input_count ? call->inputs[i] : ""));
    for (size_t i = 0; i < proto->n_output; i++) {
        const char *actual = i < call->output_count ? call->outputs[i] : "";
        const char *known = weft_map_get(&inside.renames, proto->output[i]);
        if (*actual == '\0')
            continue; /* not asked for: named as something inside when it is made */
        if (known != NULL)
            copy_name(flat, call->name, known, actual);
        else
            weft_map_put(&inside.renames, proto->output[i], (void *)(uintptr_t)actual);
    }
    called->is_active = true;
    list_nodes(flat, &inside, proto->node, proto->n_node);
    called->is_active = false;
}

static void list_nodes(flattener *flat, scope *at, Onnx__NodeProto *const *nodes, size_t count)
{
    weft_importer *importer = flat->importer;
    for (size_t i = 0; i < count && !flat->is_exhausted; i++) {
        if (at->is_call && !spend(flat, cost_bytes(at, nodes[i])))
            return;
        weft_import_node node;
        list_node(flat, at, nodes[i], &node);
        function *called = NULL;
        if (flat->functions.count > 0)
            called = weft_map_get(&flat->functions,
                                  key_of(flat, node.domain, node.op_type,
                                         overload_of(flat, &nodes[i]->base, FIELD_NODE_OVERLOAD)));
        if (called != NULL)
            expand_call(flat, at, called, &node);
        else
            WEFT_VEC_PUSH(importer->arena, &importer->nodes, node);
    }
}

void weft_import_flatten(weft_importer *importer)
{
    const Onnx__ModelProto *model = importer->model;
    flattener flat = {.importer = importer};
    weft_map_init(&flat.functions, importer->arena);
    weft_map_init(&flat.names, importer->arena);
    if (!weft_mul_size(importer->size_bytes, BUDGET_PER_BYTE, &flat.budget_bytes) ||
        !weft_add_size(flat.budget_bytes, BUDGET_BASE_BYTES, &flat.budget_bytes))
        flat.budget_bytes = SIZE_MAX;
    if (model->n_functions > 0)
        collect_functions(&flat);
    weft_map opsets;
    read_opsets(importer->arena, model->opset_import, model->n_opset_import, &opsets);
    scope top = {.prefix = "", .opsets = &opsets};
    weft_map_init(&top.renames, importer->arena);
    weft_map_init(&top.attrs, importer->arena);
    list_nodes(&flat, &top, model->graph->node, model->graph->n_node);
}
