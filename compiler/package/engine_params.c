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
    {"port", offsetof(weft_engine_params, port)},
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

weft_engine_params weft_engine_params_read(const weft_engine *engine)
{
    weft_engine_params params = {.name = engine->name};
    for (int i = 0; i < PARAMETERS; i++) {
        void *at = (char *)&params + parameters[i].offset;
        *(int32_t *)at = (int32_t)weft_attrs_int(&engine->parameters, parameters[i].name, 0);
    }
    return params;
}
