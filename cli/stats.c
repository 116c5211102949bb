/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries of samples. Must not know about: what was measured. */
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/stats.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double weft_cli_stats_percentile(const double *sorted, size_t count, double q)
{
    if (count == 0)
        return 0;
    double position = q * (double)(count - 1);
    size_t below = (size_t)position;
    size_t above = below + 1 < count ? below + 1 : below;
    double part = position - (double)below;
    return sorted[below] + (sorted[above] - sorted[below]) * part;
}

weft_cli_stats weft_cli_stats_of(const double *samples, size_t count)
{
    weft_cli_stats stats = {.count = count};
    if (count == 0)
        return stats;
    double *sorted = weft_cli_alloc_array(count, sizeof *sorted);
    memcpy(sorted, samples, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += sorted[i];
    stats.mean = sum / (double)count;
    stats.min = sorted[0];
    stats.max = sorted[count - 1];
    stats.median = weft_cli_stats_percentile(sorted, count, 0.5);
    stats.p90 = weft_cli_stats_percentile(sorted, count, 0.90);
    stats.p95 = weft_cli_stats_percentile(sorted, count, 0.95);
    stats.p99 = weft_cli_stats_percentile(sorted, count, 0.99);
    double middle = weft_cli_stats_percentile(sorted, count, 0.75) -
                    weft_cli_stats_percentile(sorted, count, 0.25);
    stats.spread = stats.median > 0 ? middle / stats.median : 0;
    free(sorted);
    return stats;
}
