/* SPDX-License-Identifier: Apache-2.0 */
/* The backends of cards: another way to reach the engine (runtime/backends/engine), through XRT's C
 * API (xrt) or through XRT's OpenCL (xrt-opencl).
 *
 *   api.c       XRT's functions, and the guards before the first call
 *   cards.c     which cards there are
 *   match.c     package, bitstream and card against each other, before anything is loaded
 *   bounded.c   calls that may never return
 *   claim.c     one session at a time on an emulated card
 *   failure.c   what went wrong on a card, kept until somebody asks
 *   card.c      a card with its bitstream and the weights in their banks
 *   units.c     which request gets which unit, and the watch over runs that do not end
 *   transfer.c  which values go to the card and come back, per stretch
 *   lane.c      a request's memory on the card
 *   lane_run.c  its runs
 *   native.c    driver: XRT's C API
 *   opencl.c    driver: XRT's OpenCL
 *   xrt.c       the backends' tables
 *
 * A card outlives its session when a call of XRT is stuck in it: sessions and lanes hold
 * references, and the last one lets go of the device. */
#ifndef WEFT_RUNTIME_BACKENDS_XRT_XRT_BACKEND_H
#define WEFT_RUNTIME_BACKENDS_XRT_XRT_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/backends/engine/engine_backend.h"
#include "runtime/backends/xrt/match.h"

typedef struct xrt_card xrt_card;
typedef struct xrt_lane xrt_lane;

/* ---- failure.c ---- */

enum { XRT_TEXT_BYTES = 640 };
typedef struct xrt_failure {
    weft_error_id id; /* 0: nothing failed */
    char summary[XRT_TEXT_BYTES], expected[XRT_TEXT_BYTES], found[XRT_TEXT_BYTES],
        why[XRT_TEXT_BYTES];
} xrt_failure;

/* Sets id and summary when nothing has failed before; false, so that it can be returned. */
bool weft__xrt_failed(xrt_failure *failure, weft_error_id id, const char *summary, ...)
    WEFT_PRINTF(3, 4);
/* A call that gave `code` (0: a null pointer) with errno as it is: XRT_BUSY, XRT_CARD_MEMORY, or
 * `otherwise`. */
bool weft__xrt_call_failed(xrt_failure *failure, weft_error_id otherwise, const char *call,
                           int code);
weft_status weft__xrt_failure_report(const xrt_failure *failure, const char *file, weft_diag *diag);

/* ---- claim.c ---- */

/* XRT's emulation has one device per process and number: a second session would pull it away under
 * the first, and a card that hangs blocks whoever opens it again. -1: this process has it already.
 */
int weft__xrt_claim(unsigned int index);
void weft__xrt_unclaim(int claim, unsigned int index); /* -1 accepted */

/* ---- drivers ---- */

typedef struct xrt_unit {
    const char *name; /* "weft_engine_1" */
    uint64_t base;
    uint32_t group; /* units of a group reach the same banks */
    void *kernel;   /* the driver's */
    /* under the card's lock */
    xrt_lane *holder;
    uint64_t held_since_ns;
} xrt_unit;

typedef struct xrt_buffer {
    void *handle;
    uint8_t *map; /* the host's side of it */
    size_t bytes;
} xrt_buffer;

