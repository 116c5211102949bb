/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share.
 *
 *   release.c      releases of Vitis and what they take
 *   tool.c         finding v++ and xclbinutil, asking for the release
 *   config.c       texts: link.cfg, hls.cfg
 *   choose.c       which release, language, platform, and the programs beside v++
 *   steps.c        what was chosen -> files and commands; nothing is written
 *   create.c       package and tool -> a build
 *   process.c      one program in a process group of its own, with a log, a bound and a way to stop
 *   folder.c       looking for files below a folder, removing one
 *   state.c        what ran already, under which hash; the lock of a work folder
 *   run.c          the steps, one after the other
 *   csynth.c       report of high-level synthesis
 *   timing.c       timing summary of a routed design, clocks that the linker chose
 *   utilisation.c  tables of resources
 *   predict.c      what weft predicted
 *   results.c      all reports of a build -> figures
 *   failure.c      a log -> the diagnostic that names the cause, and the next rung
 *   report.c       JSON of schema weft.build/1
 *
 * Files that come from the tools are input like any other: parsers take bytes and a length and
 * believe nothing. */
#ifndef WEFT_HLS_FLOW_INTERNAL_H
#define WEFT_HLS_FLOW_INTERNAL_H

#include <sys/types.h>

#include "compiler/base/text.h"
#include "compiler/card/board.h"
#include "compiler/package/format.h"
#include "weft/flow.h"

/* ---- release.c ---- */

typedef enum flow_compile { FLOW_COMPILE_KERNEL, FLOW_COMPILE_MODE_HLS } flow_compile;
typedef enum flow_names { FLOW_NAMES_DOT, FLOW_NAMES_COMMA, FLOW_NAMES_DEFAULT } flow_names;
typedef enum flow_clock { FLOW_CLOCK_KERNEL_FREQUENCY, FLOW_CLOCK_FREQHZ } flow_clock;

typedef struct flow_release {
    int year, part;
    bool has_opencl_c, has_hls_c;
    flow_compile compile;
    flow_names names;
    flow_clock clock;
} flow_release;

extern const flow_release weft__build_releases[];
extern const size_t weft__build_release_count;
/* "2023.2" at the start of text; false when there is no release. */
bool weft__build_release_read(const char *text, int *out_year, int *out_part);
/* The row of a release; of the newest one known when it is newer, NULL when it is older than all.
 */
const flow_release *weft__build_release_find(int year, int part);
/* Less than, equal to, greater than 0. */
int weft__build_release_compare(int year, int part, int other_year, int other_part);

/* ---- tool.c ---- */

/* The program by its name in PATH, or a path as it is; NULL: there is none that can be run. */
const char *weft__build_find_program(weft_arena *arena, const char *name);
/* v++: given, or in PATH, or below XILINX_VITIS. */
weft_status weft__build_find_tool(weft_arena *arena, const char *given, weft_diag *diag,
                                  const char **out_path);
/* Commands run in another folder, so their paths must not depend on this one. */
const char *weft__build_absolute(weft_arena *arena, const char *path);
/* A program that comes with v++ or with XRT; NULL: not there. */
const char *weft__build_find_companion(weft_arena *arena, const char *tool, const char *name);
/* What `tool --version` says, whole, and the release in it. */
weft_status weft__build_ask_version(weft_arena *arena, const char *tool, weft_diag *diag,
                                    const char **out_text, int *out_year, int *out_part);

/* ---- config.c ---- */

typedef struct flow_design {
    const weft_card *card;
    const char *kernel;   /* of the engine */
    const char *source;   /* name of its file, from the work folder */
    const char *platform; /* of v++ */
    double clock_mhz;
    bool has_profile;
    weft_flow_target target;
} flow_design;

/* Errors: BUILD_UNIT_NAMES. */
weft_status weft__build_link_config(weft_text *text, const flow_design *design,
                                    const flow_release *release, weft_diag *diag);
void weft__build_hls_config(weft_text *text, const flow_design *design);
/* Clocks as the tools want them: whole hertz; megahertz with at most three decimals. */
const char *weft__build_hertz(weft_arena *arena, double mhz);
const char *weft__build_megahertz(weft_arena *arena, double mhz);

/* ---- process.c ---- */

