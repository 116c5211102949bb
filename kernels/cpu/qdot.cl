/* SPDX-License-Identifier: Apache-2.0 */
/* The integer matrix product of qconv.cl and qwinograd.cl: rows of activations in local memory times panels of packed
 * weights, sums in s32. It is printed behind common.cl and weft_int.h and must not know convolutions.
 *
 * WEFT_DOT products are added per step and lane:
 *   2  pairs of s16 times s8 widened to s16 (vpmaddwd). Rows hold x - zero, so that padding is 0.
 *   4  quads of u8 times s8 (vpdpbusd). Rows hold x as u8 (s8 + 128); padding is the zero point, and what it adds to
 *      the sums is taken off in the packed bias.
 * Both need k rounded up to WEFT_DOT; the weights there are 0. A step of a panel is WEFT_NR * WEFT_DOT bytes: two vectors
 * of WEFT_VW lanes. Every form of DOT below gives the same bits: a program made for one CPU runs on another. */

#ifndef WEFT_DOT
#define WEFT_DOT 2
#endif
#define STEP_BYTES (WEFT_NR * WEFT_DOT)
#define WIDE_STEP_BYTES (WEFT_NR * 4) /* weights of 16 bits, in pairs */

typedef char wv __attribute__((ext_vector_type(WEFT_VW * WEFT_DOT), aligned(1)));

#define LOADW_WIDE(p) __builtin_astype(*(__global const wide_bytes_v *)(p), iv)
typedef char wide_bytes_v __attribute__((ext_vector_type(WEFT_VW * 4), aligned(1)));

#if WEFT_DOT == 2
typedef short xt;
typedef short wide_wv __attribute__((ext_vector_type(WEFT_VW * 2)));
#define LOADW(p) __builtin_astype(__builtin_convertvector(*(__global const wv *)(p), wide_wv), iv)

#if defined(WEFT_PLAIN_DOT)
#define DOT_PLAIN
#elif WEFT_VW == 16 && defined(__AVX512BW__)
#define MULTIPLY_ADD __builtin_ia32_pmaddwd512
#elif WEFT_VW == 8 && defined(__AVX2__)
#define MULTIPLY_ADD __builtin_ia32_pmaddwd256
#elif WEFT_VW == 4 && defined(__SSE2__)
#define MULTIPLY_ADD __builtin_ia32_pmaddwd128
#else
#define DOT_PLAIN
#endif

#ifdef DOT_PLAIN
#define DOT(sum, x, w) ((sum) + (((x) << 16) >> 16) * (((w) << 16) >> 16) + ((x) >> 16) * ((w) >> 16))
#else
typedef short pairs_v __attribute__((vector_size(WEFT_VW * 4)));
#define DOT(sum, x, w) \
    ((sum) + __builtin_astype(MULTIPLY_ADD(__builtin_astype((x), pairs_v), __builtin_astype((w), pairs_v)), iv))
#endif

#elif WEFT_DOT == 4
typedef uchar xt;
#define LOADW(p) __builtin_astype(*(__global const wv *)(p), iv)

#if defined(WEFT_PLAIN_DOT)
#define DOT_PLAIN
#elif WEFT_VW == 16 && defined(__AVX512VNNI__)
#define DOT_ACCUMULATE __builtin_ia32_vpdpbusd512
#elif WEFT_VW == 8 && defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define DOT_ACCUMULATE __builtin_ia32_vpdpbusd256
#elif WEFT_VW == 16 && defined(WEFT_VNNI) && defined(__x86_64__) && defined(__AVX512F__)
/* vpdpbusd as bytes. PoCL as Debian builds it compiles for Skylake on every processor with AVX-512, so neither its compiler nor
 * its assembler takes the instruction; who builds the program says by WEFT_VNNI that the processor has it. The compiler chooses the
 * registers; the assembler finds their numbers by comparing names. EVEX.512.66.0F38.W0 50 /r: sum is ModRM.reg, x is vvvv, w is ModRM.rm. */
