/* SPDX-License-Identifier: Apache-2.0 */
/* The layer table. Must not know about: sessions, files. */
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/layers.h"
#include "cli/memory.h"
#include "cli/table.h"
#include "cli/text.h"

typedef struct row {
    size_t index;
    double time_us; /* measured when there is a measurement, otherwise ideal */
} row;

static int by_time(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* "a, b, c" of a step's source nodes, "a +2" beyond the limit; release with free. */
static char *format_sources(const weft_step_info *step, size_t limit)
{
    char *text = weft_cli_strdup("");
    for (size_t i = 0; i < step->source_count; i++) {
        char *longer;
        if (limit > 0 && i == limit)
            longer = weft_cli_printf("%s +%zu", text, step->source_count - limit);
        else
            longer = weft_cli_printf("%s%s%s", text, i == 0 ? "" : ", ", step->sources[i]);
        free(text);
        text = longer;
        if (limit > 0 && i == limit)
            break;
    }
    return text;
}

static double step_bytes(const weft_step_info *step)
{
    return (double)step->weight_bytes + (double)step->input_bytes + (double)step->output_bytes;
}

static bool output_tensor(const weft_cli_layers *layers, const weft_step_info *step,
                          weft_tensor_info *out_tensor)
{
    for (size_t i = 0; i < step->output_count; i++)
        if (step->outputs[i] >= 0) {
            weft_value_info value;
            weft_package_get_value(layers->package, layers->schedule, (size_t)step->outputs[i],
                                   &value);
            *out_tensor = value.tensor;
            return true;
        }
    return false;
}

static row *sorted_rows(const weft_cli_layers *layers, size_t count)
{
    row *rows = weft_cli_alloc_array(count, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        weft_step_info step;
        weft_package_get_step(layers->package, layers->schedule, i, &step);
        rows[i] =
            (row){i, layers->measured_us != NULL ? layers->measured_us[i] : step.ideal_ns / 1e3};
    }
    if (layers->sort == WEFT_CLI_SORT_TIME)
        qsort(rows, count, sizeof *rows, by_time);
    return rows;
}

/* Where the times of a row come from. */
static const char *source_of(const weft_cli_layers *layers)
{
    if (layers->measured_us == NULL)
        return "model";
    return layers->measured_by == NULL ? "measured" : layers->measured_by;
}

static bool has_engine(const weft_cli_layers *layers)
{
    weft_package_engine engine;
    weft_package_get_engine(layers->package, &engine);
    return engine.name != NULL;
}

/* The bits that the sums of an 8-bit convolution need, 0 for other steps. */
static int sum_bits(const weft_step_info *step)
{
    static const char name[] = "acc_bits=";
    const char *at = strstr(step->attrs, name);
    return at == NULL ? 0 : (int)strtol(at + strlen(name), NULL, 10);
}

static bool has_sums(const weft_cli_layers *layers)
{
    weft_schedule_info info;
    bool found = false;
    weft_package_get_schedule(layers->package, layers->schedule, &info);
    for (size_t i = 0; i < info.step_count; i++) {
        weft_step_info step;
        weft_package_get_step(layers->package, layers->schedule, i, &step);
        found |= sum_bits(&step) > 0;
    }
    return found;
}

static void add_columns(weft_cli_table *table, const weft_cli_layers *layers)
{
    weft_cli_table_add_column(table, "#", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "op", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "from nodes", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "out shape", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "type", WEFT_CLI_LEFT);
    if (has_sums(layers))
        weft_cli_table_add_column(table, "sum bits", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "tile", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "MMAC", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "MB", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "ideal us", WEFT_CLI_RIGHT);
    if (layers->clock_mhz > 0)
        weft_cli_table_add_column(table, "predicted us", WEFT_CLI_RIGHT);
    if (layers->measured_us != NULL) {
        weft_cli_table_add_column(table, "us", WEFT_CLI_RIGHT);
        weft_cli_table_add_column(table, "% time", WEFT_CLI_RIGHT);
        weft_cli_table_add_column(table, "cum %", WEFT_CLI_RIGHT);
        weft_cli_table_add_column(table, "GFLOP/s", WEFT_CLI_RIGHT);
        weft_cli_table_add_column(table, "% peak", WEFT_CLI_RIGHT);
        weft_cli_table_add_column(table, "GB/s", WEFT_CLI_RIGHT);
    }
    if (has_engine(layers))
        weft_cli_table_add_column(table, "engine", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "bound", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "source", WEFT_CLI_LEFT);

    /* On a narrow terminal the node's name needs the room most: columns that others imply go. */
    bool is_measured = layers->measured_us != NULL;
    weft_cli_table_hide_below(table, "source", is_measured ? 170 : 110);
    weft_cli_table_hide_below(table, "tile", is_measured ? 150 : 110);
    weft_cli_table_hide_below(table, "GB/s", 130);
    weft_cli_table_hide_below(table, "GFLOP/s", 110);
    weft_cli_table_hide_below(table, "MB", 110);
    weft_cli_table_hide_below(table, "cum %", 110);
    weft_cli_table_hide_below(table, "MMAC", is_measured ? 110 : 0);
}

/* What a step would take at the peak for its operations. */
static double peak_us(const weft_cli_layers *layers, const weft_step_info *step)
{
    double peak = strcmp(step->op, "weft.QConv2D") == 0 ? layers->peak_gops : layers->peak_gflops;
    return peak > 0 ? (double)step->flops / peak / 1e3 : 0;
}

/* By the plan for the card; 0 for host steps. */
static double predicted_us(const weft_cli_layers *layers, const weft_step_info *step)
{
    return layers->clock_mhz > 0 ? (double)step->cycles / layers->clock_mhz : 0;
}

typedef struct totals {
    double macs, flops, bytes, ideal_us, predicted_us, peak_us, measured_us;
} totals;

static totals total_of(const weft_cli_layers *layers, size_t count)
{
    totals sum = {0};
    for (size_t i = 0; i < count; i++) {
        weft_step_info step;
        weft_package_get_step(layers->package, layers->schedule, i, &step);
        sum.macs += (double)step.macs;
        sum.flops += (double)step.flops;
        sum.bytes += step_bytes(&step);
        sum.ideal_us += step.ideal_ns / 1e3;
        sum.predicted_us += predicted_us(layers, &step);
        sum.peak_us += peak_us(layers, &step);
        sum.measured_us += layers->measured_us != NULL ? layers->measured_us[i] : 0;
    }
    return sum;
}

/* The measured cells: time, share, cumulative share, rates. */
static void add_measured(weft_cli_table *table, const weft_cli_layers *layers, double time_us,
                         double share, double cumulative, double flops, double at_peak_us,
                         double bytes)
{
    weft_cli_table_add_cell(table, "%.1f", time_us);
    weft_cli_table_add_cell(table, "%.1f", share * 100);
    weft_cli_table_add_cell(table, "%.1f", cumulative * 100);
    weft_cli_table_add_cell(table, "%.1f", time_us > 0 ? flops / time_us / 1e3 : 0);
    if (layers->peak_gflops > 0)
        weft_cli_table_add_cell(table, "%.0f", time_us > 0 ? at_peak_us / time_us * 100 : 0);
    else
        weft_cli_table_add_cell(table, "-");
    weft_cli_table_add_cell(table, "%.1f", time_us > 0 ? bytes / time_us / 1e3 : 0);
}

static void add_sums(weft_cli_table *table, const weft_cli_layers *layers, const totals *sum)
{
    const int text_columns = has_sums(layers) ? 5 : 4;        /* between "op" and "MMAC" */
    const int number_columns = layers->clock_mhz > 0 ? 4 : 3; /* "MMAC" to the measured ones */
    weft_cli_table_add_row(table);
    weft_cli_table_add_cell(table, " ");
    weft_cli_table_add_cell(table, "sum");
    for (int blank = 0; blank < text_columns; blank++)
        weft_cli_table_add_cell(table, " ");
    weft_cli_table_add_cell(table, "%.2f", sum->macs / 1e6);
    weft_cli_table_add_cell(table, "%.2f", sum->bytes / 1e6);
    weft_cli_table_add_cell(table, "%.1f", sum->ideal_us);
    if (layers->clock_mhz > 0)
        weft_cli_table_add_cell(table, "%.1f", sum->predicted_us);
    if (layers->measured_us == NULL)
        return;
    add_measured(table, layers, sum->measured_us, 1, 1, sum->flops, sum->peak_us, sum->bytes);
    weft_cli_table_add_row(table);
    weft_cli_table_add_cell(table, " ");
    weft_cli_table_add_cell(table, "unaccounted");
    for (int blank = 0; blank < text_columns + number_columns; blank++)
        weft_cli_table_add_cell(table, " ");
    weft_cli_table_add_cell(table, "%.1f", layers->wall_us - sum->measured_us);
    weft_cli_table_add_row(table);
    weft_cli_table_add_cell(table, " ");
    weft_cli_table_add_cell(table, "wall");
    for (int blank = 0; blank < text_columns + number_columns; blank++)
        weft_cli_table_add_cell(table, " ");
    weft_cli_table_add_cell(table, "%.1f", layers->wall_us);
}

void weft_cli_layers_print(FILE *out, const weft_cli_layers *layers)
{
    weft_schedule_info info;
    weft_package_get_schedule(layers->package, layers->schedule, &info);
    totals sum = total_of(layers, info.step_count);
    row *rows = sorted_rows(layers, info.step_count);
    weft_cli_table *table = weft_cli_table_create();
    double cumulative = 0;
    bool has_bits = has_sums(layers);
    add_columns(table, layers);
    for (size_t i = 0; i < info.step_count; i++) {
        weft_step_info step;
        weft_tensor_info tensor = {0};
        char shape[WEFT_CLI_SHAPE_TEXT] = "";
        weft_package_get_step(layers->package, layers->schedule, rows[i].index, &step);
        if (output_tensor(layers, &step, &tensor))
            weft_cli_format_shape(tensor.rank, tensor.dims, shape);
        char *sources = format_sources(&step, layers->node_limit);
        double share = sum.measured_us > 0 ? rows[i].time_us / sum.measured_us : 0;
        cumulative += share;
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%zu", rows[i].index);
        weft_cli_table_add_cell(table, "%s", step.op);
        weft_cli_table_add_cell(table, "%s", sources[0] == '\0' ? step.name : sources);
        weft_cli_table_add_cell(table, "%s", shape);
        weft_cli_table_add_cell(table, "%s", tensor.dtype == NULL ? "" : tensor.dtype);
        if (has_bits && sum_bits(&step) > 0)
            weft_cli_table_add_cell(table, "%d", sum_bits(&step));
        else if (has_bits)
            weft_cli_table_add_cell(table, " ");
        weft_cli_table_add_cell(table, "%s", step.tile == NULL ? "" : step.tile);
        weft_cli_table_add_cell(table, "%.2f", (double)step.macs / 1e6);
        weft_cli_table_add_cell(table, "%.2f", step_bytes(&step) / 1e6);
        weft_cli_table_add_cell(table, "%.1f", step.ideal_ns / 1e3);
        if (layers->clock_mhz > 0 && step.cycles > 0)
            weft_cli_table_add_cell(table, "%.1f", predicted_us(layers, &step));
        else if (layers->clock_mhz > 0)
            weft_cli_table_add_cell(table, "-");
        if (layers->measured_us != NULL)
            add_measured(table, layers, rows[i].time_us, share, cumulative, (double)step.flops,
                         peak_us(layers, &step), step_bytes(&step));
        if (has_engine(layers))
            weft_cli_table_add_cell(table, "%s", step.descriptor_count > 0 ? "yes" : "host");
        weft_cli_table_add_cell(table, "%s", step.bound);
        weft_cli_table_add_cell(table, "%s", source_of(layers));
        free(sources);
    }
    add_sums(table, layers, &sum);
    weft_cli_table_print(table, out);
    free(rows);
}

static json_t *launches_json(const weft_cli_layers *layers, size_t index, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        weft_launch_info launch;
        json_t *json = json_object(), *global = json_array(), *local = json_array();
        weft_package_get_launch(layers->package, layers->schedule, index, i, &launch);
        json_object_set_new(json, "program", weft_cli_json_text(launch.program));
        json_object_set_new(json, "kernel", weft_cli_json_text(launch.kernel));
        json_object_set_new(json, "tile", weft_cli_json_text(launch.tile));
        for (int axis = 0; axis < 3; axis++) {
            json_array_append_new(global, json_integer((json_int_t)launch.global[axis]));
            json_array_append_new(local, json_integer((json_int_t)launch.local[axis]));
        }
        json_object_set_new(json, "global", global);
        json_object_set_new(json, "local", local);
        json_array_append_new(list, json);
    }
    return list;
}

