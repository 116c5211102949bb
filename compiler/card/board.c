/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a board: one that is built in, by name, or a file. Must not know about: what a board
 * says (board_read.c). */
#include "compiler/card/board_internal.h"

#include <string.h>

#include "compiler/base/file.h"
#include "compiler/base/text.h"
#include "compiler/codegen/embedded.h"

const char *const weft_board_names[] = {"aws-f1", "aws-f2", "u200", "u250",   "u280",
                                        "u50",    "u55c",   "v80",  "zcu104", NULL};

/* The largest board weft knows takes 8 KB; a file beyond this is something else. */
enum { MAX_FILE_BYTES = 1 << 20 };

static size_t name_count(void)
{
    return sizeof weft_board_names / sizeof weft_board_names[0] - 1;
}

static bool is_path(const char *name)
{
    size_t length = strlen(name);
    return strchr(name, '/') != NULL || (length >= 5 && strcmp(name + length - 5, ".json") == 0);
}

static const char *find_embedded(weft_arena *arena, const char *name)
{
    const char *file_name = weft_arena_printf(arena, "%s.json", name);
    for (const weft_embedded_file *file = weft_board_files; file->name != NULL; file++)
        if (strcmp(file->name, file_name) == 0)
            return file->text;
    return NULL;
}

static weft_status unknown_name(weft_arena *arena, const char *name, weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_BOARD_NAME, "no board is named \"%s\"", name);
    weft_text names;
    weft_text_init(&names, arena);
    for (size_t i = 0; i < name_count(); i++)
        weft_text_printf(&names, "%s%s", i == 0 ? "" : ", ", weft_board_names[i]);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "one of: %s; or a file, ./mine.json", names.data);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", name);
    const char *nearest = weft_nearest(name, weft_board_names, name_count());
    if (nearest != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "did you mean %s?", nearest);
    return status;
}

weft_status weft_board_open(weft_arena *arena, const char *name, const weft_board **out_board,
                            weft_diag *diag)
{
    *out_board = NULL;
    if (!is_path(name)) {
        const char *text = find_embedded(arena, name);
        return text == NULL ? unknown_name(arena, name, diag)
                            : weft__board_read(arena, name, text, strlen(text), out_board, diag);
    }
    weft_file_map map;
    weft_status status = weft_file_map_open(name, &map, diag);
    if (status != WEFT_OK)
        return status;
    if (map.size_bytes > MAX_FILE_BYTES) {
        status = weft_diag_error(diag, WEFT_E_BOARD_SYNTAX, "%s is too large for a board", name);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "at most %d bytes", MAX_FILE_BYTES);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%zu bytes", map.size_bytes);
        weft_file_map_close(&map);
        return status;
    }
    /* A copy, because the arena may be left by a jump while the file is read. */
    const char *text =
        weft_arena_strndup(arena, map.data == NULL ? "" : (const char *)map.data, map.size_bytes);
    size_t bytes = map.size_bytes;
    weft_file_map_close(&map);
    return weft__board_read(arena, name, text, bytes, out_board, diag);
}
