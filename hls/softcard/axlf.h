/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an xclbin (AXLF), as far as weft reads and writes them. Numbers are little-endian,
 * offsets are counted from the start of the file or of the section, texts end with a zero unless
 * they fill their place. Must not know about: where the bytes come from or go.
 *
 *   file:     head of 456 bytes | table: one row of 40 bytes per section | sections, at multiples
 *             of 8
 *   head:       0  "xclbin2\0"
 *               8  i32 length of the signature, -1: none      12  28 bytes 0xff
 *              40  256 bytes of key block (0xff: not signed)
 *             296  u64 id                                    304  u64 length of the file
 *             312  u64 time of creation                      320  u64 time of the shell
 *             328  u16 patch  330 u8 major  331 u8 minor     332  u16 mode   334 u16 actions
 *             336  16 bytes: uuid of the shell's ROM         352  64 bytes: platform (VBNV)
 *             416  16 bytes: uuid of this file               432  16 bytes: debug file
 *             448  u32 number of sections                    452  u32 0
 *   row:        0  u32 kind   4 text of 16   20 u32 0   24 u64 offset   32 u64 size
 *
 *   MEM_TOPOLOGY: i32 count, u32 0, rows of 40 bytes
 *               0  u8 type  1 u8 used  2 zeros  8 u64 size in KiB  16 u64 base  24 text of 16
 *   IP_LAYOUT: i32 count, u32 0, rows of 80 bytes, ascending by base
 *               0  u32 type   4 u32 properties: bit 0 has interrupt, bits 1-7 its number, bits 8-15
 *                  control protocol   8 u64 base   16 text of 64: "KERNEL:UNIT"
 *   CONNECTIVITY: i32 count, rows of 12 bytes
 *               0  i32 argument   4 i32 row of IP_LAYOUT   8 i32 row of MEM_TOPOLOGY
 *   CLOCK_FREQ_TOPOLOGY: i16 count, rows of 136 bytes
 *               0  u16 MHz   2 u8 type   3 zeros   8 text of 128
 *   PARTITION_METADATA: a flattened device tree (big-endian); property interface_uuid, a text of 32
 *             hexadecimal digits, names the shell that the bitstream fits
 *   EMBEDDED_METADATA: XML (metadata.h). USER_METADATA: any text. BITSTREAM: any bytes. */
#ifndef WEFT_HLS_SOFTCARD_AXLF_H
#define WEFT_HLS_SOFTCARD_AXLF_H

#include <stdint.h>

#define AXLF_MAGIC "xclbin2" /* with its final zero */

enum {
    AXLF_MAGIC_BYTES = 8,
    AXLF_SIGNATURE = 8,
    AXLF_FILL = 12,
    AXLF_ID = 296,
    AXLF_LENGTH = 304,
    AXLF_TIME = 312,
    AXLF_PATCH = 328,
    AXLF_MAJOR = 330,
    AXLF_MINOR = 331,
    AXLF_MODE = 332,
    AXLF_PLATFORM = 352,
    AXLF_PLATFORM_BYTES = 64,
    AXLF_UUID = 416,
    AXLF_COUNT = 448,
    AXLF_HEAD_BYTES = 456,
    AXLF_ROW_BYTES = 40,
    AXLF_ROW_OFFSET = 24,
    AXLF_ROW_SIZE = 32,
    AXLF_ALIGN = 8,
    AXLF_MAX_SECTIONS = 0x10000
};

typedef enum axlf_kind {
    AXLF_BITSTREAM = 0,
    AXLF_EMBEDDED_METADATA = 2,
    AXLF_MEM_TOPOLOGY = 6,
    AXLF_CONNECTIVITY = 7,
    AXLF_IP_LAYOUT = 8,
    AXLF_CLOCK_FREQ_TOPOLOGY = 11,
    AXLF_USER_METADATA = 16,
    AXLF_PARTITION_METADATA = 20
} axlf_kind;

enum { AXLF_MODE_HW_LAST = 3, AXLF_MODE_HW_EMU_PR = 6 }; /* 0 to 3 are made for cards */

enum {
    AXLF_MEM_HEAD = 8,
    AXLF_MEM_ROW = 40,
    AXLF_MEM_TAG = 24,
    AXLF_MEM_TAG_BYTES = 16,
    AXLF_MEM_DDR4 = 1,
    AXLF_MEM_DRAM = 2,
    AXLF_MEM_STREAMING = 3,
    AXLF_MEM_HBM = 6,
    AXLF_MEM_STREAMING_CONNECTION = 9,
    AXLF_IP_HEAD = 8,
    AXLF_IP_ROW = 80,
    AXLF_IP_NAME = 16,
    AXLF_IP_NAME_BYTES = 64,
    AXLF_IP_KERNEL = 1,
    AXLF_LINK_HEAD = 4,
    AXLF_LINK_ROW = 12,
    AXLF_CLOCK_HEAD = 2,
    AXLF_CLOCK_ROW = 136,
    AXLF_CLOCK_NAME = 8,
    AXLF_CLOCK_DATA = 1,
    AXLF_CLOCK_KERNEL = 2
};

#define FDT_MAGIC UINT32_C(0xd00dfeed)
enum {
    FDT_HEAD_BYTES = 40,
    FDT_BEGIN_NODE = 1,
    FDT_END_NODE = 2,
    FDT_PROPERTY = 3,
    FDT_NOP = 4,
    FDT_END = 9
};

static inline uint64_t axlf_get(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static inline int32_t axlf_get_i32(const uint8_t *bytes)
{
    return (int32_t)(uint32_t)axlf_get(bytes, 4);
}

static inline void axlf_put(uint8_t *bytes, unsigned count, uint64_t value)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t fdt_get(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

#endif
