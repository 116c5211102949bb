/* SPDX-License-Identifier: Apache-2.0 */
/* Broadcasting reference kernels with two or more inputs: arithmetic, Max, Min, Sum, comparisons,
 * logic, Where, PRelu. Float dtypes are computed in double and rounded once per operation (for + -
 * * / that equals the f32 operation); integers modulo 2^bits. Knows nothing about layout. */
#include "kernels/ref/element.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

/* One operation in the three kinds of arithmetic; NULL: the operator does not take that kind. */
typedef struct arithmetic {
    double (*on_float)(double a, double b);
    weft_status (*on_signed)(int64_t a, int64_t b, int64_t *out);
    weft_status (*on_unsigned)(uint64_t a, uint64_t b, uint64_t *out);
} arithmetic;

/* y = a op b, both broadcast to y's shape. a may be y itself. */
static weft_status combine(const weft_tensor *a, const weft_tensor *b, const weft_tensor *y,
                           const arithmetic *op)
{
    weft_ref_kind kind = weft_ref_kind_of(a->dtype);
    weft_status status = WEFT_OK;
    if (a->dtype != b->dtype || a->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    if (!(kind == WEFT_REF_KIND_FLOAT && op->on_float) &&
        !(kind == WEFT_REF_KIND_SIGNED && op->on_signed) &&
        !(kind == WEFT_REF_KIND_UNSIGNED && op->on_unsigned))
        return WEFT_UNSUPPORTED;
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &a->shape);
    weft_ref_walk_broadcast(&walk, 1, &b->shape);
    for (int64_t i = 0; walk.left > 0 && status == WEFT_OK; weft_ref_walk_next(&walk), i++) {
        if (kind == WEFT_REF_KIND_FLOAT) {
            double p = weft_ref_get_f64(a, walk.at[0]), q = weft_ref_get_f64(b, walk.at[1]);
            weft_ref_put_f64(y, i, op->on_float(p, q));
        } else if (kind == WEFT_REF_KIND_SIGNED) {
            int64_t out = 0;
            status = op->on_signed(weft_ref_get_i64(a, walk.at[0]), weft_ref_get_i64(b, walk.at[1]),
                                   &out);
            weft_ref_put_i64(y, i, out);
        } else {
            uint64_t out = 0;
            status = op->on_unsigned((uint64_t)weft_ref_get_i64(a, walk.at[0]),
                                     (uint64_t)weft_ref_get_i64(b, walk.at[1]), &out);
            weft_ref_put_i64(y, i, (int64_t)out);
        }
    }
    return status;
}

/* Integer form of an operation whose result modulo 2^64 does not depend on the sign. */
#define WRAPPING(name, expression)                                                                 \
    static weft_status name##_unsigned(uint64_t a, uint64_t b, uint64_t *out)                      \
    {                                                                                              \
        *out = (expression);                                                                       \
        return WEFT_OK;                                                                            \
    }                                                                                              \
    static weft_status name##_signed(int64_t a, int64_t b, int64_t *out)                           \
    {                                                                                              \
        uint64_t bits = 0;                                                                         \
        weft_status status = name##_unsigned((uint64_t)a, (uint64_t)b, &bits);                     \
        *out = (int64_t)bits;                                                                      \
        return status;                                                                             \
    }

/* Integer form of an operation that does the same to signed and unsigned values. */
#define ORDERED(name, expression)                                                                  \
    static weft_status name##_unsigned(uint64_t a, uint64_t b, uint64_t *out)                      \
    {                                                                                              \
        *out = (expression);                                                                       \
        return WEFT_OK;                                                                            \
    }                                                                                              \
    static weft_status name##_signed(int64_t a, int64_t b, int64_t *out)                           \
    {                                                                                              \
        *out = (expression);                                                                       \
        return WEFT_OK;                                                                            \
    }

#define FLOATING(name, expression)                                                                 \
    static double name##_float(double a, double b)                                                 \
    {                                                                                              \
        return (expression);                                                                       \
    }

WRAPPING(add, a + b)
WRAPPING(sub, a - b)
WRAPPING(mul, a *b)
ORDERED(max, a > b ? a : b)
ORDERED(min, a < b ? a : b)
FLOATING(add, a + b)
FLOATING(sub, a - b)
FLOATING(mul, a *b)
FLOATING(div, a / b)
FLOATING(max, isnan(a) || a > b ? a : b)
FLOATING(min, isnan(a) || a < b ? a : b)
FLOATING(fmod, fmod(a, b))
FLOATING(p_relu, a < 0 ? a * b : a)

/* Integer quotients are truncated; the one that overflows, INT64_MIN / -1, wraps. */
static weft_status div_signed(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0)
        return WEFT_INVALID;
    *out = b == -1 ? (int64_t)(0u - (uint64_t)a) : a / b;
    return WEFT_OK;
}

static weft_status div_unsigned(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b == 0)
        return WEFT_INVALID;
    *out = a / b;
    return WEFT_OK;
}

