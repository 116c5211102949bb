/* SPDX-License-Identifier: Apache-2.0 */
/* Notes about a bitstream; see bitstream.h. Must not know about: containers, tools. */
#include "compiler/package/bitstream.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "compiler/base/text.h"

void weft_bitstream_engine_hash(const weft_engine *engine, char out[WEFT_BITSTREAM_HASH_TEXT])
{
    /* A sum over the parameters does not depend on their order. */
    uint64_t sum = XXH3_64bits(&engine->version, sizeof engine->version);
    for (size_t i = 0; i < engine->parameters.count; i++) {
        char text[128];
        const weft_attr *parameter = &engine->parameters.data[i];
        int length =
            snprintf(text, sizeof text, "%s=%" PRId64, parameter->name, (int64_t)parameter->i);
        size_t kept = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
        sum += XXH3_64bits(text, kept);
    }
    snprintf(out, WEFT_BITSTREAM_HASH_TEXT, "%016" PRIx64, sum);
}

static json_t *text_or_null(const char *text)
{
    json_t *json = text == NULL ? NULL : json_string(text);
    return json == NULL ? json_null() : json;
}

const char *weft_bitstream_notes(weft_arena *arena, const weft_manifest *manifest,
                                 uint64_t package_id, const char *tool)
{
    char engine[WEFT_BITSTREAM_HASH_TEXT], package[WEFT_BITSTREAM_HASH_TEXT];
    json_t *root = json_object();
    weft_bitstream_engine_hash(&manifest->engine, engine);
    snprintf(package, sizeof package, "%016" PRIx64, package_id);
    json_object_set_new(root, "schema", json_string("weft.bitstream/1"));
    json_object_set_new(root, "engine", json_string(engine));
    json_object_set_new(root, "engine_version", json_integer(manifest->engine.version));
    json_object_set_new(root, "package", json_string(package));
    json_object_set_new(root, "model", text_or_null(manifest->model));
    json_object_set_new(root, "board", text_or_null(manifest->card.board));
    json_object_set_new(root, "producer", text_or_null(manifest->producer));
    json_object_set_new(root, "tool", text_or_null(tool));
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    if (text == NULL)
        weft_arena_out_of_memory(arena);
    weft_arena_defer(arena, free, text);
    return weft_arena_printf(arena, "%s\n", text);
}
