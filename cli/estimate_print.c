/* SPDX-License-Identifier: Apache-2.0 */
/* Estimates as text; see estimate.h. */
#include <inttypes.h>
#include <string.h>

#include "cli/estimate.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "cli/table.h"
#include "cli/text.h"

static const char disclaimer[] =
    "all numbers are predicted by a model (docs/estimate.md); nothing was built or measured\n";

const char *weft_cli_estimate_assumption(const weft_estimator *estimator)
{
    weft_estimator_info info;
    weft_estimator_get_info(estimator, &info);
    return info.is_assumed ? "float model: taken as if quantised to 8 bits" : "";
}

static void print_vendor(FILE *out, const weft_estimate_info *info)
{
    if (info->vendor == NULL)
        return;
    fprintf(
        out,
        "vendor      %s, hand-made with a doubled DSP clock, does %.0f images/s of ResNet-50 on "
        "this card (published)",
        info->vendor, info->vendor_images_per_second);
    if (info->vendor_ratio > 0)
        fprintf(out, "; operations per DSP and MHz: this plan %.2f of theirs", info->vendor_ratio);
    fputc('\n', out);
}

static double share(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

const char *const weft_cli_estimate_bound_names[WEFT_CARD_BOUNDS] = {"array", "vector", "weights",
                                                                     "values", "latency"};

void weft_cli_estimate_bounds(const weft_estimate *estimate, double out_shares[WEFT_CARD_BOUNDS])
{
    weft_estimate_info info;
    weft_estimate_get_info(estimate, &info);
    for (size_t b = 0; b < WEFT_CARD_BOUNDS; b++)
        out_shares[b] = 0;
    for (size_t i = 0; i < info.step_count; i++) {
        weft_estimate_step step;
        weft_estimate_get_step(estimate, i, &step);
        for (size_t b = 0; b < WEFT_CARD_BOUNDS && info.cycles > 0; b++)
            out_shares[b] += step.bound_cycles[b] / info.cycles;
    }
}

/* What limits: how long each shared thing is busy, and which one the steps wait for. */
static void print_bounds(FILE *out, const weft_estimate *estimate, const weft_estimate_info *info)
{
    double shares[WEFT_CARD_BOUNDS];
    fprintf(out,
            "busy        of %.0f cycles the array %.0f %%, the lanes %.0f %%, the values' bank "
            "%.0f %% (%.1f bytes per cycle)\n",
            info->cycles, share(info->array_cycles, info->cycles),
            share(info->lane_cycles, info->cycles), share(info->bank_cycles, info->cycles),
            info->bank_bytes);
    fputs("bound by   ", out);
    weft_cli_estimate_bounds(estimate, shares);
    for (size_t b = 0; b < WEFT_CARD_BOUNDS; b++)
        fprintf(out, "%s %s %.0f %%", b == 0 ? "" : ",", weft_cli_estimate_bound_names[b],
                100 * shares[b]);
    fputs(" of the cycles\n", out);
}

static void print_head(FILE *out, const weft_estimator *estimator, const weft_estimate_info *info)
{
    weft_estimator_info model;
    char name[WEFT_CLI_NAME_TEXT];
    weft_estimator_get_info(estimator, &model);
    fputs(disclaimer, out);
    fprintf(out, "model       %s, %.1f MMAC per image on the engine, %zu of %zu steps\n",
            weft_cli_format_name(model.model, name), (double)model.macs / 1e6,
            model.step_count - model.host_step_count, model.step_count);
    if (model.is_assumed)
        fprintf(out, "assumed     %s\n", weft_cli_estimate_assumption(estimator));
    if (model.has_one_batch)
        fprintf(out, "batch       the model's shapes allow no other\n");
    fprintf(out, "board       %s (%s) at %.0f MHz\n", info->title, info->board, info->clock_mhz);
    fprintf(out,
            "engines     %d, each %d x %d x %d products per cycle, %d lanes, ports of %d bytes; "
            "buffers %" PRId64 " and %" PRId64 " KiB, %" PRId64 " sums\n",
            info->unit_count, info->rows, info->columns, info->simd, info->lanes, info->port_bytes,
            info->x_bytes / 1024, info->w_bytes / 1024, info->sums);
    fprintf(out,
            "throughput  %.1f images/s: batches of %" PRId64 " on every engine, several in flight; "
            "limited by %s\n",
            info->images_per_second, info->batch, info->limit);
    fprintf(out, "latency     %.3f ms for batch %" PRId64, info->single_latency_ns / 1e6,
            info->single_batch);
    if (info->batch != info->single_batch)
        fprintf(out, ", %.3f ms for batch %" PRId64, info->latency_ns / 1e6, info->batch);
    fprintf(out, "; %" PRId64 " launch%s\n", info->launches, info->launches == 1 ? "" : "es");
    fprintf(out,
            "DSPs        %" PRId64 " used of %" PRId64
            " usable (%.1f %%), at %.1f %% of 4 operations per DSP and cycle; %.0f GOP/s\n",
            info->dsp_used, info->dsp_usable,
            100.0 * (double)info->dsp_used / (double)(info->dsp_usable > 0 ? info->dsp_usable : 1),
            100 * info->efficiency, info->gops);
    print_vendor(out, info);
}

static void print_steps(FILE *out, const weft_estimate *estimate, const weft_estimate_info *info)
{
    weft_cli_table *table = weft_cli_table_create();
    double cycles = 0, time_ns = 0;
    weft_cli_table_add_column(table, "#", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "step", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "op", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "MMAC", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "KB", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "cycles", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "us", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "bound by", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "% peak", WEFT_CLI_RIGHT);
    for (size_t i = 0; i < info->step_count; i++) {
        weft_estimate_step step;
        weft_estimate_get_step(estimate, i, &step);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%zu", i);
        weft_cli_table_add_cell(table, "%s", step.name);
        weft_cli_table_add_cell(table, "%s", step.op);
        weft_cli_table_add_cell(table, "%.2f", (double)step.macs / 1e6);
        weft_cli_table_add_cell(table, "%.1f", (double)step.bytes / 1e3);
        if (step.is_host)
            weft_cli_table_add_cell(table, "-");
        else
            weft_cli_table_add_cell(table, "%.0f", step.cycles);
        weft_cli_table_add_cell(table, "%.2f", step.time_ns / 1e3);
        weft_cli_table_add_cell(table, "%s", step.bound);
        if (step.is_host)
            weft_cli_table_add_cell(table, "-");
        else
            weft_cli_table_add_cell(table, "%.1f", 100 * step.share_of_peak);
        cycles += step.cycles;
        time_ns += step.time_ns;
    }
    weft_cli_table_add_row(table);
    weft_cli_table_add_cell(table, " ");
    weft_cli_table_add_cell(table, "sum, batch %" PRId64 " on one engine", info->batch);
    for (int i = 0; i < 3; i++)
        weft_cli_table_add_cell(table, " ");
    weft_cli_table_add_cell(table, "%.0f", cycles);
    weft_cli_table_add_cell(table, "%.2f", time_ns / 1e3);
    fputc('\n', out);
    weft_cli_table_print(table, out);
}

static void print_regions(FILE *out, const weft_estimate *estimate, const weft_estimate_info *info)
{
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "region", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "engines", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "resource", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "used", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "limit", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "usable", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "left", WEFT_CLI_RIGHT);
    for (int i = 0; i < info->slr_count; i++) {
        weft_estimate_slr slr;
        weft_estimate_get_slr(estimate, i, &slr);
        for (int k = 0; k < WEFT_CARD_RESOURCES; k++) {
            weft_cli_table_add_row(table);
            weft_cli_table_add_cell(table, k == 0 ? "SLR%d" : " ", i);
            weft_cli_table_add_cell(table, k == 0 ? "%d" : " ", slr.units);
            weft_cli_table_add_cell(table, "%s", weft_card_resource_title(k));
            weft_cli_table_add_cell(table, "%" PRId64, slr.used[k]);
            weft_cli_table_add_cell(table, "%" PRId64, slr.limit[k]);
            weft_cli_table_add_cell(table, "%" PRId64, slr.usable[k]);
            weft_cli_table_add_cell(table, "%.0f %%",
                                    slr.limit[k] > 0
                                        ? 100.0 - 100.0 * (double)slr.used[k] / (double)slr.limit[k]
                                        : 0.0);
        }
        if (i + 1 < info->slr_count && slr.wire_limit > 0) {
            weft_cli_table_add_row(table);
            weft_cli_table_add_cell(table, " ");
            weft_cli_table_add_cell(table, " ");
            weft_cli_table_add_cell(table, "wires to SLR%d", i + 1);
            weft_cli_table_add_cell(table, "%" PRId64, slr.wires);
            weft_cli_table_add_cell(table, "%" PRId64, slr.wire_limit);
            weft_cli_table_add_cell(table, " ");
            weft_cli_table_add_cell(table, "%.0f %%",
                                    100.0 - 100.0 * (double)slr.wires / (double)slr.wire_limit);
        }
    }
    fputc('\n', out);
    weft_cli_table_print(table, out);
}

