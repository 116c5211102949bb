/* SPDX-License-Identifier: Apache-2.0 */
/* The timing summary of a routed design, as report_timing_summary writes it, and the list of clocks
 * that the linker settled on. Must not know about: folders, other reports. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hls/flow/internal.h"

enum { LINE_BYTES = 512, MAX_FIELDS = 16 };

bool weft__build_next_line(const char **at, const char *end, const char **out_line,
                           size_t *out_length)
{
    if (*at >= end)
        return false;
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    *out_line = *at;
    *out_length = (size_t)((newline == NULL ? end : newline) - *at);
    *at = newline == NULL ? end : newline + 1;
    if (*out_length > 0 && (*out_line)[*out_length - 1] == '\r')
        --*out_length;
    return true;
}

/* A line cut into words between blanks. */
typedef struct fields {
    char text[LINE_BYTES];
    const char *words[MAX_FIELDS];
    size_t count;
} fields;

static void split(fields *out, const char *line, size_t length)
{
    size_t kept = length < sizeof out->text - 1 ? length : sizeof out->text - 1;
    char *rest = NULL;
    memcpy(out->text, line, kept);
    out->text[kept] = '\0';
    out->count = 0;
    for (char *word = strtok_r(out->text, " \t", &rest); word != NULL && out->count < MAX_FIELDS;
         word = strtok_r(NULL, " \t", &rest))
        out->words[out->count++] = word;
}

/* NaN when the word is no plain number. */
static double number(const char *word)
{
    char *end;
    if (word[strspn(word, "-.0123456789")] != '\0' || word[0] == '\0')
        return NAN;
    double value = strtod(word, &end);
    return *end == '\0' && isfinite(value) ? value : NAN;
}

typedef enum section { NO_SECTION, DESIGN_SUMMARY, CLOCK_SUMMARY, INTRA_CLOCK } section;

/* Titles of sections stand in boxes: "| Design Timing Summary". */
static section section_of(const fields *f, section current)
{
    if (f->count < 2 || strcmp(f->words[0], "|") != 0 || f->words[1][0] == '-')
        return current;
    if (f->count == 4 && strcmp(f->words[1], "Design") == 0 && strcmp(f->words[2], "Timing") == 0)
        return DESIGN_SUMMARY;
    if (f->count == 3 && strcmp(f->words[1], "Clock") == 0 && strcmp(f->words[2], "Summary") == 0)
        return CLOCK_SUMMARY;
    if (f->count == 4 && strcmp(f->words[1], "Intra") == 0 && strcmp(f->words[2], "Clock") == 0)
        return INTRA_CLOCK;
    return NO_SECTION;
}

static flow_clock_timing *clock_named(weft_arena *arena, flow_timing *timing, const char *name)
{
    for (size_t i = 0; i < timing->clock_count; i++)
        if (strcmp(timing->clocks[i].name, name) == 0)
            return &timing->clocks[i];
    if (timing->clock_count == FLOW_CLOCKS)
        return NULL;
    flow_clock_timing *clock = &timing->clocks[timing->clock_count++];
    *clock = (flow_clock_timing){weft_arena_strdup(arena, name), NAN, NAN};
    return clock;
}

/* WNS TNS failing total WHS THS ... */
static void take_summary(const fields *f, flow_timing *timing)
{
    if (f->count < 5 || !isnan(timing->slack_ns) || isnan(number(f->words[0])))
        return;
    timing->slack_ns = number(f->words[0]);
    timing->total_slack_ns = number(f->words[1]);
    timing->failing_endpoints = number(f->words[2]);
    timing->hold_slack_ns = number(f->words[4]);
}

/* NAME {0.000 1.667} PERIOD FREQUENCY */
static void take_period(weft_arena *arena, const fields *f, flow_timing *timing)
{
    size_t at = 1;
    if (f->count < 5 || f->words[1][0] != '{')
        return;
    while (at < f->count && strchr(f->words[at], '}') == NULL)
        at++;
    if (at + 2 >= f->count || isnan(number(f->words[at + 1])))
        return;
    flow_clock_timing *clock = clock_named(arena, timing, f->words[0]);
    if (clock != NULL)
        clock->period_ns = number(f->words[at + 1]);
}

/* NAME WNS TNS failing total ...; clocks without paths leave the fields empty */
static void take_slack(weft_arena *arena, const fields *f, flow_timing *timing)
{
    if (f->count < 9 || isnan(number(f->words[1])) || !isnan(number(f->words[0])))
        return;
    flow_clock_timing *clock = clock_named(arena, timing, f->words[0]);
    if (clock != NULL)
        clock->slack_ns = number(f->words[1]);
}

bool weft__build_timing_parse(weft_arena *arena, const char *text, size_t length,
                              flow_timing *out_timing)
{
    const char *at = text, *line;
    size_t line_length;
    section current = NO_SECTION;
    *out_timing = (flow_timing){
        .slack_ns = NAN, .total_slack_ns = NAN, .hold_slack_ns = NAN, .failing_endpoints = NAN};
    while (weft__build_next_line(&at, text + length, &line, &line_length)) {
        fields f;
        split(&f, line, line_length);
        current = section_of(&f, current);
        if (current == DESIGN_SUMMARY)
            take_summary(&f, out_timing);
        else if (current == CLOCK_SUMMARY)
            take_period(arena, &f, out_timing);
        else if (current == INTRA_CLOCK)
            take_slack(arena, &f, out_timing);
    }
    return !isnan(out_timing->slack_ns);
}

double weft__build_new_clock_parse(const char *text, size_t length)
{
    const char *at = text, *line;
    size_t line_length;
    while (weft__build_next_line(&at, text + length, &line, &line_length)) {
        char copy[LINE_BYTES], *rest = copy;
        size_t kept = line_length < sizeof copy - 1 ? line_length : sizeof copy - 1;
        memcpy(copy, line, kept);
        copy[kept] = '\0';
        const char *kind = strtok_r(rest, ":", &rest), *index = strtok_r(NULL, ":", &rest);
        const char *name = strtok_r(NULL, ":", &rest), *clock = strtok_r(NULL, ": \t", &rest);
        if (name != NULL && clock != NULL && strcmp(kind, "kernel") == 0 && strcmp(index, "0") == 0)
            return number(clock);
    }
    return NAN;
}
