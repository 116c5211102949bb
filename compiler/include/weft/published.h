/* SPDX-License-Identifier: Apache-2.0 */
/* The cycle model of cards against speeds that others have published for designs of the same kind:
 * a matrix array, on-chip buffers, ports to a memory. Self-contained in C and C++. Rows and
 * assumptions: docs/estimate.md. Everything is computed from tables that are built in; all
 * functions are pure and may be called by any thread; all texts live for ever. Since 0.1.0. */
#ifndef WEFT_PUBLISHED_H
#define WEFT_PUBLISHED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_published_point {
    const char *network, *design, *board, *batch, *source;
    char mark; /* of the source: V read there */
    int engines;
    double clock_mhz;
    double fps;           /* published */
    double predicted_fps; /* by the model */
    double error;         /* (predicted - published) / published */
    double cycles;        /* of one image on one engine, predicted */
    double array_cycles;  /* of these, in which the array works */
    int64_t macs;         /* of one image, on the array */
    double peak_share;    /* products per cycle, predicted, over those that the array can make */
} weft_published_point;

/* index < weft_published_count() */
size_t weft_published_count(void);
weft_published_point weft_published_get(size_t index);

typedef struct weft_published_summary {
    double median_error, worst_error; /* of the absolute errors */
} weft_published_summary;
weft_published_summary weft_published_summarise(void);

/* What the errors are with one assumption changed for all points; the first one changes nothing. */
typedef struct weft_published_change {
    const char *text;
    weft_published_summary summary;
} weft_published_change;
size_t weft_published_change_count(void);
weft_published_change weft_published_change_get(size_t index);

/* What is assumed of a design, and of the memory behind an engine's port. */
typedef struct weft_published_design {
    const char *name, *doc;
    int64_t pixels, inputs, outputs; /* products per cycle: 8 x 16 x 16 */
} weft_published_design;
size_t weft_published_design_count(void);
weft_published_design weft_published_design_get(size_t index);

typedef struct weft_published_memory {
    const char *name;       /* of the published board */
    const char *like, *tag; /* whose figures they are: hls/boards/LIKE.json, memory TAG */
    int banks;
    double bank_gbytes, efficiency, latency_ns;
} weft_published_memory;
size_t weft_published_memory_count(void);
weft_published_memory weft_published_memory_get(size_t index);

#ifdef __cplusplus
}
#endif
#endif
