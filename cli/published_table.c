/* SPDX-License-Identifier: Apache-2.0 */
/* See published_table.h. */
#include "cli/published_table.h"

#include <inttypes.h>

#include "cli/json.h"
#include "cli/table.h"
#include "weft/published.h"

static void print_table(FILE *out)
{
    static const struct {
        const char *title;
        int flags;
    } columns[] = {
        {"network", WEFT_CLI_LEFT},    {"design", WEFT_CLI_LEFT},     {"board", WEFT_CLI_LEFT},
        {"engines", WEFT_CLI_RIGHT},   {"batch", WEFT_CLI_LEFT},      {"MHz", WEFT_CLI_RIGHT},
        {"published", WEFT_CLI_RIGHT}, {"predicted", WEFT_CLI_RIGHT}, {"error", WEFT_CLI_RIGHT},
        {"of peak", WEFT_CLI_RIGHT},   {"source", WEFT_CLI_LEFT},
    };
    weft_cli_table *table = weft_cli_table_create();
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        weft_cli_table_add_column(table, columns[i].title, columns[i].flags);
    weft_cli_table_hide_below(table, "source", 130);
    weft_cli_table_hide_below(table, "batch", 110);
    for (size_t i = 0; i < weft_published_count(); i++) {
        weft_published_point p = weft_published_get(i);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", p.network);
        weft_cli_table_add_cell(table, "%s", p.design);
        weft_cli_table_add_cell(table, "%s", p.board);
        weft_cli_table_add_cell(table, "%d", p.engines);
        weft_cli_table_add_cell(table, "%s", p.batch);
        weft_cli_table_add_cell(table, "%.1f", p.clock_mhz);
        weft_cli_table_add_cell(table, "%.1f", p.fps);
        weft_cli_table_add_cell(table, "%.1f", p.predicted_fps);
        weft_cli_table_add_cell(table, "%+.1f %%", 100 * p.error);
        weft_cli_table_add_cell(table, "%.1f %%", 100 * p.peak_share);
        weft_cli_table_add_cell(table, "%c %s", p.mark, p.source);
    }
    weft_cli_table_print(table, out);
    weft_published_summary summary = weft_published_summarise();
    fprintf(out,
            "images per second; error of the prediction: median %.1f %%, worst %.1f %%, of %zu "
            "points\n",
            100 * summary.median_error, 100 * summary.worst_error, weft_published_count());
}

static json_t *point_json(const weft_published_point *p)
{
    json_t *json = json_object();
    json_object_set_new(json, "network", weft_cli_json_text(p->network));
    json_object_set_new(json, "design", weft_cli_json_text(p->design));
    json_object_set_new(json, "board", weft_cli_json_text(p->board));
    json_object_set_new(json, "engines", json_integer(p->engines));
    json_object_set_new(json, "batch", weft_cli_json_text(p->batch));
    json_object_set_new(json, "clock_mhz", weft_cli_json_real(p->clock_mhz));
    json_object_set_new(json, "published_fps", weft_cli_json_real(p->fps));
    json_object_set_new(json, "predicted_fps", weft_cli_json_real(p->predicted_fps));
    json_object_set_new(json, "error", weft_cli_json_real(p->error));
    json_object_set_new(json, "cycles", weft_cli_json_real(p->cycles));
    json_object_set_new(json, "array_cycles", weft_cli_json_real(p->array_cycles));
    json_object_set_new(json, "macs", json_integer(p->macs));
    json_object_set_new(json, "peak_share", weft_cli_json_real(p->peak_share));
    json_object_set_new(json, "source", weft_cli_json_text(p->source));
    json_object_set_new(json, "mark", json_sprintf("%c", p->mark));
    return json;
}

static json_t *memory_json(const weft_published_memory *m)
{
    json_t *json = json_object();
    json_object_set_new(json, "board", weft_cli_json_text(m->name));
    json_object_set_new(json, "like", weft_cli_json_text(m->like));
    json_object_set_new(json, "tag", weft_cli_json_text(m->tag));
    json_object_set_new(json, "banks", json_integer(m->banks));
    json_object_set_new(json, "bank_gbytes", weft_cli_json_real(m->bank_gbytes));
    json_object_set_new(json, "efficiency", weft_cli_json_real(m->efficiency));
    json_object_set_new(json, "latency_ns", weft_cli_json_real(m->latency_ns));
    return json;
}

static void print_json(FILE *out)
{
    json_t *json = weft_cli_json_create("weft.published/1");
    weft_published_summary summary = weft_published_summarise();
    json_object_set_new(json, "median_error", weft_cli_json_real(summary.median_error));
    json_object_set_new(json, "worst_error", weft_cli_json_real(summary.worst_error));
    json_t *points = json_array(), *designs = json_array(), *memories = json_array();
    for (size_t i = 0; i < weft_published_count(); i++) {
        weft_published_point p = weft_published_get(i);
        json_array_append_new(points, point_json(&p));
    }
    for (size_t i = 0; i < weft_published_design_count(); i++) {
        weft_published_design d = weft_published_design_get(i);
        json_t *design = json_object();
        json_object_set_new(design, "design", weft_cli_json_text(d.name));
        json_object_set_new(design, "pixels", json_integer(d.pixels));
        json_object_set_new(design, "inputs", json_integer(d.inputs));
        json_object_set_new(design, "outputs", json_integer(d.outputs));
        json_object_set_new(design, "assumed", weft_cli_json_text(d.doc));
        json_array_append_new(designs, design);
    }
    for (size_t i = 0; i < weft_published_memory_count(); i++) {
        weft_published_memory m = weft_published_memory_get(i);
        json_array_append_new(memories, memory_json(&m));
    }
    json_object_set_new(json, "points", points);
    json_object_set_new(json, "designs", designs);
    json_object_set_new(json, "memories", memories);
    weft_cli_json_print(json, out);
}

void weft__published_print(FILE *out, bool is_json)
{
    if (is_json)
        print_json(out);
    else
        print_table(out);
}

void weft__published_print_assumptions(FILE *out)
{
    fputs("| design | pixels x inputs x outputs per cycle | what is known, and what is assumed |\n"
          "|---|---|---|\n",
          out);
    for (size_t i = 0; i < weft_published_design_count(); i++) {
        weft_published_design d = weft_published_design_get(i);
        fprintf(out, "| %s | %" PRId64 " x %" PRId64 " x %" PRId64 " | %s |\n", d.name, d.pixels,
                d.inputs, d.outputs, d.doc);
    }
    fputs("\n| board | behind a port | GB/s | efficiency | latency ns | figures of |\n"
          "|---|---|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < weft_published_memory_count(); i++) {
        weft_published_memory m = weft_published_memory_get(i);
        fprintf(out, "| %s | %d x %s | %.3f | %.2f | %.1f | `hls/boards/%s.json` |\n", m.name,
                m.banks, m.tag, m.banks * m.bank_gbytes, m.efficiency, m.latency_ns, m.like);
    }
}

void weft__published_print_changes(FILE *out)
{
    fputs("| changed | median error | worst error |\n|---|---|---|\n", out);
    for (size_t i = 0; i < weft_published_change_count(); i++) {
        weft_published_change c = weft_published_change_get(i);
        fprintf(out, "| %s | %.1f %% | %.1f %% |\n", c.text, 100 * c.summary.median_error,
                100 * c.summary.worst_error);
    }
}