/* Functions that return bool set *failure when they return false. All may block for ever. */
typedef struct xrt_driver {
    const char *backend;
    bool (*open)(xrt_card *card, xrt_failure *failure); /* device, bitstream, a kernel per unit */
    void (*close)(xrt_card *card);                      /* also of what was opened in part */
    /* In the bank that the unit's argument is connected to. */
    bool (*buffer_create)(xrt_card *card, const xrt_unit *unit, int argument, size_t bytes,
                          xrt_buffer *out, xrt_failure *failure);
    void (*buffer_destroy)(xrt_card *card, xrt_buffer *buffer); /* NULL handle accepted */
    /* A part of a buffer as an argument; NULL on failure. */
    void *(*part_create)(xrt_card *card, const xrt_buffer *whole, size_t offset, size_t bytes);
    void (*part_destroy)(xrt_card *card, void *part);
    bool (*sync)(xrt_card *card, const xrt_buffer *buffer, bool to_card, size_t offset,
                 size_t bytes);
    void *(*run_create)(xrt_card *card, const xrt_unit *unit); /* NULL on failure */
    void (*run_destroy)(xrt_card *card, void *run);
    bool (*run_set)(xrt_card *card, void *run, int argument, void *handle);
    bool (*run_set_count)(xrt_card *card, void *run, uint32_t count);
    /* Starts and waits; the state it ended with. *out_started_ns: when XRT had taken it. */
    int (*run)(xrt_card *card, void *run, uint64_t timeout_ns, uint64_t *out_started_ns);
    /* The unit's control register, where the system's files do not have it. False: it cannot be
     * read. NULL: never. */
    bool (*read_status)(xrt_card *card, const xrt_unit *unit, uint32_t *out_status);
    /* Ends a run that hangs. False: it may still be going. NULL: never. */
    bool (*end_run)(xrt_card *card, const xrt_unit *unit, void *run);
} xrt_driver;

extern const xrt_driver weft__xrt_native_driver;
/* Only when OpenCL's headers were there at build time. */
extern const xrt_driver weft__xrt_opencl_driver;
/* Whether XRT's OpenCL is among the ICD loader's implementations; after weft__xrt_is_ready. */
bool weft__xrt_opencl_is_there(void);

/* ---- transfer.c ---- */

typedef struct xrt_transfer {
    int32_t *values; /* owners of storage */
    size_t count, capacity;
} xrt_transfer;

/* Per stretch of the session: what the host made that the card reads, before it; and what the card
 * made that the host reads, after it. */
typedef struct xrt_plan {
    xrt_transfer *send, *fetch; /* count each: one per stretch */
    size_t count;
} xrt_plan;

bool weft__xrt_plan_init(xrt_plan *plan, const engine_session *session, bool keep_values);
void weft__xrt_plan_finish(xrt_plan *plan);

/* ---- card.c ---- */

/* What a session of these backends has loaded. */
typedef struct xrt_loaded {
    xrt_card *card;
    xrt_plan plan;
    char note[256];
} xrt_loaded;

/* Where a buffer is on an emulated card. */
typedef struct xrt_span {
    struct xrt_span *next;
    const void *handle;
    uint64_t address, bytes;
} xrt_span;

struct xrt_card {
    atomic_size_t references;
    const xrt_driver *driver;
    xrt_api api;
    weft_arena *arena; /* of xclbin and path */
    const char *path;
    const weft_xclbin *xclbin;
    const char *kernel;
    char title[XRT_NAME_BYTES + 64]; /* for people */
    int claim;                       /* on an emulated card: claim.c; -1: none */
    xrt_mode mode;
    xrt_card_info info;
    uint64_t timeout_ns; /* of a launch, 0: by the prediction */
    double clock_mhz;    /* planned; 0: no prediction */
    xrt_unit *units;
    size_t unit_count;
    uint32_t group_count;
    xrt_buffer *weights; /* per unit; units whose weights are in one bank share a handle */
    bool *owns_weights;  /* per unit */
    void *device;        /* the driver's */

    pthread_mutex_t lock;
    /* under the lock */
    bool is_left; /* the session gave up: host memory that was given is gone */
    xrt_failure failure;
    xrt_span *spans;
    xrt_lane *lanes; /* all, for the watch */
    xrt_lane *first_waiter, *last_waiter;
    uint32_t next_home;
    bool is_closing;
    pthread_cond_t watch_wakes;

    atomic_bool is_lost; /* failure says why */
    /* A unit may still work for a run, and XRT's emulation crashes when what such a run uses is
     * released: buffers, kernels and device then stay until the process ends, and drivers free what
     * is their own only. */
    atomic_bool is_kept;
    pthread_t watch;
    bool has_watch;
};

