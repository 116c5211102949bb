/* SPDX-License-Identifier: Apache-2.0 */
/* A dataflow region as the simulation sees it: processes that execute run after run and hand
 * ping-pong arrays on. Process k begins run r when its producers have ended run r, itself and its
 * consumers' reading of the array that it fills now (run r - 2) included. In a run it either
 * computes for so many cycles or walks over stretches of memory, a word per cycle at most. Must not
 * know about: descriptors. */
#ifndef WEFT_CARD_SIMULATE_FLOW_H
#define WEFT_CARD_SIMULATE_FLOW_H

#include "compiler/card/simulate.h"
#include "compiler/card/simulate_memory.h"

enum { SIM_LINKS = 4 };

/* Where a process goes in memory: bytes that follow each other, or elements with a step. */
typedef struct sim_stretch {
    int64_t address; /* of the first byte, or element */
    int64_t bytes;   /* or elements */
    int64_t step;    /* of elements, each of which takes a cycle; 1: bytes that follow each other */
    /* Elements that are the same one before the step is made (0: one), and how many of the first
     * are passed over. */
    int64_t repeats, phase;
    /* Bytes [first, end) of memory are read; others pass as padding. Empty: all is padding. */
    int64_t first, end;
} sim_stretch;

typedef struct sim_process sim_process;
/* The next stretch of the process's present run; false: there is none. */
typedef bool (*sim_walk)(void *job, sim_process *process, sim_stretch *out_stretch);
/* Cycles that the process computes in its present run. */
typedef int64_t (*sim_count)(void *job, const sim_process *process);

typedef enum sim_state { SIM_WAITING, SIM_RUNNING, SIM_ENDED } sim_state;

struct sim_process {
    /* What it is. */
    sim_walk walk;   /* NULL: it computes */
    sim_count count; /* NULL: it walks */
    int32_t queue;   /* that it reads through; SIM_NONE: it computes */
    bool writes;     /* what it walks over it writes, reading words that it changes in part */
    int32_t producers[SIM_LINKS], consumers[SIM_LINKS]; /* indices, SIM_NONE after the last */
    /* Where it is. */
    sim_state state;
    int64_t run;                 /* the present one, or the next one while it waits */
    int64_t starting;            /* cycles until the handshake is done */
    int64_t cycles_left;         /* then until computing is done */
    int64_t item, sub_item;      /* free for the walk; 0 when a run begins */
    bool has_stretch, walk_ends; /* in the middle of a stretch; no more of them */
    sim_stretch stretch;
    int64_t position, stretch_end; /* words (or elements) of the stretch */
    int64_t reads;                 /* issued so far, of all runs */
    int64_t last_word;             /* address that was issued last in this stretch; -1 */
    /* Words of the store that wait for the rest of them to be read. */
    struct {
        int64_t address, read; /* read: how many reads must have returned */
    } changing[SIM_OUTSTANDING];
    int32_t changing_first, changing_count;
    weft_card_share share;
    bool has_moved; /* did something in this cycle */
};

enum { SIM_PROCESSES = WEFT_CARD_PROCESS_COUNT };

typedef struct sim_flow {
    sim_process processes[SIM_PROCESSES];
    int32_t process_count;
    int64_t run_count;
    int64_t handshake; /* cycles between two runs of a process */
    void *job;
    sim_memory memory;
} sim_flow;

/* Cycles until every process has ended its last run and every write has landed. */
int64_t weft__sim_flow_run(sim_flow *flow);

#endif