/* Remainder with the sign of the dividend, as C's. */
static weft_status fmod_signed(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0)
        return WEFT_INVALID;
    *out = b == -1 ? 0 : a % b;
    return WEFT_OK;
}

/* Remainder with the sign of the divisor. */
static weft_status mod_signed(int64_t a, int64_t b, int64_t *out)
{
    weft_status status = fmod_signed(a, b, out);
    if (status == WEFT_OK && *out != 0 && (*out < 0) != (b < 0))
        *out += b;
    return status;
}

static weft_status mod_unsigned(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b == 0)
        return WEFT_INVALID;
    *out = a % b;
    return WEFT_OK;
}

static weft_status two(const weft_ref_call *call, const arithmetic *op)
{
    return combine(weft_ref_in(call, 0), weft_ref_in(call, 1), weft_ref_out(call, 0), op);
}

/* Folds any number of inputs: y = in0; y = y op in1; ... */
static weft_status fold(const weft_ref_call *call, const arithmetic *op)
{
    const weft_tensor *y = weft_ref_out(call, 0), *first = weft_ref_in(call, 0);
    size_t bytes = weft_dtype_bytes(y->dtype);
    if (first->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &first->shape);
    for (size_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++)
        memcpy((char *)y->data + i * bytes, (const char *)first->data + (size_t)walk.at[0] * bytes,
               bytes);
    for (size_t i = 1; i < call->input_count; i++) {
        weft_status status = combine(y, call->inputs[i], y, op);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

static const arithmetic add_op = {add_float, add_signed, add_unsigned};
static const arithmetic sub_op = {sub_float, sub_signed, sub_unsigned};
static const arithmetic mul_op = {mul_float, mul_signed, mul_unsigned};
static const arithmetic div_op = {div_float, div_signed, div_unsigned};
static const arithmetic max_op = {max_float, max_signed, max_unsigned};
static const arithmetic min_op = {min_float, min_signed, min_unsigned};
static const arithmetic mod_op = {NULL, mod_signed, mod_unsigned};
static const arithmetic fmod_op = {fmod_float, fmod_signed, mod_unsigned};
static const arithmetic p_relu_op = {p_relu_float, NULL, NULL};

weft_status weft_ref_add(const weft_ref_call *call)
{
    return two(call, &add_op);
}
weft_status weft_ref_sub(const weft_ref_call *call)
{
    return two(call, &sub_op);
}
weft_status weft_ref_mul(const weft_ref_call *call)
{
    return two(call, &mul_op);
}
weft_status weft_ref_div(const weft_ref_call *call)
{
    return two(call, &div_op);
}
weft_status weft_ref_p_relu(const weft_ref_call *call)
{
    return two(call, &p_relu_op);
}
weft_status weft_ref_max(const weft_ref_call *call)
{
    return fold(call, &max_op);
}
weft_status weft_ref_min(const weft_ref_call *call)
{
    return fold(call, &min_op);
}
weft_status weft_ref_sum(const weft_ref_call *call)
{
    return fold(call, &add_op);
}

weft_status weft_ref_mod(const weft_ref_call *call)
{
    return two(call, weft_attrs_int(call->attrs, "fmod", 0) ? &fmod_op : &mod_op);
}

/* base^exponent modulo 2^64 by squaring; a negative exponent truncates the real quotient towards
 * zero. */
static weft_status pow_i64(int64_t base, int64_t exponent, int64_t *out)
{
    uint64_t result = 1, square = (uint64_t)base;
    if (exponent < 0) {
        if (base == 0)
            return WEFT_INVALID;
        *out = base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
        return WEFT_OK;
    }
    for (uint64_t e = (uint64_t)exponent; e > 0; e >>= 1) {
        if (e & 1u)
            result *= square;
        square *= square;
    }
    *out = (int64_t)result;
    return WEFT_OK;
}

/* Base and exponent may differ in dtype; the result has the base's. */
weft_status weft_ref_pow(const weft_ref_call *call)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    weft_ref_kind base = weft_ref_kind_of(a->dtype), exponent = weft_ref_kind_of(b->dtype);
    bool both_integer = base == WEFT_REF_KIND_SIGNED &&
                        (exponent == WEFT_REF_KIND_SIGNED || exponent == WEFT_REF_KIND_UNSIGNED);
    bool numbers = base == WEFT_REF_KIND_FLOAT || base == WEFT_REF_KIND_SIGNED;
    if (!numbers || exponent == WEFT_REF_KIND_NONE || exponent == WEFT_REF_KIND_BOOL ||
        y->dtype != a->dtype)
        return WEFT_UNSUPPORTED;
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &a->shape);
    weft_ref_walk_broadcast(&walk, 1, &b->shape);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
        if (both_integer) {
            int64_t power = weft_ref_get_i64(b, walk.at[1]), out = 0;
            if (b->dtype == WEFT_DTYPE_U64 && power < 0)
                return WEFT_UNSUPPORTED; /* an exponent of 2^63 and more */
            weft_status status = pow_i64(weft_ref_get_i64(a, walk.at[0]), power, &out);
            if (status != WEFT_OK)
                return status;
            weft_ref_put_i64(y, i, out);
        } else {
            weft_ref_put_f64(y, i,
                             pow(weft_ref_get_f64(a, walk.at[0]), weft_ref_get_f64(b, walk.at[1])));
        }
    }
    return WEFT_OK;
}