typedef enum flow_end {
    FLOW_END_EXIT,   /* with a code */
    FLOW_END_SIGNAL, /* killed by signal `code` */
    FLOW_END_START,  /* never started: errno in code */
    FLOW_END_STOPPED /* by us */
} flow_end;

typedef struct flow_outcome {
    flow_end end;
    int code;
    double seconds;
} flow_outcome;

/* Runs words in folder (NULL: here) with its output in the open file log. tick is called several
 * times a second and says whether to go on; when not, the whole process group is ended: asked
 * first, killed GRACE later. */
flow_outcome weft__build_process(const char *const *words, const char *folder, int log,
                                 bool (*tick)(void *user, double seconds), void *user);
double weft__build_now(void); /* seconds of a clock that never jumps */

/* ---- folder.c ---- */

typedef struct flow_paths {
    const char **items;
    size_t count;
} flow_paths;
/* Regular files below folder whose name is NAME or ends in it when it starts with '*'; sorted.
 * Links are not followed; depth and number of entries are bounded. */
flow_paths weft__build_find_files(weft_arena *arena, const char *folder, const char *name);
/* Removes a folder with everything in it; links are removed, not followed. True when it is gone. */
bool weft__build_remove_folder(const char *path);
bool weft__build_is_file(const char *path);
/* A text file of at most max_bytes; "" when it cannot be read. Its end when it is longer. */
const char *weft__build_read_text(weft_arena *arena, const char *path, size_t max_bytes);

/* ---- state.c ---- */

enum { FLOW_HASH_TEXT = 33 };
typedef struct flow_hash {
    char text[FLOW_HASH_TEXT]; /* "" : nothing */
} flow_hash;

/* Of a file's bytes; "" when it cannot be read. */
flow_hash weft__build_hash_file(const char *path);
flow_hash weft__build_hash_bytes(const void *data, size_t size_bytes);

typedef struct flow_record {
    flow_hash key, output;
    double seconds;
} flow_record;

/* What state.json of a work folder says about a step; all empty when it says nothing. */
flow_record weft__build_state_get(const char *work, const char *step);
weft_status weft__build_state_set(const char *work, const char *step, const flow_record *record,
                                  weft_diag *diag);

/* Makes the folder when it is not there, refuses one that holds other things, and locks it.
 * *out_lock stays open while the build runs, also in the programs it starts. */
weft_status weft__build_work_open(const char *work, weft_diag *diag, int *out_lock);

/* ---- reports ---- */

typedef enum flow_resource {
    FLOW_LUT,
    FLOW_FF,
    FLOW_DSP,
    FLOW_BRAM36,
    FLOW_URAM,
    FLOW_RESOURCE_COUNT
} flow_resource;
const char *weft__build_resource_name(flow_resource resource);

typedef struct flow_resources {
    double of[FLOW_RESOURCE_COUNT]; /* NaN: not said */
} flow_resources;
flow_resources weft__build_no_resources(void);

typedef struct flow_csynth {
    const char *top, *part, *version; /* NULL: not said */
    double target_ns, estimated_ns;   /* NaN: not said */
    flow_resources used, available;
} flow_csynth;
/* False: not a report of high-level synthesis. */
bool weft__build_csynth_parse(weft_arena *arena, const char *text, size_t length,
                              flow_csynth *out_report);

enum { FLOW_CLOCKS = 64 };
typedef struct flow_clock_timing {
    const char *name;
    double period_ns, slack_ns; /* NaN: not said */
} flow_clock_timing;
typedef struct flow_timing {
    double slack_ns, total_slack_ns, hold_slack_ns;
    double failing_endpoints;
    flow_clock_timing clocks[FLOW_CLOCKS];
    size_t clock_count;
} flow_timing;
bool weft__build_timing_parse(weft_arena *arena, const char *text, size_t length,
                              flow_timing *out_timing);
/* "kernel:0:NAME:MHZ" lines of the linker; NaN when the first kernel clock is not among them. */
double weft__build_new_clock_parse(const char *text, size_t length);

enum { FLOW_ROWS = 256, FLOW_SLRS = 8 };
typedef struct flow_utilisation_row {
    const char *name;
    flow_resources used;
} flow_utilisation_row;
typedef struct flow_utilisation {
    flow_utilisation_row rows[FLOW_ROWS]; /* as they stand: Platform, User Budget, units, ... */
    size_t row_count;
} flow_utilisation;
/* A table of kernels and units. */
bool weft__build_kernel_table_parse(weft_arena *arena, const char *text, size_t length,
                                    flow_utilisation *out_table);