/* Checks everything, loads, and sends the weights. Errors: XRT_*, XCLBIN_*, RUNTIME_DEVICE_INDEX.
 */
weft_status weft__xrt_card_open(const xrt_driver *driver, const engine_session *session,
                                const weft_backend_params *params, weft_diag *diag,
                                xrt_card **out_card);
void weft__xrt_card_ref(xrt_card *card);
/* May be called in any thread; the last one closes the device, in bounded time. */
void weft__xrt_card_unref(xrt_card *card);
/* The session's: ends the watch as well. */
void weft__xrt_card_close(xrt_card *card);
/* That the session is lost, and why. */
weft_status weft__xrt_card_report(xrt_card *card, weft_diag *diag);
/* Notes the first failure and wakes who waits for a unit. */
void weft__xrt_card_lose(xrt_card *card, const xrt_failure *failure);
/* How long a launch of these steps may take. */
uint64_t weft__xrt_bound_ns(const xrt_card *card, const weft_schedule *schedule,
                            const engine_stretch *stretch);

/* ---- lane.c, lane_run.c ---- */

/* A request's memory in the banks of one group of units; made when it is first used. */
typedef struct xrt_place {
    xrt_buffer arena, program;
    void **programs; /* per stretch: its part */
    bool is_made;
} xrt_place;

/* A value on its way. */
typedef struct xrt_move {
    uint8_t *host;        /* the request's; touched only while the lane is wanted */
    size_t offset, bytes; /* of the arena */
} xrt_move;

typedef struct xrt_moves {
    xrt_move *items;
    size_t count, bytes;
} xrt_moves;

struct xrt_lane {
    xrt_card *card;
    engine_request *request;   /* for the watch, while a run is going */
    engine_stretch *stretches; /* a copy */
    xrt_moves *send, *fetch;   /* per stretch */
    xrt_moves constants;       /* sent once to each place */
    size_t stretch_count;
    const uint32_t *words; /* the request's; touched only while the lane is wanted */
    size_t words_bytes;
    size_t first_stretch; /* of the card's */
    size_t arena_bytes;
    xrt_place *places;   /* per group */
    void **runs;         /* per unit */
    size_t *run_stretch; /* per unit: what its arguments are set for; SIZE_MAX: nothing */
    uint32_t home;       /* group */
    uint32_t group;      /* of the run that is going */
    xrt_failure failure; /* of attaching */
    pthread_mutex_t lock;
    bool is_abandoned;           /* under the lock */
    _Atomic uint64_t overdue_ns; /* when the watch gives the run up; 0: nothing is going */

    /* under the card's lock */
    xrt_lane *next, *next_waiter;
    uint64_t waits_for; /* bit per group */
    xrt_unit *given;
    pthread_cond_t gets_unit;
};

weft_status weft__xrt_lane_attach(engine_request *request, weft_diag *diag);
void weft__xrt_lane_detach(engine_request *request);
weft_status weft__xrt_lane_launch(engine_request *request, const engine_stretch *stretch,
                                  engine_launch *out_launch);
/* WEFT_OK unless the card is lost. */
weft_status weft__xrt_lane_check(engine_request *request, weft_diag *diag);
/* What the run that ended last failed of. */
void weft__xrt_lane_explain(engine_request *request, weft_diag *diag);

/* ---- units.c ---- */

/* A unit of a group in `groups` (bits), in the order of asking; NULL when the card is lost. */
xrt_unit *weft__xrt_unit_take(xrt_card *card, xrt_lane *lane, uint64_t groups);
void weft__xrt_unit_give(xrt_card *card, xrt_unit *unit);
/* The group that a run of the lane should use: its home, unless only another one is free. */
uint32_t weft__xrt_group_choose(xrt_card *card, const xrt_lane *lane);
/* "weft_engine_1 running for 10.0 s, control 0x1; ..." */
void weft__xrt_units_describe(xrt_card *card, char *out, size_t capacity);
bool weft__xrt_watch_start(xrt_card *card);
void weft__xrt_watch_stop(xrt_card *card);

#endif
