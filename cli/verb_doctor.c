/* SPDX-License-Identifier: Apache-2.0 */
/* weft doctor: what is needed on this machine, what is there, and which package has what is
 * missing. Must not know about: packages. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/machine.h"
#include "cli/memory.h"
#include "cli/pocl.h"
#include "cli/table.h"
#include "cli/text.h"
#include "weft/compiler.h"
#include "weft/flow.h"
#include "weft/runtime.h"
#include "weft/softcard.h"

typedef enum grade { GOOD, ADVICE, MISSING } grade;
static const char *const grade_names[] = {"ok", "note", "missing"};

typedef struct finding {
    const char *what;
    grade grade;
    char *found, *remedy; /* owned; remedy may be NULL */
} finding;

typedef struct findings {
    finding items[32];
    size_t count, missing;
} findings;

static void add(findings *list, const char *what, grade given, char *found, char *remedy)
{
    list->items[list->count++] = (finding){what, given, found, remedy};
    list->missing += given == MISSING ? 1 : 0;
}

/* Files ending in .icd where the ICD loader looks; *out_folder is where that is. */
static size_t count_icds(const char **out_folder)
{
    const char *vendors = getenv("OCL_ICD_VENDORS");
    struct stat info;
    *out_folder = vendors != NULL && vendors[0] != '\0' ? vendors : "/etc/OpenCL/vendors";
    if (stat(*out_folder, &info) == 0 && S_ISREG(info.st_mode))
        return 1;
    DIR *folder = opendir(*out_folder);
    size_t count = 0;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        count += weft_cli_ends_with(entry->d_name, ".icd") ? 1 : 0;
    if (folder != NULL)
        closedir(folder);
    return count;
}

/* A card, and the software card, which needs XRT and a C compiler. Neither is needed for the CPU.
 */
static void check_cards(findings *list, const weft_device_info *card)
{
    weft_softcard_params params = WEFT_SOFTCARD_PARAMS_DEFAULT;
    weft_softcard *softcard = NULL;
    weft_diag *diag = NULL;
    bool is_card = card != NULL && card->usable;
    if (card != NULL)
        add(list, "card", is_card ? GOOD : ADVICE,
            weft_cli_printf("%s", is_card ? card->name : card->why_not),
            is_card ? NULL
                    : weft_cli_strdup("for cards AMD's packages xrt and the card's shell, then "
                                      "source /opt/xilinx/xrt/setup.sh"));
    if (weft_diag_create(&diag) != WEFT_OK)
        return;
    bool is_there = weft_softcard_create(&params, diag, &softcard) == WEFT_OK;
    const weft_diag_entry *why = weft_diag_count(diag) > 0 ? weft_diag_get(diag, 0) : NULL;
    const char *remedy = why == NULL ? NULL : why->fields[WEFT_DIAG_TRY];
    add(list, "software card", is_there ? GOOD : ADVICE,
        is_there ? weft_cli_printf("XRT %s", weft_softcard_xrt(softcard))
                 : weft_cli_strdup(why == NULL ? "cannot be set up" : why->summary),
        is_there ? NULL : weft_cli_strdup(remedy == NULL ? "apt-get install libxrt1 gcc" : remedy));
    weft_softcard_destroy(softcard);
    weft_diag_destroy(diag);
}

