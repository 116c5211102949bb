/* SPDX-License-Identifier: Apache-2.0 */
/* From a package that was planned for a card to a bitstream, by the vendor's tools: finds v++,
 * knows what each release of it takes, writes its files, runs its steps (only those whose inputs
 * have changed), reads its reports and names what went wrong. Self-contained in C and C++.
 *
 *   create (decides everything, writes nothing) -> run -> report
 *
 * Nothing here prints; no global state; a weft_flow is externally locked. docs/build.md shows it
 * from the user's side. */
#ifndef WEFT_FLOW_H
#define WEFT_FLOW_H

#include "weft/package.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_flow weft_flow;

typedef enum weft_flow_target {
    WEFT_FLOW_HW,     /* a bitstream for the card */
    WEFT_FLOW_HW_EMU, /* the vendor's simulation of the circuit */
    WEFT_FLOW_TARGET_COUNT
} weft_flow_target;
const char *weft_flow_target_name(weft_flow_target target); /* "hw", "hw_emu" */

typedef enum weft_flow_state {
    WEFT_FLOW_WAITING,
    WEFT_FLOW_RUNNING,
    WEFT_FLOW_KEPT, /* nothing it depends on has changed since it ran */
    WEFT_FLOW_DONE,
    WEFT_FLOW_FAILED,
    WEFT_FLOW_STATE_COUNT
} weft_flow_state;
const char *weft_flow_state_name(weft_flow_state state); /* "waiting", "kept", ... */

/* Said when a step starts or ends, and several times a second while it runs. Texts live until the
 * call returns. */
typedef struct weft_flow_progress {
    size_t step, step_count; /* from 0 */
    const char *title;       /* "link: place and route" */
    const char *phase;       /* what the tool says it is doing; "" when it has not said yet */
    weft_flow_state state;
    double seconds; /* since the step started */
} weft_flow_progress;

typedef struct weft_flow_params {
    size_t size;         /* sizeof(weft_flow_params) */
    const char *package; /* path */
    weft_flow_target target;
    const char *output;       /* FILE.xclbin; NULL: the package's name with .xclbin */
    const char *work;         /* folder; NULL: the output's name with .build */
    const char *tool;         /* v++; NULL: PATH, then XILINX_VITIS */
    const char *tool_version; /* with is_dry: "2023.2", taken as given; no tool is looked for */
    const char *platform;     /* NULL: the one that the board's file has for this release */
    const char *language;     /* "hls-c" | "opencl"; NULL: HLS C where the release takes it */
    double clock_mhz;         /* 0: as planned */
    int jobs;                 /* processes of the linker at the same time; 0: the tool decides */
    bool has_profile;         /* monitors in the circuit that count and time transfers */
    bool is_dry;              /* create only: a missing tool is no error */
    void (*progress)(void *user, const weft_flow_progress *progress); /* may be NULL */
    bool (*should_stop)(void *user); /* asked several times a second; may be NULL */
    void *user;
} weft_flow_params;
#define WEFT_FLOW_PARAMS_DEFAULT                                                                   \
    {                                                                                              \
        sizeof(weft_flow_params), NULL, WEFT_FLOW_HW, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0,    \
            false, false, NULL, NULL, NULL                                                         \
    }

/* Reads the package, finds the tool and its release, and decides files and commands. Writes
 * nothing. Texts of params are copied. Errors: PACKAGE_*, BUILD_*. *out_flow is NULL on failure. */
weft_status weft_flow_create(const weft_flow_params *params, weft_diag *diag, weft_flow **out_flow);
void weft_flow_destroy(weft_flow *flow); /* NULL accepted */

/* Runs what has to be run and writes output and report (FILE.xclbin, FILE.json). After a failure
 * or a stop, a second run goes on at the step that did not end. Errors: BUILD_*, FILE_*. */
weft_status weft_flow_run(weft_flow *flow, weft_diag *diag);

typedef struct weft_flow_info {
    const char *package, *board, *part, *platform, *kernel, *language;
    const char *output, *work;
    const char *tool;         /* path; NULL: not there */
    const char *tool_version; /* "2023.2" */
    bool is_version_assumed;
    double asked_mhz;
    double achieved_mhz;         /* NaN: not known */
    const char *achieved_source; /* "route", "xclbin"; NULL: not known */
    double slack_ns;             /* worst, after routing; NaN: not known */
    double seconds;              /* of all steps that ran */
    uint64_t output_bytes;       /* 0: not written */
} weft_flow_info;
void weft_flow_get_info(const weft_flow *flow, weft_flow_info *out_info);

/* Files that weft writes into the work folder. False beyond the last. */
typedef struct weft_flow_file {
    const char *name, *text;
} weft_flow_file;
bool weft_flow_get_file(const weft_flow *flow, size_t index, weft_flow_file *out_file);

/* Commands in their order; all run in the work folder. False beyond the last. */
typedef struct weft_flow_step {
    const char *name, *title;
    size_t word_count;
    const char *const *words; /* [0]: the program */
    const char *log;          /* in the work folder */
    weft_flow_state state;
    double seconds; /* of its run, also when that was an earlier one; 0: never ran */
} weft_flow_step;
bool weft_flow_get_step(const weft_flow *flow, size_t index, weft_flow_step *out_step);

/* A resource of one part of the circuit, with every number that is known of it. */
typedef enum weft_flow_source {
    WEFT_FLOW_MODEL,     /* weft's, before anything was built */
    WEFT_FLOW_HLS,       /* estimate of high-level synthesis */
    WEFT_FLOW_SYNTHESIS, /* after logic synthesis */
    WEFT_FLOW_ROUTE,     /* after place and route */
    WEFT_FLOW_SOURCE_COUNT
} weft_flow_source;
const char *weft_flow_source_name(weft_flow_source source);

typedef struct weft_flow_figure {
    const char *scope;                     /* a unit, "SLR0", "all units" */
    const char *resource;                  /* "lut", "ff", "dsp", "bram36", "uram" */
    double values[WEFT_FLOW_SOURCE_COUNT]; /* NaN: not known */
    double available;                      /* NaN: not known */
    double percent; /* of the last number known, of what is available; NaN: not known */
} weft_flow_figure;
bool weft_flow_get_figure(const weft_flow *flow, size_t index, weft_flow_figure *out_figure);

/* The end of the log of the step that failed; "" when none did. */
const char *weft_flow_last_lines(const weft_flow *flow);

/* Everything above as JSON of schema weft.build/1; release with free. NULL: out of memory. */
char *weft_flow_report(const weft_flow *flow);

/* The tool as weft_flow_create finds it when no path is given. */
typedef struct weft_flow_tool {
    char *path;    /* NULL: there is none */
    char *version; /* NULL: it does not say one */
    bool has_xclbinutil;
} weft_flow_tool;
weft_status weft_flow_tool_find(weft_flow_tool *out_tool); /* WEFT_NO_MEMORY or WEFT_OK */
void weft_flow_tool_finish(weft_flow_tool *tool);

/* The connectivity file of a package, as the newest release that weft knows takes it; release with
 * free. Errors: BUILD_*. */
weft_status weft_flow_connectivity(const weft_package *package, weft_diag *diag, char **out_text);

#ifdef __cplusplus
}
#endif
#endif
