/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries of samples. Must not know about: what was measured. */
#ifndef WEFT_CLI_STATS_H
#define WEFT_CLI_STATS_H

#include <stddef.h>

typedef struct weft_cli_stats {
    size_t count;
    double mean, median, min, max, p90, p95, p99;
    double spread; /* interquartile range / median: how far the middle half of the samples lies
                      apart */
} weft_cli_stats;

/* Percentile q (0 to 1) of ascending samples, interpolated linearly between the two nearest. */
double weft_cli_stats_percentile(const double *sorted, size_t count, double q);
/* Zeros when count is 0. */
weft_cli_stats weft_cli_stats_of(const double *samples, size_t count);

#endif
