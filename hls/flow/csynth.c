/* SPDX-License-Identifier: Apache-2.0 */
/* The report of high-level synthesis, csynth.xml: what one kernel is estimated to take, and the
 * clock it is estimated to reach. Only elements with text matter; the file has no attributes and no
 * entities that do. Must not know about: folders, other reports. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hls/flow/internal.h"

enum { MAX_DEPTH = 16, NUMBER_BYTES = 48 };

typedef struct slice {
    const char *at;
    size_t length;
} slice;

static bool is(slice s, const char *word)
{
    return s.length == strlen(word) && memcmp(s.at, word, s.length) == 0;
}

static slice trimmed(slice s)
{
    while (s.length > 0 && strchr(" \t\r\n", s.at[0]) != NULL && s.at[0] != '\0') {
        s.at++;
        s.length--;
    }
    while (s.length > 0 && s.at[s.length - 1] != '\0' &&
           strchr(" \t\r\n", s.at[s.length - 1]) != NULL)
        s.length--;
    return s;
}

/* NaN for "undef", "-", and anything else that is no number. */
static double number(slice s)
{
    char text[NUMBER_BYTES], *end;
    s = trimmed(s);
    if (s.length == 0 || s.length >= sizeof text ||
        (s.at[0] != '-' && (s.at[0] < '0' || s.at[0] > '9')))
        return NAN;
    memcpy(text, s.at, s.length);
    text[s.length] = '\0';
    double value = strtod(text, &end);
    return *end == '\0' && isfinite(value) ? value : NAN;
}

static const char *text_of(weft_arena *arena, slice s)
{
    s = trimmed(s);
    return s.length == 0 ? NULL : weft_arena_strndup(arena, s.at, s.length);
}

static void take_resource(flow_resources *resources, slice name, double value)
{
    if (!(value >= 0))
        return;
    if (is(name, "LUT"))
        resources->of[FLOW_LUT] = value;
    else if (is(name, "FF"))
        resources->of[FLOW_FF] = value;
    else if (is(name, "DSP") || is(name, "DSP48E"))
        resources->of[FLOW_DSP] = value;
    else if (is(name, "BRAM_18K")) /* two halves of a block RAM of 36 kbit */
        resources->of[FLOW_BRAM36] = value / 2;
    else if (is(name, "URAM"))
        resources->of[FLOW_URAM] = value;
}

/* The text of an element whose parents are path[0..depth-2]. */
static void take(weft_arena *arena, flow_csynth *report, const slice *path, int depth, slice text)
{
    slice name = path[depth - 1], parent = depth > 1 ? path[depth - 2] : (slice){"", 0};
    if (is(parent, "ReportVersion") && is(name, "Version"))
        report->version = text_of(arena, text);
    else if (is(parent, "UserAssignments") && is(name, "Part"))
        report->part = text_of(arena, text);
    else if (is(parent, "UserAssignments") && is(name, "TopModelName"))
        report->top = text_of(arena, text);
    else if (is(parent, "UserAssignments") && is(name, "TargetClockPeriod"))
        report->target_ns = number(text);
    else if (is(parent, "SummaryOfTimingAnalysis") && is(name, "EstimatedClockPeriod"))
        report->estimated_ns = number(text);
    else if (depth == 4 && is(path[1], "AreaEstimates") && is(parent, "Resources"))
        take_resource(&report->used, name, number(text));
    else if (depth == 4 && is(path[1], "AreaEstimates") && is(parent, "AvailableResources"))
        take_resource(&report->available, name, number(text));
}

static const char *find(const char *at, const char *end, char c)
{
    return at >= end ? NULL : memchr(at, c, (size_t)(end - at));
}

/* Walks the elements; text between a begin and its own end is a value. */
static bool walk(weft_arena *arena, const char *at, const char *end, flow_csynth *report)
{
    slice path[MAX_DEPTH];
    int depth = 0;
    const char *value = NULL; /* where the text of the innermost element begins */
    bool is_report = false;
    while ((at = find(at, end, '<')) != NULL) {
        const char *close = find(at, end, '>'), *tag = at + 1;
        if (close == NULL)
            break;
        if (*tag == '?' || *tag == '!') {
            value = NULL;
        } else if (*tag == '/') {
            if (depth == 0)
                return false;
            if (value != NULL)
                take(arena, report, path, depth, (slice){value, (size_t)(at - value)});
            depth--;
            value = NULL;
        } else if (close[-1] != '/') {
            slice name = {tag, 0};
            while (tag + name.length < close && strchr(" \t\r\n", tag[name.length]) == NULL)
                name.length++;
            if (depth == MAX_DEPTH)
                return false;
            path[depth++] = name;
            is_report = is_report || (depth == 1 && is(name, "profile"));
            value = close + 1;
        }
        at = close + 1;
    }
    return is_report;
}

flow_resources weft__build_no_resources(void)
{
    flow_resources none;
    for (int i = 0; i < FLOW_RESOURCE_COUNT; i++)
        none.of[i] = NAN;
    return none;
}

bool weft__build_csynth_parse(weft_arena *arena, const char *text, size_t length,
                              flow_csynth *out_report)
{
    *out_report = (flow_csynth){.target_ns = NAN,
                                .estimated_ns = NAN,
                                .used = weft__build_no_resources(),
                                .available = weft__build_no_resources()};
    return length > 0 && walk(arena, text, text + length, out_report) &&
           !isnan(out_report->used.of[FLOW_LUT]);
}
