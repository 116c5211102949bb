/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded (LD_PRELOAD), it lets a process see a processor that has AVX2 and FMA and nothing
 * newer: ONNX Runtime has no switch for that, OpenVINO has one for a part of its code, and PoCL
 * compiles for what it sees. Linux can make CPUID trap (processors with cpuid_fault); the handler
 * runs the real instruction and takes off the bits of AVX-512, AMX and AVX-VNNI. Only CPUID costs
 * time by that. Threads and, through the environment, child processes inherit it. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static int (*real_sigaction)(int, const struct sigaction *, struct sigaction *);

enum { CPUID_TRAPS = 0, CPUID_RUNS = 1 };

static long set_cpuid(int state)
{
    return syscall(SYS_arch_prctl, ARCH_SET_CPUID, state);
}

#define BIT(n) (UINT32_C(1) << (n))

static void take_off(uint32_t leaf, uint32_t subleaf, uint32_t *reg /* eax, ebx, ecx, edx */)
{
    if (leaf == 7 && subleaf == 0) {
        reg[1] &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
        reg[2] &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
        reg[3] &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
    } else if (leaf == 7) {
        reg[0] = reg[1] = reg[2] = reg[3] = 0; /* AVX-VNNI, bfloat16, AVX10 and their like */
    } else if (leaf == 0x24) {
        reg[1] = 0; /* AVX10 */
    }
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)info;
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)g[REG_RIP];
    if (code[0] != 0x0f || code[1] != 0xa2) { /* a real fault */
        struct sigaction plain = {.sa_handler = SIG_DFL};
        real_sigaction(number, &plain, NULL);
        return;
    }
    uint32_t leaf = (uint32_t)g[REG_RAX], subleaf = (uint32_t)g[REG_RCX];
    uint32_t reg[4] = {leaf, 0, subleaf, 0};
    set_cpuid(CPUID_RUNS);
    __asm__ volatile("cpuid" : "+a"(reg[0]), "=b"(reg[1]), "+c"(reg[2]), "=d"(reg[3]));
    set_cpuid(CPUID_TRAPS);
    take_off(leaf, subleaf, reg);
    g[REG_RAX] = reg[0];
    g[REG_RBX] = reg[1];
    g[REG_RCX] = reg[2];
    g[REG_RDX] = reg[3];
    g[REG_RIP] += 2;
}

/* Nobody else gets this signal: a handler of the host's own would take the traps for faults. */
int sigaction(int number, const struct sigaction *restrict act, struct sigaction *restrict old)
{
    if (real_sigaction == NULL)
        real_sigaction = (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(
            RTLD_NEXT, "sigaction");
    if (number == SIGSEGV && act != NULL) {
        if (old != NULL)
            memset(old, 0, sizeof *old);
        return 0;
    }
    return real_sigaction(number, act, old);
}

__attribute__((constructor)) static void begin(void)
{
    real_sigaction =
        (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(RTLD_NEXT, "sigaction");
    struct sigaction act = {.sa_flags = SA_SIGINFO | SA_NODEFER};
    act.sa_sigaction = on_trap;
    if (real_sigaction(SIGSEGV, &act, NULL) != 0 || set_cpuid(CPUID_TRAPS) != 0) {
        fprintf(
            stderr,
            "only_avx2: this processor or kernel cannot make CPUID trap (no cpuid_fault in /proc/cpuinfo)\n");
        exit(1);
    }
}
