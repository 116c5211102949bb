/* SPDX-License-Identifier: Apache-2.0 */
/* The list of diagnostics. Strings are cleaned on the way in, because names come from files: no
 * control characters, valid UTF-8, bounded length. When memory runs out while reporting, the list
 * ends with a static out-of-memory entry instead. Must not know about: arenas (a diag outlives
 * them), terminals, JSON. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/base/arena.h"

enum {
    MAX_TEXT_BYTES = 8192, /* a name of a megabyte helps nobody; long lists of nodes still fit */
    FIRST_ENTRIES = 8
};

static const char cut_mark[] = " ...";

struct weft_diag {
    weft_diag_entry *entries;
    size_t count, capacity;
    size_t error_count;
    bool ran_out;       /* an entry was lost: out_of_memory_entry follows the others */
    bool last_was_lost; /* fields set now belong to the lost one */
};

static const weft_diag_entry out_of_memory_entry = {
    .severity = WEFT_SEVERITY_ERROR,
    .id = WEFT_E_NO_MEMORY,
    .status = WEFT_NO_MEMORY,
    .summary = "out of memory while reporting; at least one message is missing",
};

weft_status weft_diag_create(weft_diag **out_diag)
{
    *out_diag = weft_arena_injected_failure() ? NULL : calloc(1, sizeof **out_diag);
    return *out_diag == NULL ? WEFT_NO_MEMORY : WEFT_OK;
}

void weft_diag_destroy(weft_diag *diag)
{
    if (diag == NULL)
        return;
    for (size_t i = 0; i < diag->count; i++) {
        free((void *)(uintptr_t)diag->entries[i].summary);
        for (int field = 0; field < WEFT_DIAG_FIELD_COUNT; field++)
            free((void *)(uintptr_t)diag->entries[i].fields[field]);
    }
    free(diag->entries);
    free(diag);
}

size_t weft_diag_count(const weft_diag *diag)
{
    return diag == NULL ? 0 : diag->count + (diag->ran_out ? 1 : 0);
}

size_t weft_diag_error_count(const weft_diag *diag)
{
    return diag == NULL ? 0 : diag->error_count + (diag->ran_out ? 1 : 0);
}

const weft_diag_entry *weft_diag_get(const weft_diag *diag, size_t index)
{
    if (index >= weft_diag_count(diag))
        return NULL;
    return index < diag->count ? &diag->entries[index] : &out_of_memory_entry;
}

/* Length of the well-formed UTF-8 sequence at text (1 to 4), or 0. The final NUL ends every read in
 * time. */
static size_t utf8_length(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (byte[0] < 0x80)
        return 1;
    size_t length = byte[0] >= 0xc2 && byte[0] <= 0xdf   ? 2
                    : byte[0] >= 0xe0 && byte[0] <= 0xef ? 3
                    : byte[0] >= 0xf0 && byte[0] <= 0xf4 ? 4
                                                         : 0;
    for (size_t i = 1; i < length; i++)
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xf0 && byte[1] < 0x90);
    bool is_surrogate = byte[0] == 0xed && byte[1] > 0x9f;
    bool is_beyond = byte[0] == 0xf4 && byte[1] > 0x8f;
    return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

/* Characters beyond ASCII that drive a terminal: U+0080 to U+009F, line and paragraph separators,
 * and marks that turn the direction of writing. */
static bool is_hidden(const char *text, size_t length)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (length == 2)
        return byte[0] == 0xc2 && byte[1] <= 0x9f;
    if (length != 3 || byte[0] != 0xe2)
        return false;
    return (byte[1] == 0x80 &&
            (byte[2] == 0x8e || byte[2] == 0x8f || (byte[2] >= 0xa8 && byte[2] <= 0xae))) ||
           (byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9);
}

/* Replaces control characters and broken UTF-8 by '?', and cuts overlong text at a character. */
static void clean(char *text, bool may_have_lines)
{
    size_t at = 0;
    while (text[at] != '\0') {
        size_t length = utf8_length(text + at);
        if (at + (length == 0 ? 1 : length) > MAX_TEXT_BYTES - sizeof cut_mark) {
            memcpy(text + at, cut_mark, sizeof cut_mark);
            return;
        }
        unsigned char byte = (unsigned char)text[at];
        bool is_control = (byte < 0x20 && !(byte == '\n' && may_have_lines)) || byte == 0x7f;
        size_t step = length == 0 ? 1 : length;
        if (length == 0 || is_control || is_hidden(text + at, length))
            memset(text + at, '?', step);
        at += step;
    }
}

/* NULL when out of memory. */
static char *format_text(bool may_have_lines, const char *format, va_list args)
{
    if (weft_arena_injected_failure())
        return NULL;
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : malloc((size_t)length + sizeof cut_mark);
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, again);
        clean(text, may_have_lines);
    }
    va_end(again);
    return text;
}

static weft_diag_entry *grow_entries(weft_diag *diag)
{
    if (diag->count < diag->capacity)
        return &diag->entries[diag->count];
    size_t capacity = diag->capacity == 0 ? FIRST_ENTRIES : diag->capacity * 2;
    size_t bytes = 0;
    if (weft_arena_injected_failure() || !weft_mul_size(capacity, sizeof *diag->entries, &bytes))
        return NULL;
    weft_diag_entry *entries = realloc(diag->entries, bytes);
    if (entries == NULL)
        return NULL;
    diag->entries = entries;
    diag->capacity = capacity;
    return &entries[diag->count];
}

