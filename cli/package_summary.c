/* SPDX-License-Identifier: Apache-2.0 */
/* What a package holds: summary, sections, kernels, weights. Must not know about: devices, models.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/name.h"
#include "cli/package_engine.h"
#include "cli/package_summary.h"
#include "cli/schedule.h"
#include "cli/table.h"
#include "cli/text.h"

static void print_tensor(FILE *out, const char *label, const weft_tensor_info *tensor)
{
    char name[WEFT_CLI_NAME_TEXT], shape[WEFT_CLI_SHAPE_TEXT];
    fprintf(out, "  %-9s %s  %s %s\n", label, weft_cli_format_name(tensor->name, name),
            tensor->dtype, weft_cli_format_shape(tensor->rank, tensor->dims, shape));
}

static void print_schedule(FILE *out, const weft_package *package, size_t index)
{
    weft_package_info info;
    weft_schedule_info schedule;
    weft_tensor_info tensor;
    char shared[WEFT_CLI_BYTES_TEXT], unshared[WEFT_CLI_BYTES_TEXT];
    weft_package_get_info(package, &info);
    weft_package_get_schedule(package, index, &schedule);
    fprintf(out, "schedule %-2zu %" PRId64 " nodes -> %zu steps\n", index, info.source_nodes,
            schedule.step_count);
    for (size_t i = 0; i < schedule.input_count; i++) {
        weft_package_get_input(package, index, i, &tensor);
        print_tensor(out, "input", &tensor);
    }
    for (size_t i = 0; i < schedule.output_count; i++) {
        weft_package_get_output(package, index, i, &tensor);
        print_tensor(out, "output", &tensor);
    }
    fprintf(out, "  %-9s %s (%s without sharing)\n", "arena",
            weft_cli_format_bytes(schedule.arena_bytes, shared),
            weft_cli_format_bytes(schedule.arena_unshared_bytes, unshared));
    weft_cli_package_print_share(out, package, index);
}

void weft_cli_package_print(FILE *out, const weft_package *package, long chosen)
{
    weft_package_info info;
    char hash[WEFT_CLI_HASH_TEXT], file[WEFT_CLI_BYTES_TEXT], weights[WEFT_CLI_BYTES_TEXT],
        count[WEFT_CLI_COUNT_TEXT], name[WEFT_CLI_NAME_TEXT];
    weft_package_get_info(package, &info);
    fprintf(out, "%-11s %s  opset %" PRId64 "\n", "model", weft_cli_format_name(info.model, name),
            info.opset);
    fprintf(out, "%-11s %s\n", "id", weft_cli_format_hash(info.id, hash));
    fprintf(out, "%-11s %s\n", "producer", weft_cli_format_name(info.producer, name));
    fprintf(out, "%-11s %s\n", "target", weft_cli_format_name(info.target, name));
    fprintf(out, "%-11s %s in %zu sections\n", "file", weft_cli_format_bytes(info.file_bytes, file),
            info.section_count);
    fprintf(out, "%-11s %s in %s\n", "parameters", weft_cli_format_count(info.parameters, count),
            weft_cli_format_bytes((uint64_t)info.weight_bytes, weights));
    fprintf(out, "%-11s %zu\n", "programs", info.program_count);
    if (chosen >= 0 || info.schedule_count == 1) {
        print_schedule(out, package, chosen < 0 ? 0 : (size_t)chosen);
        return;
    }
    fprintf(out, "%-11s %zu, over one set of weights; --shape or --schedule shows one\n\n",
            "schedules", info.schedule_count);
    weft_cli_schedules_print(out, package);
}

json_t *weft_cli_package_json(const weft_package *package)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    json_t *json = weft_cli_json_create("weft.inspect/1"), *schedules = json_array();
    json_object_set_new(json, "kind", json_string("package"));
    json_object_set_new(json, "model", weft_cli_json_text(info.model));
    json_object_set_new(json, "id", weft_cli_json_hash(info.id));
    json_object_set_new(json, "producer", weft_cli_json_text(info.producer));
    json_object_set_new(json, "target", weft_cli_json_text(info.target));
    json_object_set_new(json, "opset", json_integer(info.opset));
    json_object_set_new(json, "file_bytes", json_integer((json_int_t)info.file_bytes));
    json_object_set_new(json, "source_nodes", json_integer(info.source_nodes));
    json_object_set_new(json, "parameters", json_integer(info.parameters));
    json_object_set_new(json, "weight_bytes", json_integer(info.weight_bytes));
    for (size_t s = 0; s < info.schedule_count; s++) {
        weft_schedule_info schedule;
        weft_tensor_info tensor;
        json_t *one = json_object(), *inputs = json_array(), *outputs = json_array();
        weft_package_get_schedule(package, s, &schedule);
        for (size_t i = 0; i < schedule.input_count; i++) {
            weft_package_get_input(package, s, i, &tensor);
            json_array_append_new(inputs, weft_cli_json_tensor(&tensor));
        }
        for (size_t i = 0; i < schedule.output_count; i++) {
            weft_package_get_output(package, s, i, &tensor);
            json_array_append_new(outputs, weft_cli_json_tensor(&tensor));
        }
        json_object_set_new(one, "inputs", inputs);
        json_object_set_new(one, "outputs", outputs);
        json_object_set_new(one, "steps", json_integer((json_int_t)schedule.step_count));
        json_object_set_new(one, "macs", json_integer((json_int_t)schedule.macs));
        json_object_set_new(one, "constant_bytes",
                            json_integer((json_int_t)schedule.constant_bytes));
        json_object_set_new(one, "own_constant_bytes",
                            json_integer((json_int_t)schedule.own_bytes));
        json_object_set_new(one, "arena_bytes", json_integer((json_int_t)schedule.arena_bytes));
        json_object_set_new(one, "arena_unshared_bytes",
                            json_integer((json_int_t)schedule.arena_unshared_bytes));
        json_array_append_new(schedules, one);
    }
    json_object_set_new(json, "schedules", schedules);
    json_object_set_new(json, "engine", weft_cli_package_engine_json(package));
    return json;
}

void weft_cli_package_print_sections(FILE *out, const weft_package *package)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "section", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "offset", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "bytes", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "hash", WEFT_CLI_LEFT);
    for (size_t i = 0; i < info.section_count; i++) {
        weft_section_info section;
        char hash[WEFT_CLI_HASH_TEXT];
        weft_package_get_section(package, i, &section);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", section.name);
        weft_cli_table_add_cell(table, "%" PRIu64, section.offset_bytes);
        weft_cli_table_add_cell(table, "%" PRIu64, section.size_bytes);
        weft_cli_table_add_cell(table, "%s", weft_cli_format_hash(section.hash, hash));
    }
    weft_cli_table_print(table, out);
}

json_t *weft_cli_package_sections_json(const weft_package *package)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    json_t *list = json_array();
    for (size_t i = 0; i < info.section_count; i++) {
        weft_section_info section;
        weft_package_get_section(package, i, &section);
        json_t *json = json_object();
        json_object_set_new(json, "name", weft_cli_json_text(section.name));
        json_object_set_new(json, "offset_bytes", json_integer((json_int_t)section.offset_bytes));
        json_object_set_new(json, "size_bytes", json_integer((json_int_t)section.size_bytes));
        json_object_set_new(json, "hash", weft_cli_json_hash(section.hash));
        json_array_append_new(list, json);
    }
    return list;
}

typedef struct uses {
    size_t steps, launches;
} uses;

/* Steps of all schedules that use the kernel, and how often they launch it. A launch of the engine
 * executes many steps, so it has steps only. */
