/* SPDX-License-Identifier: Apache-2.0 */
/* The steps, one after the other: kept when nothing has changed, else run with a log of their own;
 * then the output, and the report beside it. Must not know about: what reports say. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hls/flow/internal.h"

enum { PHASE_BYTES = 160, TAIL_BYTES = 4096 };

const char *weft_flow_state_name(weft_flow_state state)
{
    static const char *const names[WEFT_FLOW_STATE_COUNT] = {"waiting", "running", "kept", "done",
                                                             "failed"};
    return (unsigned)state < WEFT_FLOW_STATE_COUNT ? names[state] : NULL;
}

/* ---- keys ---- */

/* Everything that the step's result depends on. The place of the tool and the number of processes
 * do not count. */
static flow_hash key_of(const weft_flow *flow, const flow_step *step)
{
    weft_text text;
    weft_text_init(&text, flow->arena);
    weft_text_printf(&text, "weft.flow/1\n%s\n", step->is_tool ? flow->tool_text : step->words[0]);
    for (size_t i = 1; i < step->word_count; i++) {
        if (strcmp(step->words[i], "--jobs") == 0) {
            i++;
            continue;
        }
        weft_text_printf(&text, "%s\n", step->words[i]);
    }
    for (size_t i = 0; i < step->input_count; i++)
        weft_text_printf(&text, "%s %s\n", step->inputs[i],
                         weft__build_hash_file(weft__build_path(flow, step->inputs[i])).text);
    return weft__build_hash_bytes(text.data, text.length);
}

static bool is_kept(const weft_flow *flow, const flow_step *step, const flow_hash *key,
                    flow_record *out_record)
{
    *out_record = weft__build_state_get(flow->work, step->name);
    if (strcmp(out_record->key.text, key->text) != 0)
        return false;
    flow_hash output = weft__build_hash_file(weft__build_path(flow, step->output));
    return output.text[0] != '\0' && strcmp(output.text, out_record->output.text) == 0;
}

/* ---- one step ---- */

typedef struct watcher {
    weft_flow *flow;
    size_t step;
    int log;
    off_t seen; /* bytes of the log that were looked at */
    char phase[PHASE_BYTES];
} watcher;

static void say(const watcher *w, weft_flow_state state, double seconds)
{
    const weft_flow *flow = w->flow;
    weft_flow_progress progress = {.step = w->step,
                                   .step_count = flow->step_count,
                                   .title = flow->steps[w->step].title,
                                   .phase = w->phase,
                                   .state = state,
                                   .seconds = seconds};
    if (flow->params.progress != NULL)
        flow->params.progress(flow->params.user, &progress);
}

/* "[17:20:19] Starting logic placement.." -> "Starting logic placement" */
static void take_phase(watcher *w, const char *line, size_t length)
{
    size_t from = 11;
    if (length <= from || line[0] != '[' || line[3] != ':' || line[6] != ':' || line[9] != ']')
        return;
    while (length > from && (line[length - 1] == '.' || line[length - 1] == ' '))
        length--;
    size_t kept = length - from < sizeof w->phase - 1 ? length - from : sizeof w->phase - 1;
    for (size_t i = 0; i < kept; i++) { /* may go to a terminal */
        char c = line[from + i];
        w->phase[i] = '?';
        if (c >= ' ' && c <= '~')
            w->phase[i] = c;
    }
    w->phase[kept] = '\0';
}

/* Whole lines that the log has got since the last look. */
static void look_at_log(watcher *w)
{
    char tail[TAIL_BYTES];
    struct stat info;
    if (fstat(w->log, &info) != 0)
        return;
    if (info.st_size - w->seen > TAIL_BYTES)
        w->seen = info.st_size - TAIL_BYTES;
    ssize_t length = pread(w->log, tail, sizeof tail, w->seen);
    const char *at = tail, *line;
    size_t line_length;
    while (length > 0 && tail[length - 1] != '\n')
        length--;
    while (length > 0 && weft__build_next_line(&at, tail + length, &line, &line_length))
        take_phase(w, line, line_length);
    w->seen += length > 0 ? length : 0;
}

static bool tick(void *user, double seconds)
{
    watcher *w = user;
    look_at_log(w);
    say(w, WEFT_FLOW_RUNNING, seconds);
    return w->flow->params.should_stop == NULL ||
           !w->flow->params.should_stop(w->flow->params.user);
}

