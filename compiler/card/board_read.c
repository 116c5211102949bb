/* SPDX-License-Identifier: Apache-2.0 */
/* JSON -> weft_board (docs/boards.md). Unlike the reader of packages it goes on after an error: who
 * writes a board by hand wants to see all problems at once. Must not know about: where the text
 * comes from. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/base/text.h"
#include "compiler/card/board_internal.h"

#define SCHEMA "weft.board/1"

enum { MAX_PROBLEMS = 40 /* a file with more is not nearly a board */, MAX_KEYS = 16 };

typedef struct reader {
    weft_arena *arena;
    const char *where;
    weft_diag *diag;
    size_t problems;
    weft_status status;
} reader;

/* An object and what was asked of it. */
typedef struct object {
    reader *reader;
    const char *place; /* "slrs[1]"; "" for the whole */
    json_t *json;
    const char *keys[MAX_KEYS]; /* known ones */
    size_t key_count;
    const char *figures[MAX_KEYS]; /* those that need a source, and are there */
    size_t figure_count;
} object;

/* Returns whether the problem is shown; fields may be set then. */
static bool problem(reader *r, weft_error_id id, const char *place, const char *what)
{
    r->problems++;
    if (r->problems > MAX_PROBLEMS)
        return false;
    r->status = weft_diag_error(r->diag, id, "board %s: %s%s%s", r->where, place,
                                place[0] == '\0' ? "" : ": ", what);
    return true;
}

static const char *inner(const object *o, const char *key)
{
    return o->place[0] == '\0' ? weft_arena_strdup(o->reader->arena, key)
                               : weft_arena_printf(o->reader->arena, "%s.%s", o->place, key);
}

static json_t *get(object *o, const char *key)
{
    WEFT_ASSERT(o->key_count < MAX_KEYS);
    o->keys[o->key_count++] = key;
    return json_object_get(o->json, key);
}

static void wrong(object *o, const char *key, const char *expected, const json_t *found)
{
    static const char *const types[] = {"an object", "a list", "a text", "an integer",
                                        "a number",  "true",   "false",  "null"};
    bool is_absent = found == NULL;
    if (!problem(o->reader, WEFT_E_BOARD_MEMBER, inner(o, key),
                 is_absent ? "is missing" : "is wrong"))
        return;
    weft_diag_field_set(o->reader->diag, WEFT_DIAG_EXPECTED, "%s", expected);
    if (is_absent)
        return;
    if (json_is_number(found))
        weft_diag_field_set(o->reader->diag, WEFT_DIAG_FOUND, "%.15g", json_number_value(found));
    else
        weft_diag_field_set(o->reader->diag, WEFT_DIAG_FOUND, "%s", types[json_typeof(found)]);
}

static const char *read_text(object *o, const char *key)
{
    json_t *json = get(o, key);
    if (json_is_string(json) && json_string_length(json) > 0)
        return weft_arena_strdup(o->reader->arena, json_string_value(json));
    wrong(o, key, "a text", json);
    return "";
}

static const char *read_optional_text(object *o, const char *key)
{
    if (json_object_get(o->json, key) != NULL)
        return read_text(o, key);
    get(o, key);
    return NULL;
}

static int64_t integer_of(object *o, const char *key, const json_t *json, int64_t least,
                          int64_t most)
{
    if (json_is_integer(json) && json_integer_value(json) >= least &&
        json_integer_value(json) <= most)
        return json_integer_value(json);
    wrong(o, key,
          weft_arena_printf(o->reader->arena, "an integer from %lld to %lld", (long long)least,
                            (long long)most),
          json);
    return least;
}

static void note_figure(object *o, const char *key)
{
    o->figures[o->figure_count++] = key;
}

static int64_t read_integer(object *o, const char *key, int64_t least, int64_t most)
{
    json_t *json = get(o, key);
    note_figure(o, key);
    return integer_of(o, key, json, least, most);
}

static double read_number(object *o, const char *key, double least, double most)
{
    json_t *json = get(o, key);
    note_figure(o, key);
    double number = json_is_number(json) ? json_number_value(json) : (double)NAN;
    if (number >= least && number <= most)
        return number;
    wrong(o, key, weft_arena_printf(o->reader->arena, "a number from %g to %g", least, most), json);
    return least;
}

