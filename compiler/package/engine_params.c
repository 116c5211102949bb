/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_params.h. */
#include "compiler/package/engine_params.h"

static const struct parameter {
    const char *name;
    size_t offset; /* of an int32_t of weft_engine_params */
} parameters[] = {
    {"rows", offsetof(weft_engine_params, rows)},
    {"columns", offsetof(weft_engine_params, cols)},
    {"simd", offsetof(weft_engine_params, simd)},
    {"lanes", offsetof(weft_engine_params, lanes)},
    {"x_bytes", offsetof(weft_engine_params, x_bytes)},
    {"w_bytes", offsetof(weft_engine_params, w_bytes)},
    {"sums", offsetof(weft_engine_params, sums)},
    {"lane_bytes", offsetof(weft_engine_params, lane_bytes)},
    {"line", offsetof(weft_engine_params, line)},
    {"piece", offsetof(weft_engine_params, piece)},
    {"port", offsetof(weft_engine_params, port)},
    {"b_bytes", offsetof(weft_engine_params, b_bytes)},
    {"norms", offsetof(weft_engine_params, norms)},
};
enum { PARAMETERS = sizeof parameters / sizeof parameters[0] };

void weft_engine_params_write(const weft_engine_params *params, weft_arena *arena,
                              weft_attrs *out_attrs)
{
    for (int i = 0; i < PARAMETERS; i++) {
        const void *at = (const char *)params + parameters[i].offset;
        weft_attrs_set_int(out_attrs, arena, parameters[i].name, *(const int32_t *)at);
    }
}

void weft_engine_needs_of(const weft_schedule *schedules, size_t count, bool *out_products,
                          bool *out_norms)
{
    bool products = false, norms = false;
    for (size_t i = 0; i < count; i++)
        for (size_t s = 0; s < schedules[i].step_count; s++) {
            const weft_step *step = &schedules[i].steps[s];
            for (size_t d = 0; d < step->descriptor_count; d++) {
                const weft_descriptor *descriptor = &step->descriptors[d];
                int32_t kind = descriptor->words[WEFT_D_KIND].i;
                bool is_product = kind == WEFT_KIND_MATMUL;
                products = products || is_product;
                norms =
                    norms || kind == WEFT_KIND_SOFTMAX || kind == WEFT_KIND_LAYER_NORM ||
                    (is_product && (descriptor->words[WEFT_D_FLAGS].i & WEFT_FLAG_SOFTMAX) != 0);
            }
        }
    *out_products = products;
    *out_norms = norms;
}

weft_engine_params weft_engine_params_for(const weft_engine_params *params,
                                          const weft_schedule *schedules, size_t count)
{
    bool products, norms;
    weft_engine_needs_of(schedules, count, &products, &norms);
    return weft_engine_with(params, products, norms);
}

weft_engine_params weft_engine_params_read(const weft_engine *engine)
{
    weft_engine_params params = {.name = engine->name};
    for (int i = 0; i < PARAMETERS; i++) {
        void *at = (char *)&params + parameters[i].offset;
        *(int32_t *)at = (int32_t)weft_attrs_int(&engine->parameters, parameters[i].name, 0);
    }
    return params;
}
