/* SPDX-License-Identifier: Apache-2.0 */
/* See match.h. Must not know about: XRT's API. */
#include "runtime/backends/xrt/match.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "compiler/base/error.h"
#include "compiler/package/bitstream.h"

/* What every engine takes: kernels/fpga/engine.h. */
static const struct {
    const char *name;
    bool is_pointer;
    uint32_t size_bytes;
} signature[XRT_ARGS] = {{"program", true, 8}, {"weights", true, 8}, {"source", true, 8},
                         {"second", true, 8},  {"target", true, 8},  {"count", false, 4}};

static weft_status differ(weft_diag *diag, weft_error_id id, const xrt_sides *sides,
                          const char *what)
{
    weft_status status = weft_diag_error(diag, id, "%s", what);
    weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", sides->file);
    return status;
}

/* The first of two. */
static weft_status both(weft_status first, weft_status second)
{
    return first != WEFT_OK ? first : second;
}

/* ---- mode, shell ---- */

static weft_status check_mode(const xrt_sides *sides, weft_diag *diag)
{
    static const weft_xclbin_mode wanted[] = {WEFT_XCLBIN_HARDWARE, WEFT_XCLBIN_HARDWARE,
                                              WEFT_XCLBIN_SW_EMU, WEFT_XCLBIN_HW_EMU};
    weft_xclbin_mode mode = sides->xclbin->mode;
    if (sides->mode < XRT_MODE_UNKNOWN && mode == wanted[sides->mode])
        return WEFT_OK;
    const char *name = mode == WEFT_XCLBIN_HARDWARE ? "hw"
                       : mode == WEFT_XCLBIN_SW_EMU ? "sw_emu"
                                                    : "hw_emu";
    weft_status status =
        differ(diag, WEFT_E_XRT_MODE, sides, "the bitstream is for another mode of XRT");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s (XCL_EMULATION_MODE)",
                        weft__xrt_mode_name(sides->mode));
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", name);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s",
                        mode == WEFT_XCLBIN_SW_EMU
                            ? "run under weft softcard, or build a bitstream for the card"
                        : mode == WEFT_XCLBIN_HW_EMU ? "set XCL_EMULATION_MODE to hw_emu"
                                                     : "unset XCL_EMULATION_MODE, or build with "
                                                       "weft build --target softcard");
    return status;
}

/* "xilinx:u280:xdma:1.0" and "xilinx_u280_xdma_1_0" are one name. */
static bool are_same_name(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++)
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b) &&
            (isalnum((unsigned char)*a) || isalnum((unsigned char)*b)))
            return false;
    return *a == *b;
}

static weft_status check_shell(const xrt_sides *sides, weft_diag *diag)
{
    const char *card = sides->card->shell, *wanted = sides->xclbin->platform;
    if (card[0] == '\0' || wanted == NULL || wanted[0] == '\0' || are_same_name(card, wanted))
        return WEFT_OK;
    weft_status status = differ(diag, WEFT_E_XRT_SHELL, sides,
                                "the bitstream is for another shell than the card has");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s, by the bitstream", wanted);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s, on the card", card);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s",
                        sides->mode == XRT_MODE_SW_EMU
                            ? "weft softcard --board PACKAGE.weft -- COMMAND: a software card of "
                              "the package's kind"
                            : "choose another card with --device (weft devices lists shells), or "
                              "build for this platform");
    return status;
}

void weft__xrt_uuid_text(const uint8_t uuid[XRT_UUID_BYTES], char out[XRT_UUID_TEXT])
{
    for (size_t i = 0; i < XRT_UUID_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", uuid[i]);
}

static weft_status check_interface(const xrt_sides *sides, weft_diag *diag)
{
    static const uint8_t none[XRT_UUID_BYTES];
    const xrt_card_info *card = sides->card;
    const uint8_t *wanted = sides->xclbin->shell_uuid;
    char text[XRT_UUID_TEXT], list[XRT_INTERFACES * (sizeof text + 1)] = "";
    if (card->interface_count == 0 || memcmp(wanted, none, sizeof none) == 0)
        return WEFT_OK;
    for (size_t i = 0; i < card->interface_count; i++) {
        if (memcmp(card->interfaces[i], wanted, XRT_UUID_BYTES) == 0)
            return WEFT_OK;
        weft__xrt_uuid_text(card->interfaces[i], text);
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%s", i == 0 ? "" : " ", text);
    }
    weft__xrt_uuid_text(wanted, text);
    weft_status status = differ(diag, WEFT_E_XRT_INTERFACE, sides,
                                "the bitstream and the card's shell have different interfaces");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s, by the bitstream", text);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s, on the card", list);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "install the shell that the bitstream was built for, or build again with "
                        "the platform of this shell");
    return status;
}

