/* SPDX-License-Identifier: Apache-2.0 */
/* Text buffer, string map, and the nearest-name question.
 * Must not know about: what the text means. */
#include "compiler/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_TEXT_BYTES = 256,
    FIRST_SLOTS = 16,   /* a power of two, so that hashes are masked */
    MAX_WORD_BYTES = 96 /* longer names are compared by nobody's eye */
};

void weft_text_init(weft_text *text, weft_arena *arena)
{
    static char empty[] = ""; /* never written: capacity 0 makes the first addition allocate */
    *text = (weft_text){.arena = arena, .data = empty};
}

/* Room for `more` bytes and the NUL. */
static void reserve(weft_text *text, size_t more)
{
    if (text->capacity > text->length && text->capacity - text->length > more)
        return;
    size_t wanted = text->capacity == 0 ? FIRST_TEXT_BYTES : text->capacity;
    while (wanted - text->length <= more)
        if (!weft_mul_size(wanted, 2, &wanted))
            weft_arena_out_of_memory(text->arena);
    char *grown = weft_arena_alloc(text->arena, wanted);
    memcpy(grown, text->data, text->length);
    text->data = grown;
    text->capacity = wanted;
}

void weft_text_add_bytes(weft_text *text, const char *bytes, size_t length)
{
    reserve(text, length);
    if (length > 0)
        memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void weft_text_add(weft_text *text, const char *string)
{
    weft_text_add_bytes(text, string, strlen(string));
}

void weft_text_vprintf(weft_text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length > 0) {
        reserve(text, (size_t)length);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void weft_text_printf(weft_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    weft_text_vprintf(text, format, args);
    va_end(args);
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *key != '\0'; key++) {
        hash ^= (unsigned char)*key;
        hash *= UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

/* The key's slot, or the empty one where it belongs. Needs a free slot in the table. */
static struct weft_map_slot *slot_of(struct weft_map_slot *slots, size_t capacity, const char *key)
{
    size_t at = (size_t)hash_of(key) & (capacity - 1);
    while (slots[at].key != NULL && strcmp(slots[at].key, key) != 0)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

void weft_map_init(weft_map *map, weft_arena *arena)
{
    *map = (weft_map){.arena = arena};
}

void *weft_map_get(const weft_map *map, const char *key)
{
    return map->capacity == 0 ? NULL : slot_of(map->slots, map->capacity, key)->value;
}

void weft_map_put(weft_map *map, const char *key, void *value)
{
    if (map->count + map->count / 2 >= map->capacity) { /* at most two thirds full */
        size_t capacity = map->capacity == 0 ? FIRST_SLOTS : map->capacity * 2;
        struct weft_map_slot *slots = WEFT_NEW_ARRAY(map->arena, struct weft_map_slot, capacity);
        for (size_t i = 0; i < map->capacity; i++)
            if (map->slots[i].key != NULL)
                *slot_of(slots, capacity, map->slots[i].key) = map->slots[i];
        map->slots = slots;
        map->capacity = capacity;
    }
    struct weft_map_slot *slot = slot_of(map->slots, map->capacity, key);
    if (slot->key == NULL) {
        slot->key = key;
        map->count++;
    }
    slot->value = value;
}

static char lower(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return (char)(letter - 'A' + 'a');
    return letter;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of neighbours that lead from a to b; case does not
 * count. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][MAX_WORD_BYTES + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            size_t best =
                min_size(above[j - 1] + (x == y ? 0 : 1), min_size(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]))
                best = min_size(best, before[j - 2] + 1);
            row[j] = best;
        }
        size_t *recycled = before;
        before = above;
        above = row;
        row = recycled;
    }
    return above[b_length];
}

const char *weft_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    if (length == 0 || length > MAX_WORD_BYTES)
        return NULL;
    size_t near_enough =
        length < 3 ? 1 : (length + 2) / 3; /* a third of the letters wrong is still a slip */
    const char *best = NULL;
    size_t best_distance = near_enough + 1;
    for (size_t i = 0; i < count; i++) {
        size_t candidate_length = strlen(candidates[i]);
        if (candidate_length == 0 || candidate_length > MAX_WORD_BYTES)
            continue;
        size_t distance = edit_distance(word, length, candidates[i], candidate_length);
        /* A word replaced letter by letter is another word, not a slip. */
        if (distance < best_distance &&
            distance < min_size(length, candidate_length) + (distance == 0 ? 1 : 0)) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
