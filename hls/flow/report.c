/* SPDX-License-Identifier: Apache-2.0 */
/* A build as JSON of schema weft.build/1. A number's key says where it comes from: model, hls,
 * synthesis, route. Must not know about: how anything was run. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "hls/flow/internal.h"

enum { DIGITS = 9 };

static json_t *text(const char *value)
{
    json_t *json = value == NULL ? NULL : json_string(value);
    return json == NULL ? json_null() : json; /* also for what is not UTF-8 */
}

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *tool_json(const weft_flow *flow)
{
    json_t *json = json_object();
    json_object_set_new(json, "path", text(flow->tool));
    json_object_set_new(json, "version", text(flow->version));
    json_object_set_new(json, "is_assumed", json_boolean(flow->is_version_assumed));
    json_object_set_new(json, "language", text(flow->language));
    return json;
}

static json_t *step_json(const flow_step *step)
{
    json_t *json = json_object(), *command = json_array();
    for (size_t i = 0; i < step->word_count; i++)
        json_array_append_new(command, text(step->words[i]));
    json_object_set_new(json, "name", text(step->name));
    json_object_set_new(json, "state", text(weft_flow_state_name(step->state)));
    json_object_set_new(json, "seconds", real(step->seconds));
    json_object_set_new(json, "log", text(step->log));
    json_object_set_new(json, "command", command);
    return json;
}

static json_t *clock_json(const weft_flow *flow)
{
    const flow_results *results = &flow->results;
    json_t *json = json_object();
    json_object_set_new(json, "asked_mhz", real(flow->design.clock_mhz));
    json_object_set_new(json, "hls_mhz",
                        real(results->has_hls ? 1000 / results->hls.estimated_ns : NAN));
    json_object_set_new(json, "achieved_mhz", real(results->achieved_mhz));
    json_object_set_new(json, "achieved_source", text(results->achieved_source));
    return json;
}

static json_t *timing_json(const flow_timing *timing)
{
    json_t *json = json_object(), *clocks = json_array();
    json_object_set_new(json, "source", json_string("route"));
    json_object_set_new(json, "worst_slack_ns", real(timing->slack_ns));
    json_object_set_new(json, "total_slack_ns", real(timing->total_slack_ns));
    json_object_set_new(json, "worst_hold_slack_ns", real(timing->hold_slack_ns));
    json_object_set_new(json, "failing_endpoints", real(timing->failing_endpoints));
    for (size_t i = 0; i < timing->clock_count; i++) {
        json_t *clock = json_object();
        json_object_set_new(clock, "name", text(timing->clocks[i].name));
        json_object_set_new(clock, "period_ns", real(timing->clocks[i].period_ns));
        json_object_set_new(clock, "slack_ns", real(timing->clocks[i].slack_ns));
        json_array_append_new(clocks, clock);
    }
    json_object_set_new(json, "clocks", clocks);
    return json;
}

