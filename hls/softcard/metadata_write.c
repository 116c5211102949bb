/* SPDX-License-Identifier: Apache-2.0 */
/* An xclbin -> EMBEDDED_METADATA, with what XRT reads of it. Must not know about: containers,
 * devices. */
#include <inttypes.h>
#include <string.h>

#include "compiler/base/text.h"
#include "hls/softcard/metadata.h"

static void add_escaped(weft_text *text, const char *string, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        switch (string[i]) {
        case '&': weft_text_add(text, "&amp;"); break;
        case '<': weft_text_add(text, "&lt;"); break;
        case '>': weft_text_add(text, "&gt;"); break;
        case '"': weft_text_add(text, "&quot;"); break;
        default: weft_text_add_bytes(text, &string[i], 1);
        }
    }
}

static void add_attribute(weft_text *text, const char *name, const char *value)
{
    weft_text_printf(text, " %s=\"", name);
    add_escaped(text, value, strlen(value));
    weft_text_add(text, "\"");
}

/* The part of a platform's name up to an underscore; moves past it. */
static void add_part(weft_text *text, const char *name, const char **platform)
{
    size_t length = strcspn(*platform, "_");
    weft_text_printf(text, " %s=\"", name);
    add_escaped(text, *platform, length);
    weft_text_add(text, "\"");
    *platform += length + ((*platform)[length] == '_');
}

static const char *target_of(weft_xclbin_mode mode)
{
    if (mode == WEFT_XCLBIN_SW_EMU)
        return "csim";
    return mode == WEFT_XCLBIN_HW_EMU ? "hw_em" : "bitstream";
}

static void add_head(weft_text *text, const weft_xclbin *x)
{
    const char *rest = x->platform;
    weft_text_add(text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project");
    add_attribute(text, "name", x->kernel);
    weft_text_add(text, ">\n<platform");
    add_part(text, "vendor", &rest);
    add_part(text, "boardid", &rest);
    add_attribute(text, "name", rest);
    weft_text_add(text, " featureRomTime=\"0\">\n<version major=\"1\" minor=\"0\"/>\n"
                        "<device name=\"fpga0\" fpgaDevice=\"\" addrWidth=\"0\">\n");
    weft_text_printf(text,
                     "<core name=\"OCL_REGION_0\" target=\"%s\" type=\"clc_region\" "
                     "clockFreq=\"%.0fMHz\" numComputeUnits=\"%zu\">\n"
                     "<kernelClocks><clock port=\"KERNEL_CLK\" frequency=\"%.0fMHz\"/>"
                     "</kernelClocks>\n",
                     target_of(x->mode), x->clock_mhz, x->unit_count, x->clock_mhz);
}

/* Every pointer has a port of its own. */
static void add_arguments(weft_text *text, const weft_xclbin *x)
{
    for (size_t i = 0; i < x->argument_count; i++)
        if (x->arguments[i].is_pointer)
            weft_text_printf(text,
                             "<port name=\"M_AXI_%zu\" mode=\"master\" "
                             "range=\"0xFFFFFFFFFFFFFFFF\" dataWidth=\"512\" "
                             "portType=\"addressable\" base=\"0x0\"/>\n",
                             i);
    weft_text_add(text, "<port name=\"S_AXI_CONTROL\" mode=\"slave\" range=\"0x1000\" "
                        "dataWidth=\"32\" portType=\"addressable\" base=\"0x0\"/>\n");
    for (size_t i = 0; i < x->argument_count; i++) {
        const weft_xclbin_argument *argument = &x->arguments[i];
        weft_text_add(text, "<arg");
        add_attribute(text, "name", argument->name);
        weft_text_printf(text, " addressQualifier=\"%d\" id=\"%zu\" port=\"", argument->is_pointer,
                         i);
        if (argument->is_pointer)
            weft_text_printf(text, "M_AXI_%zu", i);
        else
            weft_text_add(text, "S_AXI_CONTROL");
        weft_text_printf(text,
                         "\" size=\"0x%" PRIx32 "\" offset=\"0x%" PRIx32
                         "\" hostOffset=\"0x0\" hostSize=\"0x%" PRIx32 "\" type=\"%s\"/>\n",
                         argument->size_bytes, argument->offset, argument->size_bytes,
                         argument->is_pointer        ? "void*"
                         : argument->size_bytes == 8 ? "ulong"
                                                     : "uint");
    }
}

const char *weft__metadata_write(weft_arena *arena, const weft_xclbin *x, size_t *out_length)
{
    weft_text text;
    weft_text_init(&text, arena);
    add_head(&text, x);
    weft_text_add(&text, "<kernel");
    add_attribute(&text, "name", x->kernel);
    weft_text_add(&text, " language=\"c\" type=\"pl\" workGroupSize=\"1\" interrupt=\"true\" "
                         "hwControlProtocol=\"ap_ctrl_hs\">\n");
    add_arguments(&text, x);
    weft_text_add(&text, "<compileWorkGroupSize x=\"1\" y=\"1\" z=\"1\"/>\n"
                         "<maxWorkGroupSize x=\"1\" y=\"1\" z=\"1\"/>\n");
    for (size_t i = 0; i < x->unit_count; i++) {
        weft_text_add(&text, "<instance");
        add_attribute(&text, "name", x->units[i].name);
        weft_text_printf(&text,
                         "><addrRemap base=\"0x%" PRIx64 "\" port=\"S_AXI_CONTROL\"/>"
                         "</instance>\n",
                         x->units[i].base);
    }
    weft_text_add(&text, "</kernel>\n</core>\n</device>\n</platform>\n</project>\n");
    *out_length = text.length;
    return text.data;
}
