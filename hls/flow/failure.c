/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of a step means: the line of its log that names the cause, why it happens, and a
 * command to go on with. Must not know about: how anything is run. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hls/flow/internal.h"

enum {
    LOG_BYTES = 8 * 1024 * 1024, /* of its end: place and route write about a tenth of it */
    LAST_LINES = 12,
    LINE_BYTES = 1024,
    SHORTAGES = 6, /* that are told: the same one is reported for several regions */
    SHELL_KILLED = 128 + SIGKILL
};

typedef struct pattern {
    const char *text;
    weft_error_id id;
} pattern;
#define WEFT_FAILURE(text, error) {text, WEFT_E_BUILD_##error},
static const pattern patterns[] = {
#include "hls/flow/failures.def"
};
#undef WEFT_FAILURE
enum { PATTERN_COUNT = sizeof patterns / sizeof patterns[0] };

static bool holds(const char *line, size_t length, const char *text)
{
    size_t wanted = strlen(text);
    for (size_t i = 0; i + wanted <= length; i++)
        if (memcmp(line + i, text, wanted) == 0)
            return true;
    return false;
}

int weft__build_failure_rank(const char *line, size_t length)
{
    for (int i = 0; i < PATTERN_COUNT; i++)
        if (holds(line, length, patterns[i].text))
            return i;
    return -1;
}

/* ---- the log ---- */

typedef struct cause {
    int rank; /* PATTERN_COUNT: none found */
    const char *line;
    const char *slacks;    /* "system clock: x; slack: -0.024 ns", joined */
    double worst_slack_ns; /* NaN: none named */
    const char *platforms; /* the installed ones, joined */
    const char *shortages; /* "DSP: 9100 needed, 9024 there", joined */
    size_t shortage_count;
} cause;

static const char *join(weft_arena *arena, const char *list, const char *item)
{
    return list == NULL ? item : weft_arena_printf(arena, "%s, %s", list, item);
}

/* "	/opt/xilinx/platforms/x/x.xpfm" -> "x" */
static const char *platform_name(weft_arena *arena, const char *line)
{
    const char *ending = strstr(line, ".xpfm");
    if (ending == NULL)
        return NULL;
    const char *first = ending;
    while (first > line && first[-1] != '/' && first[-1] != ' ' && first[-1] != '\t')
        first--;
    return weft_arena_strndup(arena, first, (size_t)(ending - first));
}

/* "This design requires more DSP cells than are available in Pblock 'x'. This design requires 9100
 * of such cell types but only 9024 compatible sites are available in Pblock 'x'." */
static const char *shortage_of(weft_arena *arena, const char *line)
{
    static const char more[] = "requires more ", cells[] = " cells than are available in ",
                      needs[] = "This design requires ", only[] = "but only ";
    const char *name = strstr(line, more), *end = name == NULL ? NULL : strstr(name, cells);
    const char *needed = end == NULL ? NULL : strstr(end, needs);
    const char *there = needed == NULL ? NULL : strstr(needed, only);
    if (there == NULL)
        return NULL;
    name += strlen(more);
    needed += strlen(needs);
    there += strlen(only);
    const char *where = end + strlen(cells);
    return weft_arena_printf(arena, "%.*s: %.*s needed, %.*s in %.*s", (int)(end - name), name,
                             (int)strspn(needed, "0123456789"), needed,
                             (int)strspn(there, "0123456789"), there, (int)strcspn(where, ".)"),
                             where);
}

static void read_line(weft_arena *arena, cause *found, const char *line)
{
    int rank = weft__build_failure_rank(line, strlen(line));
    if (rank >= 0 && rank < found->rank) {
        found->rank = rank;
        found->line = weft_arena_strdup(arena, line);
    }
    const char *slack = strstr(line, "; slack: ");
    if (slack != NULL && found->line != NULL) {
        double value = strtod(slack + strlen("; slack: "), NULL);
        found->slacks = join(arena, found->slacks, weft_arena_strdup(arena, line));
        if (isfinite(value) && !(found->worst_slack_ns <= value))
            found->worst_slack_ns = value;
    }
    const char *shortage = shortage_of(arena, line);
    if (shortage != NULL && found->shortage_count < SHORTAGES &&
        (found->shortages == NULL || strstr(found->shortages, shortage) == NULL)) {
        found->shortages = join(arena, found->shortages, shortage);
        found->shortage_count++;
    }
    const char *platform = platform_name(arena, line);
    if (platform != NULL && found->rank < PATTERN_COUNT)
        found->platforms = join(arena, found->platforms, platform);
}

