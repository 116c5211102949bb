/* SPDX-License-Identifier: Apache-2.0 */
/* See simulate_table.h. */
#include "cli/simulate_table.h"

#include <math.h>

#include "cli/json.h"
#include "cli/name.h"
#include "cli/table.h"

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static double difference(const weft_simulation *s)
{
    return percent(s->model_cycles - s->cycles, s->cycles);
}

static void add_to(weft_simulation *sum, const weft_simulation *one)
{
    sum->cycles += one->cycles;
    sum->model_cycles += one->model_cycles;
    sum->page_misses += one->page_misses;
    for (int i = 0; i < WEFT_SIMULATION_PROCESSES; i++) {
        sum->processes[i].busy += one->processes[i].busy;
        sum->processes[i].starting += one->processes[i].starting;
        sum->processes[i].memory += one->processes[i].memory;
        sum->processes[i].starved += one->processes[i].starved;
        sum->processes[i].blocked += one->processes[i].blocked;
    }
}

static void add_cells(weft_cli_table *table, const weft_simulation *s)
{
    weft_cli_table_add_cell(table, "%.0f", s->model_cycles);
    weft_cli_table_add_cell(table, "%.0f", s->cycles);
    weft_cli_table_add_cell(table, "%+.1f %%", difference(s));
    for (int i = 0; i < WEFT_SIMULATION_PROCESSES; i++) {
        const weft_simulation_process *p = &s->processes[i];
        weft_cli_table_add_cell(table, "%.0f/%.0f/%.0f/%.0f", percent((double)p->busy, s->cycles),
                                percent((double)p->memory, s->cycles),
                                percent((double)p->starved, s->cycles),
                                percent((double)p->blocked, s->cycles));
    }
}

void weft_cli_simulate_print(FILE *out, const weft_estimate *estimate)
{
    weft_estimate_info info;
    weft_simulation sum = {0};
    double worst = 0;
    weft_estimate_get_info(estimate, &info);
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "step", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "predicted", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "simulated", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "difference", WEFT_CLI_RIGHT);
    for (int i = 0; i < WEFT_SIMULATION_PROCESSES; i++)
        weft_cli_table_add_column(table, weft_simulation_process_title(i), WEFT_CLI_RIGHT);
    for (size_t i = 0; i < info.step_count; i++) {
        weft_simulation s;
        weft_estimate_step step;
        char name[WEFT_CLI_NAME_TEXT];
        if (!weft_estimate_simulate(estimate, i, &s))
            continue;
        weft_estimate_get_step(estimate, i, &step);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", weft_cli_format_name(step.name, name));
        add_cells(table, &s);
        add_to(&sum, &s);
        worst = fmax(worst, fabs(difference(&s)));
    }
    weft_cli_table_add_row(table);
    weft_cli_table_add_cell(table, "total");
    add_cells(table, &sum);
    fputs(
        "\ncycles predicted against cycles simulated word by word, one batch on one engine; under "
        "each process\nits share of the simulated cycles in %: busy / waiting for memory / for "
        "data / for a free array\n\n",
        out);
    weft_cli_table_print(table, out);
    fprintf(out, "\nlargest difference of a step: %.1f %%\n", worst);
}

json_t *weft_cli_simulate_json(const weft_estimate *estimate)
{
    weft_estimate_info info;
    json_t *list = json_array();
    weft_estimate_get_info(estimate, &info);
    for (size_t i = 0; i < info.step_count; i++) {
        weft_simulation s;
        weft_estimate_step step;
        if (!weft_estimate_simulate(estimate, i, &s))
            continue;
        weft_estimate_get_step(estimate, i, &step);
        json_t *json = json_object(), *processes = json_object();
        json_object_set_new(json, "step", json_integer((json_int_t)i));
        json_object_set_new(json, "name", weft_cli_json_text(step.name));
        json_object_set_new(json, "predicted_cycles", weft_cli_json_real(s.model_cycles));
        json_object_set_new(json, "simulated_cycles", weft_cli_json_real(s.cycles));
        json_object_set_new(json, "page_misses", json_integer(s.page_misses));
        for (int k = 0; k < WEFT_SIMULATION_PROCESSES; k++) {
            const weft_simulation_process *p = &s.processes[k];
            json_t *process = json_object();
            json_object_set_new(process, "busy_cycles", json_integer(p->busy));
            json_object_set_new(process, "starting_cycles", json_integer(p->starting));
            json_object_set_new(process, "memory_cycles", json_integer(p->memory));
            json_object_set_new(process, "starved_cycles", json_integer(p->starved));
            json_object_set_new(process, "blocked_cycles", json_integer(p->blocked));
            json_object_set_new(processes, weft_simulation_process_title(k), process);
        }
        json_object_set_new(json, "processes", processes);
        json_array_append_new(list, json);
    }
    return list;
}
