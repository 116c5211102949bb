/* SPDX-License-Identifier: Apache-2.0 */
/* Memory as the simulation of an engine sees it: queues of requests, one per port and direction,
 * in front of banks. A request is one word. It goes to the controller of its bank, waits there for
 * its turn, opens its page unless it is open, crosses the data bus and comes back. While a page
 * opens, words of open pages cross, of the same queue and of others ("first ready", Rixner et al.,
 * Memory Access Scheduling, ISCA 2000); the words of a port come back in order all the same.
 *
 *   engine --front--> [queue per port] --> controller: turn, page, bus --back--> engine
 *
 * front + access to a closed page + back is the port's latency. Must not know about: descriptors,
 * processes. */
#ifndef WEFT_CARD_SIMULATE_MEMORY_H
#define WEFT_CARD_SIMULATE_MEMORY_H

#include "compiler/card/card.h"

/* Queues: reading through each port, and writing through the target's. */
enum { SIM_WRITES = WEFT_PORT_COUNT, SIM_QUEUES, SIM_NONE = -1 };
/* Requests of a queue that are under way at most: more than a latency at a word per cycle needs. */
enum { SIM_OUTSTANDING = 64 };
enum { SIM_PAGE_SETS = 16, SIM_ACTIVATIONS = 4 };

typedef struct sim_queue {
    int32_t bank; /* index in banks */
    double front, back;
    /* A ring of those under way, in the order in which they come back. */
    struct {
        int64_t address;
        double arrival, comes_back;
        bool is_served;
    } requests[SIM_OUTSTANDING];
    int32_t first, count, waiting, oldest; /* oldest: of those that wait */
    int32_t passed_over;      /* how often a later one was served before the oldest that waits */
    int32_t kept_waiting;     /* words of others that were read since it waits */
    int64_t issued, returned; /* so far */
    int64_t last_address;     /* of the request that was served last; -1: none */
} sim_queue;

typedef struct sim_bank {
    const weft_card_dram *dram; /* NULL: a plain server */
    double bytes;               /* per cycle of a plain server */
    int32_t id;                 /* timing->bank */
    double bus_free, next_refresh;
    int32_t last_queue, streak; /* whose turn it is, and for how many requests already */
    bool is_writing;
    int32_t same_way; /* words since the bus was turned */
    struct {
        int64_t page; /* -1: closed */
        double activated, closable;
    } sets[SIM_PAGE_SETS];
    double activations[SIM_ACTIVATIONS]; /* a ring of the last ones */
    int32_t activation;
    double busy; /* cycles the data bus moved something */
    int64_t misses;
} sim_bank;

typedef struct sim_memory {
    double word_bytes;
    sim_queue queues[SIM_QUEUES];
    sim_bank banks[WEFT_PORT_COUNT];
    int32_t bank_count;
} sim_memory;

void weft__sim_memory_init(sim_memory *memory, const weft_card_timing *timing);
bool weft__sim_memory_has_room(const sim_memory *memory, int32_t queue);
/* address: of the word's first byte. */
void weft__sim_memory_issue(sim_memory *memory, int32_t queue, int64_t address, int64_t now);
/* What came back until cycle `now` is counted in `returned`. */
void weft__sim_memory_collect(sim_memory *memory, int64_t now);
/* Serves what can start before cycle now + 1. */
void weft__sim_memory_serve(sim_memory *memory, int64_t now);
bool weft__sim_memory_is_idle(const sim_memory *memory);

#endif