static weft_status prepare(const weft_flow *flow, const flow_step *step, weft_diag *diag,
                           int *out_log)
{
    const char *path = weft__build_path(flow, step->log);
    unlink(weft__build_path(flow, step->output)); /* an old one must not pass for a new one */
    if (step->folder != NULL) {
        const char *folder = weft__build_path(flow, step->folder);
        if (!weft__build_remove_folder(folder) || mkdir(folder, 0777) != 0) {
            weft_status status =
                weft_diag_error(diag, WEFT_E_FILE_WRITE, "cannot empty the folder %s", folder);
            weft_diag_field_set(diag, WEFT_DIAG_TRY, "remove it by hand");
            return status;
        }
    }
    *out_log = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (*out_log >= 0)
        return WEFT_OK;
    weft_status status = weft_diag_error(diag, WEFT_E_FILE_WRITE, "cannot write %s", path);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "the folder cannot be written or the disk is full");
    return status;
}

/* Tools put what they make where the command says, or elsewhere in the step's folder. */
static bool has_output(const weft_flow *flow, const flow_step *step)
{
    const char *wanted = weft__build_path(flow, step->output), *slash = strrchr(step->output, '/');
    if (weft__build_is_file(wanted))
        return true;
    if (step->folder == NULL || slash == NULL)
        return false;
    flow_paths found =
        weft__build_find_files(flow->arena, weft__build_path(flow, step->folder), slash + 1);
    return found.count > 0 && link(found.items[0], wanted) == 0;
}

static weft_status no_output(weft_flow *flow, const flow_step *step, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_BUILD_NO_OUTPUT, "step %s ended well and left no %s",
                        step->name, step->output);
    weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", weft__build_path(flow, step->log));
    flow->failure = (flow_failure){
        .id = weft_arena_printf(flow->arena, "E%04d", (int)WEFT_E_BUILD_NO_OUTPUT),
        .step = step->name,
        .summary = weft_arena_printf(flow->arena, "step %s left no %s", step->name, step->output)};
    return status;
}

static weft_status stopped(weft_flow *flow, const flow_step *step, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_BUILD_STOPPED, "the build was stopped in step %s", step->name);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "the same command again goes on at this step");
    flow->failure =
        (flow_failure){.id = weft_arena_printf(flow->arena, "E%04d", (int)WEFT_E_BUILD_STOPPED),
                       .step = step->name,
                       .summary = weft_arena_printf(flow->arena, "stopped in step %s", step->name)};
    return status;
}

static weft_status run_step(weft_flow *flow, size_t index, weft_diag *diag)
{
    flow_step *step = &flow->steps[index];
    watcher w = {.flow = flow, .step = index, .log = -1};
    flow_hash key = key_of(flow, step);
    flow_record record;
    if (is_kept(flow, step, &key, &record)) {
        step->state = WEFT_FLOW_KEPT;
        step->seconds = record.seconds;
        say(&w, step->state, step->seconds);
        return WEFT_OK;
    }
    weft_status status = prepare(flow, step, diag, &w.log);
    if (status != WEFT_OK)
        return status;
    step->state = WEFT_FLOW_RUNNING;
    say(&w, step->state, 0);
    flow_outcome outcome = weft__build_process(step->words, flow->work, w.log, tick, &w);
    close(w.log);
    step->seconds = outcome.seconds;
    bool is_good = outcome.end == FLOW_END_EXIT && outcome.code == 0;
    step->state = is_good ? WEFT_FLOW_DONE : WEFT_FLOW_FAILED;
    say(&w, step->state, step->seconds);
    if (outcome.end == FLOW_END_STOPPED)
        return stopped(flow, step, diag);
    if (!is_good)
        return weft__build_explain(flow, step, &outcome, diag);
    if (!has_output(flow, step)) {
        step->state = WEFT_FLOW_FAILED;
        return no_output(flow, step, diag);
    }
    record = (flow_record){.key = key,
                           .output = weft__build_hash_file(weft__build_path(flow, step->output)),
                           .seconds = step->seconds};
    return weft__build_state_set(flow->work, step->name, &record, diag);
}

/* ---- files ---- */

static weft_status write_file(const char *path, const void *data, size_t size_bytes,
                              weft_diag *diag)
{
    weft_file_writer *writer = NULL;
    weft_status status = weft_file_writer_open(path, &writer, diag);
    if (status != WEFT_OK)
        return status;
    weft_file_writer_add(writer, data, size_bytes);
    return weft_file_writer_commit(writer, diag);
}

static weft_status write_inputs(const weft_flow *flow, weft_diag *diag)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; status == WEFT_OK && i < flow->file_count; i++)
        status = write_file(weft__build_path(flow, flow->files[i].name), flow->files[i].text,
                            strlen(flow->files[i].text), diag);
    return status;
}

static weft_status write_output(weft_flow *flow, weft_diag *diag)
{
    weft_file_map map;
    weft_status status = weft_file_map_open(weft__build_path(flow, "weft.xclbin"), &map, diag);
    if (status != WEFT_OK)
        return status;
    status = write_file(flow->output, map.data, map.size_bytes, diag);
    flow->output_bytes = status == WEFT_OK ? map.size_bytes : 0;
    weft_file_map_close(&map);
    return status;
}