static uses use_count(const weft_package *package, size_t index, const char *program,
                      const char *kernel)
{
    weft_package_info info;
    weft_package_engine engine;
    uses count = {0};
    weft_package_get_info(package, &info);
    weft_package_get_engine(package, &engine);
    bool is_engine =
        engine.name != NULL && (index == engine.opencl_program || index == engine.hls_program);
    for (size_t s = 0; s < info.schedule_count; s++) {
        weft_schedule_info schedule;
        weft_package_get_schedule(package, s, &schedule);
        for (size_t i = 0; i < schedule.step_count; i++) {
            weft_step_info step;
            size_t before = count.launches;
            weft_package_get_step(package, s, i, &step);
            for (size_t k = 0; k < step.launch_count; k++) {
                weft_launch_info launch;
                weft_package_get_launch(package, s, i, k, &launch);
                bool is_same =
                    strcmp(launch.program, program) == 0 && strcmp(launch.kernel, kernel) == 0;
                count.launches += is_same ? 1 : 0;
            }
            count.steps +=
                count.launches > before || (is_engine && step.descriptor_count > 0) ? 1 : 0;
        }
    }
    return count;
}

void weft_cli_package_print_kernels(FILE *out, const weft_package *package)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "program", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "kernel", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "steps", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "launches", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "source bytes", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "options", WEFT_CLI_LEFT);
    for (size_t p = 0; p < info.program_count; p++) {
        weft_program_info program;
        weft_package_get_program(package, p, &program);
        for (size_t k = 0; k < program.kernel_count; k++) {
            uses count = use_count(package, p, program.name, program.kernels[k]);
            weft_cli_table_add_row(table);
            weft_cli_table_add_cell(table, "%s", program.name);
            weft_cli_table_add_cell(table, "%s", program.kernels[k]);
            weft_cli_table_add_cell(table, "%zu", count.steps);
            weft_cli_table_add_cell(table, "%zu", count.launches);
            weft_cli_table_add_cell(table, "%zu", strlen(program.source));
            weft_cli_table_add_cell(table, "%s", program.options);
        }
    }
    weft_cli_table_print(table, out);
}

