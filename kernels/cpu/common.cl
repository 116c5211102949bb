/* SPDX-License-Identifier: Apache-2.0 */
/* Prelude of every CPU kernel: vector types, activations and the bits of address arithmetic that the
 * families share. It is printed in front of each family's file and must not know any family.
 *
 * Macros that come in front of it (all have defaults for an AVX2 machine):
 *   WEFT_VW  floats per vector: 8 (AVX2) or 16 (AVX-512)
 *   WEFT_MR  rows of the register tile: 6 (16 vector registers) or 14 (32); shorter tiles of one and two rows less exist
 * A panel is WEFT_NR = 2 * WEFT_VW output channels: two vectors per row of a tile.
 * Element counts and offsets are ints: the planner keeps every tensor below 2^31 elements. */

#ifndef WEFT_VW
#define WEFT_VW 8
#endif
#ifndef WEFT_MR
#define WEFT_MR 6
#endif

#define WEFT_NR (WEFT_VW * 2)
#define WEFT_CAT2(a, b) a##b
#define WEFT_CAT(a, b) WEFT_CAT2(a, b)
#define INLINE static inline __attribute__((always_inline, unused))

/* The three tile heights, as tokens. */
#if WEFT_MR == 6
#define MR_A 6
#define MR_B 5
#define MR_C 4
#elif WEFT_MR == 14
#define MR_A 14
#define MR_B 13
#define MR_C 12
#else
#error "WEFT_MR is 6 (16 registers) or 14 (32 registers)"
#endif

/* ROWS(R, X) is X(0) X(1) ... X(R - 1). Tiles are written with one named variable per row and vector, because
 * LLVM keeps those in registers in all cases; arrays of vectors stay in memory when a loop over them is unrolled late. */
#define ROWS_4(X) X(0) X(1) X(2) X(3)
#define ROWS_5(X) ROWS_4(X) X(4)
#define ROWS_6(X) ROWS_5(X) X(5)
#define ROWS_9(X) ROWS_6(X) X(6) X(7) X(8)
#define ROWS_12(X) ROWS_9(X) X(9) X(10) X(11)
#define ROWS_13(X) ROWS_12(X) X(12)
#define ROWS_14(X) ROWS_13(X) X(13)
#define ROWS(R, X) WEFT_CAT(ROWS_, R)(X)

typedef WEFT_CAT(float, WEFT_VW) fv;
typedef WEFT_CAT(int, WEFT_VW) iv;
#define LOADV(p) WEFT_CAT(vload, WEFT_VW)(0, (p))
#define STOREV(v, p) WEFT_CAT(vstore, WEFT_VW)((v), 0, (p))

/* Asks for the cache line at p, to read or to write it. Only where the compiler is known to have the instruction: PoCL names itself by a macro. */
#ifdef POCL_DEVICE_ADDRESS_BITS
#define PREFETCH(p) __builtin_prefetch((p), 0, 3)
#define PREFETCH_WRITE(p) __builtin_prefetch((p), 1, 3)
#else
#define PREFETCH(p)
#define PREFETCH_WRITE(p)
#endif

/* Activations; the numbers are part of the contract in README.md. */
#define ACT_NONE 0
#define ACT_RELU 1
#define ACT_CLIP 2
#define ACT_SIGMOID 3
#define ACT_SILU 4
#define ACT_HARD_SIGMOID 5
#define ACT_HARD_SWISH 6
#define ACT_LEAKY_RELU 7
#define ACT_GELU 8
#define ACT_TANH 9
#define ACT_GELU_TANH 10

/* x limited to [low, high]; a NaN stays a NaN. One instruction each, unlike fmax and fmin, which must drop NaNs. */
INLINE fv at_least(const fv x, const fv low)
{
    return x < low ? low : x;
}

INLINE fv at_most(const fv x, const fv high)
{
    return x > high ? high : x;
}

/* Maximum and minimum of two operands; a NaN in either is the result. */
INLINE fv larger(const fv a, const fv b)
{
    return ((a > b) | (a != a)) ? a : b;
}

INLINE fv smaller(const fv a, const fv b)
{
    return ((a < b) | (a != a)) ? a : b;
}

