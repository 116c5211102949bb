/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to protobuf message, safely. A scan with bounded depth checks the structure before
 * protobuf-c, which recurses, sees it, and finds the byte where a damaged file breaks; an allocator
 * with a budget bounds what the file can claim. Must not know about: what the fields of a model
 * mean. */
#include <stdlib.h>
#include <string.h>

#include "compiler/import/importer.h"

enum {
    MAX_DEPTH = 100, /* a graph inside a node is three levels, so 33 nested control-flow bodies;
                        protobuf's own limit too */
    MAX_VARINT_BYTES = 10,
    /* Worst honest case: an unpacked list of one-byte integers. Each takes 2 bytes of file, 8 of
     * memory, and a member record of up to 48 in slabs that double: 52 bytes per byte. A message is
     * at most 300 bytes, and the smallest useful one (an attribute with name, type and value) 12
     * bytes of file. */
    BUDGET_PER_BYTE = 64,
    BUDGET_BASE_BYTES = 1 << 20
};

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* ---- scan ---- */

typedef struct fault {
    size_t offset;
    const char *why; /* NULL: none */
    bool is_too_deep;
    bool has_known_field; /* a field of the outermost message was read before */
} fault;

typedef struct frame {
    const ProtobufCMessageDescriptor *type;
    size_t end;
    uint64_t seen; /* bit per field of the descriptor: single messages that were read */
} frame;

/* False when it does not end before `end` or is too long; *at moves behind it. */
static bool read_varint(const uint8_t *data, size_t *at, size_t end, uint64_t *out_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < MAX_VARINT_BYTES && *at < end; i++) {
        uint8_t byte = data[(*at)++];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *out_value = value;
            return true;
        }
    }
    return false;
}

static unsigned wire_type_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32: return WIRE_FIXED32;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64: return WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return WIRE_BYTES;
    default: return WIRE_VARINT;
    }
}

/* Whether bytes are whole elements of a packed list of that wire type. */
static bool fits_packed(unsigned element_wire, const uint8_t *bytes, size_t length)
{
    switch (element_wire) {
    case WIRE_FIXED32: return length % 4 == 0;
    case WIRE_FIXED64: return length % 8 == 0;
    case WIRE_VARINT: return length == 0 || (bytes[length - 1] & 0x80) == 0;
    default: return true;
    }
}

/* Reads one field of the innermost message and steps into it when it is a message. Returns what is
 * wrong, or NULL. */
static const char *scan_field(const uint8_t *data, size_t *at, frame *stack, size_t *depth,
                              fault *found)
{
    frame *top = &stack[*depth - 1];
    uint64_t key = 0, length = 0;
    if (!read_varint(data, at, top->end, &key))
        return "a field's key is cut off";
    unsigned wire = (unsigned)(key & 7);
    if (key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return "a field has an impossible number";
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(top->type, (unsigned)(key >> 3));
    if (field != NULL) {
        unsigned expected = wire_type_of(field);
        bool is_packed = wire == WIRE_BYTES && expected != WIRE_BYTES &&
                         field->label == PROTOBUF_C_LABEL_REPEATED;
        if (wire != expected && !is_packed)
            return "a field has another type than in ONNX";
    }
    switch (wire) {
    case WIRE_VARINT:
        if (!read_varint(data, at, top->end, &length))
            return "a number is cut off";
        break;
    case WIRE_FIXED64:
    case WIRE_FIXED32:
        length = wire == WIRE_FIXED64 ? 8 : 4;
        if (top->end - *at < length)
            return "a number is cut off";
        *at += (size_t)length;
        break;
    case WIRE_BYTES:
        if (!read_varint(data, at, top->end, &length))
            return "a length is cut off";
        if (top->end - *at < length)
            return "a field is longer than what is left of its message";
        if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE) {
            if (field != NULL && !fits_packed(wire_type_of(field), data + *at, (size_t)length))
                return "a list ends inside of an element";
            *at += (size_t)length;
            break;
        }
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            /* Protobuf would merge the two, at quadratic cost; no ONNX writer makes this. */
            uint64_t bit = UINT64_C(1) << (field - top->type->fields);
            if (top->seen & bit)
                return "a message that may occur once occurs twice";
            top->seen |= bit;
        }
        if (*depth == MAX_DEPTH) {
            found->is_too_deep = true;
            return "messages are nested too deeply";
        }
        stack[(*depth)++] = (frame){.type = field->descriptor, .end = *at + (size_t)length};
        break;
    default: return "a field has an impossible wire type";
    }
    if (field != NULL)
        found->has_known_field = true;
    return NULL;
}

