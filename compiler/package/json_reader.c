/* SPDX-License-Identifier: Apache-2.0 */
/* See json_reader.h. Must not know about: packages. */
#include "compiler/package/json_reader.h"

#include <math.h>
#include <string.h>

static void write_place(weft_text *text, const json_at *at)
{
    if (at->parent != NULL)
        write_place(text, at->parent);
    if (at->key != NULL)
        weft_text_printf(text, "%s%s", text->length == 0 ? "" : ".", at->key);
    else if (at->parent != NULL)
        weft_text_printf(text, "[%zu]", at->index);
}

void weft__json_fail(json_reader *reader, const json_at *at, const char *expected)
{
    if (reader->failed)
        return;
    weft_text place;
    weft_text_init(&place, reader->arena);
    write_place(&place, at);
    reader->failed = true;
    reader->at = place.length == 0 ? "the whole" : place.data;
    reader->expected = expected;
}

static const char *type_name(json_type type)
{
    switch (type) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a text";
    case JSON_INTEGER: return "an integer";
    default: return "true";
    }
}

static json_at checked(json_reader *reader, json_at at, json_type type)
{
    if (at.json != NULL && json_typeof(at.json) == type)
        return at;
    weft__json_fail(reader, &at, type_name(type));
    at.json = NULL;
    return at;
}

bool weft__json_has(const json_at *object, const char *key)
{
    return json_object_get(object->json, key) != NULL;
}

json_at weft__json_member(json_reader *reader, json_at *object, const char *key, json_type type)
{
    json_at at = {object, key, 0, json_object_get(object->json, key), 0};
    object->used++;
    return checked(reader, at, type);
}

json_at weft__json_element(json_reader *reader, const json_at *array, size_t index, json_type type)
{
    json_at at = {array, NULL, index, json_array_get(array->json, index), 0};
    return checked(reader, at, type);
}

size_t weft__json_count(const json_at *array)
{
    return json_array_size(array->json);
}

void weft__json_end(json_reader *reader, const json_at *object)
{
    if (object->json != NULL && json_object_size(object->json) != object->used)
        weft__json_fail(reader, object, "no members besides those of docs/package.md");
}

static const char *text_of(json_reader *reader, const json_at *at)
{
    return at->json == NULL ? "" : weft_arena_strdup(reader->arena, json_string_value(at->json));
}

const char *weft__json_text(json_reader *reader, json_at *object, const char *key)
{
    json_at at = weft__json_member(reader, object, key, JSON_STRING);
    return text_of(reader, &at);
}

static int64_t int_of(json_reader *reader, const json_at *at, int64_t least, int64_t most)
{
    if (at->json == NULL)
        return 0;
    int64_t value = json_integer_value(at->json);
    if (value < least || value > most) {
        if (!reader->failed)
            weft__json_fail(reader, at,
                            weft_arena_printf(reader->arena,
                                              "an integer from %lld to %lld, not %lld",
                                              (long long)least, (long long)most, (long long)value));
        return 0;
    }
    return value;
}

int64_t weft__json_int(json_reader *reader, json_at *object, const char *key, int64_t least,
                       int64_t most)
{
    json_at at = weft__json_member(reader, object, key, JSON_INTEGER);
    return int_of(reader, &at, least, most);
}

double weft__json_number_value(json_reader *reader, const json_at *at)
{
    if (json_is_number(at->json))
        return json_number_value(at->json);
    const char *word = json_string_value(at->json);
    if (word != NULL && strcmp(word, "nan") == 0)
        return (double)NAN;
    if (word != NULL && strcmp(word, "inf") == 0)
        return (double)INFINITY;
    if (word != NULL && strcmp(word, "-inf") == 0)
        return (double)-INFINITY;
    weft__json_fail(reader, at, "a number, \"nan\", \"inf\" or \"-inf\"");
    return 0.0;
}

double weft__json_number(json_reader *reader, json_at *object, const char *key)
{
    json_at at = {object, key, 0, json_object_get(object->json, key), 0};
    object->used++;
    return weft__json_number_value(reader, &at);
}

int32_t *weft__json_indices(json_reader *reader, json_at *object, const char *key,
                            size_t *out_count)
{
    json_at array = weft__json_member(reader, object, key, JSON_ARRAY);
    *out_count = weft__json_count(&array);
    int32_t *list = WEFT_NEW_ARRAY(reader->arena, int32_t, *out_count);
    for (size_t i = 0; i < *out_count; i++) {
        json_at at = weft__json_element(reader, &array, i, JSON_INTEGER);
        list[i] = (int32_t)int_of(reader, &at, -1, INT32_MAX);
    }
    return list;
}

int64_t *weft__json_ints(json_reader *reader, json_at *object, const char *key, size_t *out_count)
{
    json_at array = weft__json_member(reader, object, key, JSON_ARRAY);
    *out_count = weft__json_count(&array);
    int64_t *list = WEFT_NEW_ARRAY(reader->arena, int64_t, *out_count);
    for (size_t i = 0; i < *out_count; i++) {
        json_at at = weft__json_element(reader, &array, i, JSON_INTEGER);
        list[i] = int_of(reader, &at, INT64_MIN, INT64_MAX);
    }
    return list;
}

const char **weft__json_texts(json_reader *reader, json_at *object, const char *key,
                              size_t *out_count)
{
    json_at array = weft__json_member(reader, object, key, JSON_ARRAY);
    *out_count = weft__json_count(&array);
    const char **list = WEFT_NEW_ARRAY(reader->arena, const char *, *out_count);
    for (size_t i = 0; i < *out_count; i++) {
        json_at at = weft__json_element(reader, &array, i, JSON_STRING);
        list[i] = text_of(reader, &at);
    }
    return list;
}

void weft__json_sizes(json_reader *reader, json_at *object, const char *key, uint64_t *out,
                      size_t count)
{
    json_at array = weft__json_member(reader, object, key, JSON_ARRAY);
    if (array.json != NULL && weft__json_count(&array) != count)
        weft__json_fail(reader, &array, "a list of another length");
    for (size_t i = 0; i < count; i++) {
        json_at at = weft__json_element(reader, &array, i, JSON_INTEGER);
        out[i] = (uint64_t)int_of(reader, &at, 0, INT64_MAX);
    }
}