json_t *weft_cli_package_kernels_json(const weft_package *package)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    json_t *list = json_array();
    for (size_t p = 0; p < info.program_count; p++) {
        weft_program_info program;
        weft_package_get_program(package, p, &program);
        for (size_t k = 0; k < program.kernel_count; k++) {
            json_t *json = json_object();
            json_object_set_new(json, "program", weft_cli_json_text(program.name));
            json_object_set_new(json, "kernel", weft_cli_json_text(program.kernels[k]));
            uses count = use_count(package, p, program.name, program.kernels[k]);
            json_object_set_new(json, "steps", json_integer((json_int_t)count.steps));
            json_object_set_new(json, "launches", json_integer((json_int_t)count.launches));
            json_object_set_new(json, "source_bytes",
                                json_integer((json_int_t)strlen(program.source)));
            json_object_set_new(json, "options", weft_cli_json_text(program.options));
            json_array_append_new(list, json);
        }
    }
    return list;
}

void weft_cli_package_print_weights(FILE *out, const weft_package *package, size_t schedule)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "constant", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "type", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "shape", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "bytes", WEFT_CLI_RIGHT);
    for (size_t i = 0; i < info.value_count; i++) {
        weft_value_info value;
        char shape[WEFT_CLI_SHAPE_TEXT];
        weft_package_get_value(package, schedule, i, &value);
        if (strcmp(value.place, "constant") != 0)
            continue;
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", value.tensor.name);
        weft_cli_table_add_cell(table, "%s", value.tensor.dtype);
        weft_cli_table_add_cell(table, "%s",
                                weft_cli_format_shape(value.tensor.rank, value.tensor.dims, shape));
        weft_cli_table_add_cell(table, "%" PRIu64, value.tensor.size_bytes);
    }
    weft_cli_table_print(table, out);
}

json_t *weft_cli_package_values_json(const weft_package *package, size_t schedule,
                                     const char *place)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    json_t *list = json_array();
    for (size_t i = 0; i < info.value_count; i++) {
        weft_value_info value;
        weft_package_get_value(package, schedule, i, &value);
        if (strcmp(value.place, place) != 0)
            continue;
        json_t *json = weft_cli_json_tensor(&value.tensor);
        json_object_set_new(json, "size_bytes", json_integer((json_int_t)value.tensor.size_bytes));
        json_object_set_new(json, "storage_bytes", json_integer((json_int_t)value.storage_bytes));
        json_object_set_new(json, "offset_bytes", json_integer((json_int_t)value.offset_bytes));
        json_object_set_new(json, "first_step", json_integer(value.first_step));
        json_object_set_new(json, "last_step", json_integer(value.last_step));
        json_array_append_new(list, json);
    }
    return list;
}
