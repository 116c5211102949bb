/* SPDX-License-Identifier: Apache-2.0 */
/* The graph's inputs: types, shapes, symbols for open dimensions, and the shapes that the caller
 * gives. Afterwards every dimension is a number. Also compares what the model declares about its
 * outputs. Must not know about: nodes. */
#include <string.h>

#include "compiler/import/importer.h"

typedef struct input {
    const char *name;
    weft_dtype dtype;
    bool has_shape;
    weft_shape shape;                   /* -1 where open */
    const char *symbols[WEFT_MAX_RANK]; /* of open dimensions; NULL without one */
} input;

/* Who gave a symbol its number. */
typedef struct symbol {
    int64_t value;
    const char *input;
} symbol;

typedef struct inputs {
    weft_importer *importer;
    WEFT_VEC(input) all;
    weft_map symbols;       /* name -> symbol */
    weft_map inner_symbols; /* a set */
} inputs;

/* ---- declared types ---- */

static bool fail_type(weft_importer *importer, const char *name, const char *found)
{
    weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_INPUT_TYPE,
                                               "input type not supported: %s", name));
    weft_diag_field_set(importer->diag, WEFT_DIAG_EXPECTED,
                        "a tensor of numbers with at most %d dimensions", WEFT_MAX_RANK);
    weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "%s", found);
    return false;
}

/* Dimensions of a declared shape: numbers, or -1 with the symbol (NULL without one). False: too
 * many. */
static bool read_shape(const Onnx__TensorShapeProto *proto, weft_shape *out_shape,
                       const char **out_symbols)
{
    if (proto->n_dim > WEFT_MAX_RANK)
        return false;
    *out_shape = (weft_shape){.rank = (int)proto->n_dim};
    for (size_t i = 0; i < proto->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = proto->dim[i];
        bool has_value = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
                         dim->dim_value >= 0;
        bool has_symbol = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
                          *weft_import_text(dim->dim_param) != '\0';
        out_shape->dims[i] = has_value ? dim->dim_value : -1;
        out_symbols[i] = has_symbol ? dim->dim_param : NULL;
    }
    return true;
}

static bool read_type(weft_importer *importer, const Onnx__ValueInfoProto *proto, input *out_input)
{
    static const char *const kinds[] = {
        [ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE] = "a sequence",
        [ONNX__TYPE_PROTO__VALUE_MAP_TYPE] = "a map",
        [ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE] = "an optional value",
        [ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE] = "a sparse tensor"};
    const Onnx__TypeProto *type = proto->type;
    if (type == NULL || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET)
        return fail_type(importer, out_input->name, "no type");
    if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
        size_t index = (size_t)type->value_case;
        const char *kind = index < sizeof kinds / sizeof kinds[0] ? kinds[index] : NULL;
        return fail_type(importer, out_input->name,
                         kind != NULL ? kind : "an unknown kind of type");
    }
    out_input->dtype = weft_dtype_from_onnx(type->tensor_type->elem_type);
    if (out_input->dtype == WEFT_DTYPE_NONE)
        return fail_type(importer, out_input->name,
                         weft_import_onnx_type_name(type->tensor_type->elem_type));
    out_input->has_shape = type->tensor_type->shape != NULL;
    if (out_input->has_shape &&
        !read_shape(type->tensor_type->shape, &out_input->shape, out_input->symbols))
        return fail_type(importer, out_input->name, "more dimensions");
    return true;
}

static void collect(inputs *in)
{
    weft_importer *importer = in->importer;
    const Onnx__GraphProto *graph = importer->model->graph;
    weft_map seen;
    weft_map_init(&seen, importer->arena);
    for (size_t i = 0; i < graph->n_input; i++) {
        input one = {.name = weft_import_text(graph->input[i]->name)};
        bool is_again = weft_map_get(&seen, one.name) != NULL;
        if (!is_again && *one.name != '\0' && weft_map_get(&importer->values, one.name) != NULL)
            continue; /* an initializer: its data is its value, as in models before IR version 4 */
        if (is_again || *one.name == '\0') {
            weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_NAME_DUPLICATE,
                                                       "graph input %zu has %s name: %s", i,
                                                       is_again ? "a used" : "no", one.name));
            continue;
        }
        weft_map_put(&seen, one.name, importer);
        if (read_type(importer, graph->input[i], &one))
            WEFT_VEC_PUSH(importer->arena, &in->all, one);
        else
            weft_map_put(&importer->values, one.name, weft_import_stand_in(importer, one.name));
    }
}

/* ---- shapes given by the caller ---- */

/* "1x3xHxW": what to give, with symbols where a number is to be put in. */
static const char *shape_hint(weft_importer *importer, const input *one)
{
    static const char *const letters[] = {"N", "C", "H", "W"};
    if (!one->has_shape)
        return "1x3xHxW";
    weft_text text;
    weft_text_init(&text, importer->arena);
    for (int i = 0; i < one->shape.rank; i++) {
        weft_text_add(&text, i > 0 ? "x" : "");
        if (one->shape.dims[i] >= 0)
            weft_text_printf(&text, "%lld", (long long)one->shape.dims[i]);
        else if (one->symbols[i] != NULL)
            weft_text_add(&text, one->symbols[i]);
        else if (one->shape.rank == 4)
            weft_text_add(&text, letters[i]);
        else
            weft_text_printf(&text, "D%d", i);
    }
    return one->shape.rank == 0 ? "scalar" : text.data;
}

