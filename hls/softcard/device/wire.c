/* SPDX-License-Identifier: Apache-2.0 */
/* See wire.h. */
#include "hls/softcard/device/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    TAG_SIZE = 0x09, /* field 1, fixed 64 bits */
    TAG_CALL = 0x15, /* field 2, fixed 32 bits */
    REQUEST_HEAD = 14,
    REPLY_HEAD = 9,
    MAX_BODY = 1 << 30, /* the host sends at most 8 MiB unless it is told otherwise */
    CONNECT_TRIES = 5000,
    CONNECT_WAIT_NS = 2000000
};

int wire_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (int i = 0; i < CONNECT_TRIES; i++) {
        int made = socket(AF_UNIX, SOCK_STREAM, 0);
        if (made < 0)
            return -1;
        if (connect(made, (const struct sockaddr *)&address, sizeof address) == 0)
            return made;
        close(made);
        nanosleep(&(struct timespec){0, CONNECT_WAIT_NS}, NULL);
    }
    return -1;
}

/* ---- bytes ---- */

static bool read_all(int from, uint8_t *out, size_t bytes)
{
    while (bytes > 0) {
        ssize_t got = read(from, out, bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        out += got;
        bytes -= (size_t)got;
    }
    return true;
}

static bool write_all(int to, const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t put = write(to, data, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        data += put;
        bytes -= (size_t)put;
    }
    return true;
}

static uint64_t number_at(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

bool wire_receive(int from, wire_request *request)
{
    uint8_t head[REQUEST_HEAD];
    if (!read_all(from, head, sizeof head) || head[0] != TAG_SIZE || head[9] != TAG_CALL)
        return false;
    uint64_t bytes = number_at(head + 1, 8);
    if (bytes > MAX_BODY)
        return false;
    if (bytes > request->capacity) {
        uint8_t *larger = realloc(request->body, (size_t)bytes);
        if (larger == NULL)
            return false;
        request->body = larger;
        request->capacity = (size_t)bytes;
    }
    request->call = (uint32_t)number_at(head + 10, 4);
    request->bytes = (size_t)bytes;
    return read_all(from, request->body, request->bytes);
}

/* ---- fields ---- */

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static const uint8_t *get_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; at < end && shift < 64; shift += 7) {
        uint8_t byte = *at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return at;
    }
    return NULL;
}

/* What stands behind the field at `at`; NULL at the end and where the message breaks. */
static const uint8_t *get_field(const uint8_t *at, const uint8_t *end, uint32_t *out_number,
                                wire_field *out)
{
    uint64_t tag = 0;
    if (at >= end || (at = get_varint(at, end, &tag)) == NULL)
        return NULL;
    *out_number = (uint32_t)(tag >> 3);
    *out = (wire_field){0};
    int width = (tag & 7) == WIRE_FIXED64 ? 8 : 4;
    switch (tag & 7) {
    case WIRE_VARINT: return get_varint(at, end, &out->number);
    case WIRE_FIXED64:
    case WIRE_FIXED32:
        if (end - at < width)
            return NULL;
        out->number = number_at(at, width);
        return at + width;
    case WIRE_BYTES:
        at = get_varint(at, end, &out->number);
        if (at == NULL || (uint64_t)(end - at) < out->number)
            return NULL;
        out->data = at;
        return at + out->number;
    default: return NULL;
    }
}

wire_field wire_get(const wire_request *request, uint32_t number)
{
    uint32_t found = 0;
    wire_field field;
    const uint8_t *end = request->body + request->bytes;
    for (const uint8_t *at = request->body;
         at != NULL && (at = get_field(at, end, &found, &field)) != NULL;)
        if (found == number)
            return field;
    return (wire_field){0};
}

void wire_get_text(const wire_request *request, uint32_t number, char *out, size_t capacity)
{
    wire_field field = wire_get(request, number);
    size_t length = field.data == NULL ? 0 : (size_t)field.number;
    if (length >= capacity)
        length = capacity - 1;
    if (field.data != NULL)
        memcpy(out, field.data, length);
    out[length] = '\0';
}

/* ---- replies ---- */

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/* The host reads the head by itself and then as many bytes as it says. */
bool wire_reply_bytes(int to, uint64_t result, const void *data, size_t bytes)
{
    uint8_t head[REPLY_HEAD + 32], *at = head + REPLY_HEAD;
    *at++ = 1 << 3 | WIRE_VARINT;
    at = put_varint(at, result);
    if (data != NULL) {
        *at++ = 2 << 3 | WIRE_BYTES;
        at = put_varint(at, bytes);
    }
    uint64_t size = (uint64_t)(at - head - REPLY_HEAD) + bytes;
    head[0] = TAG_SIZE;
    for (int i = 0; i < 8; i++)
        head[1 + i] = (uint8_t)(size >> (8 * i));
    return write_all(to, head, (size_t)(at - head)) && write_all(to, data, bytes);
}

bool wire_reply(int to, uint64_t result)
{
    return wire_reply_bytes(to, result, NULL, 0);
}
