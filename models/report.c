/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error printing and name suggestions; see report.h. Knows nothing about models.
 */
#include "models/report.h"

#include <string.h>

/* Longer words are not compared: no option is near this length. */
#define MAX_WORD 63

static const struct {
    int number, exit_code;
    const char *text;
} rows[] = {
#define X(number, name, exit_code, text) {number, exit_code, text},
#include "models/errors.def"
#undef X
};

int weft_report_error(FILE *to, weft_report_id id, const char *subject, const char *why,
                      const char *advice)
{
    fprintf(to, "error[E%04d]: %s", rows[id].number, rows[id].text);
    if (subject)
        fprintf(to, ": %s", subject);
    fputc('\n', to);
    if (why)
        fprintf(to, "  why:   %s\n", why);
    if (advice)
        fprintf(to, "  try:   %s\n", advice);
    return rows[id].exit_code;
}

/* Levenshtein's distance by rows. */
static size_t edits(const char *a, const char *b)
{
    size_t row[MAX_WORD + 1];
    size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            best = diagonal + 1 < best ? diagonal + 1 : best;
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j + 1] = best;
        }
    }
    return row[length];
}

const char *weft_report_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t fewest =
        strlen(word) / 3 + 2; /* about one slip in three letters; what needs more is another word */
    if (strlen(word) > MAX_WORD)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edits(word, candidates[i]);
        if (distance < fewest) {
            fewest = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}