static void fail_unknown_input(inputs *in, const weft_shape_binding *binding)
{
    weft_importer *importer = in->importer;
    weft_text list;
    weft_text_init(&list, importer->arena);
    const char **names = WEFT_NEW_ARRAY(importer->arena, const char *, in->all.count);
    for (size_t i = 0; i < in->all.count; i++) {
        names[i] = in->all.data[i].name;
        weft_text_printf(&list, "%s%s=%s", i > 0 ? ", " : "", names[i],
                         shape_hint(importer, &in->all.data[i]));
    }
    weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_SHAPE_INPUT,
                                               "the model has no input named %s", binding->input));
    weft_diag_field_set(importer->diag, WEFT_DIAG_EXPECTED, "one of: %s", list.data);
    const char *nearest = weft_nearest(binding->input, names, in->all.count);
    if (nearest != NULL)
        weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "did you mean %s?", nearest);
}

static void fail_conflict(inputs *in, const input *one, const weft_shape *given, const char *why)
{
    weft_importer *importer = in->importer;
    char shape[WEFT_SHAPE_TEXT] = "";
    weft_import_note(importer,
                     weft_diag_error(importer->diag, WEFT_E_SHAPE_CONFLICT,
                                     "the shape given for %s contradicts the model", one->name));
    weft_diag_field_set(importer->diag, WEFT_DIAG_EXPECTED, "%s", shape_hint(importer, one));
    if (given->rank >= 0 && given->rank <= WEFT_MAX_RANK)
        weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "%s", weft_shape_format(given, shape));
    weft_diag_field_set(importer->diag, WEFT_DIAG_WHY, "%s", why);
}

/* NULL when the shape fits what the model fixes. */
static const char *why_unfit(const input *one, const weft_shape *given)
{
    if (given->rank < 0 || given->rank > WEFT_MAX_RANK)
        return "a shape has at most 8 dimensions";
    if (one->has_shape && one->shape.rank != given->rank)
        return "another number of dimensions";
    for (int i = 0; i < given->rank; i++) {
        if (given->dims[i] == 0 || given->dims[i] < -1)
            return "sizes are positive";
        if (one->has_shape && one->shape.dims[i] >= 0 && given->dims[i] >= 0 &&
            given->dims[i] != one->shape.dims[i])
            return "the model fixes another size";
    }
    return NULL;
}

static void apply_bindings(inputs *in)
{
    const weft_import_params *params = in->importer->params;
    bool *is_bound = WEFT_NEW_ARRAY(in->importer->arena, bool, in->all.count);
    for (size_t i = 0; i < params->shape_count; i++) {
        const weft_shape_binding *binding = &params->shapes[i];
        size_t at = 0;
        while (at < in->all.count && strcmp(in->all.data[at].name, binding->input) != 0)
            at++;
        if (at == in->all.count) {
            fail_unknown_input(in, binding);
            continue;
        }
        input *one = &in->all.data[at];
        const char *why = is_bound[at] ? "a shape is given twice" : why_unfit(one, &binding->shape);
        if (why != NULL) {
            fail_conflict(in, one, &binding->shape, why);
            continue;
        }
        is_bound[at] = true;
        for (int d = 0; d < binding->shape.rank; d++)
            if (!one->has_shape || one->shape.dims[d] < 0)
                one->shape.dims[d] = binding->shape.dims[d];
        one->shape.rank = binding->shape.rank;
        one->has_shape = true;
    }
}

/* ---- symbols ---- */

static void bind_symbol(inputs *in, const char *name, int64_t value, const char *input_name)
{
    symbol *bound = WEFT_NEW(in->importer->arena, symbol);
    *bound = (symbol){.value = value, .input = input_name};
    weft_map_put(&in->symbols, name, bound);
}

/* Symbols whose dimension the caller gave. One that is given two sizes is a conflict. */
static void bind_given_symbols(inputs *in)
{
    for (size_t i = 0; i < in->all.count; i++) {
        const input *one = &in->all.data[i];
        for (int d = 0; d < one->shape.rank; d++) {
            if (one->symbols[d] == NULL || one->shape.dims[d] < 0)
                continue;
            const symbol *bound = weft_map_get(&in->symbols, one->symbols[d]);
            if (bound == NULL)
                bind_symbol(in, one->symbols[d], one->shape.dims[d], one->name);
            else if (bound->value != one->shape.dims[d])
                fail_conflict(in, one, &one->shape,
                              weft_arena_printf(
                                  in->importer->arena, "the symbol %s is %lld in the shape of %s",
                                  one->symbols[d], (long long)bound->value, bound->input));
        }
    }
}

