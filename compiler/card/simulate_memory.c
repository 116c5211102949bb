/* SPDX-License-Identifier: Apache-2.0 */
/* See simulate_memory.h. */
#include "compiler/card/simulate_memory.h"

#include <math.h>

/* Words of one queue that a controller takes one after the other while they lie in an open page:
 * the 16 beats of the longest burst that Vitis HLS asks for unless told otherwise. */
enum { STREAK_MAX = 16 };
/* How far into a queue a controller looks for an open page, and how often it may pass over the
 * oldest request: the same, for want of a published figure. Words of others that are read while a
 * queue waits for its page: four bursts (AMD's HBM controller has such a limit of age, PG276,
 * without a published default). Twice as many, or half, change no step of ResNet-50 on the U280 by
 * more than 2 %. */
enum { LOOK_AHEAD = 16, PASSED_OVER_MAX = 16, KEPT_WAITING_MAX = 64 };
/* Turning the bus costs, so writes are kept until half of their queue is full or nothing is read;
 * and a direction that was turned to stays for as many words as a queue holds, if it has them. */
enum { WRITES_KEPT = SIM_OUTSTANDING / 2, SAME_WAY = SIM_OUTSTANDING };

static double word_cycles(const sim_memory *memory, const sim_bank *bank)
{
    double bytes = memory->word_bytes;
    if (bank->dram == NULL)
        return bytes / bank->bytes;
    double atom = bank->dram->atom_bytes;
    return ceil(bytes / atom) * atom / bank->dram->peak_bytes;
}

static int32_t find_bank(sim_memory *memory, const weft_card_timing *timing, int port)
{
    for (int32_t i = 0; i < memory->bank_count; i++)
        if (memory->banks[i].id == timing->bank[port])
            return i;
    sim_bank *bank = &memory->banks[memory->bank_count];
    const weft_card_dram *dram = &timing->dram[port];
    *bank = (sim_bank){.dram = dram->peak_bytes > 0 ? dram : NULL,
                       .bytes = timing->bank_bytes[port],
                       .id = timing->bank[port],
                       .next_refresh = dram->refresh_interval,
                       .last_queue = SIM_NONE};
    WEFT_ASSERT(dram->page_sets <= SIM_PAGE_SETS);
    for (int32_t i = 0; i < SIM_PAGE_SETS; i++)
        bank->sets[i].page = -1;
    for (int32_t i = 0; i < SIM_ACTIVATIONS; i++)
        bank->activations[i] = -INFINITY;
    for (int32_t i = 0; i < SIM_PAGE_SETS; i++)
        bank->sets[i].activated = bank->sets[i].closable = -INFINITY;
    return memory->bank_count++;
}

void weft__sim_memory_init(sim_memory *memory, const weft_card_timing *timing)
{
    *memory = (sim_memory){.word_bytes = timing->port_bytes};
    for (int32_t i = 0; i < SIM_QUEUES; i++) {
        int port = i == SIM_WRITES ? WEFT_PORT_TARGET : i;
        sim_queue *queue = &memory->queues[i];
        queue->bank = find_bank(memory, timing, port);
        queue->last_address = -1;
        const sim_bank *bank = &memory->banks[queue->bank];
        double access = word_cycles(memory, bank);
        if (bank->dram != NULL)
            access += bank->dram->activate + bank->dram->column;
        queue->front = queue->back = fmax(timing->latency[port] - access, 0) / 2;
    }
}

bool weft__sim_memory_has_room(const sim_memory *memory, int32_t queue)
{
    return memory->queues[queue].issued - memory->queues[queue].returned < SIM_OUTSTANDING;
}

void weft__sim_memory_issue(sim_memory *memory, int32_t queue, int64_t address, int64_t now)
{
    sim_queue *q = &memory->queues[queue];
    int32_t at = (q->first + q->count++) % SIM_OUTSTANDING;
    WEFT_ASSERT(q->count <= SIM_OUTSTANDING);
    q->requests[at].address = address;
    q->requests[at].arrival = (double)now + q->front;
    q->requests[at].is_served = false;
    if (q->waiting++ == 0)
        q->oldest = at;
    q->issued++;
}

void weft__sim_memory_collect(sim_memory *memory, int64_t now)
{
    for (int32_t i = 0; i < SIM_QUEUES; i++) {
        sim_queue *q = &memory->queues[i];
        while (q->count > 0 && q->requests[q->first].is_served &&
               q->requests[q->first].comes_back <= (double)now) {
            q->first = (q->first + 1) % SIM_OUTSTANDING;
            q->count--;
            q->returned++;
        }
    }
}

/* ---- a bank's controller ---- */

static bool is_waiting(const sim_memory *memory, int32_t bank, int32_t queue, double until)
{
    const sim_queue *q = &memory->queues[queue];
    return q->bank == bank && q->waiting > 0 && q->requests[q->oldest].arrival <= until;
}

