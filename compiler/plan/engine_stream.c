/* SPDX-License-Identifier: Apache-2.0 */
/* weft.QAdd, QMul, QTable and moves of 8-bit values -> stream descriptors (kernels/fpga/
 * descriptor.h): up to six dimensions, each operand with its own steps. */
#include <string.h>

#include "compiler/plan/boxes.h"
#include "compiler/plan/engine.h"

enum { OPERANDS = 4, A = 0, B = 1, R = 2, Y = 3 };

typedef struct stream {
    int rank;
    int64_t sizes[WEFT__BOX_DIMS], steps[OPERANDS][WEFT__BOX_DIMS];
} stream;

/* Without dimensions of 1, and neighbours made one where every operand allows it. False when more
 * than six are left. */
static bool merge(const stream *from, stream *out)
{
    *out = (stream){.rank = 0};
    for (int i = 0; i < from->rank; i++) {
        int last = out->rank - 1;
        bool merges = out->rank > 0;
        if (from->sizes[i] == 1)
            continue;
        for (int k = 0; k < OPERANDS && merges; k++)
            merges = out->steps[k][last] == from->steps[k][i] * from->sizes[i];
        if (!merges) {
            last = out->rank++;
            out->sizes[last] = 1;
        }
        out->sizes[last] *= from->sizes[i];
        for (int k = 0; k < OPERANDS; k++)
            out->steps[k][last] = from->steps[k][i];
    }
    return out->rank <= WEFT_D_DIMS;
}

static void put(engine_builder *builder, const stream *from, bool has_b, bool has_r)
{
    static const int first_words[OPERANDS] = {WEFT_D_A_STEPS, WEFT_D_B_STEPS, WEFT_D_R_STEPS,
                                              WEFT_D_Y_STEPS};
    const bool has[OPERANDS] = {true, has_b, has_r, true};
    int front = WEFT_D_DIMS - from->rank;
    for (int i = 0; i < WEFT_D_DIMS; i++) {
        weft__engine_int(builder, WEFT_D_SIZES + i, i < front ? 1 : from->sizes[i - front]);
        for (int k = 0; k < OPERANDS; k++)
            if (has[k] && i >= front)
                weft__engine_int(builder, first_words[k] + i, from->steps[k][i - front]);
    }
}

/* Steps of an operand that is broadcast to `shape`. */
static void broadcast(const weft_value *value, const weft_shape *shape, int64_t *steps)
{
    int64_t step = 1;
    int shift = shape->rank - value->shape.rank;
    for (int i = shape->rank - 1; i >= 0; i--) {
        int64_t size = i < shift ? 1 : value->shape.dims[i - shift];
        steps[i] = size == 1 ? 0 : step;
        step *= size;
    }
}

static bool stream_of(const weft_value *y, const weft_value *a, const weft_value *b,
                      const weft_value *r, stream *out)
{
    const weft_value *const operands[OPERANDS] = {a, b, r, y};
    stream whole = {.rank = y->shape.rank};
    memcpy(whole.sizes, y->shape.dims, sizeof y->shape.dims);
    for (int k = 0; k < OPERANDS; k++)
        if (operands[k] != NULL)
            broadcast(operands[k], &y->shape, whole.steps[k]);
    return merge(&whole, out);
}

static int sign_flag(const weft_value *value, int flag)
{
    return value != NULL && value->dtype == WEFT_DTYPE_I8 ? flag : 0;
}

bool weft__engine_plan_add(engine_builder *builder, const weft_node *node)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0];
    stream shape;
    if (!weft__engine_is_8bit(a) || !weft__engine_is_8bit(b) || !stream_of(y, a, b, NULL, &shape))
        return false;
    weft__engine_begin(builder, WEFT_KIND_ADD,
                       sign_flag(a, WEFT_FLAG_X_SIGNED) | sign_flag(b, WEFT_FLAG_B_SIGNED));
    weft__engine_value(builder, WEFT_D_X, a, 0);
    weft__engine_value(builder, WEFT_D_B, b, 0);
    weft__engine_value(builder, WEFT_D_Y, y, 0);
    weft__engine_int(builder, WEFT_D_A_ZERO, weft_attrs_int(attrs, "a_zero", 0));
    weft__engine_int(builder, WEFT_D_A_MULT, weft_attrs_int(attrs, "a_mult", 0));
    weft__engine_int(builder, WEFT_D_B_ZERO, weft_attrs_int(attrs, "b_zero", 0));
    weft__engine_int(builder, WEFT_D_B_MULT, weft_attrs_int(attrs, "b_mult", 0));
    weft__engine_int(builder, WEFT_D_ADD_SHIFT, weft_attrs_int(attrs, "shift", 1));
    weft__engine_stage(builder, "y", y->dtype, WEFT_D_Y_ZERO, WEFT_D_Y_MIN, WEFT_D_Y_MAX);
    put(builder, &shape, true, false);
    weft__engine_end(builder);
    return true;
}