static cause search_log(weft_arena *arena, const char *log)
{
    cause found = {.rank = PATTERN_COUNT, .worst_slack_ns = NAN};
    const char *at = log, *end = log + strlen(log), *line;
    size_t length;
    while (weft__build_next_line(&at, end, &line, &length)) {
        char copy[LINE_BYTES];
        size_t kept = length < sizeof copy - 1 ? length : sizeof copy - 1;
        memcpy(copy, line, kept);
        copy[kept] = '\0';
        read_line(arena, &found, copy);
    }
    return found;
}

static const char *last_lines(weft_arena *arena, const char *log)
{
    size_t length = strlen(log), lines = 0;
    while (length > 0 && (log[length - 1] == '\n' || log[length - 1] == '\r'))
        length--;
    size_t first = length;
    while (first > 0 && (log[first - 1] != '\n' || ++lines < LAST_LINES))
        first--;
    return weft_arena_strndup(arena, log + first, length - first);
}

/* ---- the next rung ---- */

/* The clock at which the worst path would fit, 2 % below, in steps of 5 MHz. */
static double lower_clock(double asked_mhz, double slack_ns)
{
    double fits = isnan(slack_ns) ? asked_mhz * 0.9 : 1000 / (1000 / asked_mhz - slack_ns) * 0.98;
    double rounded = floor(fits / 5) * 5;
    return rounded < asked_mhz ? rounded : floor((asked_mhz - 1) / 5) * 5;
}

static const char *build_command(const weft_flow *flow, const char *more)
{
    return weft_arena_printf(flow->arena, "weft build %s --target %s -o %s%s%s",
                             flow->params.package, weft_flow_target_name(flow->params.target),
                             flow->output, more[0] == '\0' ? "" : " ", more);
}

/* The planner takes the next rung of its ladder when the board offers less. */
static const char *smaller_plan(const weft_flow *flow)
{
    return weft_arena_printf(
        flow->arena,
        "a smaller plan: copy hls/boards/%s.json, lower its limits (docs/boards.md), then weft "
        "compile MODEL.onnx --board ./lower.json -o %s; weft estimate shows the ladder",
        flow->design.card->board, flow->params.package);
}

static const char *next_rung(const weft_flow *flow, weft_error_id id, const cause *found)
{
    weft_arena *arena = flow->arena;
    switch (id) {
    case WEFT_E_BUILD_TIMING:
    case WEFT_E_BUILD_ROUTING:
        return build_command(
            flow,
            weft_arena_printf(arena, "--clock %s",
                              weft__build_megahertz(arena, lower_clock(flow->design.clock_mhz,
                                                                       found->worst_slack_ns))));
    case WEFT_E_BUILD_RESOURCES:
    case WEFT_E_BUILD_PLACEMENT: return smaller_plan(flow);
    case WEFT_E_BUILD_MEMORY: return build_command(flow, "--jobs 1");
    case WEFT_E_BUILD_PLATFORM:
        return found->platforms != NULL
                   ? build_command(flow, "--platform NAME, with one of the installed platforms")
                   : "install the card's development platform, or set PLATFORM_REPO_PATHS to the "
                     "folder that holds it";
    case WEFT_E_BUILD_LICENSE:
        return "set XILINXD_LICENSE_FILE to a licence file or PORT@SERVER, then the same command "
               "again: it goes on at this step";
    case WEFT_E_BUILD_DISK:
        return weft_arena_printf(arena, "free space for %s, or --work on another disk", flow->work);
    case WEFT_E_BUILD_CRASH: return "the same command again: it goes on at this step";
    default: return "read the log; the same command again goes on at this step";
    }
}

static const char *reason(const weft_flow *flow, weft_error_id id, const cause *found,
                          const flow_outcome *outcome)
{
    weft_arena *arena = flow->arena;
    const char *end = outcome->end == FLOW_END_SIGNAL
                          ? weft_arena_printf(arena, "it was ended by signal %d", outcome->code)
                          : weft_arena_printf(arena, "it ended with code %d", outcome->code);
    switch (id) {
    case WEFT_E_BUILD_TIMING:
        return found->slacks == NULL
                   ? "a clock that the linker may not lower misses its period"
                   : weft_arena_printf(arena,
                                       "a clock that the linker may not lower misses its "
                                       "period: %s",
                                       found->slacks);
    case WEFT_E_BUILD_RESOURCES: return found->shortages;
    case WEFT_E_BUILD_MEMORY:
        return "the system ended a program to get memory back: place and route of a large card "
               "take tens of gigabytes";
    case WEFT_E_BUILD_PLATFORM:
        return found->platforms == NULL
                   ? "no platform is installed where v++ looks"
                   : weft_arena_printf(arena, "installed are: %s", found->platforms);
    case WEFT_E_BUILD_CRASH:
        return weft_arena_printf(arena, "a program of the tool crashed; %s", end);
    case WEFT_E_BUILD_TOOL_FAILED: return end;
    default: return NULL;
    }
}