static double first_arrival(const sim_memory *memory, int32_t bank)
{
    double first = INFINITY;
    for (int32_t i = 0; i < SIM_QUEUES; i++) {
        const sim_queue *q = &memory->queues[i];
        if (q->bank == bank && q->waiting > 0)
            first = fmin(first, q->requests[q->oldest].arrival);
    }
    return first;
}

/* A neighbour of what the queue just got, in the same access: ports narrower than an access. */
static bool is_same_atom(const sim_bank *bank, const sim_queue *q, int64_t address)
{
    int64_t atom = (int64_t)bank->dram->atom_bytes;
    return q->last_address >= 0 && q->last_address != address &&
           q->last_address / atom == address / atom;
}

static int64_t page_of(const sim_bank *bank, int64_t address)
{
    return address / (int64_t)bank->dram->page_bytes;
}

static bool is_open(const sim_bank *bank, int64_t address)
{
    int64_t page = page_of(bank, address);
    return bank->sets[page % bank->dram->page_sets].page == page;
}

/* The slot that is served next: of the first ones that have arrived one with an open page, if the
 * oldest is not kept waiting for too long, else the oldest. */
static int32_t slot_of(const sim_bank *bank, const sim_queue *q, double time)
{
    int32_t best = q->oldest, at = best;
    if (bank->dram == NULL || q->passed_over >= PASSED_OVER_MAX)
        return best;
    int32_t behind = (q->first + q->count) % SIM_OUTSTANDING;
    for (int32_t seen = 0; seen < LOOK_AHEAD; seen++) {
        if (q->requests[at].arrival > time)
            break;
        if (!q->requests[at].is_served && is_open(bank, q->requests[at].address))
            return at;
        at = (at + 1) % SIM_OUTSTANDING;
        if (at == behind)
            break;
    }
    return best;
}

/* When a page is opened and gives its columns: as early as the request and the chips allow. The
 * controller sees requests as they arrive and opens pages ahead, so both may lie in the past. */
typedef struct opening {
    bool is_open; /* already */
    double start, columns;
} opening;

static opening opening_of(const sim_bank *bank, int64_t address, double arrival)
{
    const weft_card_dram *dram = bank->dram;
    int64_t page = page_of(bank, address), set = page % dram->page_sets;
    double activated = bank->sets[set].activated, start = arrival;
    if (bank->sets[set].page == page)
        return (opening){true, activated, fmax(arrival, activated + dram->activate)};
    if (bank->sets[set].page >= 0)
        start = fmax(start, bank->sets[set].closable) + dram->precharge;
    start = fmax(start, activated + dram->row_cycle);
    start = fmax(start, bank->activations[bank->activation] + dram->four_pages);
    return (opening){false, start, start + dram->activate};
}

static double open_page(sim_bank *bank, int64_t address, double arrival)
{
    opening o = opening_of(bank, address, arrival);
    if (o.is_open)
        return o.columns;
    int64_t page = page_of(bank, address), set = page % bank->dram->page_sets;
    bank->activations[bank->activation] = o.start;
    bank->activation = (bank->activation + 1) % SIM_ACTIVATIONS;
    bank->sets[set].page = page;
    bank->sets[set].activated = o.start;
    bank->misses++;
    return o.columns;
}

/* When the next word of a queue can cross the bus. */
static double ready_at(const sim_bank *bank, const sim_queue *q, double time)
{
    int32_t slot = slot_of(bank, q, time);
    if (bank->dram == NULL)
        return time;
    return opening_of(bank, q->requests[slot].address, q->requests[slot].arrival).columns +
           bank->dram->column;
}

/* The queue whose turn it is, of those that may be served: the first one whose word can cross the
 * bus at once, else the one whose word can soonest; before all one that waited for too long. */
static int32_t next_in_turn(const sim_memory *memory, int32_t index, double time, bool can_read,
                            bool can_write)
{
    const sim_bank *bank = &memory->banks[index];
    int32_t best = SIM_NONE;
    double soonest = INFINITY;
    for (int32_t i = 1; i <= SIM_QUEUES; i++) {
        int32_t queue = (bank->last_queue + i + SIM_QUEUES) % SIM_QUEUES;
        const sim_queue *q = &memory->queues[queue];
        if (!(queue == SIM_WRITES ? can_write : can_read) ||
            !is_waiting(memory, index, queue, time))
            continue;
        double ready = fmax(ready_at(bank, q, time), time);
        if (q->kept_waiting >= KEPT_WAITING_MAX)
            ready = -INFINITY;
        if (best == SIM_NONE || ready < soonest) {
            soonest = ready;
            best = queue;
        }
    }
    WEFT_ASSERT(best != SIM_NONE && "a request has arrived");
    return best;
}

