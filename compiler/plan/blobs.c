/* SPDX-License-Identifier: Apache-2.0 */
/* Packed weights: each constant once per packing, whichever schedule asks; bytes are made only when
 * the package is written. */
#include <string.h>
#include <xxhash.h>

#include "compiler/plan/internal.h"
#include "kernels/cpu/pack.h"
#include "kernels/cpu/qpack.h"

/* Constants are asked for several times, and hashed once. */
static const char *hash_text(schedule_state *state, const weft_value *value)
{
    planner *shared = state->planner;
    size_t bytes = 0;
    WEFT_ASSERT(weft_shape_bytes(&value->shape, value->dtype, &bytes));
    const char *key = weft_arena_printf(shared->arena, "%p %zu", value->data, bytes);
    char *text = weft_map_get(shared->hashes, key);
    if (text == NULL) {
        XXH128_hash_t hash = XXH3_128bits(value->data, bytes);
        text = weft_arena_printf(shared->arena, "%016llx%016llx", (unsigned long long)hash.high64,
                                 (unsigned long long)hash.low64);
        weft_map_put(shared->hashes, key, text);
    }
    return text;
}

const char *weft__plan_content(schedule_state *state, const weft_value *value)
{
    char shape[WEFT_SHAPE_TEXT];
    return weft_arena_printf(state->planner->arena, "%s %s %s", hash_text(state, value),
                             weft_dtype_name(value->dtype),
                             weft_shape_format(&value->shape, shape));
}

static const char *blob_key(schedule_state *state, const weft_value *value, weft_recipe recipe,
                            int panel, int winograd)
{
    weft_arena *arena = state->planner->arena;
    return value == NULL ? weft_arena_printf(arena, "zeros %d", panel)
                         : weft_arena_printf(arena, "%s %d %d %d", weft__plan_content(state, value),
                                             recipe, panel, winograd);
}

/* Weights as [OC][KH][KW][IC]; a matrix [OC][IC] is a 1 x 1 kernel. */
typedef struct weight_dims {
    int oc, kh, kw, ic;
} weight_dims;

static weight_dims weight_dims_of(const weft_value *value)
{
    if (value != NULL && value->shape.rank == 4)
        return (weight_dims){(int)value->shape.dims[0], (int)value->shape.dims[1],
                             (int)value->shape.dims[2], (int)value->shape.dims[3]};
    if (value != NULL && value->shape.rank == 2)
        return (weight_dims){(int)value->shape.dims[0], 1, 1, (int)value->shape.dims[1]};
    return (weight_dims){0, 0, 0, 0};
}

static size_t blob_elems(const weft_value *value, weft_recipe recipe, int panel, int winograd,
                         int dot)
{
    weight_dims d = weight_dims_of(value);
    switch (recipe) {
    case WEFT_RECIPE_ZEROS: return (size_t)panel;
    case WEFT_RECIPE_CONV: return weft_pack_conv_elems(d.oc, d.ic, d.kh, d.kw, panel, 0);
    case WEFT_RECIPE_CONV_GATHERED: return weft_pack_conv_elems(d.oc, d.ic, d.kh, d.kw, panel, 1);
    case WEFT_RECIPE_WINOGRAD: return weft_pack_winograd_elems(d.oc, d.ic, winograd, panel);
    case WEFT_RECIPE_LINEAR: return weft_pack_linear_elems(d.oc, d.ic, panel);
    case WEFT_RECIPE_DEPTHWISE: return weft_pack_depthwise_elems(d.oc, d.ic, d.kh, d.kw, panel);
    case WEFT_RECIPE_QCONV: return weft_qpack_conv_bytes(d.oc, d.ic, d.kh, d.kw, panel, dot, 0);
    case WEFT_RECIPE_QCONV_GATHERED:
        return weft_qpack_conv_bytes(d.oc, d.ic, d.kh, d.kw, panel, dot, 1);
    case WEFT_RECIPE_QWINOGRAD: /* elements of two bytes */
        return 2 * weft_qpack_winograd_elems(d.oc, d.ic, winograd, panel);
    default: {
        int64_t elems = 0;
        WEFT_ASSERT(weft_shape_elems(&value->shape, &elems));
        return ((size_t)elems + (size_t)panel - 1) / (size_t)panel * (size_t)panel;
    }
    }
}