typedef struct flow_slr_utilisation {
    flow_resources used[FLOW_SLRS];
    flow_resources percent[FLOW_SLRS];
    int slr_count;
} flow_slr_utilisation;
/* A table with a column per SLR. */
bool weft__build_slr_table_parse(const char *text, size_t length, flow_slr_utilisation *out_table);

/* A line of a text that need not end in NUL; *at moves on. False at the end. */
bool weft__build_next_line(const char **at, const char *end, const char **out_line,
                           size_t *out_length);

/* ---- the flow ---- */

enum { FLOW_MAX_WORDS = 48, FLOW_MAX_INPUTS = 6, FLOW_MAX_STEPS = 6, FLOW_MAX_FILES = 6 };

typedef struct flow_step {
    const char *name, *title;
    const char *words[FLOW_MAX_WORDS + 1];
    size_t word_count;
    const char *inputs[FLOW_MAX_INPUTS]; /* files that its result depends on, in the work folder */
    size_t input_count;
    const char *folder; /* emptied before it runs; NULL: none */
    const char *output; /* file that it makes */
    bool is_tool;       /* v++ itself: its release counts */
    const char *log;
    weft_flow_state state;
    double seconds;
} flow_step;

typedef struct flow_report_file {
    const char *kind; /* "hls", "timing", ... */
    weft_flow_source source;
    const char *path;
} flow_report_file;

typedef struct flow_results {
    flow_csynth hls;
    bool has_hls;
    flow_timing timing;
    bool has_timing;
    double achieved_mhz;
    const char *achieved_source;
    weft_flow_figure *figures;
    size_t figure_count;
    flow_report_file files[8];
    size_t file_count;
} flow_results;

typedef struct flow_failure {
    const char *id; /* "E0767" */
    const char *step, *summary, *line, *why, *next;
} flow_failure;

struct weft_flow {
    weft_arena *arena;
    weft_flow_params params; /* texts copied */
    weft_package *package;
    const weft_manifest *manifest;
    const weft_board *board; /* NULL: the user's own, and not here */
    flow_design design;
    const char *output, *report, *work;
    const char *tool, *tool_text, *version;
    bool is_version_assumed;
    int year, part;
    const flow_release *release;
    const char *language;
    const char *xclbinutil, *emconfigutil;
    weft_flow_file files[FLOW_MAX_FILES];
    size_t file_count;
    flow_step steps[FLOW_MAX_STEPS];
    size_t step_count;
    flow_results results;
    flow_failure failure;
    const char *last_lines;
    uint64_t output_bytes;
};

/* Path of a file in the work folder. */
const char *weft__build_path(const weft_flow *flow, const char *name);

/* ---- choose.c, steps.c ---- */

/* Fills tool, release, language, design.platform and the companions. board: NULL when its file is
 * not known here. Errors: BUILD_TOOL_*, BUILD_LANGUAGE, BUILD_NO_PLATFORM, BUILD_COMPANION. */
weft_status weft__build_choose(weft_flow *flow, const weft_board *board, weft_diag *diag);
/* Of what was chosen. Errors: BUILD_UNIT_NAMES. */
weft_status weft__build_add_files(weft_flow *flow, weft_diag *diag);
void weft__build_add_steps(weft_flow *flow);

/* failure.c: says what a step's end means. log_text is the end of its log. */
weft_status weft__build_explain(weft_flow *flow, const flow_step *step, const flow_outcome *outcome,
                                weft_diag *diag);
/* The place in failures.def that a line matches (0: the most specific), or -1. */
int weft__build_failure_rank(const char *line, size_t length);

/* predict.c: what one unit was predicted to take, and what kernels may use of a region. False: the
 * board or the engine is not known here. */
bool weft__build_predict(const weft_flow *flow, flow_resources *out_unit);
bool weft__build_usable(const weft_flow *flow, int32_t slr, flow_resources *out_usable);

/* results.c: reads whatever reports the steps left. */
void weft__build_read_results(weft_flow *flow, weft_diag *diag);

#endif
