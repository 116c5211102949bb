/* SPDX-License-Identifier: Apache-2.0 */
/* A package -> an xclbin for the software card: the engine's HLS C as a shared object, with the
 * units and banks of the plan. Must not know about: how XRT is found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/package/bitstream.h"
#include "compiler/package/format.h"
#include "hls/softcard/softcard_internal.h"
#include "runtime/backends/engine/compiler.h"

/* Where control registers of units are, one page of 64 KiB each, as v++ places them; the register
 * map is HLS's: control first, arguments from 0x10, each followed by a word that is reserved. */
enum { FIRST_BASE = 0x1800000, BASE_STEP = 0x10000, FIRST_ARGUMENT = 0x10, WORD = 4 };
static const double DEFAULT_MHZ = 300;

/* The engine's kernel: kernels/fpga/engine.h. */
static const char *const pointers[WEFT_CARD_PORTS] = {"program", "weights", "source", "second",
                                                      "target"};
enum { ARGUMENTS = WEFT_CARD_PORTS + 1 };

static void add_arguments(weft_arena *arena, weft_xclbin *x)
{
    uint32_t offset = FIRST_ARGUMENT;
    x->arguments = WEFT_NEW_ARRAY(arena, weft_xclbin_argument, ARGUMENTS);
    x->argument_count = ARGUMENTS;
    for (size_t i = 0; i < ARGUMENTS; i++) {
        bool is_pointer = i < WEFT_CARD_PORTS;
        uint32_t bytes = is_pointer ? 2 * WORD : WORD;
        x->arguments[i] =
            (weft_xclbin_argument){is_pointer ? pointers[i] : "count", is_pointer, bytes, offset};
        offset += bytes + WORD;
    }
}

static int32_t find_bank(weft_xclbin *x, const char *tag)
{
    for (size_t i = 0; i < x->memory_count; i++)
        if (strcmp(x->memories[i].tag, tag) == 0) {
            x->memories[i].is_used = true;
            return (int32_t)i;
        }
    return -1;
}

static weft_status no_bank(const weft_card_unit *unit, const char *tag, const char *board,
                           weft_diag *diag)
{
    weft_status status = weft_diag_error(diag, WEFT_E_SOFTCARD_BANK,
                                         "unit %s uses memory %s, which board %s does not have",
                                         unit->name, tag, board);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "compile the package again for this board");
    return status;
}

static weft_status add_unit(weft_arena *arena, weft_xclbin *x, const weft_card_unit *planned,
                            const char *board, weft_diag *diag)
{
    weft_xclbin_unit *unit = &x->units[x->unit_count];
    unit->name = planned->name;
    unit->base = FIRST_BASE + BASE_STEP * (uint64_t)x->unit_count++;
    unit->banks = WEFT_NEW_ARRAY(arena, int32_t, ARGUMENTS);
    unit->banks[WEFT_CARD_PORTS] = -1;
    for (size_t i = 0; i < WEFT_CARD_PORTS; i++) {
        unit->banks[i] = find_bank(x, planned->banks[i]);
        if (unit->banks[i] < 0)
            return no_bank(planned, planned->banks[i], board, diag);
    }
    return WEFT_OK;
}

static weft_status add_units(weft_arena *arena, weft_xclbin *x, const weft_card *card,
                             weft_diag *diag)
{
    weft_card_unit single = {.name = weft_arena_printf(arena, "%s_1", x->kernel)};
    const weft_card_unit *units = card->units;
    size_t count = card->unit_count;
    if (card->board == NULL || count == 0) {
        for (size_t i = 0; i < WEFT_CARD_PORTS; i++)
            single.banks[i] = x->memories[0].tag;
        units = &single;
        count = 1;
    }
    weft_status status = WEFT_OK;
    x->units = WEFT_NEW_ARRAY(arena, weft_xclbin_unit, count);
    for (size_t i = 0; i < count && status == WEFT_OK; i++)
        status = add_unit(arena, x, &units[i], card->board, diag);
    return status;
}