static weft_status write_report(const weft_flow *flow, const char *path, weft_diag *diag)
{
    char *text = weft_flow_report(flow);
    weft_status status = text == NULL ? weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory")
                                      : write_file(path, text, strlen(text), diag);
    free(text);
    return status;
}

/* ---- the whole ---- */

/* A clock that the linker lowered is a good bitstream and a wrong plan. */
static void judge_clock(const weft_flow *flow, weft_diag *diag)
{
    double asked = flow->design.clock_mhz, got = flow->results.achieved_mhz;
    weft_arena *arena = flow->arena;
    bool is_whole = flow->results.achieved_source != NULL &&
                    strcmp(flow->results.achieved_source, "xclbin") == 0;
    if (isnan(got) || got > asked - (is_whole ? 1 : 0.05)) /* the linker prints tenths */
        return;
    weft_diag_warning(diag, WEFT_E_BUILD_CLOCK, "the circuit runs at %s MHz instead of %s",
                      weft__build_megahertz(arena, got), weft__build_megahertz(arena, asked));
    if (flow->results.has_timing)
        weft_diag_field_set(diag, WEFT_DIAG_WHY,
                            "at %s MHz the worst path misses by %.3f ns, so the linker lowered the "
                            "clock",
                            weft__build_megahertz(arena, asked), -flow->results.timing.slack_ns);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "weft build %s --target hw -o %s --clock %s places for a clock that fits; "
                        "predictions hold with weft compile --board %s planned for it",
                        flow->params.package, flow->output,
                        weft__build_megahertz(arena, floor(got / 5) * 5), flow->design.card->board);
}

static weft_status run_all(weft_flow *flow, weft_diag *diag)
{
    weft_status status = write_inputs(flow, diag);
    for (size_t i = 0; status == WEFT_OK && i < flow->step_count; i++)
        status = run_step(flow, i, diag);
    weft__build_read_results(flow, diag);
    if (status == WEFT_OK) {
        status = write_output(flow, diag);
        judge_clock(flow, diag);
    }
    weft_status reported = write_report(
        flow, status == WEFT_OK ? flow->report : weft__build_path(flow, "build.json"), diag);
    return status == WEFT_OK ? reported : status;
}

weft_status weft_flow_run(weft_flow *flow, weft_diag *diag)
{
    if (flow == NULL || flow->params.is_dry)
        return weft_diag_error(diag, WEFT_E_API_USE, "weft_flow_run got no flow that may run");
    int volatile lock = -1;
    if (WEFT_ARENA_TRY(flow->arena)) {
        if (lock >= 0)
            close(lock);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    int opened = -1;
    weft_status status = weft__build_work_open(flow->work, diag, &opened);
    lock = opened;
    if (status != WEFT_OK)
        return status;
    status = run_all(flow, diag);
    close(lock);
    return status;
}

/* ---- questions ---- */

void weft_flow_get_info(const weft_flow *flow, weft_flow_info *out_info)
{
    const weft_card *card = &flow->manifest->card;
    double seconds = 0;
    for (size_t i = 0; i < flow->step_count; i++)
        seconds += flow->steps[i].state == WEFT_FLOW_KEPT ? 0 : flow->steps[i].seconds;
    *out_info =
        (weft_flow_info){.package = flow->params.package,
                         .board = card->board,
                         .part = card->part,
                         .platform = flow->design.platform,
                         .kernel = flow->design.kernel,
                         .language = flow->language,
                         .output = flow->output,
                         .work = flow->work,
                         .tool = flow->tool,
                         .tool_version = flow->version,
                         .is_version_assumed = flow->is_version_assumed,
                         .asked_mhz = flow->design.clock_mhz,
                         .achieved_mhz = flow->results.achieved_mhz,
                         .achieved_source = flow->results.achieved_source,
                         .slack_ns = flow->results.has_timing ? flow->results.timing.slack_ns : NAN,
                         .seconds = seconds,
                         .output_bytes = flow->output_bytes};
}

bool weft_flow_get_file(const weft_flow *flow, size_t index, weft_flow_file *out_file)
{
    if (index >= flow->file_count)
        return false;
    *out_file = flow->files[index];
    return true;
}

bool weft_flow_get_step(const weft_flow *flow, size_t index, weft_flow_step *out_step)
{
    if (index >= flow->step_count)
        return false;
    const flow_step *step = &flow->steps[index];
    *out_step = (weft_flow_step){step->name, step->title, step->word_count, step->words,
                                 step->log,  step->state, step->seconds};
    return true;
}

const char *weft_flow_last_lines(const weft_flow *flow)
{
    return flow->last_lines;
}