static void print_units(FILE *out, const weft_estimate *estimate, const weft_estimate_info *info)
{
    weft_cli_table *table = weft_cli_table_create();
    char bytes[WEFT_CLI_BYTES_TEXT];
    weft_cli_table_add_column(table, "engine", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "region", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "program, weights", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "holds", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "values", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "holds", WEFT_CLI_RIGHT);
    for (int i = 0; i < info->unit_count; i++) {
        weft_estimate_unit unit;
        weft_estimate_get_unit(estimate, i, &unit);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", unit.name);
        weft_cli_table_add_cell(table, "SLR%d", unit.slr);
        weft_cli_table_add_cell(table, "%s", unit.banks[1]);
        weft_cli_table_add_cell(table, "%s",
                                weft_cli_format_bytes((uint64_t)unit.weights_bytes, bytes));
        weft_cli_table_add_cell(table, "%s", unit.banks[2]);
        weft_cli_table_add_cell(table, "%s",
                                weft_cli_format_bytes((uint64_t)unit.arena_bytes, bytes));
    }
    fputc('\n', out);
    weft_cli_table_print(table, out);
}

static void print_ladder(FILE *out, const weft_estimate *estimate, const weft_estimate_info *info)
{
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "tried", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "lanes", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "port", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "buffers", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "sums", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "engines", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "images/s", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "verdict", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "one more is short of", WEFT_CLI_LEFT);
    for (size_t i = 0; i < info->rung_count; i++) {
        weft_estimate_rung rung;
        weft_estimate_get_rung(estimate, i, &rung);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%d x %d x %d", rung.rows, rung.columns, info->simd);
        weft_cli_table_add_cell(table, "%d", rung.lanes);
        weft_cli_table_add_cell(table, "%d", rung.port_bytes);
        weft_cli_table_add_cell(table, "%" PRId64 "+%" PRId64 " KiB", rung.x_bytes / 1024,
                                rung.w_bytes / 1024);
        weft_cli_table_add_cell(table, "%" PRId64, rung.sums);
        weft_cli_table_add_cell(table, "%d", rung.unit_count);
        if (rung.images_per_second > 0)
            weft_cli_table_add_cell(table, "%.1f", rung.images_per_second);
        else
            weft_cli_table_add_cell(table, "-");
        weft_cli_table_add_cell(table, "%s", rung.verdict);
        if (rung.short_of != NULL)
            weft_cli_table_add_cell(table, "%s in SLR%d: %" PRId64 " of %" PRId64, rung.short_of,
                                    rung.short_slr, rung.needed, rung.available);
        else
            weft_cli_table_add_cell(table, "nothing");
    }
    fputc('\n', out);
    weft_cli_table_print(table, out);
}