static object open_object(reader *r, const char *place, json_t *json)
{
    object o = {.reader = r, .place = place, .json = json};
    if (json_is_object(json))
        return o;
    if (problem(r, WEFT_E_BOARD_MEMBER, place, json == NULL ? "is missing" : "is wrong"))
        weft_diag_field_set(r->diag, WEFT_DIAG_EXPECTED, "an object");
    o.json = NULL; /* everything below reads as absent: silence it */
    return o;
}

/* "V UG1393: 14.375 GB/s per pseudo channel": a mark of confidence and where it was read. */
static bool is_source(const json_t *json)
{
    const char *text = json_string_value(json);
    return text != NULL && strchr("VASCM", text[0]) != NULL && text[0] != '\0' && text[1] == ' ' &&
           text[2] != '\0';
}

static void check_sources(object *o)
{
    json_t *source = get(o, "source");
    if (json_is_string(source)) {
        if (!is_source(source) && problem(o->reader, WEFT_E_BOARD_SOURCE, inner(o, "source"),
                                          "does not begin with a mark of confidence"))
            weft_diag_field_set(o->reader->diag, WEFT_DIAG_EXPECTED,
                                "V, A, S, C or M, a space, and where the figure comes from");
        return;
    }
    if (!json_is_object(source)) {
        if (problem(o->reader, WEFT_E_BOARD_SOURCE, inner(o, "source"), "is missing"))
            weft_diag_field_set(
                o->reader->diag, WEFT_DIAG_EXPECTED,
                "a text for all figures of the object, or an object with one text per figure");
        return;
    }
    for (size_t i = 0; i < o->figure_count; i++)
        if (!is_source(json_object_get(source, o->figures[i])) &&
            problem(o->reader, WEFT_E_BOARD_SOURCE, inner(o, o->figures[i]), "has no source"))
            weft_diag_field_set(
                o->reader->diag, WEFT_DIAG_EXPECTED,
                "in \"source\": V, A, S, C or M, a space, and where the figure comes from");
    const char *key;
    json_t *value;
    json_object_foreach(source, key, value)
    {
        bool is_figure = false;
        for (size_t i = 0; i < o->figure_count; i++)
            is_figure = is_figure || strcmp(o->figures[i], key) == 0;
        if (!is_figure)
            problem(o->reader, WEFT_E_BOARD_UNKNOWN, inner(o, "source"),
                    weft_arena_printf(o->reader->arena, "there is no figure \"%s\"", key));
    }
}

static void close_object(object *o)
{
    if (o->json == NULL)
        return;
    if (o->figure_count > 0)
        check_sources(o);
    const char *key;
    json_t *value;
    json_object_foreach(o->json, key, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < o->key_count; i++)
            is_known = is_known || strcmp(o->keys[i], key) == 0;
        if (is_known || !problem(o->reader, WEFT_E_BOARD_UNKNOWN, inner(o, key), "is not known"))
            continue;
        const char *nearest = weft_nearest(key, o->keys, o->key_count);
        if (nearest != NULL)
            weft_diag_field_set(o->reader->diag, WEFT_DIAG_TRY, "did you mean \"%s\"?", nearest);
        else
            weft_diag_field_set(o->reader->diag, WEFT_DIAG_TRY, "see docs/boards.md");
    }
}

/* A member that is an object of its own. */
static object open_member(object *parent, const char *key)
{
    return open_object(parent->reader, inner(parent, key), get(parent, key));
}

static json_t *read_list(object *o, const char *key, size_t least, size_t most, size_t *out_count)
{
    json_t *json = get(o, key);
    *out_count = 0;
    if (!json_is_array(json) || json_array_size(json) < least || json_array_size(json) > most) {
        wrong(o, key,
              weft_arena_printf(o->reader->arena, "a list of %zu to %zu elements", least, most),
              json);
        return NULL;
    }
    *out_count = json_array_size(json);
    return json;
}

static const char *element_place(const object *o, const char *key, size_t index)
{
    return weft_arena_printf(o->reader->arena, "%s[%zu]", inner(o, key), index);
}

/* ---- the parts of a board ---- */

/* More than any device has, and small enough for sums of a few. */
enum { MAX_RESOURCE = 1 << 28 };

