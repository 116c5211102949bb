/* SPDX-License-Identifier: Apache-2.0 */
/* The software card: the process that XRT's sw_emu shim starts for a device. It keeps the card's
 * memory and runs the engine's HLS C, compiled into a shared object that travels in the xclbin.
 * Started by XRT, not by people: `weft softcard` makes the environment for it. Must not know about:
 * packages, schedules.
 *
 * It stays in the host's process group, because the shim waits for a child of that group. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hls/softcard/device/units.h"
#include "hls/softcard/device/wire.h"

enum { PATH_BYTES = 4096 };

typedef struct card {
    int socket;
    card_memory memory;
    card_fault fault;
    card_units *units;
    FILE *log; /* NULL: none */
} card;

/* ---- calls ---- */

static bool load(card *c, const wire_request *request)
{
    char metadata[PATH_BYTES], library[PATH_BYTES];
    wire_get_text(request, 1, metadata, sizeof metadata);
    wire_get_text(request, 2, library, sizeof library);
    return wire_reply(c->socket, units_load(c->units, metadata, library));
}

static bool allocate(card *c, const wire_request *request)
{
    uint64_t address = wire_get(request, 1).number, bytes = wire_get(request, 2).number;
    char name[PATH_BYTES] = "";
    bool is_good =
        !fault_strikes(&c->fault, FAULT_NO_MEMORY) && memory_at(&c->memory, address, bytes) != NULL;
    if (wire_get(request, 3).number == 0)
        return wire_reply(c->socket, is_good);
    is_good = is_good && memory_share(&c->memory, address, bytes, name, sizeof name);
    return wire_reply_bytes(c->socket, is_good, name, strlen(name));
}

static bool write_memory(card *c, const wire_request *request)
{
    wire_field data = wire_get(request, 4);
    uint8_t *at = memory_at(&c->memory, wire_get(request, 3).number, data.number);
    if (data.data == NULL || at == NULL)
        return wire_reply(c->socket, 0);
    memcpy(at, data.data, (size_t)data.number);
    return wire_reply(c->socket, data.number);
}

static bool read_memory(card *c, const wire_request *request)
{
    uint64_t bytes = wire_get(request, 5).number;
    const uint8_t *at = memory_at(&c->memory, wire_get(request, 4).number, bytes);
    return at == NULL ? wire_reply_bytes(c->socket, 0, "", 0)
                      : wire_reply_bytes(c->socket, bytes, at, (size_t)bytes);
}

static bool write_register(card *c, uint64_t address, wire_field data)
{
    units_write(c->units, address, data.data, data.number);
    return wire_reply(c->socket, 1);
}

static bool read_register(card *c, uint64_t address)
{
    uint32_t value = units_read(c->units, address);
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                             (uint8_t)(value >> 24)};
    return wire_reply_bytes(c->socket, 1, bytes, sizeof bytes);
}

/* False: the end. Calls without a case are set-up that needs a yes only. */
static bool answer(card *c, const wire_request *r)
{
    switch (r->call) {
    case CALL_LOAD: return load(c, r);
    case CALL_ALLOC: return allocate(c, r);
    case CALL_FREE:
        memory_unshare(&c->memory, wire_get(r, 1).number);
        return wire_reply(c->socket, 1);
    case CALL_WRITE_MEMORY: return write_memory(c, r);
    case CALL_READ_MEMORY: return read_memory(c, r);
    case CALL_WRITE_CONTROL: return write_register(c, wire_get(r, 2).number, wire_get(r, 4));
    case CALL_READ_CONTROL: return read_register(c, wire_get(r, 2).number);
    case CALL_WRITE_REGISTER:
        return write_register(c, wire_get(r, 1).number + wire_get(r, 2).number, wire_get(r, 3));
    case CALL_READ_REGISTER: return read_register(c, wire_get(r, 1).number + wire_get(r, 2).number);
    case CALL_VERSION:
        c->memory.is_one_file = getenv("VITIS_SW_EMU_DISABLE_SINGLE_MMAP") == NULL;
        return wire_reply(c->socket, 1);
    case CALL_CLOSE: return wire_reply(c->socket, 1) && wire_get(r, 3).number == 0;
    default: return wire_reply(c->socket, 1);
    }
}

/* ---- start ---- */

/* Where the host listens: XRT names the socket after the user. */
static void socket_path(char *out, size_t capacity)
{
    const char *user = getenv("USER"), *id = getenv("EMULATION_SOCKETID");
    if (user == NULL)
        snprintf(out, capacity, "/tmp/xcl_sock");
    else
        snprintf(out, capacity, "/tmp/%s/%s", user, id == NULL ? "xcl_sock" : id);
}

static bool open_card(card *c)
{
    const char *apart = getenv("WEFT_SOFTCARD_MEMORY"), *log = getenv("WEFT_SOFTCARD_LOG");
    if (!fault_read(getenv("WEFT_SOFTCARD_FAULT"), &c->fault)) {
        fprintf(stderr, "software card: WEFT_SOFTCARD_FAULT is not hang, crash, vanish or nomem, "
                        "each with :N or without\n");
        return false;
    }
    c->log = log == NULL ? NULL : fopen(log, "a");
    if (!memory_open(&c->memory, apart == NULL || strcmp(apart, "shared") != 0)) {
        fprintf(stderr, "software card: no address space for the card's memory; `ulimit -v` may "
                        "limit it\n");
        return false;
    }
    c->memory.is_one_file = getenv("VITIS_SW_EMU_ENABLE_SINGLE_MMAP") != NULL;
    c->units = units_create(&c->memory, &c->fault);
    return c->units != NULL;
}

int main(void)
{
    card c = {.socket = -1};
    char path[PATH_BYTES];
    /* A host that is gone is seen by the calls; a signal would make XRT end its process group. */
    signal(SIGPIPE, SIG_IGN);
    if (!open_card(&c))
        return 1;
    socket_path(path, sizeof path);
    c.socket = wire_connect(path);
    if (c.socket < 0) {
        fprintf(stderr,
                "software card: cannot connect to %s: this program is started by XRT, under "
                "weft softcard\n",
                path);
        return 1;
    }
    wire_request request = {0};
    do {
        if (!wire_receive(c.socket, &request))
            break;
        if (c.log != NULL) {
            fprintf(c.log, "call %u, %zu bytes\n", (unsigned)request.call, request.bytes);
            fflush(c.log);
        }
    } while (answer(&c, &request));
    /* Units that hang have threads that nothing can end; they end with the process. */
    _exit(0);
}