static void print_host(FILE *out, const weft_estimate *estimate, const weft_estimate_info *info)
{
    const char *before = "\nhost        ";
    for (size_t i = 0; i < info->step_count; i++) {
        weft_estimate_step step;
        char name[WEFT_CLI_NAME_TEXT];
        weft_estimate_get_step(estimate, i, &step);
        if (!step.is_host)
            continue;
        fprintf(out, "%s%s (%s, %.1f us)", before, weft_cli_format_name(step.name, name), step.op,
                step.time_ns / 1e3);
        before = ", ";
    }
    if (before[0] == ',')
        fprintf(out, ": ideal times of this machine for batch %" PRId64 "\n", info->batch);
}

void weft_cli_estimate_print(FILE *out, const weft_estimator *estimator,
                             const weft_estimate *estimate)
{
    weft_estimate_info info;
    weft_estimate_get_info(estimate, &info);
    print_head(out, estimator, &info);
    print_bounds(out, estimate, &info);
    print_steps(out, estimate, &info);
    print_regions(out, estimate, &info);
    print_units(out, estimate, &info);
    print_host(out, estimate, &info);
    print_ladder(out, estimate, &info);
    fprintf(out,
            "\nverdict     fits %s: %d engine%s, %.1f images/s, %.3f ms for batch %" PRId64 "\n",
            info.title, info.unit_count, info.unit_count == 1 ? "" : "s", info.images_per_second,
            info.single_latency_ns / 1e6, info.single_batch);
}

