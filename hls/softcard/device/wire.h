/* SPDX-License-Identifier: Apache-2.0 */
/* The wire between XRT's sw_emu shim and the device process: strict request and reply over a Unix
 * stream socket. Must not know about: what calls mean.
 *
 *   request:  0x09 size:u64 0x15 call:u32 | body of `size` bytes
 *   reply:    0x09 size:u64               | body
 *
 * Numbers are little-endian. Bodies are protocol-buffer messages of a few fields each; their wire
 * form is read and written here, because the shim installs no definitions of them. */
#ifndef WEFT_HLS_SOFTCARD_DEVICE_WIRE_H
#define WEFT_HLS_SOFTCARD_DEVICE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of calls: XRT's public header xcl_macros.h. */
typedef enum wire_call {
    CALL_CLOSE = 1,
    CALL_LOAD = 3,
    CALL_ALLOC = 4,
    CALL_FREE = 5,
    CALL_WRITE_MEMORY = 6,
    CALL_READ_MEMORY = 7,
    CALL_WRITE_CONTROL = 9,
    CALL_READ_CONTROL = 11,
    CALL_WRITE_REGISTER = 51,
    CALL_READ_REGISTER = 52,
    CALL_VERSION = 53 /* XRT 2.14 and newer ask first */
} wire_call;

typedef struct wire_request {
    uint32_t call;
    uint8_t *body;
    size_t bytes, capacity;
} wire_request;

typedef struct wire_field {
    uint64_t number;     /* a varint or fixed field's; the length of a text's */
    const uint8_t *data; /* a text's or bytes'; else NULL */
} wire_field;

/* Connects to a socket that the host may still be about to make; -1 when it does not appear within
 * some seconds. */
int wire_connect(const char *path);
/* False: the host is gone or sends what is no request. */
bool wire_receive(int socket, wire_request *request);
/* Field `number` of the body; zeros when it is not there. */
wire_field wire_get(const wire_request *request, uint32_t number);
/* A text field, cut to the capacity. */
void wire_get_text(const wire_request *request, uint32_t number, char *out, size_t capacity);

/* Replies {1: result} and {1: result, 2: bytes}. False: the host is gone. */
bool wire_reply(int socket, uint64_t result);
bool wire_reply_bytes(int socket, uint64_t result, const void *data, size_t bytes);

#endif
