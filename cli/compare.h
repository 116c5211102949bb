/* SPDX-License-Identifier: Apache-2.0 */
/* The values of two requests for the same schedule, compared into a verdict. Must not know about:
 * how the requests were made, what is printed. */
#ifndef WEFT_CLI_COMPARE_H
#define WEFT_CLI_COMPARE_H

#include "cli/engine.h"
#include "cli/verdict.h"

void weft_cli_compare_output(weft_cli_verdict *verdict, const weft_tensor_info *tensor,
                             const void *actual, const void *reference);

/* Outputs, and the result of every step; what one side does not have is counted as skipped. */
weft_status weft_cli_compare_engines(weft_cli *cli, const weft_package *package, size_t schedule,
                                     const weft_cli_engine *actual,
                                     const weft_cli_engine *reference, weft_cli_verdict *verdict);

#endif
