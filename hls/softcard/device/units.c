/* SPDX-License-Identifier: Apache-2.0 */
/* See units.h. Every argument of a kernel is an integer or an address, so one call with as many
 * integers as the calling convention has registers and stack for fits all of them (System V on
 * x86-64, AAPCS64). */
#include "hls/softcard/device/units.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/base/file.h"
#include "hls/softcard/metadata.h"

enum {
    CONTROL_START = 1,
    CONTROL_DONE = 2,
    CONTROL_IDLE = 4,
    CONTROL_READY = 8,
    CONTROL_RESET = 32
};
enum { REGISTER_BYTES = 4096, MAX_ARGUMENTS = 16, NAME_BYTES = 64, MAX_METADATA = 1 << 24 };

typedef void (*kernel_function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                uint64_t, uint64_t, uint64_t, uint64_t);

typedef struct argument {
    uint32_t offset, bytes;
    bool is_pointer;
} argument;

typedef struct unit {
    card_units *card;
    char name[NAME_BYTES];
    uint64_t base;
    kernel_function function;
    argument arguments[MAX_ARGUMENTS];
    size_t argument_count;
    uint8_t registers[REGISTER_BYTES];
    atomic_uint control;
    bool is_given_up; /* by a reset in the middle of a run; of the socket's thread */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_started, is_ending; /* under the lock */
} unit;

struct card_units {
    const card_memory *memory;
    card_fault *fault;
    void *library;
    unit *units;
    size_t count;
};

/* ---- a kernel that crashes must not end the process: XRT would end the host's process group ----
 */

static _Thread_local sigjmp_buf crash_point;
static _Thread_local volatile sig_atomic_t is_guarded;

static void on_crash(int number)
{
    if (is_guarded)
        siglongjmp(crash_point, number);
    signal(number, SIG_DFL);
    raise(number);
}

static void guard_kernels(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action = {.sa_flags = SA_NODEFER};
    action.sa_handler = on_crash;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

/* ---- runs ---- */

static uint64_t argument_value(const unit *u, const argument *a)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < a->bytes; i++)
        value |= (uint64_t)u->registers[a->offset + i] << (8 * i);
    if (!a->is_pointer)
        return value;
    return (uint64_t)(uintptr_t)memory_at(u->card->memory, value, 0);
}

static void call_kernel(const unit *u, bool must_crash)
{
    uint64_t a[MAX_ARGUMENTS] = {0};
    for (size_t i = 0; i < u->argument_count; i++)
        a[i] = must_crash ? 0 : argument_value(u, &u->arguments[i]);
    if (must_crash)
        raise(SIGSEGV);
    u->function(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12],
                a[13], a[14], a[15]);
}

/* False: the unit never ends, as a crashed engine on a card does not. */
static bool run(const unit *u)
{
    card_fault *fault = u->card->fault;
    if (fault_strikes(fault, FAULT_VANISH))
        _exit(1);
    if (fault_strikes(fault, FAULT_HANG))
        return false;
    bool must_crash = fault_strikes(fault, FAULT_CRASH);
    int number = sigsetjmp(crash_point, 1);
    if (number != 0) {
        is_guarded = 0;
        fprintf(stderr, "software card: unit %s ended by signal %d; it does not answer any more\n",
                u->name, number);
        return false;
    }
    is_guarded = 1;
    call_kernel(u, must_crash);
    is_guarded = 0;
    return true;
}

static void *work(void *context)
{
    unit *u = context;
    for (;;) {
        pthread_mutex_lock(&u->lock);
        while (!u->is_started && !u->is_ending)
            pthread_cond_wait(&u->changed, &u->lock);
        bool is_ending = u->is_ending;
        u->is_started = false;
        pthread_mutex_unlock(&u->lock);
        if (is_ending || !run(u))
            return NULL;
        atomic_store(&u->control, CONTROL_DONE | CONTROL_IDLE | CONTROL_READY);
    }
}

static void start(unit *u)
{
    atomic_store(&u->control, CONTROL_START);
    pthread_mutex_lock(&u->lock);
    u->is_started = true;
    pthread_cond_signal(&u->changed);
    pthread_mutex_unlock(&u->lock);
}

/* ---- loading ---- */

card_units *units_create(const card_memory *memory, card_fault *fault)
{
    card_units *units = calloc(1, sizeof *units);
    if (units == NULL)
        return NULL;
    *units = (card_units){.memory = memory, .fault = fault};
    guard_kernels();
    return units;
}

/* A unit in the middle of a run is left alone with its library: nothing can end it. */
static void unload(card_units *units)
{
    bool is_stuck = false;
    for (size_t i = 0; i < units->count; i++)
        is_stuck = is_stuck || units->units[i].is_given_up ||
                   atomic_load(&units->units[i].control) == CONTROL_START;
    if (!is_stuck) {
        for (size_t i = 0; i < units->count; i++) {
            unit *u = &units->units[i];
            pthread_mutex_lock(&u->lock);
            u->is_ending = true;
            pthread_cond_signal(&u->changed);
            pthread_mutex_unlock(&u->lock);
            if (u->has_thread)
                pthread_join(u->thread, NULL);
            pthread_mutex_destroy(&u->lock);
            pthread_cond_destroy(&u->changed);
        }
        free(units->units);
        if (units->library != NULL)
            dlclose(units->library);
    }
    units->units = NULL;
    units->count = 0;
    units->library = NULL;
}

