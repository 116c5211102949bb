/* SPDX-License-Identifier: Apache-2.0 */
/* Two small packages that are made by hand, with kernels and an engine of their own, so that the
 * runtime is tested without the compiler. The engine computes steps 0, 1 and 4 of the network; the
 * others, and the chain, run on the host when an engine's backend runs them.
 *
 * network: a = x + w; b = relu(a); m = mean of b over positions (kept as sums over two blocks, made
 * by two launches through scratch memory); y = b + m; z = x2 - x; "flat" is b seen as a row. w is
 * 0.25 * index - 8. chain: y = sigmoid applied LENGTH times to x of ELEMS elements; long enough to
 * be caught running. */
#ifndef WEFT_TESTS_RUNTIME_NETWORK_H
#define WEFT_TESTS_RUNTIME_NETWORK_H

#include "compiler/package/format.h"
#include "weft/runtime.h"

enum {
    NETWORK_POSITIONS = 16,
    NETWORK_CHANNELS = 8,
    NETWORK_ELEMS = 128,
    CHAIN_LENGTH = 24,
    CHAIN_ELEMS = 1 << 20
};

/* Values of the network by index. */
enum {
    VALUE_X,
    VALUE_X2,
    VALUE_W,
    VALUE_AXES,
    VALUE_A,
    VALUE_B,
    VALUE_FLAT,
    VALUE_M,
    VALUE_Y,
    VALUE_Z,
    VALUE_COUNT
};

typedef struct network_options {
    const char *target;        /* NULL: cpu-generic */
    const char *extra_source;  /* appended to the program; NULL: nothing */
    const char *engine_source; /* NULL: the engine that the descriptors are for */
    int32_t engine_version;    /* 0: the present one */
    bool has_no_engine;        /* and no descriptors */
    bool has_two_schedules;    /* the second at 1x2x8x8, with z = x - x2 */
} network_options;

/* Writes the package to path. */
void network_write(const char *path, const network_options *options);
void chain_write(const char *path);

float network_w(size_t i);
/* What the network must give. m: NETWORK_CHANNELS, the others: NETWORK_ELEMS. */
void network_expect(const float *x, const float *x2, float *b, float *m, float *y, float *z);

#endif