#define REGISTERS "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define NUMBER(symbol, operand) ".irp i," REGISTERS "\n.ifc %%zmm\\i," operand "\n.set " symbol ",\\i\n.endif\n.endr\n"
#define DOT_BYTES                                                            \
    NUMBER("weft_sum", "%0") NUMBER("weft_x", "%1") NUMBER("weft_w", "%2")   \
    ".byte 0x62\n"                                                           \
    ".byte 0xf2^((weft_sum&8)<<4|(weft_w&24)<<2|(weft_sum&16))\n"            \
    ".byte 0x7d^((weft_x&15)<<3)\n"                                          \
    ".byte 0x48^((weft_x&16)>>1)\n"                                          \
    ".byte 0x50\n"                                                           \
    ".byte 0xc0|(weft_sum&7)<<3|(weft_w&7)\n"
#else
#define DOT_PLAIN
#endif

#ifdef DOT_PLAIN
#define DOT(sum, x, w)                                                                  \
    ((sum) + ((x) & 255) * (((w) << 24) >> 24) + (((x) >> 8) & 255) * (((w) << 16) >> 24) + \
     (((x) >> 16) & 255) * (((w) << 8) >> 24) + (((x) >> 24) & 255) * ((w) >> 24))
#elif defined(DOT_BYTES)
#define DOT(sum, x, w) dot_bytes(sum, x, w)
INLINE iv dot_bytes(iv sum, const iv x, const iv w)
{
    __asm__(DOT_BYTES : "+v"(sum) : "v"(x), "v"(w));
    return sum;
}
#else
typedef int lanes_v __attribute__((vector_size(WEFT_VW * 4)));
#define DOT(sum, x, w)                                                                                         \
    __builtin_astype(DOT_ACCUMULATE(__builtin_astype((sum), lanes_v), __builtin_astype((x), lanes_v),          \
                                    __builtin_astype((w), lanes_v)),                                           \
                     iv)
#endif
#else
#error "WEFT_DOT is 2 or 4"
#endif

/* Activation bytes as the rows hold them: x ^ flip is u8, whatever x is, and zero its zero point. */
struct input_form {
    uchar flip;
    short zero;
};

#if WEFT_DOT == 2
#define FORM(x, form) ((short)((uchar)((x) ^ (form).flip)) - (form).zero)
#define FORM_16(x, form) (__builtin_convertvector((x) ^ (form).flip, short16) - (form).zero)
#define FORM_PAD(form) ((xt)0)
#else
#define FORM(x, form) ((uchar)((x) ^ (form).flip))
#define FORM_16(x, form) ((x) ^ (form).flip)
#define FORM_PAD(form) ((xt)(form).zero)
#endif

/* 16 activations in memory. PoCL's vload16 and vstore16 of small elements go element by element. */
typedef uchar uchar16_any __attribute__((ext_vector_type(16), aligned(1)));
typedef short short16_any __attribute__((ext_vector_type(16), aligned(2)));
#if WEFT_DOT == 2
typedef short16_any xt16_any;
#else
typedef uchar16_any xt16_any;
#endif
#define LOAD_16(p) (*(__global const uchar16_any *)(p))

/* Keeps a sum in a register of its own from step to step. Without it LLVM adds the products of several steps first, because
 * integer addition may be regrouped, and then has more values than registers. "v" is any vector register; "x" would be the first 16. */
#if defined(__x86_64__) && !defined(DOT_PLAIN) && !defined(DOT_BYTES)
#define KEEP(sum) __asm__("" : "+v"(sum));
#else
#define KEEP(sum)
#endif

/* Sums of rows between the chunks of k, in lanes; WEFT_MR more than are used, for tiles that end early. */
typedef struct {
    iv v[2];
} row_sums;

/* Part of a product: run r of run_count starts r * run_step elements after a row's first element in the rows, and
 * r * run_bytes after the panel pointer in the weights; it takes `steps` steps. */
struct q_runs {
    int run_count, run_step, run_bytes, steps;
};

#define Q_ROW_START(m)        \
    iv lo##m = start[0];      \
    iv hi##m = start[1];      \
    __local const xt *a##m = rows + off[min(m, used - 1)];
#define Q_ROW_RESUME(m)                     \
    lo##m = sums[min(m, used - 1)].v[0];    \
    hi##m = sums[min(m, used - 1)].v[1];