static void check_devices(weft_cli *cli, findings *list)
{
    weft_device_list *devices = NULL;
    const weft_device_info *pocl = NULL, *opencl = NULL, *compiler = NULL, *card = NULL;
    const char *why_not = NULL, *folder = NULL;
    size_t icds = count_icds(&folder);
    if (weft_device_list_create(cli->diag, &devices) != WEFT_OK)
        devices = NULL;
    for (size_t i = 0; devices != NULL && i < weft_device_list_count(devices); i++) {
        const weft_device_info *device = weft_device_list_get(devices, i);
        if (strcmp(device->backend, "engine-hls") == 0)
            compiler = device;
        if (strcmp(device->backend, "xrt") == 0 && (card == NULL || !card->usable))
            card = device;
        if (strcmp(device->backend, "opencl") != 0)
            continue;
        if (!device->usable) {
            why_not = device->why_not;
            continue;
        }
        opencl = opencl == NULL ? device : opencl;
        if (pocl == NULL && device->platform != NULL &&
            strstr(device->platform, "Portable Computing Language") != NULL)
            pocl = device;
    }
    add(list, "OpenCL implementations", icds > 0 ? GOOD : MISSING,
        weft_cli_printf("%zu in %s", icds, folder),
        icds > 0 ? NULL : weft_cli_strdup("apt-get install pocl-opencl-icd"));
    add(list, "OpenCL device", opencl != NULL ? GOOD : MISSING,
        weft_cli_printf("%s", opencl != NULL    ? opencl->name
                              : why_not != NULL ? why_not
                                                : "none found"),
        opencl != NULL ? NULL
                       : weft_cli_strdup("apt-get install ocl-icd-libopencl1 pocl-opencl-icd"));
    add(list, "PoCL", pocl != NULL ? GOOD : ADVICE,
        weft_cli_printf("%s", pocl != NULL ? pocl->platform : "not there"),
        pocl != NULL
            ? NULL
            : weft_cli_strdup(
                  "apt-get install pocl-opencl-icd: the implementation weft is tested with"));
    if (opencl != NULL && opencl->target != NULL)
        add(list, "device's target", GOOD, weft_cli_strdup(opencl->target), NULL);
    if (compiler != NULL)
        add(list, "C compiler", compiler->usable ? GOOD : ADVICE,
            weft_cli_strdup(compiler->usable ? "there, for backend engine-hls"
                                             : "not there; backend engine-hls needs one"),
            compiler->usable ? NULL : weft_cli_strdup("apt-get install gcc"));
    check_cards(list, card);
    weft_device_list_destroy(devices);
}

static void check_folder(findings *list, const char *what, char *path)
{
    bool is_good = path != NULL && weft_cli_folder_is_writable(path);
    add(list, what, is_good ? GOOD : ADVICE,
        path == NULL ? weft_cli_strdup("no HOME and no XDG_CACHE_HOME")
                     : weft_cli_printf("%s%s", path, is_good ? "" : " is not writable"),
        is_good
            ? NULL
            : weft_cli_strdup(
                  "every load builds all kernels anew; set XDG_CACHE_HOME to a writable folder"));
    free(path);
}

static void check_machine(findings *list)
{
    enum { LITTLE_MEMORY_MB = 1000 }; /* ResNet-RS-50 with its weights, twice over */
    weft_cli_machine machine;
    char total[WEFT_CLI_BYTES_TEXT], available[WEFT_CLI_BYTES_TEXT];
    weft_cli_machine_get(&machine);
    bool is_wide =
        strstr(machine.features, "avx2") != NULL && strstr(machine.features, "fma") != NULL;
    bool is_roomy =
        machine.available_bytes == 0 || machine.available_bytes / 1000000 >= LITTLE_MEMORY_MB;
    add(list, "CPU", GOOD,
        weft_cli_printf("%s, %ld cores", machine.cpu[0] == '\0' ? "unknown" : machine.cpu,
                        machine.cores),
        NULL);
    add(list, "CPU features", is_wide ? GOOD : ADVICE,
        weft_cli_strdup(machine.features[0] == '\0' ? "no AVX" : machine.features),
        is_wide ? NULL : weft_cli_strdup("without AVX2 and FMA everything works, slowly"));
    add(list, "compile target", GOOD, weft_cli_strdup(weft_target_of_this_machine()), NULL);
    add(list, "memory", is_roomy ? GOOD : ADVICE,
        weft_cli_printf("%s, %s available", weft_cli_format_bytes(machine.memory_bytes, total),
                        weft_cli_format_bytes(machine.available_bytes, available)),
        is_roomy ? NULL : weft_cli_strdup("large models may not fit"));
}

