/* SPDX-License-Identifier: Apache-2.0 */
/* weft devices: what there is to run on. Must not know about: packages. */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/pocl.h"
#include "cli/table.h"
#include "cli/text.h"
#include "weft/runtime.h"

static json_t *device_json(const weft_device_info *device, int index)
{
    json_t *json = json_object();
    json_object_set_new(json, "backend", weft_cli_json_text(device->backend));
    json_object_set_new(json, "device", device->usable ? json_integer(index) : json_null());
    json_object_set_new(json, "name", weft_cli_json_text(device->name));
    json_object_set_new(json, "platform", weft_cli_json_text(device->platform));
    json_object_set_new(json, "target", weft_cli_json_text(device->target));
    json_object_set_new(json, "compute_units", json_integer((json_int_t)device->compute_units));
    json_object_set_new(json, "memory_bytes", json_integer((json_int_t)device->memory_bytes));
    json_object_set_new(json, "usable", json_boolean(device->usable));
    json_object_set_new(json, "why_not", weft_cli_json_text(device->why_not));
    return json;
}

static const char *or_dash(const char *text)
{
    return text == NULL || text[0] == '\0' ? "-" : text;
}

static weft_status run(weft_cli *cli)
{
    weft_device_list *list = NULL;
    weft_cli_pocl_prepare(cli);
    weft_status status = weft_device_list_create(cli->diag, &list);
    if (status != WEFT_OK)
        return status;
    json_t *devices = json_array();
    weft_cli_table *table = weft_cli_table_create();
    static const char *const titles[] = {"backend", "device", "name",   "platform",
                                         "target",  "units",  "memory", ""};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        weft_cli_table_add_column(table, titles[i],
                                  i == 1 || i == 5 || i == 6 ? WEFT_CLI_RIGHT : WEFT_CLI_LEFT);
    int number = 0;
    for (size_t i = 0; i < weft_device_list_count(list); i++) {
        const weft_device_info *device = weft_device_list_get(list, i);
        char memory[WEFT_CLI_BYTES_TEXT];
        if (i > 0 && strcmp(weft_device_list_get(list, i - 1)->backend, device->backend) != 0)
            number = 0; /* devices are numbered among the usable ones of a backend */
        json_array_append_new(devices, device_json(device, number));
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", device->backend);
        if (device->usable)
            weft_cli_table_add_cell(table, "%d", number++);
        else
            weft_cli_table_add_cell(table, "-");
        weft_cli_table_add_cell(table, "%s", or_dash(device->name));
        weft_cli_table_add_cell(table, "%s", or_dash(device->platform));
        weft_cli_table_add_cell(table, "%s", or_dash(device->target));
        weft_cli_table_add_cell(table, "%" PRIu32, device->compute_units);
        weft_cli_table_add_cell(table, "%s", weft_cli_format_bytes(device->memory_bytes, memory));
        weft_cli_table_add_cell(table, "%s", device->usable ? "usable" : or_dash(device->why_not));
    }
    if (cli->is_json) {
        json_t *json = weft_cli_json_create("weft.devices/1");
        json_object_set_new(json, "devices", devices);
        weft_cli_json_print(json, cli->out);
    } else {
        json_decref(devices);
    }
    weft_cli_table_print(table, cli->is_json ? NULL : cli->out);
    weft_device_list_destroy(list);
    return WEFT_OK;
}

const weft_cli_verb weft_cli_verb_devices = {
    .name = "devices",
    .summary = "list backends and devices",
    .operands = "",
    .groups = {weft_cli_common_options},
    .description =
        "Lists every backend with its devices. What cannot be used is listed too, with the "
        "reason and what to install. The number in column `device` is what --device takes, per "
        "backend.",
    .examples = "weft devices\nweft devices --json | jq '.devices[] | select(.usable)'",
    .run = run,
};
