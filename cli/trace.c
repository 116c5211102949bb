/* SPDX-License-Identifier: Apache-2.0 */
/* Chrome trace and Netron overlay. Must not know about: sessions. */
#include "cli/trace.h"

#include <stdlib.h>

#include "cli/json.h"
#include "cli/memory.h"
#include "weft/status.h"

enum { PROCESS = 1, TRACK_HOST = 1, TRACK_QUEUE = 2 };
/* Of cards. */
enum { TRACK_SEND = 2, TRACK_DISPATCH, TRACK_FETCH, TRACK_UNIT, MAX_UNITS = 64 };

static json_t *track_name(int track, const char *name)
{
    json_t *json = json_object(), *args = json_object();
    json_object_set_new(json, "ph", json_string("M"));
    json_object_set_new(json, "pid", json_integer(PROCESS));
    json_object_set_new(json, "tid", json_integer(track));
    json_object_set_new(json, "name", json_string(track == 0 ? "process_name" : "thread_name"));
    json_object_set_new(args, "name", weft_cli_json_text(name));
    json_object_set_new(json, "args", args);
    return json;
}

static json_t *slice(int track, const char *name, double start_us, double duration_us, json_t *args)
{
    json_t *json = json_object();
    json_object_set_new(json, "ph", json_string("X"));
    json_object_set_new(json, "pid", json_integer(PROCESS));
    json_object_set_new(json, "tid", json_integer(track));
    json_object_set_new(json, "name", weft_cli_json_text(name));
    json_object_set_new(json, "ts", json_real(start_us));
    json_object_set_new(json, "dur", json_real(duration_us < 0 ? 0 : duration_us));
    json_object_set_new(json, "args", args);
    return json;
}

/* A track per unit that did something, and those of what a launch is made of. */
static void name_card_tracks(json_t *events, const weft_package *package,
                             const weft_step_time *times, size_t count, const char *device)
{
    json_array_append_new(events, track_name(TRACK_SEND, "to the card"));
    json_array_append_new(events, track_name(TRACK_DISPATCH, "dispatch"));
    json_array_append_new(events, track_name(TRACK_FETCH, "from the card"));
    for (uint32_t unit = 0; unit < MAX_UNITS; unit++) {
        size_t i = 0;
        while (i < count && times[i].unit != unit)
            i++;
        if (i == count)
            continue;
        weft_package_unit planned;
        weft_package_get_unit(package, unit, &planned);
        char *name = planned.name != NULL ? weft_cli_printf("%s of %s", planned.name, device)
                                          : weft_cli_printf("unit %u of %s", unit + 1, device);
        json_array_append_new(events, track_name(TRACK_UNIT + (int)unit, name));
        free(name);
    }
}

/* What came before and after a launch. */
static void add_ways(json_t *events, const weft_step_time *time, const char *name)
{
    double start_us = (double)time->start_ns / 1e3, end_us = (double)time->end_ns / 1e3;
    double dispatch_us = (double)time->dispatch_ns / 1e3;
    if (time->send_ns > 0)
        json_array_append_new(events, slice(TRACK_SEND, name, (double)time->queued_ns / 1e3,
                                            (double)time->send_ns / 1e3, json_object()));
    json_array_append_new(
        events, slice(TRACK_DISPATCH, name, start_us - dispatch_us, dispatch_us, json_object()));
    if (time->fetch_ns > 0)
        json_array_append_new(
            events, slice(TRACK_FETCH, name, end_us, (double)time->fetch_ns / 1e3, json_object()));
}

