/* SPDX-License-Identifier: Apache-2.0 */
/* What the stand-ins for v++ and xclbinutil need of the xclbin container, by the writer of
 * hls/softcard. Not a vendor's program; the bitstream in what it writes is a sentence that says so.
 *
 *   --create FILE       from lines on standard input: mode, platform, kernel, clock, argument, unit
 *   --input A --add-section USER_METADATA:RAW:FILE --output B --force
 *   --info FILE         what is in it, as lines */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/base/file.h"
#include "compiler/base/text.h"
#include "hls/softcard/xclbin.h"

enum { MAX_ITEMS = 64, LINE_BYTES = 1024, POINTER_REGISTER = 12, SCALAR_REGISTER = 8, FIRST = 16 };
static const char sentence[] = "STAND-IN: this is no bitstream, no card can load it.";

static void fail(weft_diag *diag, const char *what)
{
    fprintf(stderr, "ERROR: STAND-IN: %s\n", what);
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        char text[2048];
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        fputs(text, stderr);
    }
    exit(1);
}

static int32_t memory_named(weft_xclbin *xclbin, weft_arena *arena, const char *tag)
{
    for (size_t i = 0; i < xclbin->memory_count; i++)
        if (strcmp(xclbin->memories[i].tag, tag) == 0)
            return (int32_t)i;
    uint64_t size = (uint64_t)256 << 20;
    xclbin->memories[xclbin->memory_count] = (weft_xclbin_memory){
        weft_arena_strdup(arena, tag), true, size, size * xclbin->memory_count};
    return (int32_t)xclbin->memory_count++;
}

static void take_unit(weft_xclbin *xclbin, weft_arena *arena, char *rest)
{
    weft_xclbin_unit *unit = &xclbin->units[xclbin->unit_count];
    unit->name = weft_arena_strdup(arena, strtok_r(rest, " ", &rest));
    unit->base = 0x1800000 + 0x10000 * (uint64_t)xclbin->unit_count++;
    unit->banks = WEFT_NEW_ARRAY(arena, int32_t, MAX_ITEMS);
    for (size_t a = 0; a < xclbin->argument_count; a++) {
        const char *tag = strtok_r(NULL, " ", &rest);
        unit->banks[a] =
            tag == NULL || strcmp(tag, "-") == 0 ? -1 : memory_named(xclbin, arena, tag);
    }
}

static void take_argument(weft_xclbin *xclbin, weft_arena *arena, char *rest)
{
    const char *name = strtok_r(rest, " ", &rest), *kind = strtok_r(NULL, " ", &rest);
    bool is_pointer = kind != NULL && kind[0] == '1';
    uint32_t offset = FIRST;
    for (size_t a = 0; a < xclbin->argument_count; a++)
        offset += xclbin->arguments[a].is_pointer ? POINTER_REGISTER : SCALAR_REGISTER;
    xclbin->arguments[xclbin->argument_count++] = (weft_xclbin_argument){
        weft_arena_strdup(arena, name), is_pointer, is_pointer ? 8 : 4, offset};
}

static void create(weft_arena *arena, const char *path, weft_diag *diag)
{
    char line[LINE_BYTES];
    weft_xclbin xclbin = {.mode = WEFT_XCLBIN_HARDWARE,
                          .arguments = WEFT_NEW_ARRAY(arena, weft_xclbin_argument, MAX_ITEMS),
                          .units = WEFT_NEW_ARRAY(arena, weft_xclbin_unit, MAX_ITEMS),
                          .memories = WEFT_NEW_ARRAY(arena, weft_xclbin_memory, MAX_ITEMS),
                          .bitstream = sentence,
                          .bitstream_bytes = sizeof sentence};
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *rest = line;
        line[strcspn(line, "\n")] = '\0';
        const char *key = strtok_r(rest, " ", &rest);
        if (strcmp(key, "mode") == 0)
            xclbin.mode = strcmp(rest, "hw") == 0 ? WEFT_XCLBIN_HARDWARE : WEFT_XCLBIN_HW_EMU;
        else if (strcmp(key, "platform") == 0)
            xclbin.platform = weft_arena_strdup(arena, rest);
        else if (strcmp(key, "kernel") == 0)
            xclbin.kernel = weft_arena_strdup(arena, rest);
        else if (strcmp(key, "clock") == 0)
            xclbin.clock_mhz = strtod(rest, NULL);
        else if (strcmp(key, "argument") == 0 && xclbin.argument_count < MAX_ITEMS)
            take_argument(&xclbin, arena, rest);
        else if (strcmp(key, "unit") == 0 && xclbin.unit_count < MAX_ITEMS)
            take_unit(&xclbin, arena, rest);
        else
            fail(diag, "a line that is not known");
    }
    if (weft_xclbin_write(&xclbin, path, diag) != WEFT_OK)
        fail(diag, "cannot write the container");
}

static void add_notes(weft_arena *arena, char **words, weft_diag *diag)
{
    static const char prefix[] = "USER_METADATA:RAW:";
    const weft_xclbin *found = NULL;
    weft_file_map map;
    if (strncmp(words[3], prefix, strlen(prefix)) != 0)
        fail(diag, "only USER_METADATA:RAW:FILE");
    if (weft_xclbin_read(arena, words[1], &found, diag) != WEFT_OK)
        fail(diag, "cannot read the container");
    if (found->notes != NULL)
        fail(diag, "section USER_METADATA is there already");
    if (weft_file_map_open(words[3] + strlen(prefix), &map, diag) != WEFT_OK)
        fail(diag, "cannot read the section's file");
    weft_xclbin changed = *found;
    changed.notes = weft_arena_strndup(arena, (const char *)map.data, map.size_bytes);
    weft_file_map_close(&map);
    if (weft_xclbin_write(&changed, words[5], diag) != WEFT_OK)
        fail(diag, "cannot write the container");
}

static void print_info(weft_arena *arena, const char *path, weft_diag *diag)
{
    const weft_xclbin *found = NULL;
    if (weft_xclbin_read(arena, path, &found, diag) != WEFT_OK)
        fail(diag, "cannot read the container");
    printf("platform %s\nkernel %s\nclock %g\n", found->platform, found->kernel, found->clock_mhz);
    for (size_t i = 0; i < found->unit_count; i++) {
        printf("unit %s", found->units[i].name);
        for (size_t a = 0; a < found->argument_count; a++)
            printf(" %s", found->units[i].banks[a] < 0
                              ? "-"
                              : found->memories[found->units[i].banks[a]].tag);
        printf("\n");
    }
    printf("notes %s\n", found->notes == NULL ? "none" : found->notes);
}

int main(int argc, char **argv)
{
    weft_diag *diag = NULL;
    weft_arena *arena = weft_arena_create();
    if (arena == NULL || weft_diag_create(&diag) != WEFT_OK || WEFT_ARENA_TRY(arena))
        return 1;
    if (argc == 3 && strcmp(argv[1], "--create") == 0)
        create(arena, argv[2], diag);
    else if (argc == 3 && strcmp(argv[1], "--info") == 0)
        print_info(arena, argv[2], diag);
    else if (argc == 8 && strcmp(argv[1], "--input") == 0 &&
             strcmp(argv[3], "--add-section") == 0 && strcmp(argv[5], "--output") == 0 &&
             strcmp(argv[7], "--force") == 0)
        add_notes(arena, argv + 1, diag);
    else
        fail(diag, "options");
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
    return 0;
}