static fault scan(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size_bytes)
{
    frame stack[MAX_DEPTH];
    WEFT_ASSERT(type->n_fields <= 64);
    stack[0] = (frame){.type = type, .end = size_bytes};
    size_t depth = 1, at = 0;
    fault found = {0};
    while (depth > 0) {
        if (at == stack[depth - 1].end) {
            depth--;
            continue;
        }
        found.offset = at;
        found.why = scan_field(data, &at, stack, &depth, &found);
        if (found.why != NULL)
            return found;
    }
    return found;
}

/* ---- what else it could be ---- */

typedef struct magic {
    size_t offset;
    const char *bytes;
    size_t length;
    const char *kind;
    const char *advice;
} magic;

#define MAGIC(offset, bytes, kind, advice)                                                         \
    {                                                                                              \
        offset, bytes, sizeof bytes - 1, kind, advice                                              \
    }
static const magic magics[] = {
    MAGIC(0, "version https://git-lfs", "a Git LFS pointer", "fetch the file itself: git lfs pull"),
    MAGIC(0, "WEFTPKG", "a weft package", "give the model that it was compiled from"),
    MAGIC(0, "\x89PNG", "a PNG picture", NULL),
    MAGIC(0, "\xff\xd8\xff", "a JPEG picture", NULL),
    MAGIC(0, "\x93NUMPY", "a NumPy array", NULL),
    MAGIC(0, "PK\x03\x04", "a ZIP archive, as PyTorch writes",
          "export it: torch.onnx.export, or unpack the archive"),
    MAGIC(0, "\x80\x02", "a Python pickle", "export it: torch.onnx.export"),
    MAGIC(0, "\x89HDF", "an HDF5 file, as Keras writes", "export it with tf2onnx"),
    MAGIC(0, "\x1f\x8b", "a gzip archive", "unpack it: gunzip"),
    MAGIC(0, "\x28\xb5\x2f\xfd", "a zstd archive", "unpack it: unzstd"),
    MAGIC(0,
          "\x7f"
          "ELF",
          "a program", NULL),
    MAGIC(4, "ORTM", "a model in ONNX Runtime's own format",
          "give the .onnx file that it was made from"),
    MAGIC(4, "TFL3", "a TensorFlow Lite model", "convert it with tf2onnx"),
};
#undef MAGIC

static bool is_text(const uint8_t *data, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes && i < 64; i++)
        if (data[i] > 0x7e ||
            (data[i] < 0x20 && data[i] != '\n' && data[i] != '\r' && data[i] != '\t'))
            return false;
    return true;
}

static weft_status report_not_onnx(weft_importer *importer, const uint8_t *data, size_t size_bytes)
{
    weft_status status = weft_diag_error(importer->diag, WEFT_E_NOT_ONNX, "not an ONNX model: %s",
                                         weft_import_path(importer));
    const char *kind = is_text(data, size_bytes) ? "text" : NULL, *advice = NULL;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        const magic *row = &magics[i];
        if (size_bytes >= row->offset + row->length &&
            memcmp(data + row->offset, row->bytes, row->length) == 0) {
            kind = row->kind;
            advice = row->advice;
            break;
        }
    }
    weft_text bytes;
    weft_text_init(&bytes, importer->arena);
    for (size_t i = 0; i < size_bytes && i < 8; i++)
        weft_text_printf(&bytes, "%s%02x", i > 0 ? " " : "", data[i]);
    weft_diag_field_set(importer->diag, WEFT_DIAG_EXPECTED,
                        "a protocol buffer that starts with ModelProto's ir_version (08)");
    weft_diag_field_set(importer->diag, WEFT_DIAG_FOUND, "bytes %s%s%s", bytes.data,
                        kind != NULL ? ", " : "", kind != NULL ? kind : "");
    if (advice != NULL)
        weft_diag_field_set(importer->diag, WEFT_DIAG_TRY, "%s", advice);
    return status;
}

static weft_status report_fault(weft_importer *importer, const uint8_t *data, size_t size_bytes,
                                const fault *found)
{
    if (!found->has_known_field)
        return report_not_onnx(importer, data, size_bytes);
    weft_status status =
        found->is_too_deep
            ? weft_diag_error(importer->diag, WEFT_E_MODEL_NESTED,
                              "messages are nested more than %d deep: %s", MAX_DEPTH,
                              weft_import_path(importer))
            : weft_diag_error(importer->diag, WEFT_E_MODEL_CORRUPT, "truncated or damaged: %s",
                              weft_import_path(importer));
    weft_diag_field_set(importer->diag, WEFT_DIAG_AT, "byte %zu of %zu", found->offset, size_bytes);
    weft_diag_field_set(importer->diag, WEFT_DIAG_WHY, "%s", found->why);
    weft_diag_field_set(importer->diag, WEFT_DIAG_TRY,
                        "copy or export the file again, and compare its size with the original");
    return status;
}

/* ---- unpacking ---- */