/* ---- kernel, engine ---- */

static void print_argument(const char *name, bool is_pointer, uint32_t size_bytes, char *out,
                           size_t capacity)
{
    snprintf(out, capacity, "%s %s of %" PRIu32 " bytes", is_pointer ? "pointer" : "scalar", name,
             size_bytes);
}

static weft_status kernel_differs(const xrt_sides *sides, const char *expected, const char *found,
                                  weft_diag *diag)
{
    weft_status status = differ(diag, WEFT_E_XRT_KERNEL, sides,
                                "the bitstream's kernel is not the package's engine");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s", expected);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", found);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "weft build the package again");
    return status;
}

static weft_status check_kernel(const xrt_sides *sides, weft_diag *diag)
{
    const weft_xclbin *xclbin = sides->xclbin;
    const weft_manifest *manifest = sides->manifest;
    const weft_program *program = &manifest->programs[manifest->engine.hls_program];
    const char *wanted = program->kernels[0];
    char expected[XRT_NAME_BYTES], found[XRT_NAME_BYTES];
    if (xclbin->kernel == NULL || strcmp(xclbin->kernel, wanted) != 0)
        return kernel_differs(sides, wanted, xclbin->kernel == NULL ? "no kernel" : xclbin->kernel,
                              diag);
    if (xclbin->argument_count != XRT_ARGS) {
        snprintf(expected, sizeof expected, "%d arguments", (int)XRT_ARGS);
        snprintf(found, sizeof found, "%zu arguments", xclbin->argument_count);
        return kernel_differs(sides, expected, found, diag);
    }
    for (size_t i = 0; i < XRT_ARGS; i++) {
        const weft_xclbin_argument *has = &xclbin->arguments[i];
        if (strcmp(has->name, signature[i].name) == 0 &&
            has->is_pointer == signature[i].is_pointer &&
            has->size_bytes == signature[i].size_bytes)
            continue;
        print_argument(signature[i].name, signature[i].is_pointer, signature[i].size_bytes,
                       expected, sizeof expected);
        print_argument(has->name, has->is_pointer, has->size_bytes, found, sizeof found);
        return kernel_differs(sides, expected, found, diag);
    }
    return WEFT_OK;
}

static weft_status check_engine(const xrt_sides *sides, weft_diag *diag)
{
    char wanted[WEFT_BITSTREAM_HASH_TEXT];
    json_t *notes = sides->xclbin->notes == NULL ? NULL : json_loads(sides->xclbin->notes, 0, NULL);
    const char *has = json_string_value(json_object_get(notes, "engine"));
    weft_status status = WEFT_OK;
    weft_bitstream_engine_hash(&sides->manifest->engine, wanted);
    if (has == NULL || strcmp(has, wanted) != 0) {
        const char *board = json_string_value(json_object_get(notes, "board"));
        status = differ(diag, WEFT_E_XRT_ENGINE, sides,
                        "the bitstream was built for another engine than the package's");
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "engine %s (%s), by package %s", wanted,
                            sides->manifest->engine.name, sides->manifest->model);
        if (has == NULL)
            weft_diag_field_set(diag, WEFT_DIAG_FOUND, "the bitstream does not say which engine");
        else
            weft_diag_field_set(diag, WEFT_DIAG_FOUND, "engine %s%s%s", has,
                                board == NULL ? "" : ", board ", board == NULL ? "" : board);
        weft_diag_field_set(diag, WEFT_DIAG_TRY,
                            "weft build the package, or compile it with the engine and board that "
                            "the bitstream was built for");
    }
    json_decref(notes);
    return status;
}

/* ---- units, banks ---- */

static const weft_card_unit *find_unit(const weft_card *card, const char *name)
{
    for (size_t i = 0; i < card->unit_count; i++)
        if (strcmp(card->units[i].name, name) == 0)
            return &card->units[i];
    return NULL;
}

static const char *tag_of(const weft_xclbin *xclbin, int32_t bank)
{
    return bank >= 0 && (size_t)bank < xclbin->memory_count ? xclbin->memories[bank].tag
                                                            : "no memory";
}