/* Bitstreams for cards are made by a tool that no distribution has. */
static void check_build(findings *list)
{
    weft_flow_tool tool;
    if (weft_flow_tool_find(&tool) != WEFT_OK)
        return;
    bool is_good = tool.version != NULL && tool.has_xclbinutil;
    add(list, "bitstreams", is_good ? GOOD : ADVICE,
        tool.path == NULL      ? weft_cli_strdup("no v++: neither in PATH nor below XILINX_VITIS")
        : tool.version == NULL ? weft_cli_printf("%s does not say its release", tool.path)
                               : weft_cli_printf("v++ %s, %s%s", tool.version, tool.path,
                                                 tool.has_xclbinutil ? "" : ", no xclbinutil"),
        is_good ? NULL
        : tool.version != NULL
            ? weft_cli_strdup("source the setup.sh of XRT: weft build writes its notes with "
                              "xclbinutil")
            : weft_cli_strdup("AMD Vitis: source its settings64.sh; only weft build for a card "
                              "needs it"));
    weft_flow_tool_finish(&tool);
}

static void print_answer(weft_cli *cli, const findings *list)
{
    if (cli->is_json) {
        json_t *json = weft_cli_json_create("weft.doctor/1"), *checks = json_array();
        json_object_set_new(json, "healthy", json_boolean(list->missing == 0));
        for (size_t i = 0; i < list->count; i++) {
            json_t *one = json_object();
            json_object_set_new(one, "check", json_string(list->items[i].what));
            json_object_set_new(one, "verdict", json_string(grade_names[list->items[i].grade]));
            json_object_set_new(one, "found", weft_cli_json_text(list->items[i].found));
            json_object_set_new(one, "remedy", weft_cli_json_text(list->items[i].remedy));
            json_array_append_new(checks, one);
        }
        json_object_set_new(json, "checks", checks);
        weft_cli_json_print(json, cli->out);
        return;
    }
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "check", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "found", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "remedy", WEFT_CLI_LEFT);
    for (size_t i = 0; i < list->count; i++) {
        const finding *item = &list->items[i];
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", item->what);
        weft_cli_table_add_cell(table, "%s", grade_names[item->grade]);
        weft_cli_table_add_cell(table, "%s", item->found);
        weft_cli_table_add_cell(table, "%s", item->remedy == NULL ? "" : item->remedy);
    }
    weft_cli_table_print(table, cli->out);
}

static weft_status run(weft_cli *cli)
{
    findings list = {.count = 0};
    char *pocl_cache = weft_cli_pocl_cache_dir(); /* before it is replaced */
    weft_cli_pocl_prepare(cli);
    add(&list, "weft", GOOD, weft_cli_strdup(weft_version()), NULL);
    check_devices(cli, &list);
    check_folder(&list, "kernel cache", weft_cli_default_cache_dir());
    check_folder(&list, "PoCL's cache", pocl_cache);
    check_machine(&list);
    check_build(&list);
    print_answer(cli, &list);
    weft_status status = WEFT_OK;
    if (list.missing > 0) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_ENVIRONMENT,
                                "%zu needed thing%s missing on this machine", list.missing,
                                list.missing == 1 ? " is" : "s are");
        for (size_t i = 0; i < list.count; i++)
            if (list.items[i].grade == MISSING)
                weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "%s", list.items[i].remedy);
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.items[i].found);
        free(list.items[i].remedy);
    }
    return status;
}

const weft_cli_verb weft_cli_verb_doctor = {
    .name = "doctor",
    .summary = "check what this machine has and what is missing",
    .operands = "",
    .groups = {weft_cli_common_options},
    .description =
        "Looks for OpenCL implementations, a usable device, PoCL, writable caches, CPU features, "
        "memory, and the tools that make bitstreams. Each missing thing is listed with the Debian package that has it. Exit code "
        "6 when something that is needed is missing; notes do not count. The reference backend "
        "(--backend ref) works without any of it.",
    .examples = "weft doctor\nweft doctor --json | jq '.checks[] | select(.verdict != \"ok\")'",
    .run = run,
};