static weft_board_slr read_slr(object o)
{
    weft_board_slr slr = {0};
    if (o.json == NULL)
        return slr;
    slr.lut = read_integer(&o, "lut", 0, MAX_RESOURCE);
    slr.ff = read_integer(&o, "ff", 0, MAX_RESOURCE);
    slr.dsp = read_integer(&o, "dsp", 0, MAX_RESOURCE);
    slr.bram36 = read_integer(&o, "bram36", 0, MAX_RESOURCE);
    slr.uram = read_integer(&o, "uram", 0, MAX_RESOURCE);
    close_object(&o);
    return slr;
}

static void read_memory_slrs(object *o, weft_board_memory *memory)
{
    json_t *json = get(o, "slr");
    enum { BANKS = sizeof memory->slr / sizeof memory->slr[0] };
    note_figure(o, "slr");
    if (json_is_array(json) && json_array_size(json) == (size_t)memory->banks) {
        for (int32_t i = 0; i < memory->banks; i++)
            memory->slr[i] = (int32_t)integer_of(o, "slr", json_array_get(json, (size_t)i), 0,
                                                 WEFT_BOARD_SLRS - 1);
        return;
    }
    if (!json_is_integer(json)) {
        wrong(o, "slr", "the region of all banks, or a list with the region of each bank", json);
        return;
    }
    int64_t slr = integer_of(o, "slr", json, 0, WEFT_BOARD_SLRS - 1);
    for (int i = 0; i < BANKS; i++)
        memory->slr[i] = (int32_t)slr;
}