static weft_packing packing_of(weft_recipe recipe)
{
    switch (recipe) {
    case WEFT_RECIPE_PLAIN:
    case WEFT_RECIPE_ZEROS: return WEFT_PACK_PLAIN;
    case WEFT_RECIPE_WINOGRAD:
    case WEFT_RECIPE_QWINOGRAD: return WEFT_PACK_WINOGRAD;
    case WEFT_RECIPE_QCONV:
    case WEFT_RECIPE_QCONV_GATHERED: return WEFT_PACK_DOT;
    default: return WEFT_PACK_PANEL;
    }
}

uint64_t weft__plan_blob_bytes(const schedule_state *state, const weft_value *value,
                               weft_recipe recipe, int panel, int winograd)
{
    size_t elem_bytes = value == NULL ? 4 : weft_dtype_bytes(value->dtype);
    size_t bytes = blob_elems(value, recipe, panel, winograd, state->planner->target->dot);
    WEFT_ASSERT(bytes > 0 && weft_mul_size(bytes, elem_bytes, &bytes));
    return bytes;
}

/* Index of the blob with this content and packing, made when it is new. */
static int32_t find_blob(schedule_state *state, const weft_value *value, weft_recipe recipe,
                         int panel, int winograd)
{
    planner *shared = state->planner;
    const char *key = blob_key(state, value, recipe, panel, winograd);
    size_t known = (size_t)(uintptr_t)weft_map_get(&shared->blob_keys, key);
    if (known > 0)
        return (int32_t)(known - 1);
    weft_blob blob = {.winograd = winograd, .offset_bytes = shared->weights_bytes};
    blob.packing = packing_of(recipe);
    blob.panel = blob.packing == WEFT_PACK_PLAIN ? 0 : panel;
    blob.size_bytes = weft__plan_blob_bytes(state, value, recipe, panel, winograd);
    shared->weights_bytes +=
        (blob.size_bytes + WEFT_STORAGE_ALIGN - 1) / WEFT_STORAGE_ALIGN * WEFT_STORAGE_ALIGN;
    weft_blob_recipe how = {.kind = recipe, .value = value, .dot = shared->target->dot};
    WEFT_VEC_PUSH(shared->arena, &shared->blobs, blob);
    WEFT_VEC_PUSH(shared->arena, &shared->recipes, how);
    weft_map_put(&shared->blob_keys, key, (void *)(uintptr_t)shared->blobs.count);
    return (int32_t)shared->blobs.count - 1;
}

/* Elements in their order are read where they stand, so they are preferred. */
static void note_readable(schedule_state *state, const weft_value *value, int32_t index)
{
    planner *shared = state->planner;
    const char *key = weft__plan_content(state, value);
    if (weft_map_get(&shared->readable_keys, key) == NULL ||
        shared->blobs.data[index].packing == WEFT_PACK_PLAIN)
        weft_map_put(&shared->readable_keys, key, (void *)(uintptr_t)(index + 1));
}

int32_t weft__plan_blob(schedule_state *state, const weft_value *value, weft_recipe recipe,
                        int panel, int winograd)
{
    if (value == NULL)
        return find_blob(state, NULL, WEFT_RECIPE_ZEROS, panel, winograd);
    int32_t index = find_blob(state, value, recipe, panel, winograd);
    /* Winograd's and 8-bit blobs are not turned back; where such a constant is read from is found
     * last (weft__plan_need_plain). */
    weft_packing packing = state->planner->blobs.data[index].packing;
    if (packing != WEFT_PACK_WINOGRAD && packing != WEFT_PACK_DOT) {
        state->out->values[weft__plan_value_index(value)].blob = index;
        note_readable(state, value, index);
    }
    return index;
}