static weft_status bank_differs(const xrt_sides *sides, const char *unit, size_t argument,
                                const char *expected, const char *why, weft_diag *diag)
{
    weft_status status = differ(diag, WEFT_E_XRT_BANK, sides,
                                "an argument of a unit is connected to another memory bank");
    const weft_xclbin *xclbin = sides->xclbin;
    int32_t bank = -1;
    for (size_t i = 0; i < xclbin->unit_count; i++)
        if (strcmp(xclbin->units[i].name, unit) == 0)
            bank = xclbin->units[i].banks[argument];
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s.%s on %s", unit, signature[argument].name,
                        expected);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s.%s on %s", unit, signature[argument].name,
                        tag_of(xclbin, bank));
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "weft build the package again");
    return status;
}

/* Whether the bitstream's memories have the bank and use it. */
static weft_status check_tag(const xrt_sides *sides, const char *tag, weft_diag *diag)
{
    const weft_xclbin *xclbin = sides->xclbin;
    char list[256] = "";
    for (size_t i = 0; i < xclbin->memory_count; i++) {
        if (!xclbin->memories[i].is_used)
            continue;
        if (strcmp(xclbin->memories[i].tag, tag) == 0)
            return WEFT_OK;
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%s", length == 0 ? "" : " ",
                 xclbin->memories[i].tag);
    }
    weft_status status = differ(diag, WEFT_E_XRT_TOPOLOGY, sides,
                                "the bitstream does not use a memory bank of the package's plan");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s, by the plan for %s", tag,
                        sides->manifest->card.board);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", list[0] == '\0' ? "no memory" : list);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "compile the package for the board that the bitstream was built for, or "
                        "weft build it");
    return status;
}

static weft_status check_unit(const xrt_sides *sides, const weft_xclbin_unit *unit, weft_diag *diag)
{
    const weft_xclbin *xclbin = sides->xclbin;
    const weft_card_unit *planned = find_unit(&sides->manifest->card, unit->name);
    for (size_t i = 0; planned != NULL && i < WEFT_CARD_PORTS; i++) {
        weft_status status = check_tag(sides, planned->banks[i], diag);
        if (status != WEFT_OK)
            return status;
        if (strcmp(tag_of(xclbin, unit->banks[i]), planned->banks[i]) != 0)
            return bank_differs(sides, unit->name, i, planned->banks[i], "the package's plan",
                                diag);
    }
    for (size_t i = 0; i < WEFT_CARD_PORTS; i++) {
        if (unit->banks[i] < 0)
            return bank_differs(sides, unit->name, i, "a memory bank", "it is a pointer", diag);
        if (i > XRT_ARG_SOURCE && unit->banks[i] != unit->banks[XRT_ARG_SOURCE])
            return bank_differs(sides, unit->name, i, tag_of(xclbin, unit->banks[XRT_ARG_SOURCE]),
                                "the values of a run are in one buffer, which source, second and "
                                "target share",
                                diag);
    }
    return WEFT_OK;
}

static weft_status check_units(const xrt_sides *sides, weft_diag *diag)
{
    const weft_xclbin *xclbin = sides->xclbin;
    const weft_card *card = &sides->manifest->card;
    weft_status status = WEFT_OK;
    bool is_planned = card->board == NULL && xclbin->unit_count > 0;
    for (size_t i = 0; i < xclbin->unit_count; i++) {
        is_planned = is_planned || find_unit(card, xclbin->units[i].name) != NULL;
        status = both(status, check_unit(sides, &xclbin->units[i], diag));
    }
    if (is_planned)
        return status;
    weft_status missing =
        differ(diag, WEFT_E_XRT_UNITS, sides, "the bitstream has none of the package's units");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s%s, by the plan",
                        card->unit_count > 0 ? card->units[0].name : "a unit",
                        card->unit_count > 1 ? " and others" : "");
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s",
                        xclbin->unit_count > 0 ? xclbin->units[0].name : "no unit");
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "weft build the package again");
    return both(status, missing);
}

weft_status weft__xrt_match(const xrt_sides *sides, weft_diag *diag)
{
    weft_status status = check_mode(sides, diag);
    status = both(status, check_shell(sides, diag));
    status = both(status, check_interface(sides, diag));
    status = both(status, check_engine(sides, diag));
    weft_status kernel = check_kernel(sides, diag);
    /* Banks are listed by argument. */
    return both(both(status, kernel), kernel == WEFT_OK ? check_units(sides, diag) : WEFT_OK);
}