static const char *summary_of(const weft_flow *flow, weft_error_id id, const flow_step *step)
{
    const char *board = flow->design.card->board;
    weft_arena *arena = flow->arena;
    switch (id) {
    case WEFT_E_BUILD_LICENSE: return "the vendor's tool has no licence for this device";
    case WEFT_E_BUILD_PLATFORM:
        return weft_arena_printf(arena, "platform %s is not installed", flow->design.platform);
    case WEFT_E_BUILD_DISK: return "the disk is full";
    case WEFT_E_BUILD_RESOURCES:
        return weft_arena_printf(arena, "the design takes more than %s has", board);
    case WEFT_E_BUILD_TIMING:
        return weft_arena_printf(arena, "the design misses its timing at %s MHz",
                                 weft__build_megahertz(arena, flow->design.clock_mhz));
    case WEFT_E_BUILD_PLACEMENT:
        return weft_arena_printf(arena, "the design cannot be placed on %s", board);
    case WEFT_E_BUILD_ROUTING:
        return weft_arena_printf(arena, "the design cannot be routed on %s", board);
    case WEFT_E_BUILD_MEMORY:
        return weft_arena_printf(arena, "step %s ran out of memory", step->name);
    case WEFT_E_BUILD_CRASH: return weft_arena_printf(arena, "step %s crashed", step->name);
    case WEFT_E_BUILD_SYNTHESIS: return "high-level synthesis refused the kernel";
    default: return weft_arena_printf(arena, "step %s failed", step->name);
    }
}

/* A killed program leaves no line of its own. */
static weft_error_id error_of(const cause *found, const flow_outcome *outcome)
{
    weft_error_id id =
        found->rank < PATTERN_COUNT ? patterns[found->rank].id : WEFT_E_BUILD_TOOL_FAILED;
    if (id != WEFT_E_BUILD_TOOL_FAILED)
        return id;
    bool is_killed = (outcome->end == FLOW_END_SIGNAL && outcome->code == SIGKILL) ||
                     (outcome->end == FLOW_END_EXIT && outcome->code == SHELL_KILLED);
    return is_killed                         ? WEFT_E_BUILD_MEMORY
           : outcome->end == FLOW_END_SIGNAL ? WEFT_E_BUILD_CRASH
                                             : WEFT_E_BUILD_TOOL_FAILED;
}

static weft_status never_started(weft_flow *flow, const flow_step *step, int error, weft_diag *diag)
{
    char text[256];
    if (strerror_r(error, text, sizeof text) != 0)
        snprintf(text, sizeof text, "system error %d", error);
    weft_status status =
        weft_diag_error(diag, WEFT_E_BUILD_START, "step %s cannot be started", step->name);
    weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", step->words[0]);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", text);
    flow->failure = (flow_failure){
        .id = weft_arena_printf(flow->arena, "E%04d", (int)WEFT_E_BUILD_START),
        .step = step->name,
        .summary = weft_arena_printf(flow->arena, "step %s cannot be started", step->name),
        .why = weft_arena_strdup(flow->arena, text)};
    return status;
}

weft_status weft__build_explain(weft_flow *flow, const flow_step *step, const flow_outcome *outcome,
                                weft_diag *diag)
{
    if (outcome->end == FLOW_END_START)
        return never_started(flow, step, outcome->code, diag);
    const char *path = weft__build_path(flow, step->log);
    const char *log = weft__build_read_text(flow->arena, path, LOG_BYTES);
    cause found = search_log(flow->arena, log);
    weft_error_id id = error_of(&found, outcome);
    flow->last_lines = last_lines(flow->arena, log);
    flow->failure = (flow_failure){.id = weft_arena_printf(flow->arena, "E%04d", (int)id),
                                   .step = step->name,
                                   .summary = summary_of(flow, id, step),
                                   .line = found.line,
                                   .why = reason(flow, id, &found, outcome),
                                   .next = next_rung(flow, id, &found)};
    weft_status status = weft_diag_error(diag, id, "%s", flow->failure.summary);
    weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", path);
    if (found.line != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", found.line);
    if (flow->failure.why != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", flow->failure.why);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s", flow->failure.next);
    return status;
}