#define Q_ROW_STEP(m)                                                                       \
    {                                                                                       \
        const iv xv = (iv)(*(__local const int *)(a##m + WEFT_DOT * ((s) + (step_ahead)))); \
        lo##m = DOT(lo##m, xv, w_lo);                                                       \
        KEEP(lo##m)                                                                         \
        hi##m = DOT(hi##m, xv, w_hi);                                                       \
        KEEP(hi##m)                                                                         \
    }
#define Q_ROW_NEXT(m) a##m += runs.run_step;
#define Q_ROW_END(m)              \
    if (m < used) {               \
        sums[m].v[0] = lo##m;     \
        sums[m].v[1] = hi##m;     \
    }
#define Q_STEP(R, LOAD, step_bytes, ahead_steps)                                        \
    {                                                                                   \
        enum { step_ahead = ahead_steps };                                              \
        if ((ahead_steps) * (step_bytes) / 2 % 64 == 0)                                 \
            PREFETCH(ahead + (ahead_steps) * (step_bytes) / 2);                         \
        const iv w_lo = LOAD(b + (ahead_steps) * (step_bytes));                         \
        const iv w_hi = LOAD(b + (ahead_steps) * (step_bytes) + (step_bytes) / 2);      \
        ROWS(R, Q_ROW_STEP)                                                             \
    }
/* Rows off[0..used) times one panel, added to `start` or, unless `first`, to `sums`; used < R computes the last row again and drops it. `ahead` is asked for at half the
 * speed at which the weights are read: two tiles fetch what follows. LOAD reads a vector of weights, `space` is where
 * the sums are. */
#define Q_TILE(name, R, LOAD, step_bytes, space)                                                             \
    INLINE void WEFT_CAT(name, R)(__local const xt *rows, const int *off, const int used,                    \
                                  __global const char *panel, __global const char *ahead,                    \
                                  const struct q_runs runs, const iv *start, const int first,                \
                                  space row_sums *sums)                                                      \
    {                                                                                                        \
        ROWS(R, Q_ROW_START)                                                                                 \
        if (!first) {                                                                                        \
            ROWS(R, Q_ROW_RESUME)                                                                            \
        }                                                                                                    \
        for (int r = 0; r < runs.run_count; r++) {                                                           \
            __global const char *b = panel + r * runs.run_bytes;                                             \
            int s = 0;                                                                                       \
            for (; s + 4 <= runs.steps; s += 4) {                                                            \
                Q_STEP(R, LOAD, step_bytes, 0)                                                               \
                Q_STEP(R, LOAD, step_bytes, 1)                                                               \
                Q_STEP(R, LOAD, step_bytes, 2)                                                               \
                Q_STEP(R, LOAD, step_bytes, 3)                                                               \
                b += 4 * (step_bytes);                                                                       \
                ahead += 2 * (step_bytes);                                                                   \
            }                                                                                                \
            for (; s < runs.steps; s++) {                                                                    \
                Q_STEP(R, LOAD, step_bytes, 0)                                                               \
                b += (step_bytes);                                                                           \
            }                                                                                                \
            ROWS(R, Q_ROW_NEXT)                                                                              \
        }                                                                                                    \
        ROWS(R, Q_ROW_END)                                                                                   \
    }
#define ROWS_1(X) X(0)
#define Q_TILES(name, LOAD, step_bytes, space)       \
    Q_TILE(name, 1, LOAD, step_bytes, space)         \
    Q_TILE(name, MR_A, LOAD, step_bytes, space)      \
    Q_TILE(name, MR_B, LOAD, step_bytes, space)      \
    Q_TILE(name, MR_C, LOAD, step_bytes, space)

/* Calls the function of the tile with r rows, r <= WEFT_MR. */
#define Q_TILE_OF(name, r, rows, off, panel, ahead, runs, start, first, sums)                 \
    {                                                                                     \
        if ((r) == MR_A)                                                                  \
            WEFT_CAT(name, MR_A)(rows, off, MR_A, panel, ahead, runs, start, first, sums);     \
        else if ((r) == MR_B)                                                             \
            WEFT_CAT(name, MR_B)(rows, off, MR_B, panel, ahead, runs, start, first, sums);     \
        else if ((r) == 1)                                                                \
            WEFT_CAT(name, 1)(rows, off, 1, panel, ahead, runs, start, first, sums);           \
        else                                                                              \
            WEFT_CAT(name, MR_C)(rows, off, r, panel, ahead, runs, start, first, sums);        \
    }
