/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates as JSON; see estimate.h. */
#include "cli/estimate.h"
#include "cli/json.h"

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *engine_json(const weft_estimate_info *info)
{
    json_t *json = json_object();
    set(json, "rows", json_integer(info->rows));
    set(json, "columns", json_integer(info->columns));
    set(json, "simd", json_integer(info->simd));
    set(json, "lanes", json_integer(info->lanes));
    set(json, "port_bytes", json_integer(info->port_bytes));
    set(json, "x_bytes", json_integer(info->x_bytes));
    set(json, "w_bytes", json_integer(info->w_bytes));
    set(json, "sums", json_integer(info->sums));
    return json;
}

static json_t *steps_json(const weft_estimate *estimate, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        weft_estimate_step step;
        weft_estimate_get_step(estimate, i, &step);
        json_t *json = json_object();
        set(json, "name", weft_cli_json_text(step.name));
        set(json, "op", weft_cli_json_text(step.op));
        set(json, "bound", weft_cli_json_text(step.bound));
        set(json, "macs", json_integer(step.macs));
        set(json, "bytes", json_integer(step.bytes));
        set(json, "cycles", weft_cli_json_real(step.cycles));
        set(json, "time_us", weft_cli_json_real(step.time_ns / 1e3));
        set(json, "share_of_peak", weft_cli_json_real(step.share_of_peak));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *numbers(const int64_t values[WEFT_CARD_RESOURCES])
{
    json_t *json = json_object();
    for (int i = 0; i < WEFT_CARD_RESOURCES; i++)
        set(json, weft_card_resource_title(i), json_integer(values[i]));
    return json;
}

static json_t *regions_json(const weft_estimate *estimate, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        weft_estimate_slr slr;
        weft_estimate_get_slr(estimate, i, &slr);
        json_t *json = json_object();
        set(json, "slr", json_integer(i));
        set(json, "engines", json_integer(slr.units));
        set(json, "used", numbers(slr.used));
        set(json, "limit", numbers(slr.limit));
        set(json, "usable", numbers(slr.usable));
        set(json, "wires", json_integer(slr.wires));
        set(json, "wire_limit", json_integer(slr.wire_limit));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *units_json(const weft_estimate *estimate, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        weft_estimate_unit unit;
        weft_estimate_get_unit(estimate, i, &unit);
        json_t *json = json_object(), *banks = json_array();
        for (int k = 0; k < 5; k++)
            json_array_append_new(banks, weft_cli_json_text(unit.banks[k]));
        set(json, "name", weft_cli_json_text(unit.name));
        set(json, "slr", json_integer(unit.slr));
        set(json, "banks", banks);
        set(json, "weights_bytes", json_integer(unit.weights_bytes));
        set(json, "arena_bytes", json_integer(unit.arena_bytes));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *ladder_json(const weft_estimate *estimate, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        weft_estimate_rung rung;
        weft_estimate_get_rung(estimate, i, &rung);
        json_t *json = json_object();
        set(json, "rows", json_integer(rung.rows));
        set(json, "columns", json_integer(rung.columns));
        set(json, "lanes", json_integer(rung.lanes));
        set(json, "port_bytes", json_integer(rung.port_bytes));
        set(json, "x_bytes", json_integer(rung.x_bytes));
        set(json, "w_bytes", json_integer(rung.w_bytes));
        set(json, "sums", json_integer(rung.sums));
        set(json, "engines", json_integer(rung.unit_count));
        set(json, "images_per_second",
            rung.images_per_second > 0 ? weft_cli_json_real(rung.images_per_second) : json_null());
        set(json, "verdict", weft_cli_json_text(rung.verdict));
        set(json, "short_of", weft_cli_json_text(rung.short_of));
        if (rung.short_of != NULL) {
            set(json, "slr", json_integer(rung.short_slr));
            set(json, "needed", json_integer(rung.needed));
            set(json, "available", json_integer(rung.available));
        }
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *vendor_json(const weft_estimate_info *info)
{
    if (info->vendor == NULL)
        return json_null();
    json_t *json = json_object();
    set(json, "engines", weft_cli_json_text(info->vendor));
    set(json, "images_per_second", weft_cli_json_real(info->vendor_images_per_second));
    set(json, "gops", weft_cli_json_real(info->vendor_gops));
    set(json, "dsp", info->vendor_dsp > 0 ? weft_cli_json_real(info->vendor_dsp) : json_null());
    set(json, "mhz", weft_cli_json_real(info->vendor_mhz));
    set(json, "our_ratio_per_dsp_mhz",
        info->vendor_ratio > 0 ? weft_cli_json_real(info->vendor_ratio) : json_null());
    return json;
}

static json_t *bounds_json(const weft_estimate *estimate)
{
    double shares[WEFT_CARD_BOUNDS];
    json_t *json = json_object();
    weft_cli_estimate_bounds(estimate, shares);
    for (int b = 0; b < WEFT_CARD_BOUNDS; b++)
        set(json, weft_cli_estimate_bound_names[b], weft_cli_json_real(shares[b]));
    return json;
}

json_t *weft_cli_estimate_json(const weft_estimator *estimator, const weft_estimate *estimate,
                               bool has_tables)
{
    weft_estimator_info model;
    weft_estimate_info info;
    weft_estimator_get_info(estimator, &model);
    weft_estimate_get_info(estimate, &info);
    json_t *json = json_object();
    set(json, "model", weft_cli_json_text(model.model));
    set(json, "board", weft_cli_json_text(info.board));
    set(json, "source", json_string("model"));
    set(json, "assumed_quantised", json_boolean(model.is_assumed));
    set(json, "macs", json_integer(model.macs));
    set(json, "engine", engine_json(&info));
    set(json, "engines", json_integer(info.unit_count));
    set(json, "clock_mhz", weft_cli_json_real(info.clock_mhz));
    set(json, "batch", json_integer(info.batch));
    set(json, "images_per_second", weft_cli_json_real(info.images_per_second));
    set(json, "limited_by", weft_cli_json_text(info.limit));
    set(json, "latency_ms", weft_cli_json_real(info.latency_ns / 1e6));
    set(json, "single_batch", json_integer(info.single_batch));
    set(json, "single_latency_ms", weft_cli_json_real(info.single_latency_ns / 1e6));
    set(json, "cycles", weft_cli_json_real(info.cycles));
    set(json, "host_ms", weft_cli_json_real(info.host_ns / 1e6));
    set(json, "launches", json_integer(info.launches));
    set(json, "dsp_used", json_integer(info.dsp_used));
    set(json, "dsp_usable", json_integer(info.dsp_usable));
    set(json, "efficiency", weft_cli_json_real(info.efficiency));
    set(json, "array_busy", weft_cli_json_real(info.array_cycles / info.cycles));
    set(json, "lanes_busy", weft_cli_json_real(info.lane_cycles / info.cycles));
    set(json, "bank_busy", weft_cli_json_real(info.bank_cycles / info.cycles));
    set(json, "bank_bytes_per_cycle", weft_cli_json_real(info.bank_bytes));
    set(json, "gops", weft_cli_json_real(info.gops));
    set(json, "bound_by", bounds_json(estimate));
    set(json, "vendor", vendor_json(&info));
    if (has_tables) {
        set(json, "steps", steps_json(estimate, info.step_count));
        set(json, "regions", regions_json(estimate, info.slr_count));
        set(json, "units", units_json(estimate, info.unit_count));
        set(json, "ladder", ladder_json(estimate, info.rung_count));
    }
    return json;
}
