/* SPDX-License-Identifier: Apache-2.0 */
/* A growing text buffer in an arena, a string-to-pointer map, and small string questions. */
#ifndef WEFT_BASE_TEXT_H
#define WEFT_BASE_TEXT_H

#include "compiler/base/arena.h"

typedef struct weft_text {
    weft_arena *arena;
    char *data; /* always NUL-terminated once anything was added; "" after init */
    size_t length, capacity;
} weft_text;

void weft_text_init(weft_text *text, weft_arena *arena);
void weft_text_add(weft_text *text, const char *string);
void weft_text_add_bytes(weft_text *text, const char *bytes, size_t length);
void weft_text_printf(weft_text *text, const char *format, ...) WEFT_PRINTF(2, 3);
void weft_text_vprintf(weft_text *text, const char *format, va_list args);

/* Open-addressing map from string to pointer; keys are borrowed. */
typedef struct weft_map {
    weft_arena *arena;
    struct weft_map_slot {
        const char *key;
        void *value;
    } * slots;
    size_t count, capacity;
} weft_map;

void weft_map_init(weft_map *map, weft_arena *arena);
void *weft_map_get(const weft_map *map, const char *key); /* NULL when absent */
void weft_map_put(weft_map *map, const char *key, void *value);

/* The candidate nearest to word by edit distance, or NULL when none is near enough to be a likely
 * slip. */
const char *weft_nearest(const char *word, const char *const *candidates, size_t count);

#endif