json_t *weft_cli_trace_json(const weft_package *package, size_t schedule,
                            const weft_step_time *times, const char *device, bool is_card,
                            double wall_us)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    json_t *json = json_object(), *events = json_array(), *other = json_object();
    json_array_append_new(events, track_name(0, "weft"));
    json_array_append_new(events, track_name(TRACK_HOST, "host"));
    if (is_card)
        name_card_tracks(events, package, times, info.step_count, device);
    else
        json_array_append_new(events, track_name(TRACK_QUEUE, device));
    json_array_append_new(events, slice(TRACK_HOST, "run", 0, wall_us, json_object()));
    for (size_t i = 0; i < info.step_count; i++) {
        weft_step_info step;
        weft_package_get_step(package, schedule, i, &step);
        double start_us = (double)times[i].start_ns / 1e3, end_us = (double)times[i].end_ns / 1e3;
        double us = end_us - start_us;
        json_t *args = json_object(), *nodes = json_array();
        for (size_t k = 0; k < step.source_count; k++)
            json_array_append_new(nodes, weft_cli_json_text(step.sources[k]));
        json_object_set_new(args, "step", json_integer((json_int_t)i));
        json_object_set_new(args, "op", weft_cli_json_text(step.op));
        json_object_set_new(args, "nodes", nodes);
        json_object_set_new(args, "kernel", weft_cli_json_text(step.kernel));
        json_object_set_new(args, "tile", weft_cli_json_text(step.tile));
        json_object_set_new(args, "queued_us", json_real((double)times[i].queued_ns / 1e3));
        json_object_set_new(args, "ideal_us", weft_cli_json_real(step.ideal_ns / 1e3));
        json_object_set_new(args, "GFLOP/s", json_real(us > 0 ? (double)step.flops / us / 1e3 : 0));
        json_object_set_new(args, "bound", weft_cli_json_text(step.bound));
        int track = TRACK_QUEUE;
        if (is_card)
            track = step.descriptor_count == 0 ? TRACK_HOST : TRACK_UNIT + (int)times[i].unit;
        json_array_append_new(events, slice(track, step.name, start_us, us, args));
        if (is_card && step.descriptor_count > 0)
            add_ways(events, &times[i], step.name);
    }
    json_object_set_new(json, "traceEvents", events);
    json_object_set_new(json, "displayTimeUnit", json_string("ms"));
    json_object_set_new(other, "schema", json_string("weft.trace/1"));
    json_object_set_new(other, "version", json_string(weft_version()));
    json_object_set_new(json, "otherData", other);
    return json;
}

static void add_entry(json_t *list, const char *node, const char *name, json_t *value,
                      const char *type)
{
    json_t *json = json_object();
    json_object_set_new(json, "kind", json_string("node"));
    json_object_set_new(json, "target", weft_cli_json_text(node));
    json_object_set_new(json, "name", json_string(name));
    json_object_set_new(json, "value", value);
    json_object_set_new(json, "type", json_string(type));
    json_array_append_new(list, json);
}

json_t *weft_cli_overlay_json(const weft_package *package, size_t schedule,
                              const double *measured_us)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    json_t *json = json_object(), *metadata = json_array(), *metrics = json_array();
    for (size_t i = 0; i < info.step_count; i++) {
        weft_step_info step;
        weft_package_get_step(package, schedule, i, &step);
        for (size_t k = 0; k < step.source_count; k++) {
            const char *node = step.sources[k];
            add_entry(metadata, node, "weft step", json_integer((json_int_t)i), "int64");
            add_entry(metadata, node, "weft kernel", weft_cli_json_text(step.kernel), "string");
            add_entry(metadata, node, "weft bound", weft_cli_json_text(step.bound), "string");
            add_entry(metadata, node, "weft nodes in step",
                      json_integer((json_int_t)step.source_count), "int64");
            add_entry(metrics, node, "step us (measured)", json_real(measured_us[i]), "float64");
            add_entry(metrics, node, "step us (ideal)", weft_cli_json_real(step.ideal_ns / 1e3),
                      "float64");
        }
    }
    json_object_set_new(json, "signature", json_string("netron:attachment"));
    json_object_set_new(json, "metadata", metadata);
    json_object_set_new(json, "metrics", metrics);
    return json;
}
