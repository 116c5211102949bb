/* SPDX-License-Identifier: Apache-2.0 */
/* weft verify over every schedule of a package; see verify_every.h. */
#include "cli/verify_every.h"

#include <math.h>
#include <stdlib.h>

#include "cli/compare.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/report.h"
#include "cli/schedule.h"
#include "cli/table.h"
#include "cli/text.h"

typedef struct every {
    weft_package *package;
    size_t count;
    weft_cli_engine actual, reference;
    weft_cli_verdict *verdicts; /* per schedule */
    json_t *list;               /* of the answer; NULL: text */
} every;

static weft_status load(weft_cli *cli, every *e)
{
    weft_session_params params = weft_cli_session_params(cli, WEFT_EVERY_SCHEDULE);
    params.keep_values = true;
    weft_cli_progress(cli, 1, (int)e->count + 1, "load every schedule");
    weft_status status = weft_cli_engine_create(cli, e->package, &params, &e->actual);
    if (status == WEFT_OK) {
        params.backend = weft_cli_args_text(&cli->args, "reference", "ref");
        params.device = 0;
        status = weft_cli_engine_create(cli, e->package, &params, &e->reference);
    }
    weft_cli_report_flush(cli);
    return status;
}

static weft_status run_schedule(weft_cli *cli, every *e, size_t schedule,
                                const weft_cli_inputs *inputs)
{
    weft_cli_engine *const engines[] = {&e->actual, &e->reference};
    weft_status status = WEFT_OK;
    for (size_t i = 0; status == WEFT_OK && i < sizeof engines / sizeof engines[0]; i++) {
        status = weft_cli_engine_switch(cli, engines[i], schedule);
        if (status != WEFT_OK)
            break;
        weft_cli_engine_set_inputs(engines[i], inputs);
        status = weft_request_run(engines[i]->request, 0, cli->diag);
    }
    return status;
}

/* The table of steps stands under a line that says whose it is. */
static void print_layers(weft_cli *cli, const every *e, size_t schedule)
{
    char *title = weft_cli_schedule_title(e->package, schedule);
    weft_cli_progress_end(cli);
    fprintf(cli->out, "schedule %zu: %s\n", schedule, title);
    weft_cli_verdict_print(cli->out, &e->verdicts[schedule], true);
    fputc('\n', cli->out);
    free(title);
}

static weft_status verify_schedule(weft_cli *cli, every *e, size_t schedule)
{
    weft_cli_inputs inputs = {0};
    weft_cli_verdict *verdict = &e->verdicts[schedule];
    char *title = weft_cli_schedule_title(e->package, schedule);
    weft_cli_progress(cli, (int)schedule + 2, (int)e->count + 1, title);
    free(title);
    weft_status status = weft_cli_inputs_load_for(cli, e->package, schedule, true, &inputs);
    if (status == WEFT_OK)
        status = run_schedule(cli, e, schedule, &inputs);
    if (status == WEFT_OK)
        status =
            weft_cli_compare_engines(cli, e->package, schedule, &e->actual, &e->reference, verdict);
    if (status == WEFT_OK) {
        verdict->actual = weft_cli_engine_describe(&e->actual);
        verdict->reference = weft_cli_engine_describe(&e->reference);
        if (e->list != NULL)
            json_array_append_new(e->list,
                                  weft_cli_verdict_json(verdict, cli->args.operands[0], &inputs));
        else if (weft_cli_args_has(&cli->args, "layers"))
            print_layers(cli, e, schedule);
    }
    weft_cli_inputs_finish(&inputs);
    return status;
}

static void print_lines(weft_cli *cli, const every *e)
{
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "schedule", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "inputs", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "compared", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "relative", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "", WEFT_CLI_LEFT);
    for (size_t s = 0; s < e->count; s++) {
        const weft_cli_verdict *verdict = &e->verdicts[s];
        char *title = weft_cli_schedule_title(e->package, s);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%zu", s);
        weft_cli_table_add_cell(table, "%s", title);
        weft_cli_table_add_cell(table, "%zu", verdict->count);
        weft_cli_table_add_cell(table, "%.3g", weft_cli_verdict_needed(verdict));
        if (weft_cli_verdict_passes(verdict))
            weft_cli_table_add_cell(table, "passed");
        else if (weft_cli_verdict_first_over(verdict) >= 0)
            weft_cli_table_add_cell(table, "FAILED at step %ld; --schedule %zu shows more",
                                    weft_cli_verdict_first_over(verdict), s);
        else
            weft_cli_table_add_cell(table, "FAILED; --schedule %zu shows more", s);
        free(title);
    }
    fprintf(cli->out, "%s\nagainst %s\n", e->verdicts[0].actual, e->verdicts[0].reference);
    weft_cli_table_print(table, cli->out);
}

static weft_status report(weft_cli *cli, every *e, double tolerance)
{
    double needed = 0;
    size_t passed = 0;
    for (size_t s = 0; s < e->count; s++) {
        double one = weft_cli_verdict_needed(&e->verdicts[s]);
        needed = one > needed ? one : needed;
        passed += weft_cli_verdict_passes(&e->verdicts[s]);
    }
    bool is_good = passed == e->count;
    if (e->list != NULL) {
        json_t *json = weft_cli_json_create("weft.verify/1");
        json_object_set_new(json, "package", weft_cli_json_text(cli->args.operands[0]));
        json_object_set_new(json, "passed", json_boolean(is_good));
        json_object_set_new(json, "tolerance", json_real(tolerance));
        json_object_set_new(json, "tolerance_needed", weft_cli_json_real(needed));
        json_object_set(json, "schedules", e->list);
        weft_cli_json_print(json, cli->out);
    } else {
        print_lines(cli, e);
        fprintf(cli->out, "%zu of %zu schedules passed\ntolerance needed %.2g, given %.2g\n%s\n",
                passed, e->count, weft_cli_verdict_round_up(needed), tolerance,
                is_good ? "PASSED" : "FAILED");
    }
    return is_good ? WEFT_OK : WEFT_MISMATCH;
}

weft_status weft_cli_verify_every(weft_cli *cli, weft_package *package, double tolerance)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    every e = {.package = package,
               .count = info.schedule_count,
               .verdicts = weft_cli_alloc_array(info.schedule_count, sizeof *e.verdicts),
               .list = cli->is_json ? json_array() : NULL};
    weft_status status = load(cli, &e);
    for (size_t s = 0; s < e.count; s++)
        e.verdicts[s].tolerance = tolerance;
    for (size_t s = 0; status == WEFT_OK && s < e.count; s++)
        status = verify_schedule(cli, &e, s);
    weft_cli_progress_end(cli);
    if (status == WEFT_OK)
        status = report(cli, &e, tolerance);
    for (size_t s = 0; s < e.count; s++)
        weft_cli_verdict_finish(&e.verdicts[s]);
    weft_cli_engine_finish(&e.actual);
    weft_cli_engine_finish(&e.reference);
    json_decref(e.list);
    free(e.verdicts);
    return status;
}