/* Owns a message and counts what it takes; lies in the arena, which outlives the release. */
typedef struct holder {
    ProtobufCAllocator allocator;
    ProtobufCMessage *message;
    size_t budget_bytes;
    bool is_over_budget;
    bool is_out_of_memory;
} holder;

static void *holder_alloc(void *data, size_t size_bytes)
{
    holder *owner = data;
    if (size_bytes > owner->budget_bytes) {
        owner->is_over_budget = true;
        return NULL;
    }
    owner->budget_bytes -= size_bytes;
    void *block = weft_arena_injected_failure() ? NULL : malloc(size_bytes == 0 ? 1 : size_bytes);
    owner->is_out_of_memory |= block == NULL;
    return block;
}

static void holder_free(void *data, void *pointer)
{
    (void)data;
    free(pointer);
}

static void holder_release(void *object)
{
    holder *owner = object;
    if (owner->message != NULL)
        protobuf_c_message_free_unpacked(owner->message, &owner->allocator);
}

/* NULL after a failure; *out_owner says which. */
static const ProtobufCMessage *unpack(weft_importer *importer,
                                      const ProtobufCMessageDescriptor *type, const uint8_t *data,
                                      size_t size_bytes, holder **out_owner)
{
    holder *owner = WEFT_NEW(importer->arena, holder);
    *out_owner = owner;
    owner->allocator =
        (ProtobufCAllocator){.alloc = holder_alloc, .free = holder_free, .allocator_data = owner};
    if (!weft_mul_size(size_bytes, BUDGET_PER_BYTE, &owner->budget_bytes) ||
        !weft_add_size(owner->budget_bytes, BUDGET_BASE_BYTES, &owner->budget_bytes))
        owner->budget_bytes = SIZE_MAX;
    owner->message = protobuf_c_message_unpack(type, &owner->allocator, size_bytes, data);
    if (owner->message != NULL)
        weft_arena_defer(importer->arena, holder_release, owner);
    return owner->message;
}

weft_status weft_import_unpack(weft_importer *importer, const uint8_t *data, size_t size_bytes,
                               const Onnx__ModelProto **out_model)
{
    *out_model = NULL;
    weft_diag *diag = importer->diag;
    if (size_bytes == 0) {
        weft_status status = weft_diag_error(diag, WEFT_E_MODEL_EMPTY, "the file is empty: %s",
                                             weft_import_path(importer));
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "copy or export the file again");
        return status;
    }
    fault found = scan(&onnx__model_proto__descriptor, data, size_bytes);
    if (found.why != NULL)
        return report_fault(importer, data, size_bytes, &found);
    if (!found.has_known_field)
        return report_not_onnx(importer, data, size_bytes);
    holder *owner = NULL;
    *out_model = (const Onnx__ModelProto *)unpack(importer, &onnx__model_proto__descriptor, data,
                                                  size_bytes, &owner);
    if (*out_model != NULL)
        return WEFT_OK;
    if (owner->is_out_of_memory)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory while reading %s",
                               weft_import_path(importer));
    if (!owner->is_over_budget) {
        found = (fault){.why = "the protocol buffer reader refused it", .has_known_field = true};
        return report_fault(importer, data, size_bytes, &found);
    }
    weft_status status = weft_diag_error(diag, WEFT_E_MODEL_EXPANDS,
                                         "the file claims more memory than its size explains: %s",
                                         weft_import_path(importer));
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "at most %d bytes of memory per byte of the file",
                        BUDGET_PER_BYTE);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "more, for a file of %zu bytes", size_bytes);
    return status;
}

bool weft_import_unknown_field(const ProtobufCMessage *message, uint32_t number, size_t nth,
                               const uint8_t **out_data, size_t *out_size_bytes)
{
    for (unsigned i = 0; i < message->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &message->unknown_fields[i];
        if (field->tag != number || field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED ||
            nth-- > 0)
            continue;
        size_t at = 0;
        uint64_t length = 0; /* protobuf-c keeps the prefix */
        if (!read_varint(field->data, &at, field->len, &length) || field->len - at != length)
            return false;
        *out_data = field->data + at;
        *out_size_bytes = (size_t)length;
        return true;
    }
    return false;
}

const Onnx__AttributeProto *weft_import_unpack_attribute(weft_importer *importer,
                                                         const uint8_t *data, size_t size_bytes)
{
    if (scan(&onnx__attribute_proto__descriptor, data, size_bytes).why != NULL)
        return NULL;
    holder *owner = NULL;
    const ProtobufCMessage *attr =
        unpack(importer, &onnx__attribute_proto__descriptor, data, size_bytes, &owner);
    if (owner->is_out_of_memory)
        weft_arena_out_of_memory(importer->arena);
    return (const Onnx__AttributeProto *)attr;
}