/* Whether a comparison holds in any lane. PoCL's any() asks one lane after the other; oclgrind does not know the other form. */
#if defined(__has_builtin) && !defined(WEFT_NO_REDUCE)
#if __has_builtin(__builtin_reduce_or)
#define ANY(v) (__builtin_reduce_or(v) != 0)
#endif
#endif
#ifndef ANY
#define ANY(v) any(v)
#endif

/* e^x to 2 units in the last place: x = n ln2 + r, |r| <= ln2/2, a degree-6 polynomial for e^r, and 2^n
 * put together from exponent bits in two halves, so that results down to the smallest normal are right. */
INLINE fv exp_v(fv x)
{
    const fv magic = (fv)(12582912.0f); /* 1.5 * 2^23: adding it rounds to the nearest integer and leaves that in the low bits */
    fv c = at_most(at_least(x, (fv)(-87.3f)), (fv)(88.7f));
    const fv z = fma(c, (fv)(1.44269504f), magic), n = z - magic;
    fv r = fma(n, (fv)(-0.693145752f), c);
    r = fma(n, (fv)(-1.42860677e-6f), r);
    fv p = fma(r, (fv)(1.3981999507e-3f), (fv)(8.3334519073e-3f));
    p = fma(p, r, (fv)(4.1665795894e-2f));
    p = fma(p, r, (fv)(1.6666665459e-1f));
    p = fma(p, r, (fv)(5.0000001201e-1f));
    p = fma(p, r * r, r) + 1.0f;
    const iv whole = WEFT_CAT(as_int, WEFT_VW)(z) - 0x4b400000, half_n = whole >> 1;
    return p * WEFT_CAT(as_float, WEFT_VW)((half_n + 127) << 23) *
           WEFT_CAT(as_float, WEFT_VW)((whole - half_n + 127) << 23);
}

/* 2^x for x from -126 to 127, to 2 units in the last place: x = n + r, |r| <= 1/2, a degree-5 polynomial for 2^r, and 2^n from exponent bits.
 * Adding 1.5 * 2^23 rounds to the nearest integer; the bias of the exponent, added with it, leaves n + 127 in the low bits. A NaN stays a NaN. */
INLINE fv exp2_bounded(const fv x)
{
    const fv magic = (fv)(12582912.0f + 127.0f);
    const fv z = x + magic;
    const fv r = x - (z - magic);
    fv p = fma(r, (fv)(1.3264727e-3f), (fv)(9.6715129e-3f));
    p = fma(p, r, (fv)(5.5507337e-2f));
    p = fma(p, r, (fv)(2.4022242e-1f));
    p = fma(p, r, (fv)(6.9314698e-1f));
    p = fma(p, r, (fv)(1.0f));
    return p * WEFT_CAT(as_float, WEFT_VW)(WEFT_CAT(as_int, WEFT_VW)(z) << 23);
}

/* 2^x for x below 127; the smallest normal number where that is less. */
INLINE fv exp2_v(const fv x)
{
    return exp2_bounded(at_least(x, (fv)(-126.0f)));
}

/* x times the normal distribution's integral up to x. With t = |x|, h = erfc(t / sqrt 2) / 2 is 2^-(t^2 / (2 ln 2) + g(t)), where g is smooth enough for a
 * degree-8 polynomial up to t = 5 (behind it h is below 3e-7); the result is x - t h or -t h, without the cancellation of 1 + erf(x) on the left.
 * Error: 2 units in the last place for x > 0, at most 2.6e-7 anywhere. */
INLINE fv gelu_v(const fv x)
{
    const fv t = at_most(fabs(x), (fv)(13.0f)), c = at_most(t, (fv)(5.0f));
    fv g = fma(c, (fv)(9.62660579e-7f), (fv)(-1.61490352e-5f));
    g = fma(g, c, (fv)(7.32843255e-5f));
    g = fma(g, c, (fv)(4.10856504e-4f));
    g = fma(g, c, (fv)(-7.41484808e-3f));
    g = fma(g, c, (fv)(5.27291559e-2f));
    g = fma(g, c, (fv)(-0.262211412f));
    g = fma(g, c, (fv)(1.15111327f));
    g = fma(g, c, (fv)(0.999999821f));
    const fv th = t * exp2_bounded(fma(t * t, (fv)(-0.72134752f), -g));
    return at_least(x, (fv)(0.0f)) - th;
}