static bool take_arguments(unit *u, const metadata_kernel *kernel)
{
    if (kernel->argument_count > MAX_ARGUMENTS)
        return false;
    for (size_t i = 0; i < kernel->argument_count; i++) {
        const weft_xclbin_argument *from = &kernel->arguments[i];
        if (from->size_bytes > sizeof(uint64_t) ||
            from->offset > REGISTER_BYTES - (uint32_t)sizeof(uint64_t))
            return false;
        u->arguments[i] = (argument){from->offset, from->size_bytes, from->is_pointer};
    }
    u->argument_count = kernel->argument_count;
    return true;
}

static bool add_unit(card_units *units, const metadata_kernel *kernel, const metadata_unit *from)
{
    unit *u = &units->units[units->count];
    *u = (unit){.card = units, .base = from->base};
    snprintf(u->name, sizeof u->name, "%s", from->name);
    void *symbol = dlsym(units->library, kernel->name);
    memcpy(&u->function, &symbol, sizeof symbol);
    if (symbol == NULL || !take_arguments(u, kernel)) {
        fprintf(stderr, "software card: unit %s: %s\n", u->name,
                symbol == NULL
                    ? "its kernel is not in the bitstream"
                    : "its kernel has more than 16 arguments, or wider ones than 8 bytes");
        return false;
    }
    atomic_init(&u->control, CONTROL_IDLE);
    pthread_mutex_init(&u->lock, NULL);
    pthread_cond_init(&u->changed, NULL);
    units->count++;
    u->has_thread = pthread_create(&u->thread, NULL, work, u) == 0;
    return u->has_thread;
}

static bool add_units(card_units *units, const metadata *all)
{
    size_t count = 0;
    for (size_t k = 0; k < all->kernel_count; k++)
        count += all->kernels[k].unit_count;
    units->units = calloc(count + 1, sizeof *units->units);
    if (units->units == NULL)
        return false;
    for (size_t k = 0; k < all->kernel_count; k++)
        for (size_t i = 0; i < all->kernels[k].unit_count; i++)
            if (!add_unit(units, &all->kernels[k], &all->kernels[k].units[i]))
                return false;
    return true;
}

static bool read_metadata(card_units *units, weft_arena *arena, const char *path)
{
    weft_file_map map;
    metadata all = {0};
    if (WEFT_ARENA_TRY(arena) || weft_file_map_open(path, &map, NULL) != WEFT_OK)
        return false;
    const char *wrong =
        map.size_bytes > MAX_METADATA
            ? "it is too long"
            : weft__metadata_read(arena, (const char *)map.data, map.size_bytes, &all);
    if (wrong != NULL)
        fprintf(stderr, "software card: the metadata of the bitstream: %s\n", wrong);
    bool is_good = wrong == NULL && add_units(units, &all);
    weft_file_map_close(&map);
    return is_good;
}

bool units_load(card_units *units, const char *metadata_path, const char *library_path)
{
    unload(units);
    units->library = library_path[0] == '\0' ? NULL : dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    if (units->library == NULL) {
        fprintf(stderr, "software card: the bitstream is no shared object for this machine: %s\n",
                library_path[0] == '\0' ? "it is empty" : dlerror());
        return false;
    }
    weft_arena *arena = weft_arena_create();
    bool is_good = arena != NULL && read_metadata(units, arena, metadata_path);
    weft_arena_destroy(arena);
    return is_good;
}

/* ---- registers ---- */

static unit *find(card_units *units, uint64_t address, uint64_t bytes)
{
    for (size_t i = 0; i < units->count; i++) {
        unit *u = &units->units[i];
        if (address >= u->base && address - u->base <= REGISTER_BYTES - bytes &&
            bytes <= REGISTER_BYTES)
            return u;
    }
    return NULL;
}

/* A run that hangs counts as done, so that the host can let go of it; its thread cannot be ended,
 * and the unit does not work again before the next load. */
static void give_up(unit *u)
{
    if (atomic_load(&u->control) != CONTROL_START)
        return;
    u->is_given_up = true;
    atomic_store(&u->control, CONTROL_DONE | CONTROL_IDLE | CONTROL_READY);
}

/* The host writes the whole map with control 0 first, then again with the start bit. */
void units_write(card_units *units, uint64_t address, const uint8_t *data, uint64_t bytes)
{
    unit *u = data == NULL || bytes > REGISTER_BYTES ? NULL : find(units, address, bytes);
    if (u != NULL && address == u->base && bytes == 4 && (data[0] & CONTROL_RESET) != 0) {
        give_up(u);
        return;
    }
    if (u == NULL || atomic_load(&u->control) == CONTROL_START)
        return; /* nothing changes under a unit that works */
    memcpy(u->registers + (address - u->base), data, (size_t)bytes);
    if (address != u->base || bytes < 4)
        return;
    if ((u->registers[0] & CONTROL_START) != 0)
        start(u);
    else if (bytes == 4)
        atomic_store(&u->control, CONTROL_IDLE); /* the host has seen that it is done */
}

uint32_t units_read(card_units *units, uint64_t address)
{
    unit *u = find(units, address, 4);
    if (u == NULL)
        return 0;
    if (address == u->base)
        return atomic_load(&u->control);
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; i++)
        value |= (uint32_t)u->registers[address - u->base + i] << (8 * i);
    return value;
}
