/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration files of v++. Same design, same bytes. Must not know about: processes, folders.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hls/flow/internal.h"

static const char *const ports[WEFT_CARD_PORTS] = {"program", "weights", "source", "second",
                                                   "target"};

const char *weft__build_hertz(weft_arena *arena, double mhz)
{
    return weft_arena_printf(arena, "%lld", (long long)llround(mhz * 1e6));
}

const char *weft__build_megahertz(weft_arena *arena, double mhz)
{
    char *text = weft_arena_printf(arena, "%.3f", mhz);
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '0')
        text[--length] = '\0';
    if (length > 0 && text[length - 1] == '.')
        text[--length] = '\0';
    return text;
}

/* Whether the linker gives these names by itself: KERNEL_1, KERNEL_2, ... */
static bool are_default_names(const flow_design *design)
{
    char name[128];
    for (size_t i = 0; i < design->card->unit_count; i++) {
        snprintf(name, sizeof name, "%s_%zu", design->kernel, i + 1);
        if (strcmp(name, design->card->units[i].name) != 0)
            return false;
    }
    return true;
}

static weft_status add_units(weft_text *text, const flow_design *design,
                             const flow_release *release, weft_diag *diag)
{
    const weft_card *card = design->card;
    weft_text_printf(text, "nk=%s:%zu", design->kernel, card->unit_count);
    if (release->names != FLOW_NAMES_DEFAULT) {
        for (size_t i = 0; i < card->unit_count; i++)
            weft_text_printf(text, "%s%s",
                             i == 0                             ? ":"
                             : release->names == FLOW_NAMES_DOT ? "."
                                                                : ",",
                             card->units[i].name);
    } else if (!are_default_names(design)) {
        weft_status status =
            weft_diag_error(diag, WEFT_E_BUILD_UNIT_NAMES,
                            "how Vitis %d.%d takes the names of compute units is not known",
                            release->year, release->part);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s_1, %s_2, ...", design->kernel,
                            design->kernel);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", card->units[0].name);
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "Vitis 2023.2 or newer, or 2021.2");
        return status;
    }
    weft_text_add(text, "\n");
    return WEFT_OK;
}

/* The design counts on its clock, so place and route try harder than they do by default. */
static void add_vivado(weft_text *text)
{
    weft_text_add(text, "\n[vivado]\n"
                        "prop=run.impl_1.STEPS.OPT_DESIGN.ARGS.DIRECTIVE=ExploreWithRemap\n"
                        "prop=run.impl_1.STEPS.PLACE_DESIGN.ARGS.DIRECTIVE=Explore\n"
                        "prop=run.impl_1.STEPS.PHYS_OPT_DESIGN.IS_ENABLED=true\n"
                        "prop=run.impl_1.STEPS.PHYS_OPT_DESIGN.ARGS.DIRECTIVE=Explore\n"
                        "prop=run.impl_1.STEPS.ROUTE_DESIGN.ARGS.DIRECTIVE=Explore\n");
}

weft_status weft__build_link_config(weft_text *text, const flow_design *design,
                                    const flow_release *release, weft_diag *diag)
{
    const weft_card *card = design->card;
    weft_text_add(text, "[connectivity]\n");
    weft_status status = add_units(text, design, release, diag);
    if (status != WEFT_OK)
        return status;
    for (size_t i = 0; i < card->unit_count; i++)
        weft_text_printf(text, "slr=%s:SLR%d\n", card->units[i].name, (int)card->units[i].slr);
    for (size_t i = 0; i < card->unit_count; i++)
        for (int port = 0; port < WEFT_CARD_PORTS; port++)
            weft_text_printf(text, "sp=%s.%s:%s\n", card->units[i].name, ports[port],
                             card->units[i].banks[port]);
    if (release->clock == FLOW_CLOCK_FREQHZ) {
        weft_text_printf(text, "\n[clock]\nfreqHz=%s",
                         weft__build_hertz(text->arena, design->clock_mhz));
        for (size_t i = 0; i < card->unit_count; i++)
            weft_text_printf(text, "%s%s", i == 0 ? ":" : ",", card->units[i].name);
        weft_text_add(text, "\n");
    }
    if (design->has_profile)
        weft_text_add(text, "\n[profile]\ndata=all:all:all\nexec=all:all\n");
    if (design->target == WEFT_FLOW_HW)
        add_vivado(text);
    return WEFT_OK;
}

void weft__build_hls_config(weft_text *text, const flow_design *design)
{
    weft_text_printf(text,
                     "platform=%s\n"
                     "\n"
                     "[hls]\n"
                     "flow_target=vitis\n"
                     "syn.file=%s\n"
                     "syn.cflags=-std=c99\n"
                     "syn.top=%s\n"
                     "package.output.format=xo\n",
                     design->platform, design->source, design->kernel);
}
