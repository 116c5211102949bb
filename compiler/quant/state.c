/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics as a file, so that a long calibration can go on after an interruption.
 *
 * Little-endian: "WEFTQST2", key u64, tensors u64, samples u64, points u64; per point: least f32,
 * most f32, reach f64, total u64, bins u64 x WEFT_QUANT_BINS, channels u64, elements per channel
 * u64, sums f64 x channels; then XXH3-64 of everything before. The key covers the graph and the
 * tensors, not the method: a calibration serves all methods. `tensors` covers names and channels of
 * the tensors alone, which are the same for every size of the model's inputs. */
#include <string.h>
#include <xxhash.h>

#include "compiler/base/file.h"
#include "compiler/quant/quant.h"

static const char magic[8] = {'W', 'E', 'F', 'T', 'Q', 'S', 'T', '2'};

typedef struct state_writer {
    weft_file_writer *file;
    XXH3_state_t *hash;
} state_writer;

static void put(state_writer *writer, const void *data, size_t bytes)
{
    XXH3_64bits_update(writer->hash, data, bytes);
    weft_file_writer_add(writer->file, data, bytes); /* commit reports what failed */
}

static void put_u64(state_writer *writer, uint64_t number)
{
    put(writer, &number, sizeof number);
}

weft_status weft_quant_save(const weft_quant *quant, const char *path, weft_diag *diag)
{
    state_writer writer = {NULL, XXH3_createState()};
    if (writer.hash == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    weft_status status = weft_file_writer_open(path, &writer.file, diag);
    if (status == WEFT_OK) {
        XXH3_64bits_reset(writer.hash);
        put(&writer, magic, sizeof magic);
        put_u64(&writer, quant->key);
        put_u64(&writer, quant->tensors);
        put_u64(&writer, quant->samples);
        put_u64(&writer, quant->points.count);
        for (size_t i = 0; i < quant->points.count; i++) {
            const weft_quant_point *point = &quant->points.data[i];
            put(&writer, &point->seen.least, sizeof(float));
            put(&writer, &point->seen.most, sizeof(float));
            put(&writer, &point->seen.width, sizeof(double));
            put_u64(&writer, point->seen.zeros);
            put_u64(&writer, point->seen.total);
            put(&writer, point->seen.counts, sizeof point->seen.counts);
            put_u64(&writer, (uint64_t)point->channels);
            put_u64(&writer, point->summed);
            put(&writer, point->sums, (size_t)point->channels * sizeof(double));
        }
        uint64_t hash = XXH3_64bits_digest(writer.hash);
        weft_file_writer_add(writer.file, &hash, sizeof hash);
        status = weft_file_writer_commit(writer.file, diag);
    }
    XXH3_freeState(writer.hash);
    return status;
}

typedef struct state_reader {
    const uint8_t *at;
    size_t left;
} state_reader;

static bool get(state_reader *reader, void *out, size_t bytes)
{
    if (reader->left < bytes)
        return false;
    memcpy(out, reader->at, bytes);
    reader->at += bytes;
    reader->left -= bytes;
    return true;
}

static bool get_equal(state_reader *reader, uint64_t expected)
{
    uint64_t number;
    return get(reader, &number, sizeof number) && number == expected;
}

/* Sums of the channels. What has another number of them in a model for another size (tokens, where
 * these are not the channels of weights) has no sums that weights need. */
static bool add_sums(weft_quant_point *point, state_reader *reader, bool any_size)
{
    uint64_t channels, summed;
    double sum;
    if (!get(reader, &channels, sizeof channels) || !get(reader, &summed, sizeof summed))
        return false;
    bool are_ours = channels == (uint64_t)point->channels;
    if (!are_ours && !any_size)
        return false;
    point->summed += are_ours ? summed : 0;
    for (uint64_t c = 0; c < channels; c++) {
        if (!get(reader, &sum, sizeof sum))
            return false;
        if (are_ours)
            point->sums[c] += sum;
    }
    return true;
}

/* Adds the points of a file to those of quant. */
static bool add_points(weft_quant *quant, state_reader *reader, bool any_size)
{
    weft_histogram *seen = WEFT_NEW(quant->arena, weft_histogram);
    for (size_t i = 0; i < quant->points.count; i++) {
        weft_quant_point *point = &quant->points.data[i];
        if (!get(reader, &seen->least, sizeof(float)) || !get(reader, &seen->most, sizeof(float)) ||
            !get(reader, &seen->width, sizeof(double)) ||
            !get(reader, &seen->zeros, sizeof(uint64_t)) ||
            !get(reader, &seen->total, sizeof(uint64_t)) ||
            !get(reader, seen->counts, sizeof seen->counts))
            return false;
        weft_histogram_merge(&point->seen, seen);
        if (!add_sums(point, reader, any_size))
            return false;
    }
    return reader->left == 0;
}

static weft_status refuse(const char *path, const char *why, weft_diag *diag)
{
    weft_status status =
        weft_diag_error(diag, WEFT_E_QUANT_STATE, "the calibration cannot go on from %s", path);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", why);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "the same model, data, --exclude, --equalize and --shape, or "
                        "another file to start anew");
    return status;
}

/* any_size: of the same tensors is enough. */
static weft_status add_file(weft_quant *quant, const char *path, bool any_size, weft_diag *diag)
{
    weft_file_map map;
    weft_status status = weft_file_map_open(path, &map, diag);
    if (status != WEFT_OK)
        return status;
    state_reader reader = {map.data, map.size_bytes};
    char found[sizeof magic];
    uint64_t key = 0, tensors = 0, samples = 0, hash = 0;
    bool is_ours = get(&reader, found, sizeof found) && memcmp(found, magic, sizeof magic) == 0;
    if (!is_ours || map.size_bytes < sizeof magic + sizeof hash) {
        status = refuse(path, "it is no file of calibration statistics", diag);
    } else {
        memcpy(&hash, map.data + map.size_bytes - sizeof hash, sizeof hash);
        reader.left -= reader.left < sizeof hash ? reader.left : sizeof hash;
        if (XXH3_64bits(map.data, map.size_bytes - sizeof hash) != hash)
            status = refuse(path, "it is damaged: its hash does not match", diag);
        else if (!get(&reader, &key, sizeof key) || !get(&reader, &tensors, sizeof tensors) ||
                 (any_size ? tensors != quant->tensors : key != quant->key))
            status = refuse(path,
                            any_size ? "it belongs to another model or other settings"
                                     : "it belongs to another model, other data or other settings",
                            diag);
        else if (!get(&reader, &samples, sizeof samples) ||
                 !get_equal(&reader, quant->points.count) || !add_points(quant, &reader, any_size))
            status = refuse(path, "it has other tensors than the model", diag);
        else
            quant->samples += (size_t)samples;
    }
    weft_file_map_close(&map);
    return status;
}

weft_status weft_quant_load(weft_quant *quant, const char *path, weft_diag *diag)
{
    if (WEFT_ARENA_TRY(quant->arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    return add_file(quant, path, false, diag);
}

weft_status weft_quant_add(weft_quant *quant, const char *path, weft_diag *diag)
{
    if (WEFT_ARENA_TRY(quant->arena))
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    return add_file(quant, path, true, diag);
}
