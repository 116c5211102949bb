/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's own limits, measured: f32 multiply-adds per second from registers, and bytes per
 * second read from memory, with the widest vectors it has, on 1..N threads. Prints JSON.
 * Standalone: knows nothing of weft.
 *
 *   peak [threads]   (default: all cores) */
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, STEPS = 4000000, STREAM_BYTES = 256 << 20 };

typedef double (*work_fn)(void *);

typedef struct worker {
    work_fn work;
    void *argument;
    pthread_barrier_t *start;
    double amount, begin_s, end_s;
} worker;

/* Twelve independent chains hide the latency of two FMA units. */
#define CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

__attribute__((target("avx2,fma"))) static double multiply_avx2(void *unused)
{
    (void)unused;
    __m256 scale = _mm256_set1_ps(0.999f), shift = _mm256_set1_ps(0.001f);
#define START(i) __m256 a##i = _mm256_set1_ps((float)i);
#define STEP(i) a##i = _mm256_fmadd_ps(a##i, scale, shift);
#define SUM(i) a0 = _mm256_add_ps(a0, a##i);
    CHAINS(START)
    for (int i = 0; i < STEPS; i++) {
        CHAINS(STEP)
    }
    CHAINS(SUM)
    float out[8];
    _mm256_storeu_ps(out, a0);
    return out[0] > 1e30f ? 0.0 : 12.0 * 8.0 * 2.0 * STEPS;
#undef START
#undef STEP
#undef SUM
}

__attribute__((target("avx512f"))) static double multiply_avx512(void *unused)
{
    (void)unused;
    __m512 scale = _mm512_set1_ps(0.999f), shift = _mm512_set1_ps(0.001f);
#define START(i) __m512 a##i = _mm512_set1_ps((float)i);
#define STEP(i) a##i = _mm512_fmadd_ps(a##i, scale, shift);
#define SUM(i) a0 = _mm512_add_ps(a0, a##i);
    CHAINS(START)
    for (int i = 0; i < STEPS; i++) {
        CHAINS(STEP)
    }
    CHAINS(SUM)
    float out[16];
    _mm512_storeu_ps(out, a0);
    return out[0] > 1e30f ? 0.0 : 12.0 * 16.0 * 2.0 * STEPS;
#undef START
#undef STEP
#undef SUM
}

static double read_memory(void *block)
{
    const unsigned long long *words = block;
    unsigned long long sums[4] = {0};
    for (size_t i = 0; i < STREAM_BYTES / sizeof *words; i += 8) {
        sums[0] += words[i] + words[i + 4];
        sums[1] += words[i + 1] + words[i + 5];
        sums[2] += words[i + 2] + words[i + 6];
        sums[3] += words[i + 3] + words[i + 7];
    }
    return sums[0] + sums[1] + sums[2] + sums[3] == 1 ? 0.0 : (double)STREAM_BYTES;
}

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void *run(void *argument)
{
    worker *self = argument;
    pthread_barrier_wait(self->start);
    self->begin_s = now_s();
    self->amount = self->work(self->argument);
    self->end_s = now_s();
    return NULL;
}

/* Best rate of several rounds, in units per second. */
static double measure(work_fn work, void **arguments, int threads)
{
    double best = 0.0;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_t start;
        pthread_t handles[64];
        worker workers[64];
        pthread_barrier_init(&start, NULL, (unsigned)threads);
        for (int i = 0; i < threads; i++) {
            workers[i] = (worker){.work = work, .argument = arguments[i], .start = &start};
            if (pthread_create(&handles[i], NULL, run, &workers[i]) != 0)
                exit(6);
        }
        double amount = 0.0, begin_s = 0.0, end_s = 0.0;
        for (int i = 0; i < threads; i++) {
            pthread_join(handles[i], NULL);
            amount += workers[i].amount;
            begin_s = i == 0 || workers[i].begin_s < begin_s ? workers[i].begin_s : begin_s;
            end_s = workers[i].end_s > end_s ? workers[i].end_s : end_s;
        }
        double rate = amount / (end_s - begin_s);
        best = rate > best ? rate : best;
        pthread_barrier_destroy(&start);
    }
    return best;
}

int main(int argc, char **argv)
{
    long cores = argc > 1 ? strtol(argv[1], NULL, 10) : sysconf(_SC_NPROCESSORS_ONLN);
    int most = cores < 1 ? 1 : cores > 64 ? 64 : (int)cores;
    work_fn multiply = __builtin_cpu_supports("avx512f") ? multiply_avx512 : multiply_avx2;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        fprintf(stderr, "peak: this machine has no AVX2 and FMA\n");
        return 6;
    }
    void *blocks[64] = {0};
    for (int i = 0; i < most; i++) {
        blocks[i] = malloc(STREAM_BYTES);
        if (blocks[i] == NULL)
            return 6;
        memset(blocks[i], i + 1, STREAM_BYTES);
    }
    printf("{\"vectors\": \"%s\"", multiply == multiply_avx512 ? "avx512" : "avx2");
    for (int threads = 1; threads <= most;
         threads = threads < most && threads * 2 > most ? most : threads * 2) {
        printf(", \"gflops_%d\": %.1f", threads, measure(multiply, blocks, threads) * 1e-9);
        printf(", \"read_gbytes_%d\": %.1f", threads, measure(read_memory, blocks, threads) * 1e-9);
        if (threads == most)
            break;
    }
    printf("}\n");
    for (int i = 0; i < most; i++)
        free(blocks[i]);
    return 0;
}
