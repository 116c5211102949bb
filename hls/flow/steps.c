/* SPDX-License-Identifier: Apache-2.0 */
/* What has been chosen -> the files of the work folder and the commands. Writes nothing. */
#include <string.h>

#include "compiler/package/bitstream.h"
#include "hls/flow/internal.h"

static void add_word(flow_step *step, const char *word)
{
    WEFT_ASSERT(step->word_count < FLOW_MAX_WORDS);
    step->words[step->word_count++] = word;
}

static void add_words(flow_step *step, const char *const *words)
{
    for (; *words != NULL; words++)
        add_word(step, *words);
}
#define ADD(step, ...) add_words(step, (const char *const[]){__VA_ARGS__, NULL})

static void add_input(flow_step *step, const char *name)
{
    WEFT_ASSERT(step->input_count < FLOW_MAX_INPUTS);
    step->inputs[step->input_count++] = name;
}

static flow_step *add_step(weft_flow *flow, const char *name, const char *title,
                           const char *program)
{
    WEFT_ASSERT(flow->step_count < FLOW_MAX_STEPS);
    flow_step *step = &flow->steps[flow->step_count++];
    *step = (flow_step){
        .name = name, .title = title, .log = weft_arena_printf(flow->arena, "%s.log", name)};
    add_word(step, program);
    return step;
}

static void add_file(weft_flow *flow, const char *name, const char *text)
{
    WEFT_ASSERT(flow->file_count < FLOW_MAX_FILES);
    flow->files[flow->file_count++] = (weft_flow_file){name, text};
}

/* Which way a device's bitstream takes after the linker. */
typedef enum device { DATA_CENTER, EMBEDDED, VERSAL } device;
static device device_of(const char *part)
{
    if (part == NULL)
        return DATA_CENTER;
    if (strncmp(part, "xczu", 4) == 0 || strncmp(part, "xck", 3) == 0)
        return EMBEDDED;
    if (strncmp(part, "xcv", 3) == 0 && part[3] != 'u')
        return VERSAL;
    return DATA_CENTER;
}

static const char *v_plus_plus(const weft_flow *flow)
{
    return flow->tool != NULL ? flow->tool : "v++";
}

static void add_compile(weft_flow *flow)
{
    const flow_design *design = &flow->design;
    const char *target = weft_flow_target_name(flow->params.target);
    flow_step *step =
        add_step(flow, "compile", "compile the engine: high-level synthesis", v_plus_plus(flow));
    step->is_tool = true;
    step->folder = "compile";
    step->output = "compile/weft_engine.xo";
    if (flow->release->compile == FLOW_COMPILE_MODE_HLS) {
        ADD(step, "-c", "--mode", "hls", "--platform", design->platform);
        ADD(step,
            weft_arena_printf(flow->arena, "--freqhz=%s",
                              weft__build_hertz(flow->arena, design->clock_mhz)),
            "--config", "hls.cfg", "--work_dir", "compile");
        add_input(step, "hls.cfg");
    } else {
        ADD(step, "-c", "-t", target, "--platform", design->platform, "-k", design->kernel);
        ADD(step, "--kernel_frequency", weft__build_megahertz(flow->arena, design->clock_mhz));
        ADD(step, "--temp_dir", "compile", "--report_dir", "compile/reports", "--log_dir",
            "compile/logs", "--save-temps", "-o", step->output, design->source);
    }
    add_input(step, design->source);
}

static void add_link(weft_flow *flow, const char *output)
{
    const flow_design *design = &flow->design;
    flow_step *step = add_step(flow, "link",
                               flow->params.target == WEFT_FLOW_HW ? "link: place and route"
                                                                   : "link for emulation",
                               v_plus_plus(flow));
    step->is_tool = true;
    step->folder = "link";
    step->output = output;
    ADD(step, "-l", "-t", weft_flow_target_name(flow->params.target), "--platform",
        design->platform, "--config", "link.cfg");
    if (flow->release->clock == FLOW_CLOCK_KERNEL_FREQUENCY)
        ADD(step, "--kernel_frequency", weft__build_megahertz(flow->arena, design->clock_mhz));
    if (flow->params.jobs > 0)
        ADD(step, "--jobs", weft_arena_printf(flow->arena, "%d", flow->params.jobs));
    ADD(step, "--temp_dir", "link", "--report_dir", "link/reports", "--log_dir", "link/logs",
        "--report_level", "2", "--save-temps", "-o", output, "compile/weft_engine.xo");
    add_input(step, "link.cfg");
    add_input(step, "compile/weft_engine.xo");
}

static void add_package(weft_flow *flow, const char *input, const char *output)
{
    flow_step *step = add_step(flow, "package", "package the device's image", v_plus_plus(flow));
    step->is_tool = true;
    step->folder = "package";
    step->output = output;
    ADD(step, "--package", "-t", weft_flow_target_name(flow->params.target), "--platform",
        flow->design.platform, "--temp_dir", "package", "-o", output, input);
    add_input(step, input);
}

static void add_notes(weft_flow *flow, const char *input)
{
    flow_step *step = add_step(flow, "notes", "write weft's notes into the bitstream",
                               flow->xclbinutil != NULL ? flow->xclbinutil : "xclbinutil");
    step->output = "weft.xclbin";
    ADD(step, "--input", input, "--add-section", "USER_METADATA:RAW:notes.json", "--output",
        step->output, "--force");
    add_input(step, input);
    add_input(step, "notes.json");
}

/* The emulator wants to be told which card it plays. */
static void add_emulation(weft_flow *flow)
{
    flow_step *step = add_step(flow, "emconfig", "describe the emulated card",
                               flow->emconfigutil != NULL ? flow->emconfigutil : "emconfigutil");
    step->output = "emconfig.json";
    ADD(step, "--platform", flow->design.platform, "--nd", "1", "--od", ".");
}

void weft__build_add_steps(weft_flow *flow)
{
    device kind = device_of(flow->manifest->card.part);
    const char *linked = kind == VERSAL ? "link/weft.xsa" : "link/weft.xclbin";
    add_compile(flow);
    add_link(flow, linked);
    if (kind != DATA_CENTER) {
        add_package(flow, linked, "package/weft.xclbin");
        linked = "package/weft.xclbin";
    }
    add_notes(flow, linked);
    if (flow->params.target == WEFT_FLOW_HW_EMU)
        add_emulation(flow);
}

weft_status weft__build_add_files(weft_flow *flow, weft_diag *diag)
{
    const weft_engine *engine = &flow->manifest->engine;
    bool is_hls = strcmp(flow->language, "hls-c") == 0;
    const weft_program *program =
        &flow->manifest->programs[is_hls ? engine->hls_program : engine->opencl_program];
    weft_text text;
    flow->design.source = is_hls ? "weft_engine.c" : "weft_engine.cl";
    flow->design.kernel = program->kernels[0];
    add_file(flow, flow->design.source, program->source);
    if (flow->release->compile == FLOW_COMPILE_MODE_HLS) {
        weft_text_init(&text, flow->arena);
        weft__build_hls_config(&text, &flow->design);
        add_file(flow, "hls.cfg", text.data);
    }
    weft_text_init(&text, flow->arena);
    weft_status status = weft__build_link_config(&text, &flow->design, flow->release, diag);
    if (status != WEFT_OK)
        return status;
    add_file(flow, "link.cfg", text.data);
    weft_package_info info;
    weft_package_get_info(flow->package, &info);
    add_file(flow, "notes.json",
             weft_bitstream_notes(flow->arena, flow->manifest, info.id,
                                  weft_arena_printf(flow->arena, "v++ %s", flow->version)));
    return WEFT_OK;
}