json_t *weft_cli_layers_json(const weft_cli_layers *layers)
{
    weft_schedule_info info;
    weft_package_get_schedule(layers->package, layers->schedule, &info);
    row *rows = sorted_rows(layers, info.step_count);
    json_t *list = json_array();
    for (size_t i = 0; i < info.step_count; i++) {
        weft_step_info step;
        weft_tensor_info tensor = {0};
        weft_package_get_step(layers->package, layers->schedule, rows[i].index, &step);
        json_t *json = json_object(), *sources = json_array();
        json_object_set_new(json, "index", json_integer((json_int_t)rows[i].index));
        json_object_set_new(json, "name", weft_cli_json_text(step.name));
        json_object_set_new(json, "op", weft_cli_json_text(step.op));
        json_object_set_new(json, "attributes", weft_cli_json_text(step.attrs));
        for (size_t k = 0; k < step.source_count; k++)
            json_array_append_new(sources, weft_cli_json_text(step.sources[k]));
        json_object_set_new(json, "nodes", sources);
        json_object_set_new(json, "output",
                            output_tensor(layers, &step, &tensor) ? weft_cli_json_tensor(&tensor)
                                                                  : json_null());
        json_object_set_new(json, "program", weft_cli_json_text(step.program));
        json_object_set_new(json, "kernel", weft_cli_json_text(step.kernel));
        json_object_set_new(json, "tile", weft_cli_json_text(step.tile));
        json_object_set_new(json, "launches",
                            launches_json(layers, rows[i].index, step.launch_count));
        json_object_set_new(json, "descriptors", json_integer((json_int_t)step.descriptor_count));
        json_object_set_new(json, "sum_bits",
                            sum_bits(&step) > 0 ? json_integer(sum_bits(&step)) : json_null());
        json_object_set_new(json, "macs", json_integer(step.macs));
        json_object_set_new(json, "flops", json_integer(step.flops));
        json_object_set_new(json, "weight_bytes", json_integer(step.weight_bytes));
        json_object_set_new(json, "input_bytes", json_integer(step.input_bytes));
        json_object_set_new(json, "output_bytes", json_integer(step.output_bytes));
        json_object_set_new(json, "ideal_us", weft_cli_json_real(step.ideal_ns / 1e3));
        if (layers->clock_mhz > 0 && step.cycles > 0)
            json_object_set_new(json, "predicted_us",
                                weft_cli_json_real(predicted_us(layers, &step)));
        if (layers->measured_us != NULL)
            json_object_set_new(json, "measured_us",
                                weft_cli_json_real(layers->measured_us[rows[i].index]));
        json_object_set_new(json, "bound", weft_cli_json_text(step.bound));
        json_object_set_new(json, "source", json_string(source_of(layers)));
        json_array_append_new(list, json);
    }
    free(rows);
    return list;
}