static void release(void *object)
{
    free(object);
}

static weft_status add_bitstream(weft_arena *arena, weft_xclbin *x, const weft_program *program,
                                 weft_diag *diag)
{
    uint8_t *library = NULL;
    weft_status status = weft__engine_library_compile(program, diag, &library, &x->bitstream_bytes);
    if (status == WEFT_OK)
        weft_arena_defer(arena, release, library);
    x->bitstream = library;
    return status;
}

static void describe(const weft_xclbin *x, const char *path, weft_softcard_bitstream *out)
{
    struct stat info = {0};
    *out = (weft_softcard_bitstream){
        .unit_count = x->unit_count, .memory_count = x->memory_count, .clock_mhz = x->clock_mhz};
    snprintf(out->platform, sizeof out->platform, "%s", x->platform);
    if (stat(path, &info) == 0)
        out->file_bytes = (uint64_t)info.st_size;
}

/* Bitstreams of cards take hours to make, and have the same default name. */
static weft_status check_output(weft_arena *arena, const char *output, weft_diag *diag)
{
    const weft_xclbin *there = NULL;
    if (weft_xclbin_read(arena, output, &there, NULL) != WEFT_OK ||
        there->mode == WEFT_XCLBIN_SW_EMU)
        return WEFT_OK;
    weft_status status =
        weft_diag_error(diag, WEFT_E_SOFTCARD_OVERWRITE, "%s is a bitstream for a card", output);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "platform %s", there->platform);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "another name with -o, or remove the file");
    return status;
}

static weft_status build(weft_arena *arena, const weft_package *package, const char *output,
                         weft_softcard_bitstream *out, weft_diag *diag)
{
    const weft_manifest *manifest = weft_package_get_view(package)->manifest;
    const weft_card *card = &manifest->card;
    weft_package_info info;
    softcard_card memories;
    if (manifest->engine.name == NULL) {
        weft_status status = weft_diag_error(diag, WEFT_E_ENGINE_ABSENT, "package %s has no engine",
                                             manifest->model);
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "compile a quantised model without --engine none");
        return status;
    }
    const weft_program *program = &manifest->programs[manifest->engine.hls_program];
    weft__softcard_of_package(arena, card, &memories);
    weft_package_get_info(package, &info);
    weft_xclbin x = {.mode = WEFT_XCLBIN_SW_EMU,
                     .platform = memories.platform,
                     .kernel = program->kernels[0],
                     .memories = memories.memories,
                     .memory_count = memories.memory_count,
                     .clock_mhz = card->clock_mhz > 0 ? card->clock_mhz : DEFAULT_MHZ};
    add_arguments(arena, &x);
    x.notes = weft_bitstream_notes(arena, manifest, info.id, weft__engine_compiler_name(arena));
    weft_status status = check_output(arena, output, diag);
    if (status == WEFT_OK)
        status = add_units(arena, &x, card, diag);
    if (status == WEFT_OK)
        status = add_bitstream(arena, &x, program, diag);
    if (status == WEFT_OK)
        status = weft_xclbin_write(&x, output, diag);
    if (status == WEFT_OK && out != NULL)
        describe(&x, output, out);
    return status;
}

weft_status weft_softcard_build(const char *package_path, const char *output,
                                weft_softcard_bitstream *out_bitstream, weft_diag *diag)
{
    if (package_path == NULL || output == NULL)
        return weft_diag_error(diag, WEFT_E_API_USE,
                               "weft_softcard_build needs a package and an output");
    weft_package *package = NULL;
    weft_status status = weft_package_open(package_path, diag, &package);
    if (status != WEFT_OK)
        return status;
    weft_arena *arena = weft_arena_create();
    if (arena == NULL || WEFT_ARENA_TRY(arena))
        status = weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while building %s", output);
    else
        status = build(arena, package, output, out_bitstream, diag);
    weft_arena_destroy(arena);
    weft_package_close(package);
    return status;
}
