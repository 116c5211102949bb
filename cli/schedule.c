/* SPDX-License-Identifier: Apache-2.0 */
/* Which schedule of a package a command is about; see schedule.h. */
#include <stdlib.h>

#include "cli/memory.h"
#include "cli/name.h"
#include "cli/report.h"
#include "cli/schedule.h"
#include "cli/shape.h"
#include "cli/table.h"
#include "cli/text.h"

static weft_status by_number(weft_cli *cli, const weft_package *package, size_t *out_schedule)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    size_t asked = (size_t)weft_cli_args_int(&cli->args, "schedule", 0);
    if (asked < info.schedule_count) {
        *out_schedule = asked;
        return WEFT_OK;
    }
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_SCHEDULE, "the package has no schedule %zu", asked);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "0 to %zu", info.schedule_count - 1);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft inspect %s", cli->args.operands[0]);
    return status;
}

weft_status weft_cli_schedule_choose(weft_cli *cli, const weft_package *package, bool *out_is_given,
                                     size_t *out_schedule)
{
    bool has_shape = weft_cli_args_has(&cli->args, "shape");
    *out_is_given = has_shape || weft_cli_args_has(&cli->args, "schedule");
    *out_schedule = 0;
    if (has_shape && weft_cli_args_has(&cli->args, "schedule"))
        return weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                              "--shape and --schedule exclude each other");
    if (!has_shape)
        return *out_is_given ? by_number(cli, package, out_schedule) : WEFT_OK;
    weft_cli_shapes shapes;
    weft_status status = weft_cli_shapes_parse_one(cli, &shapes);
    if (status == WEFT_OK)
        status = weft_package_find_schedule(package, shapes.items, shapes.input_count, cli->diag,
                                            out_schedule);
    weft_cli_shapes_finish(&shapes);
    return status;
}

char *weft_cli_schedule_title(const weft_package *package, size_t schedule)
{
    weft_schedule_info info;
    char *title = weft_cli_strdup("");
    weft_package_get_schedule(package, schedule, &info);
    for (size_t i = 0; i < info.input_count; i++) {
        weft_tensor_info tensor;
        char name[WEFT_CLI_NAME_TEXT], shape[WEFT_CLI_SHAPE_TEXT];
        weft_package_get_input(package, schedule, i, &tensor);
        char *longer = weft_cli_printf("%s%s%s %s", title, i == 0 ? "" : ", ",
                                       weft_cli_format_name(tensor.name, name),
                                       weft_cli_format_shape(tensor.rank, tensor.dims, shape));
        free(title);
        title = longer;
    }
    return title;
}

void weft_cli_schedule_note_first(weft_cli *cli, const weft_package *package)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    if (info.schedule_count < 2)
        return;
    char *title = weft_cli_schedule_title(package, 0);
    weft_cli_note(&cli->errors, WEFT_SEVERITY_NOTE,
                  "the first of %zu schedules, %s; --shape chooses another", info.schedule_count,
                  title);
    free(title);
}

/* Cycles of the card's engine, predicted. */
static int64_t cycles_of(const weft_package *package, size_t schedule, size_t steps)
{
    int64_t cycles = 0;
    for (size_t i = 0; i < steps; i++) {
        weft_step_info step;
        weft_package_get_step(package, schedule, i, &step);
        cycles += step.cycles;
    }
    return cycles;
}

void weft_cli_schedules_print(FILE *out, const weft_package *package)
{
    static const char *const titles[] = {"schedule", "inputs", "steps",     "MMAC",
                                         "arena",    "reads",  "of its own"};
    weft_package_info info;
    weft_package_card card;
    weft_package_get_info(package, &info);
    weft_package_get_card(package, &card);
    weft_cli_table *table = weft_cli_table_create();
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        weft_cli_table_add_column(table, titles[i], i == 1 ? WEFT_CLI_LEFT : WEFT_CLI_RIGHT);
    if (card.board != NULL)
        weft_cli_table_add_column(table, "predicted ms", WEFT_CLI_RIGHT);
    for (size_t s = 0; s < info.schedule_count; s++) {
        weft_schedule_info schedule;
        char arena[WEFT_CLI_BYTES_TEXT], reads[WEFT_CLI_BYTES_TEXT], own[WEFT_CLI_BYTES_TEXT];
        weft_package_get_schedule(package, s, &schedule);
        char *title = weft_cli_schedule_title(package, s);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%zu", s);
        weft_cli_table_add_cell(table, "%s", title);
        weft_cli_table_add_cell(table, "%zu", schedule.step_count);
        weft_cli_table_add_cell(table, "%.1f", (double)schedule.macs / 1e6);
        weft_cli_table_add_cell(table, "%s", weft_cli_format_bytes(schedule.arena_bytes, arena));
        weft_cli_table_add_cell(table, "%s", weft_cli_format_bytes(schedule.constant_bytes, reads));
        weft_cli_table_add_cell(table, "%s", weft_cli_format_bytes(schedule.own_bytes, own));
        if (card.board != NULL)
            weft_cli_table_add_cell(table, "%.3f",
                                    (double)cycles_of(package, s, schedule.step_count) /
                                        card.clock_mhz / 1e3);
        free(title);
    }
    weft_cli_table_print(table, out);
}