/* What most of the cycles wait for. */
static void add_longest_bound(weft_cli_table *table, const weft_estimate *estimate)
{
    double shares[WEFT_CARD_BOUNDS];
    int longest = 0;
    weft_cli_estimate_bounds(estimate, shares);
    for (int b = 1; b < WEFT_CARD_BOUNDS; b++)
        longest = shares[b] > shares[longest] ? b : longest;
    weft_cli_table_add_cell(table, "%s %.0f %%", weft_cli_estimate_bound_names[longest],
                            100 * shares[longest]);
}

void weft_cli_estimate_print_boards(FILE *out, const weft_estimator *estimator,
                                    weft_estimate *const *estimates, const char *const *boards,
                                    size_t count)
{
    weft_estimator_info model;
    char name[WEFT_CLI_NAME_TEXT];
    weft_cli_table *table = weft_cli_table_create();
    static const struct {
        const char *title;
        int flags;
    } columns[] = {{"board", WEFT_CLI_LEFT},       {"engines", WEFT_CLI_LEFT},
                   {"MHz", WEFT_CLI_RIGHT},        {"DSPs", WEFT_CLI_RIGHT},
                   {"% usable", WEFT_CLI_RIGHT},   {"% of 4 op", WEFT_CLI_RIGHT},
                   {"batch", WEFT_CLI_RIGHT},      {"images/s", WEFT_CLI_RIGHT},
                   {"ms batch 1", WEFT_CLI_RIGHT}, {"limited by", WEFT_CLI_LEFT},
                   {"bound by", WEFT_CLI_LEFT},    {"vendor's images/s", WEFT_CLI_RIGHT},
                   {"per DSP MHz", WEFT_CLI_RIGHT}};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        weft_cli_table_add_column(table, columns[i].title, columns[i].flags);
    for (size_t i = 0; i < count; i++) {
        weft_estimate_info info;
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", boards[i]);
        if (estimates[i] == NULL) {
            weft_cli_table_add_cell(table, "does not fit");
            continue;
        }
        weft_estimate_get_info(estimates[i], &info);
        weft_cli_table_add_cell(table, "%d x %dx%dx%d", info.unit_count, info.rows, info.columns,
                                info.simd);
        weft_cli_table_add_cell(table, "%.0f", info.clock_mhz);
        weft_cli_table_add_cell(table, "%" PRId64, info.dsp_used);
        weft_cli_table_add_cell(table, "%.1f",
                                100.0 * (double)info.dsp_used / (double)info.dsp_usable);
        weft_cli_table_add_cell(table, "%.1f", 100 * info.efficiency);
        weft_cli_table_add_cell(table, "%" PRId64, info.batch);
        weft_cli_table_add_cell(table, "%.1f", info.images_per_second);
        weft_cli_table_add_cell(table, "%.3f", info.single_latency_ns / 1e6);
        weft_cli_table_add_cell(table, "%s", info.limit);
        add_longest_bound(table, estimates[i]);
        if (info.vendor != NULL)
            weft_cli_table_add_cell(table, "%.1f", info.vendor_images_per_second);
        else
            weft_cli_table_add_cell(table, "-");
        if (info.vendor_ratio > 0)
            weft_cli_table_add_cell(table, "%.2f", info.vendor_ratio);
        else
            weft_cli_table_add_cell(table, "-");
    }
    weft_estimator_get_info(estimator, &model);
    fputs(disclaimer, out);
    fprintf(out, "model       %s, %.1f MMAC per image on the engine\n",
            weft_cli_format_name(model.model, name), (double)model.macs / 1e6);
    if (model.is_assumed)
        fprintf(out, "assumed     %s\n", weft_cli_estimate_assumption(estimator));
    fprintf(out,
            "vendor      hand-made engines with a doubled DSP clock, ResNet-50, published; last "
            "column: our operations per DSP and MHz over theirs\n\n");
    weft_cli_table_print(table, out);
}