int32_t weft__plan_table(schedule_state *state, weft_dtype dtype, const void *data, int64_t count)
{
    weft_value *table = WEFT_NEW(state->planner->arena, weft_value);
    *table = (weft_value){
        .name = "table", .dtype = dtype, .has_shape = true, .shape = {1, {count}}, .data = data};
    return find_blob(state, table, WEFT_RECIPE_PLAIN, 1, 0);
}

void weft__plan_need_plain(schedule_state *state, size_t value)
{
    planner *shared = state->planner;
    weft_schedule_value *constant = &state->out->values[value];
    const char *key = weft__plan_content(state, state->graph_values[value]);
    size_t blob = (size_t)(uintptr_t)weft_map_get(&shared->readable_keys, key);
    if (blob > 0) {
        constant->blob = (int32_t)(blob - 1);
        return;
    }
    size_t known = (size_t)(uintptr_t)weft_map_get(&shared->plain_keys, key);
    if (known == 0) {
        known = (size_t)shared->plain_bytes + 1;
        shared->plain_bytes += (constant->size_bytes + WEFT_STORAGE_ALIGN - 1) /
                               WEFT_STORAGE_ALIGN * WEFT_STORAGE_ALIGN;
        weft_map_put(&shared->plain_keys, key, (void *)(uintptr_t)known);
    }
    constant->has_plain = true;
    constant->offset_bytes = known - 1;
}

weft_status weft_plan_blob_bytes(const weft_plan *plan, size_t index, void *out)
{
    const weft_blob *blob = &plan->manifest.blobs[index];
    const weft_blob_recipe *recipe = &plan->recipes[index];
    const weft_value *value = recipe->value;
    WEFT_ASSERT(value != NULL || recipe->kind <= WEFT_RECIPE_ZEROS);
    const float *source = value == NULL ? NULL : value->data;
    weight_dims d = weight_dims_of(value);
    switch (recipe->kind) {
    case WEFT_RECIPE_ZEROS: memset(out, 0, (size_t)blob->size_bytes); break;
    case WEFT_RECIPE_PLAIN: {
        size_t bytes = 0;
        WEFT_ASSERT(value != NULL && weft_shape_bytes(&value->shape, value->dtype, &bytes));
        memset(out, 0, (size_t)blob->size_bytes);
        memcpy(out, value->data, bytes);
        break;
    }
    case WEFT_RECIPE_CONV:
        weft_pack_conv(out, source, d.oc, d.ic, d.kh, d.kw, blob->panel, 0);
        break;
    case WEFT_RECIPE_CONV_GATHERED:
        weft_pack_conv(out, source, d.oc, d.ic, d.kh, d.kw, blob->panel, 1);
        break;
    case WEFT_RECIPE_WINOGRAD:
        weft_pack_winograd(out, source, d.oc, d.ic, blob->winograd, blob->panel);
        break;
    case WEFT_RECIPE_LINEAR: weft_pack_linear(out, source, d.oc, d.ic, blob->panel, 0); break;
    case WEFT_RECIPE_QCONV:
    case WEFT_RECIPE_QCONV_GATHERED:
        weft_qpack_conv(out, value->data, d.oc, d.ic, d.kh, d.kw, blob->panel, recipe->dot,
                        recipe->kind == WEFT_RECIPE_QCONV_GATHERED);
        break;
    case WEFT_RECIPE_QWINOGRAD:
        weft_qpack_winograd(out, value->data, d.oc, d.ic, blob->winograd, blob->panel);
        break;
    case WEFT_RECIPE_DEPTHWISE:
        weft_pack_depthwise(out, source, d.oc, d.ic, d.kh, d.kw, blob->panel);
        break;
    }
    return WEFT_OK;
}