INLINE fv sigmoid_v(fv x)
{
    return 1.0f / (1.0f + exp_v(-x));
}

INLINE fv act_v(fv x, const int act, const float a, const float b)
{
    switch (act) {
    case ACT_RELU: return at_least(x, (fv)(0.0f));
    case ACT_CLIP: return at_most(at_least(x, (fv)(a)), (fv)(b));
    case ACT_SIGMOID: return sigmoid_v(x);
    case ACT_SILU: return x * sigmoid_v(x);
    case ACT_HARD_SIGMOID: return at_most(at_least(fma(x, (fv)(a), (fv)(b)), (fv)(0.0f)), (fv)(1.0f));
    case ACT_HARD_SWISH:
        return x * at_most(at_least(fma(x, (fv)(1.0f / 6.0f), (fv)(0.5f)), (fv)(0.0f)), (fv)(1.0f));
    case ACT_LEAKY_RELU: return at_least(x, (fv)(0.0f)) + at_most(x, (fv)(0.0f)) * a;
    case ACT_GELU: return gelu_v(x);
    case ACT_GELU_TANH: /* 0.5 (1 + tanh(t)) = sigmoid(2 t) */
        return x * sigmoid_v(1.59576912f * fma(x * x, 0.044715f * x, x));
    case ACT_TANH: return 2.0f * sigmoid_v(2.0f * x) - 1.0f;
    default: return x;
    }
}

/* Loads and stores of the first `n` floats of a vector; n >= WEFT_VW means all of them. Channels are often a multiple of half a vector. */
typedef float half_fv __attribute__((ext_vector_type(WEFT_VW / 2), aligned(4)));

INLINE fv load_part(__global const float *p, const int n)
{
    if (n >= WEFT_VW)
        return LOADV(p);
    if (n == WEFT_VW / 2) {
        fv part = (fv)(0.0f);
        part.lo = *(__global const half_fv *)p;
        return part;
    }
    float t[WEFT_VW];
    for (int i = 0; i < WEFT_VW; i++)
        t[i] = i < n ? p[i] : 0.0f;
    return LOADV(t);
}

INLINE void store_part(const fv v, __global float *p, const int n)
{
    if (n >= WEFT_VW) {
        STOREV(v, p);
        return;
    }
    if (n == WEFT_VW / 2) {
        *(__global half_fv *)p = v.lo;
        return;
    }
    float t[WEFT_VW];
    STOREV(v, t);
    for (int i = 0; i < n; i++)
        p[i] = t[i];
}

/* The matrix product's k loop, for a tile function that declares, for each row m, the pointer a<m> and the sums
 * lo<m> and hi<m>, and the panel pointer b. For every second k the line at `ahead` is prefetched and `ahead` goes on by `step` floats: 2 NR / t where t
 * tiles together fetch as much as one chunk of the panel, at the speed at which the chunk is used up. */
#define STEP_ROW(m)               \
    {                             \
        const fv av = (fv)(a##m[kk]); \
        lo##m = fma(av, b_lo, lo##m); \
        hi##m = fma(av, b_hi, hi##m); \
    }
#define STEP(R, ahead_k)                                        \
    {                                                           \
        const int kk = k + (ahead_k);                           \
        const fv b_lo = LOADV(b + (ahead_k) * WEFT_NR);         \
        const fv b_hi = LOADV(b + (ahead_k) * WEFT_NR + WEFT_VW); \
        ROWS(R, STEP_ROW)                                       \
    }
#define PRODUCT(R, k_count, ahead, step)                         \
    {                                                            \
        __global const float *line = (ahead);                    \
        int k = 0;                                               \
        for (; k + 4 <= (k_count); k += 4) {                     \
            PREFETCH(line);                                      \
            STEP(R, 0)                                           \
            STEP(R, 1)                                           \
            PREFETCH(line + (step));                             \
            STEP(R, 2)                                           \
            STEP(R, 3)                                           \
            b += 4 * WEFT_NR;                                    \
            line += 2 * (step);                                  \
        }                                                        \
        for (; k < (k_count); k++) {                             \
            STEP(R, 0)                                           \
            b += WEFT_NR;                                        \
        }                                                        \
    }