bool weft__engine_plan_mul(engine_builder *builder, const weft_node *node)
{
    const weft_attrs *attrs = &node->attrs;
    const weft_value *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0],
                     *residual = weft_node_input(node, 2);
    stream shape;
    if (!weft__engine_is_8bit(a) || !weft__engine_is_8bit(b) ||
        (residual != NULL && !weft__engine_is_8bit(residual)) ||
        !stream_of(y, a, b, residual, &shape))
        return false;
    weft__engine_begin(builder, WEFT_KIND_MUL,
                       sign_flag(a, WEFT_FLAG_X_SIGNED) | sign_flag(b, WEFT_FLAG_B_SIGNED) |
                           sign_flag(residual, WEFT_FLAG_R_SIGNED) |
                           (residual != NULL ? WEFT_FLAG_RESIDUAL : 0));
    weft__engine_value(builder, WEFT_D_X, a, 0);
    weft__engine_value(builder, WEFT_D_B, b, 0);
    weft__engine_value(builder, WEFT_D_Y, y, 0);
    weft__engine_int(builder, WEFT_D_A_ZERO, weft_attrs_int(attrs, "a_zero", 0));
    weft__engine_int(builder, WEFT_D_B_ZERO, weft_attrs_int(attrs, "b_zero", 0));
    weft__engine_int(builder, WEFT_D_PRODUCT_MULT, weft_attrs_int(attrs, "mult", 0));
    weft__engine_int(builder, WEFT_D_PRODUCT_SHIFT, weft_attrs_int(attrs, "shift", 1));
    weft__engine_stage(builder, "c", weft_dtype_from_name(weft_attrs_string(attrs, "c_type", "i8")),
                       WEFT_D_C_ZERO, WEFT_D_C_MIN, WEFT_D_C_MAX);
    if (residual != NULL) {
        weft__engine_value(builder, WEFT_D_R, residual, 0);
        weft__engine_int(builder, WEFT_D_A_MULT, weft_attrs_int(attrs, "c_mult", 0));
        weft__engine_int(builder, WEFT_D_R_ZERO, weft_attrs_int(attrs, "r_zero", 0));
        weft__engine_int(builder, WEFT_D_B_MULT, weft_attrs_int(attrs, "r_mult", 0));
        weft__engine_int(builder, WEFT_D_ADD_SHIFT, weft_attrs_int(attrs, "add_shift", 1));
        weft__engine_stage(builder, "y", y->dtype, WEFT_D_Y_ZERO, WEFT_D_Y_MIN, WEFT_D_Y_MAX);
    }
    put(builder, &shape, true, residual != NULL);
    weft__engine_end(builder);
    return true;
}

bool weft__engine_plan_table(engine_builder *builder, const weft_node *node)
{
    const weft_value *x = node->inputs[0], *table = node->inputs[1], *y = node->outputs[0];
    stream shape;
    if (!weft__engine_is_operand(x) || !weft_value_is_constant(table) ||
        !stream_of(y, x, NULL, NULL, &shape))
        return false;
    weft__engine_begin(builder, WEFT_KIND_TABLE, sign_flag(x, WEFT_FLAG_X_SIGNED));
    weft__engine_value(builder, WEFT_D_X, x, 0);
    weft__engine_value(builder, WEFT_D_Y, y, 0);
    weft__engine_constant(builder, WEFT_D_TABLE, table);
    put(builder, &shape, false, false);
    weft__engine_end(builder);
    return true;
}

static bool box_stream(const weft__box *box, stream *out)
{
    stream whole = {.rank = box->rank};
    memcpy(whole.sizes, box->dims, sizeof box->dims);
    memcpy(whole.steps[A], box->x_steps, sizeof box->x_steps);
    memcpy(whole.steps[Y], box->y_steps, sizeof box->y_steps);
    return merge(&whole, out) && (box->x == NULL || weft__engine_is_8bit(box->x));
}

static bool is_uniform(const weft_value *constant, uint8_t *out_byte)
{
    const uint8_t *bytes = constant->data;
    int64_t count = weft__plan_elems(constant);
    *out_byte = bytes[0];
    for (int64_t i = 1; i < count; i++)
        if (bytes[i] != bytes[0])
            return false;
    return true;
}

/* A constant of one byte is a fill. */
static bool fill_of(const weft__box *box, uint8_t *out_byte)
{
    *out_byte = box->x == NULL ? (uint8_t)((int64_t)box->fill & UINT8_MAX) : 0;
    return box->x == NULL || (weft_value_is_constant(box->x) && is_uniform(box->x, out_byte));
}

static void put_box(engine_builder *builder, const weft__box *box)
{
    stream shape;
    uint8_t byte;
    box_stream(box, &shape);
    bool is_fill = fill_of(box, &byte);
    weft__engine_begin(builder, is_fill ? WEFT_KIND_FILL : WEFT_KIND_MOVE, 0);
    if (is_fill)
        weft__engine_int(builder, WEFT_D_FILL, byte);
    else
        weft__engine_value(builder, WEFT_D_X, box->x, box->x_offset);
    weft__engine_value(builder, WEFT_D_Y, box->y, box->y_offset);
    if (is_fill)
        memset(shape.steps[A], 0, sizeof shape.steps[A]);
    put(builder, &shape, false, false);
    weft__engine_end(builder);
}

bool weft__engine_plan_move(engine_builder *builder, const weft_node *node)
{
    weft__box_list boxes;
    stream shape;
    if (!weft__engine_is_8bit(node->inputs[0]) ||
        !weft__plan_boxes(builder->state->planner->arena, node, &boxes) || boxes.count == 0)
        return false;
    for (size_t i = 0; i < boxes.count; i++)
        if (!box_stream(&boxes.data[i], &shape))
            return false;
    for (size_t i = 0; i < boxes.count; i++)
        put_box(builder, &boxes.data[i]);
    return true;
}