static void fill_in_symbols(inputs *in)
{
    for (size_t i = 0; i < in->all.count; i++) {
        input *one = &in->all.data[i];
        for (int d = 0; d < one->shape.rank; d++) {
            if (one->symbols[d] == NULL || one->shape.dims[d] >= 0)
                continue;
            const symbol *bound = weft_map_get(&in->symbols, one->symbols[d]);
            if (bound != NULL)
                one->shape.dims[d] = bound->value;
        }
    }
}

/* Symbols that stand for a dimension that is not the first: they are no batch. */
static void collect_inner_symbols(inputs *in)
{
    for (size_t i = 0; i < in->all.count; i++)
        for (int d = 1; d < in->all.data[i].shape.rank; d++)
            if (in->all.data[i].symbols[d] != NULL)
                weft_map_put(&in->inner_symbols, in->all.data[i].symbols[d], in);
}

static bool is_batch(const inputs *in, const input *one)
{
    return one->shape.rank >= 2 &&
           (one->symbols[0] == NULL || weft_map_get(&in->inner_symbols, one->symbols[0]) == NULL);
}

static void default_batches(inputs *in)
{
    weft_importer *importer = in->importer;
    for (size_t i = 0; i < in->all.count; i++) {
        input *one = &in->all.data[i];
        if (one->shape.rank == 0 || one->shape.dims[0] >= 0 || !is_batch(in, one))
            continue;
        bool is_said =
            one->symbols[0] != NULL && weft_map_get(&in->symbols, one->symbols[0]) != NULL;
        one->shape.dims[0] = 1;
        if (is_said)
            continue;
        if (one->symbols[0] != NULL)
            bind_symbol(in, one->symbols[0], 1, one->name);
        weft_diag_note(importer->diag, "the batch size of input %s is open and was set to 1",
                       one->name);
        input eight = *one;
        eight.shape.dims[0] = 8;
        weft_diag_field_set(importer->diag, WEFT_DIAG_TRY,
                            "for another one, for example: --shape %s=%s", one->name,
                            shape_hint(importer, &eight));
    }
}

/* Whether every dimension is a number; reports those that are not. */
static bool is_complete(inputs *in, const input *one)
{
    weft_importer *importer = in->importer;
    weft_text open;
    weft_text_init(&open, importer->arena);
    for (int d = 0; d < one->shape.rank; d++)
        if (one->shape.dims[d] < 0)
            weft_text_printf(&open, "%sdimension %d%s%s", open.length > 0 ? ", " : "", d,
                             one->symbols[d] != NULL ? " = " : "",
                             one->symbols[d] != NULL ? one->symbols[d] : "");
    if (one->has_shape && open.length == 0)
        return true;
    weft_import_note(importer, weft_diag_error(importer->diag, WEFT_E_INPUT_UNBOUND,
                                               "input %s has %s of unknown size", one->name,
                                               one->has_shape ? "a dimension" : "a shape"));
    weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "%s",
                        one->has_shape ? open.data : "no shape in the model");
    weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "give the sizes: --shape %s=%s", one->name,
                        shape_hint(importer, one));
    return false;
}

void weft_import_inputs(weft_importer *importer)
{
    inputs in = {.importer = importer};
    weft_map_init(&in.symbols, importer->arena);
    weft_map_init(&in.inner_symbols, importer->arena);
    collect(&in);
    apply_bindings(&in);
    bind_given_symbols(&in);
    fill_in_symbols(&in);
    collect_inner_symbols(&in);
    default_batches(&in);
    fill_in_symbols(&in);
    for (size_t i = 0; i < in.all.count; i++) {
        const input *one = &in.all.data[i];
        weft_value *value = is_complete(&in, one) ? weft_graph_add_input(importer->graph, one->name,
                                                                         one->dtype, &one->shape)
                                                  : weft_import_stand_in(importer, one->name);
        weft_map_put(&importer->values, one->name, value);
    }
}

void weft_import_check_outputs(weft_importer *importer)
{
    const Onnx__GraphProto *graph = importer->model->graph;
    WEFT_ASSERT(importer->graph->outputs.count == graph->n_output);
    for (size_t i = 0; i < graph->n_output; i++) {
        const Onnx__TypeProto *type = graph->output[i]->type;
        const weft_value *value = importer->graph->outputs.data[i];
        weft_shape declared = {0};
        const char *symbols[WEFT_MAX_RANK];
        if (type == NULL || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
            type->tensor_type->shape == NULL ||
            !read_shape(type->tensor_type->shape, &declared, symbols))
            continue;
        bool is_same = declared.rank == value->shape.rank;
        for (int d = 0; d < declared.rank && is_same; d++)
            is_same = declared.dims[d] < 0 || declared.dims[d] == value->shape.dims[d];
        if (is_same)
            continue;
        char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
        weft_diag_warning(importer->diag, WEFT_E_OUTPUT_SHAPE,
                          "the model declares another shape for its output %s", value->name);
        weft_diag_field_set(importer->diag, WEFT_DIAG_EXPECTED, "%s, as declared",
                            weft_shape_format(&declared, expected));
        weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "%s, which is used",
                            weft_shape_format(&value->shape, found));
    }
}