static void append(weft_diag *diag, weft_severity severity, uint32_t id, weft_status status,
                   const char *format, va_list args)
{
    if (diag == NULL)
        return;
    weft_diag_entry *entry = grow_entries(diag);
    char *summary = entry == NULL ? NULL : format_text(false, format, args);
    diag->last_was_lost = summary == NULL;
    if (summary == NULL) {
        diag->ran_out = true;
        return;
    }
    *entry =
        (weft_diag_entry){.severity = severity, .id = id, .status = status, .summary = summary};
    diag->count++;
    if (severity == WEFT_SEVERITY_ERROR)
        diag->error_count++;
}

weft_status weft_diag_error(weft_diag *diag, weft_error_id id, const char *summary, ...)
{
    const weft_error_row *row = weft_error_row_find((uint32_t)id);
    WEFT_ASSERT(row != NULL);
    va_list args;
    va_start(args, summary);
    append(diag, WEFT_SEVERITY_ERROR, row->number, row->status, summary, args);
    va_end(args);
    return row->status;
}

void weft_diag_warning(weft_diag *diag, weft_error_id id, const char *summary, ...)
{
    va_list args;
    va_start(args, summary);
    append(diag, WEFT_SEVERITY_WARNING, (uint32_t)id, WEFT_OK, summary, args);
    va_end(args);
}

void weft_diag_note(weft_diag *diag, const char *summary, ...)
{
    va_list args;
    va_start(args, summary);
    append(diag, WEFT_SEVERITY_NOTE, 0, WEFT_OK, summary, args);
    va_end(args);
}

void weft_diag_field_set(weft_diag *diag, weft_diag_field field, const char *format, ...)
{
    if (diag == NULL || diag->count == 0 || diag->last_was_lost)
        return;
    va_list args;
    va_start(args, format);
    bool may_have_lines = field == WEFT_DIAG_WHY || field == WEFT_DIAG_TRY; /* others hold names */
    char *text = format_text(may_have_lines, format, args);
    va_end(args);
    if (text == NULL) {
        diag->ran_out = true;
        return;
    }
    const char **slot = &diag->entries[diag->count - 1].fields[field];
    free((void *)(uintptr_t)*slot);
    *slot = text;
}

const char *weft_diag_field_name(weft_diag_field field)
{
    switch (field) {
    case WEFT_DIAG_AT: return "at";
    case WEFT_DIAG_NODES: return "nodes";
    case WEFT_DIAG_TENSOR: return "tensor";
    case WEFT_DIAG_EXPECTED: return "expected";
    case WEFT_DIAG_FOUND: return "found";
    case WEFT_DIAG_WHY: return "why";
    case WEFT_DIAG_TRY: return "try";
    case WEFT_DIAG_FIELD_COUNT: break;
    }
    return "";
}

/* Where formatted text goes: counts everything, keeps what fits. */
typedef struct sink {
    char *buffer;
    size_t capacity, length;
} sink;

static void put(sink *to, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++, to->length++)
        if (to->length + 1 < to->capacity)
            to->buffer[to->length] = bytes[i];
}

static void put_text(sink *to, const char *text)
{
    put(to, text, strlen(text));
}

static void put_spaces(sink *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(to, " ", 1);
}

/* "  why:   first line\n         second line\n", values in one column. */
static void put_field(sink *to, const char *label, size_t label_width, const char *value)
{
    put_text(to, "  ");
    put_text(to, label);
    put_text(to, ":");
    put_spaces(to, label_width - strlen(label) + 1);
    for (;;) {
        size_t line = strcspn(value, "\n");
        put(to, value, line);
        put_text(to, "\n");
        if (value[line] == '\0' || value[line + 1] == '\0')
            return;
        value += line + 1;
        put_spaces(to, label_width + 4); /* two of indent, colon, space */
    }
}

size_t weft_diag_format(const weft_diag_entry *entry, char *buffer, size_t capacity)
{
    static const char *const severities[] = {"error", "warning", "note"};
    sink to = {.buffer = buffer, .capacity = capacity};
    put_text(&to, severities[entry->severity]);
    if (entry->id != 0) {
        char id[24];
        snprintf(id, sizeof id, "[E%04lu]", (unsigned long)entry->id);
        put_text(&to, id);
    }
    put_text(&to, ": ");
    put_text(&to, entry->summary);
    put_text(&to, "\n");
    size_t label_width = 0;
    for (int field = 0; field < WEFT_DIAG_FIELD_COUNT; field++) {
        size_t width = strlen(weft_diag_field_name((weft_diag_field)field));
        if (entry->fields[field] != NULL && width > label_width)
            label_width = width;
    }
    for (int field = 0; field < WEFT_DIAG_FIELD_COUNT; field++)
        if (entry->fields[field] != NULL)
            put_field(&to, weft_diag_field_name((weft_diag_field)field), label_width,
                      entry->fields[field]);
    if (capacity > 0)
        buffer[to.length < capacity ? to.length : capacity - 1] = '\0';
    return to.length;
}