static void read_memory(object o, weft_board_memory *memory)
{
    if (o.json == NULL)
        return;
    memory->tag = read_text(&o, "tag");
    if (memory->tag[0] != '\0' &&
        memory->tag[strspn(memory->tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
        wrong(&o, "tag", "capital letters, as a connectivity file has them: \"HBM\", \"DDR\"",
              json_object_get(o.json, "tag"));
    memory->banks = (int32_t)read_integer(&o, "banks", 1, 64);
    memory->bank_bytes = read_integer(&o, "bank_bytes", 1 << 20, INT64_C(1) << 44);
    memory->bank_gbytes = read_number(&o, "bank_gbytes", 0.01, 10000);
    memory->efficiency = read_number(&o, "efficiency", 0.05, 1);
    memory->latency_ns = read_number(&o, "latency_ns", 0, 100000);
    memory->port_bits = (int32_t)read_integer(&o, "port_bits", 32, 4096);
    if (json_object_get(o.json, "ports") != NULL)
        memory->ports = (int32_t)read_integer(&o, "ports", 1, 1024);
    read_memory_slrs(&o, memory);
    close_object(&o);
}

/* "2021.2" */
static bool is_tool_version(const char *text)
{
    return strlen(text) == 6 && strspn(text, "0123456789") == 4 && text[4] == '.' &&
           strspn(text + 5, "123456789") == 1;
}

static void read_platform(object o, weft_board_platform *platform)
{
    if (o.json == NULL)
        return;
    platform->name = read_text(&o, "name");
    platform->first_tool = read_optional_text(&o, "first_tool");
    platform->last_tool = read_optional_text(&o, "last_tool");
    const char *tools[2] = {platform->first_tool, platform->last_tool};
    static const char *const keys[2] = {"first_tool", "last_tool"};
    note_figure(&o, "name");
    for (int i = 0; i < 2; i++) {
        if (tools[i] == NULL)
            continue;
        note_figure(&o, keys[i]);
        if (tools[i][0] != '\0' && !is_tool_version(tools[i]))
            wrong(&o, keys[i], "a version of Vitis, \"2022.1\"", json_object_get(o.json, keys[i]));
    }
    close_object(&o);
}

static void read_limits(object o, weft_board *board)
{
    if (o.json == NULL)
        return;
    board->limit_lut = read_number(&o, "lut", 0.05, 1);
    board->limit_ff = read_number(&o, "ff", 0.05, 1);
    board->limit_dsp = read_number(&o, "dsp", 0.05, 1);
    board->limit_bram = read_number(&o, "bram", 0.05, 1);
    board->limit_uram = read_number(&o, "uram", 0.05, 1);
    close_object(&o);
}

static void read_small_parts(object *root, weft_board *board)
{
    object dsp = open_member(root, "dsp"), wires = open_member(root, "slr_wires"),
           clock = open_member(root, "clock"), host = open_member(root, "host");
    if (dsp.json != NULL) {
        size_t count;
        json_t *bits = read_list(&dsp, "multiplier", 2, 2, &count);
        note_figure(&dsp, "multiplier");
        for (size_t i = 0; i < count; i++)
            board->dsp_bits[i] =
                (int32_t)integer_of(&dsp, "multiplier", json_array_get(bits, i), 8, 64);
        close_object(&dsp);
    }
    if (wires.json != NULL) {
        board->slr_wires = read_integer(&wires, "count", 0, MAX_RESOURCE);
        close_object(&wires);
    }
    if (clock.json != NULL) {
        board->clock_mhz = read_number(&clock, "mhz", 10, 1000);
        close_object(&clock);
    }
    if (host.json != NULL) {
        board->host_gbytes = read_number(&host, "gbytes", 0, 1000);
        board->launch_us = read_number(&host, "launch_us", 0, 1e6);
        close_object(&host);
    }
}

static void read_root(reader *r, json_t *json, weft_board *board)
{
    object root = open_object(r, "", json);
    if (root.json == NULL)
        return;
    const char *schema = read_text(&root, "schema");
    if (schema[0] != '\0' && strcmp(schema, SCHEMA) != 0)
        wrong(&root, "schema", SCHEMA, json_object_get(json, "schema"));
    board->name = read_text(&root, "name");
    board->title = read_text(&root, "title");
    board->part = read_text(&root, "part");
    board->total = read_slr(open_member(&root, "total"));
    size_t count;
    json_t *list = read_list(&root, "slrs", 1, WEFT_BOARD_SLRS, &count);
    board->slr_count = (int32_t)count;
    for (size_t i = 0; i < count; i++)
        board->slrs[i] =
            read_slr(open_object(r, element_place(&root, "slrs", i), json_array_get(list, i)));
    list = read_list(&root, "memories", 1, WEFT_BOARD_MEMORIES, &count);
    board->memory_count = (int32_t)count;
    for (size_t i = 0; i < count; i++)
        read_memory(open_object(r, element_place(&root, "memories", i), json_array_get(list, i)),
                    &board->memories[i]);
    list = read_list(&root, "platforms", 0, WEFT_BOARD_PLATFORMS, &count);
    board->platform_count = (int32_t)count;
    for (size_t i = 0; i < count; i++)
        read_platform(open_object(r, element_place(&root, "platforms", i), json_array_get(list, i)),
                      &board->platforms[i]);
    board->why_no_platform = read_optional_text(&root, "why_no_platform");
    read_limits(open_member(&root, "limits"), board);
    read_small_parts(&root, board);
    close_object(&root);
}

static void rule_broken(void *user, const char *place, const char *rule)
{
    problem(user, WEFT_E_BOARD_RULE, place, rule);
}

static void release_json(void *json)
{
    json_decref(json);
}

weft_status weft__board_read(weft_arena *arena, const char *where, const char *text, size_t bytes,
                             const weft_board **out_board, weft_diag *diag)
{
    *out_board = NULL;
    json_error_t error;
    json_t *tree = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (tree == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while reading a board");
        weft_status status =
            weft_diag_error(diag, WEFT_E_BOARD_SYNTAX, "board %s is not valid JSON", where);
        weft_diag_field_set(diag, WEFT_DIAG_AT, "line %d, column %d", error.line, error.column);
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", error.text);
        return status;
    }
    weft_arena_defer(arena, release_json, tree);
    weft_board *board = WEFT_NEW(arena, weft_board);
    reader r = {.arena = arena, .where = where, .diag = diag, .status = WEFT_OK};
    read_root(&r, tree, board);
    if (r.problems == 0)
        weft__board_check(board, rule_broken, &r);
    if (r.problems > MAX_PROBLEMS)
        weft_diag_note(diag, "board %s: %zu more problems are not shown", where,
                       r.problems - MAX_PROBLEMS);
    if (r.problems == 0)
        *out_board = board;
    return r.status;
}
