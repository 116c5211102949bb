/* SPDX-License-Identifier: Apache-2.0 */
/* Strict access to a JSON tree: every member has a type and a range, members that nobody asked for
 * are errors, and the first error is kept with its place ("schedules[0].steps[12].deps[3]"). After
 * an error everything reads as zero or empty, so that callers need no checks between; they must
 * look at `failed` before they use what they read. Must not know about: packages. */
#ifndef WEFT_PACKAGE_JSON_READER_H
#define WEFT_PACKAGE_JSON_READER_H

#include <jansson.h>

#include "compiler/base/text.h"

typedef struct json_reader {
    weft_arena *arena;
    bool failed;
    const char *at, *expected; /* of the first error */
} json_reader;

/* An element of the tree and the way to it. */
typedef struct json_at {
    const struct json_at *parent;
    const char *key; /* NULL: element `index` of the parent */
    size_t index;
    json_t *json;
    size_t used; /* members asked for */
} json_at;

void weft__json_fail(json_reader *reader, const json_at *at, const char *expected);

/* A member of an object. The get functions fail when it is absent; has counts it as asked for only
 * when it is there. */
bool weft__json_has(const json_at *object, const char *key);
json_at weft__json_member(json_reader *reader, json_at *object, const char *key, json_type type);
json_at weft__json_element(json_reader *reader, const json_at *array, size_t index, json_type type);
size_t weft__json_count(const json_at *array); /* 0 after an error */
/* Fails when the object has members that were not asked for. */
void weft__json_end(json_reader *reader, const json_at *object);

const char *weft__json_text(json_reader *reader, json_at *object, const char *key);
int64_t weft__json_int(json_reader *reader, json_at *object, const char *key, int64_t least,
                       int64_t most);
/* Number, or one of the words "nan", "inf", "-inf". */
double weft__json_number(json_reader *reader, json_at *object, const char *key);
double weft__json_number_value(json_reader *reader, const json_at *at);

/* Lists in the arena. */
int32_t *weft__json_indices(json_reader *reader, json_at *object, const char *key,
                            size_t *out_count);
int64_t *weft__json_ints(json_reader *reader, json_at *object, const char *key, size_t *out_count);
const char **weft__json_texts(json_reader *reader, json_at *object, const char *key,
                              size_t *out_count);
/* Exactly `count` sizes. */
void weft__json_sizes(json_reader *reader, json_at *object, const char *key, uint64_t *out,
                      size_t count);

#endif