/* -1, 0, 1 as a is less than, equal to, greater than b; 2 when unordered. */
static int compare(const weft_tensor *a, int64_t i, const weft_tensor *b, int64_t j,
                   weft_ref_kind kind)
{
    if (kind == WEFT_REF_KIND_FLOAT) {
        double p = weft_ref_get_f64(a, i), q = weft_ref_get_f64(b, j);
        return isnan(p) || isnan(q) ? 2 : (p > q) - (p < q);
    }
    int64_t p = weft_ref_get_i64(a, i), q = weft_ref_get_i64(b, j);
    if (kind == WEFT_REF_KIND_UNSIGNED)
        return ((uint64_t)p > (uint64_t)q) - ((uint64_t)p < (uint64_t)q);
    return (p > q) - (p < q);
}

/* Result bit (order + 1) of `truth`: true for less, equal, greater. */
enum { TRUE_IF_LESS = 1, TRUE_IF_EQUAL = 2, TRUE_IF_GREATER = 4 };

static weft_status compare_all(const weft_ref_call *call, int truth)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    weft_ref_kind kind = weft_ref_kind_of(a->dtype);
    if (kind == WEFT_REF_KIND_NONE || a->dtype != b->dtype || y->dtype != WEFT_DTYPE_BOOL)
        return WEFT_UNSUPPORTED;
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &a->shape);
    weft_ref_walk_broadcast(&walk, 1, &b->shape);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
        int order = compare(a, walk.at[0], b, walk.at[1], kind);
        weft_ref_put_i64(y, i, (truth >> (order + 1)) & 1);
    }
    return WEFT_OK;
}

weft_status weft_ref_equal(const weft_ref_call *call)
{
    return compare_all(call, TRUE_IF_EQUAL);
}
weft_status weft_ref_less(const weft_ref_call *call)
{
    return compare_all(call, TRUE_IF_LESS);
}
weft_status weft_ref_greater(const weft_ref_call *call)
{
    return compare_all(call, TRUE_IF_GREATER);
}
weft_status weft_ref_less_or_equal(const weft_ref_call *call)
{
    return compare_all(call, TRUE_IF_LESS | TRUE_IF_EQUAL);
}
weft_status weft_ref_greater_or_equal(const weft_ref_call *call)
{
    return compare_all(call, TRUE_IF_GREATER | TRUE_IF_EQUAL);
}

static weft_status logic(const weft_ref_call *call, bool is_and)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    if (a->dtype != WEFT_DTYPE_BOOL || b->dtype != WEFT_DTYPE_BOOL || y->dtype != WEFT_DTYPE_BOOL)
        return WEFT_UNSUPPORTED;
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &a->shape);
    weft_ref_walk_broadcast(&walk, 1, &b->shape);
    for (int64_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
        bool p = weft_ref_get_i64(a, walk.at[0]), q = weft_ref_get_i64(b, walk.at[1]);
        weft_ref_put_i64(y, i, is_and ? p && q : p || q);
    }
    return WEFT_OK;
}

weft_status weft_ref_and(const weft_ref_call *call)
{
    return logic(call, true);
}
weft_status weft_ref_or(const weft_ref_call *call)
{
    return logic(call, false);
}

weft_status weft_ref_not(const weft_ref_call *call)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    if (x->dtype != WEFT_DTYPE_BOOL || y->dtype != WEFT_DTYPE_BOOL)
        return WEFT_UNSUPPORTED;
    int64_t elems = weft_ref_elems(&y->shape);
    for (int64_t i = 0; i < elems; i++)
        weft_ref_put_i64(y, i, !weft_ref_get_i64(x, i));
    return WEFT_OK;
}

weft_status weft_ref_where(const weft_ref_call *call)
{
    const weft_tensor *condition = call->inputs[0], *y = call->outputs[0];
    const weft_tensor *sides[2] = {call->inputs[2], call->inputs[1]}; /* false, true */
    size_t bytes = weft_dtype_bytes(y->dtype);
    if (condition->dtype != WEFT_DTYPE_BOOL || sides[0]->dtype != y->dtype ||
        sides[1]->dtype != y->dtype)
        return WEFT_UNSUPPORTED;
    weft_ref_walk walk = weft_ref_walk_over(&y->shape);
    weft_ref_walk_broadcast(&walk, 0, &sides[0]->shape);
    weft_ref_walk_broadcast(&walk, 1, &sides[1]->shape);
    weft_ref_walk_broadcast(&walk, 2, &condition->shape);
    for (size_t i = 0; walk.left > 0; weft_ref_walk_next(&walk), i++) {
        int side = weft_ref_get_i64(condition, walk.at[2]) ? 1 : 0;
        memcpy((char *)y->data + i * bytes,
               (const char *)sides[side]->data + (size_t)walk.at[side] * bytes, bytes);
    }
    return WEFT_OK;
}
