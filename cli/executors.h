/* SPDX-License-Identifier: Apache-2.0 */
/* The same package with the same inputs on several backends, each value kept. Must not know about:
 * what is compared, what is printed. */
#ifndef WEFT_CLI_EXECUTORS_H
#define WEFT_CLI_EXECUTORS_H

#include "cli/engine.h"

enum { WEFT_CLI_MAX_EXECUTORS = 8 };

typedef struct weft_cli_executors {
    size_t count; /* those that ran */
    struct weft_cli_executor {
        char *backend, *description;
        weft_cli_engine engine;
        /* What it computed, per value of the schedule, when its engine was closed: a card is one
         * session's at a time. NULL: the engine is open. */
        void **kept;
        size_t kept_count;
    } items[WEFT_CLI_MAX_EXECUTORS];
    size_t skipped_count;
    struct weft_cli_skipped_executor {
        char *backend, *why;
    } skipped[WEFT_CLI_MAX_EXECUTORS];
} weft_cli_executors;

/* Runs each backend of the list, "all" or names with commas. With "all" a backend that has no
 * usable device here, or that the package has nothing for, is skipped and named; a backend that the
 * list names must run. The caller owns out_executors, also after a failure. */
weft_status weft_cli_executors_run(weft_cli *cli, weft_package *package, const char *list,
                                   const weft_cli_inputs *inputs,
                                   weft_cli_executors *out_executors);
/* A value as the executor computed it. False: it has none. */
bool weft_cli_executor_read(const struct weft_cli_executor *executor, size_t value, void *out,
                            size_t bytes);
/* One whose engine is open; the last one always is. */
const struct weft_cli_executor *weft_cli_executors_open(const weft_cli_executors *executors);
void weft_cli_executors_finish(weft_cli_executors *executors);

#endif