static json_t *figures_json(const flow_results *results)
{
    json_t *list = json_array();
    for (size_t i = 0; i < results->figure_count; i++) {
        const weft_flow_figure *figure = &results->figures[i];
        json_t *json = json_object();
        json_object_set_new(json, "scope", text(figure->scope));
        json_object_set_new(json, "resource", text(figure->resource));
        for (int s = 0; s < WEFT_FLOW_SOURCE_COUNT; s++)
            json_object_set_new(json, weft_flow_source_name((weft_flow_source)s),
                                real(figure->values[s]));
        json_object_set_new(json, "available", real(figure->available));
        json_object_set_new(json, "percent", real(figure->percent));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *files_json(const flow_results *results)
{
    json_t *list = json_array();
    for (size_t i = 0; i < results->file_count; i++) {
        const flow_report_file *file = &results->files[i];
        json_t *json = json_object();
        json_object_set_new(json, "kind", text(file->kind));
        json_object_set_new(json, "source", text(weft_flow_source_name(file->source)));
        json_object_set_new(json, "path", text(file->path));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *failure_json(const flow_failure *failure)
{
    if (failure->id == NULL)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "id", text(failure->id));
    json_object_set_new(json, "step", text(failure->step));
    json_object_set_new(json, "summary", text(failure->summary));
    json_object_set_new(json, "line", text(failure->line));
    json_object_set_new(json, "why", text(failure->why));
    json_object_set_new(json, "try", text(failure->next));
    return json;
}

/* Cycles of the longest schedule step by step; the units share nothing, so a batch scales. */
static json_t *cycles_json(const weft_flow *flow)
{
    json_t *list = json_array();
    for (size_t s = 0; s < flow->manifest->schedule_count; s++) {
        const weft_schedule *schedule = &flow->manifest->schedules[s];
        double cycles = 0, achieved = flow->results.achieved_mhz;
        for (size_t i = 0; i < schedule->step_count; i++)
            cycles += (double)schedule->steps[i].cost.cycles;
        json_t *json = json_object();
        json_object_set_new(json, "schedule", json_integer((json_int_t)s));
        json_object_set_new(json, "source", json_string("model"));
        json_object_set_new(json, "cycles", real(cycles));
        json_object_set_new(json, "ms_at_asked", real(cycles / flow->design.clock_mhz / 1e3));
        json_object_set_new(json, "ms_at_achieved", real(cycles / achieved / 1e3));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *package_json(const weft_flow *flow)
{
    char id[17];
    weft_package_info info;
    json_t *json = json_object();
    weft_package_get_info(flow->package, &info);
    snprintf(id, sizeof id, "%016" PRIx64, info.id);
    json_object_set_new(json, "path", text(flow->params.package));
    json_object_set_new(json, "model", text(info.model));
    json_object_set_new(json, "id", text(id));
    return json;
}

static const char *verdict(const weft_flow *flow)
{
    return flow->params.is_dry ? "planned" : flow->output_bytes > 0 ? "built" : "failed";
}

static json_t *config_json(const weft_flow *flow)
{
    json_t *json = json_object();
    for (size_t i = 0; i < flow->file_count; i++)
        json_object_set_new(json, flow->files[i].name, text(flow->files[i].text));
    return json;
}

char *weft_flow_report(const weft_flow *flow)
{
    const weft_card *card = &flow->manifest->card;
    json_t *json = json_object(), *steps = json_array();
    json_object_set_new(json, "schema", json_string("weft.build/1"));
    json_object_set_new(json, "version", json_string(weft_version()));
    json_object_set_new(json, "verdict", json_string(verdict(flow)));
    json_object_set_new(json, "target", text(weft_flow_target_name(flow->params.target)));
    json_object_set_new(json, "package", package_json(flow));
    json_object_set_new(json, "board", text(card->board));
    json_object_set_new(json, "part", text(card->part));
    json_object_set_new(json, "platform", text(flow->design.platform));
    json_object_set_new(json, "output", text(flow->output));
    json_object_set_new(json, "work", text(flow->work));
    json_object_set_new(json, "tool", tool_json(flow));
    json_object_set_new(json, "clock", clock_json(flow));
    json_object_set_new(json, "timing",
                        flow->results.has_timing ? timing_json(&flow->results.timing)
                                                 : json_null());
    json_object_set_new(json, "predicted", cycles_json(flow));
    json_object_set_new(json, "resources", figures_json(&flow->results));
    json_object_set_new(json, "reports", files_json(&flow->results));
    for (size_t i = 0; i < flow->step_count; i++)
        json_array_append_new(steps, step_json(&flow->steps[i]));
    json_object_set_new(json, "steps", steps);
    if (flow->params.is_dry)
        json_object_set_new(json, "files", config_json(flow));
    json_object_set_new(json, "failure", failure_json(&flow->failure));
    char *made = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
    json_decref(json);
    return made;
}