/* Whose request is next, of those that have arrived by `time`. */
static int32_t choose(const sim_memory *memory, int32_t index, double time)
{
    const sim_bank *bank = &memory->banks[index];
    bool can_read = false, can_write = is_waiting(memory, index, SIM_WRITES, time);
    for (int32_t i = 0; i < SIM_WRITES; i++)
        can_read = can_read || is_waiting(memory, index, i, time);
    if (bank->dram != NULL && can_read && can_write) {
        bool has_many = memory->queues[SIM_WRITES].waiting >= WRITES_KEPT;
        bool may_turn = bank->same_way >= SAME_WAY;
        can_write = bank->is_writing ? !may_turn : has_many && may_turn;
        can_read = !can_write;
    }
    if (can_write && !can_read)
        return SIM_WRITES;
    int32_t last = bank->last_queue;
    bool may_stay = last != SIM_NONE && (last != SIM_WRITES || can_write) &&
                    is_waiting(memory, index, last, time);
    if (may_stay && bank->streak < STREAK_MAX && bank->dram != NULL) {
        const sim_queue *q = &memory->queues[last];
        if (is_open(bank, q->requests[slot_of(bank, q, time)].address))
            return last;
    }
    return next_in_turn(memory, index, time, can_read, can_write);
}

/* All banks of the chips refresh at once; pages are closed. A bank that stood idle has done it. */
static void refresh(sim_bank *bank, double time)
{
    const weft_card_dram *dram = bank->dram;
    if (dram == NULL || dram->refresh_interval <= 0)
        return;
    while (bank->next_refresh <= time) {
        bank->bus_free = fmax(bank->bus_free, bank->next_refresh + dram->refresh);
        bank->next_refresh += dram->refresh_interval;
        for (int32_t i = 0; i < dram->page_sets; i++)
            bank->sets[i].page = -1;
        for (int32_t i = 0; i < dram->page_sets; i++)
            bank->sets[i].activated = bank->bus_free - dram->row_cycle;
    }
}

/* From the time that the bus is free to the end of the transfer. */
static double transfer(const sim_memory *memory, sim_bank *bank, int32_t queue, int32_t slot,
                       double time)
{
    const sim_queue *q = &memory->queues[queue];
    const weft_card_dram *dram = bank->dram;
    double cycles = word_cycles(memory, bank);
    if (dram == NULL) {
        bank->busy += cycles;
        return time + cycles;
    }
    int64_t address = q->requests[slot].address;
    bool writes = queue == SIM_WRITES;
    if (is_same_atom(bank, q, address))
        return time;
    double ready = open_page(bank, address, q->requests[slot].arrival);
    if (writes != bank->is_writing)
        time += writes ? dram->read_to_write : dram->write_to_read;
    /* Commands run ahead of the bus by the column's time, which is therefore no gap on it. */
    double end = fmax(time, ready + dram->column) + cycles;
    int32_t set = (int32_t)(page_of(bank, address) % dram->page_sets);
    bank->sets[set].closable =
        writes ? end + dram->after_write : end - dram->column + dram->after_read;
    bank->busy += cycles;
    return end;
}

static void serve_one(sim_memory *memory, int32_t index, double time)
{
    sim_bank *bank = &memory->banks[index];
    int32_t queue = choose(memory, index, time);
    sim_queue *q = &memory->queues[queue];
    int32_t slot = slot_of(bank, q, time);
    double end = transfer(memory, bank, queue, slot, time);
    for (int32_t i = 0; i < SIM_WRITES && queue != SIM_WRITES; i++)
        if (is_waiting(memory, index, i, time))
            memory->queues[i].kept_waiting++;
    q->kept_waiting = 0;
    bank->streak = queue == bank->last_queue ? bank->streak + 1 : 1;
    bank->last_queue = queue;
    bank->same_way = (queue == SIM_WRITES) == bank->is_writing ? bank->same_way + 1 : 1;
    bank->is_writing = queue == SIM_WRITES;
    bank->bus_free = end;
    q->passed_over = slot == q->oldest ? 0 : q->passed_over + 1;
    q->last_address = q->requests[slot].address;
    q->requests[slot].is_served = true;
    q->requests[slot].comes_back = end + q->back;
    q->waiting--;
    while (q->waiting > 0 && q->requests[q->oldest].is_served)
        q->oldest = (q->oldest + 1) % SIM_OUTSTANDING;
}

void weft__sim_memory_serve(sim_memory *memory, int64_t now)
{
    double until = (double)now + 1;
    for (int32_t i = 0; i < memory->bank_count; i++) {
        sim_bank *bank = &memory->banks[i];
        for (;;) {
            double time = fmax(bank->bus_free, first_arrival(memory, i));
            if (time >= until)
                break;
            refresh(bank, time);
            if (bank->bus_free > time)
                continue;
            serve_one(memory, i, time);
        }
    }
}

bool weft__sim_memory_is_idle(const sim_memory *memory)
{
    for (int32_t i = 0; i < SIM_QUEUES; i++)
        if (memory->queues[i].count > 0)
            return false;
    return true;
}
