/* SPDX-License-Identifier: Apache-2.0 */
/* Which schedule of a package a command is about. Must not know about: data, devices. */
#ifndef WEFT_CLI_SCHEDULE_H
#define WEFT_CLI_SCHEDULE_H

#include <jansson.h>

#include "cli/cli.h"
#include "weft/package.h"

/* From --shape or --schedule; *out_is_given is false, and the schedule the first, when neither is
 * there. */
weft_status weft_cli_schedule_choose(weft_cli *cli, const weft_package *package, bool *out_is_given,
                                     size_t *out_schedule);

/* "input 1x3x224x224, mask 1x1": what a schedule takes; release with free. */
char *weft_cli_schedule_title(const weft_package *package, size_t schedule);
/* Says on stderr that the first of several was taken, and how to have another. */
void weft_cli_schedule_note_first(weft_cli *cli, const weft_package *package);

/* The schedules as a table, a row each: what each reads of the constants, and what no schedule
 * before it reads. */
void weft_cli_schedules_print(FILE *out, const weft_package *package);

#endif
