/* What the files of the recorder share. */
#ifndef PH_ORIGIN_RECORDING_RECORDER_PRIVATE_H
#define PH_ORIGIN_RECORDING_RECORDER_PRIVATE_H

#include "core/base/builder.h"
#include "origin/recording/fragment_reader.h"
#include "origin/recording/mp4_writer.h"
#include "origin/recording/recorder.h"
#include "origin/recording/recorder_files.h"

/* A track that is recorded. */
struct ph_recorder_slot {
    uint32_t index; /* in the publication */
    uint32_t init_check;
    struct ph_init_segment init; /* its description is in the table */
    struct ph_mp4_track table;
    uint64_t taken_below, consumed_below;
};

/* A segment in the media: a chunk. */
struct ph_recorder_chunk {
    uint32_t slot;
    uint64_t segment;
    uint64_t start, end; /* in the media */
    size_t entry_bytes;  /* of its entry */
};

/* A chunk that is in the store in part. */
struct ph_recorder_cut {
    bool exists;
    uint32_t slot;
    uint64_t segment;
    uint64_t bytes; /* of the chunk, that are in the store */
    uint32_t check; /* their CRC-32 */
};

/* The media is head, then the parts, then what is pending. */
struct ph_recorder {
    struct ph_store *store;
    char key[PH_STORE_KEY_BYTES];
    char title[PH_MOST_MP4_TITLE_BYTES + 2]; /* one byte more, by which a longer text is known */
    int64_t epoch_utc_us;
    struct ph_recorder_slot slots[PH_MOST_MP4_TRACKS];
    uint32_t slot_count;
    struct ph_recorder_files files;

    struct ph_composition *composition; /* NULL until something is added */
    char token[PH_COMPOSITION_TOKEN_BYTES];
    uint64_t part_bytes, most_head_bytes;
    struct ph_receipt *receipts;
    size_t receipt_count;

    struct ph_builder head;
    bool head_saved;
    struct ph_builder pending;
    uint64_t appended_bytes; /* of all parts */
    uint64_t media_bytes;    /* of all chunks */

    struct ph_recorder_chunk *chunks; /* that are not yet durable as a whole, oldest first */
    size_t chunk_count, chunk_capacity;
    struct ph_builder entries;  /* of those chunks, for the journal */
    struct ph_recorder_cut cut; /* at the end of the last part */
    bool cut_awaited;           /* that chunk has to be added again */

    bool broken;
    bool ending;   /* the last part is in the store: nothing may be added */
    bool finished; /* `result` holds, but for the etag */
    struct ph_recorder_result result;
};

/* recorder_parts.c: begins the object in the store, once. */
int ph_recorder_begin(struct ph_recorder *recorder) PH_NODISCARD;
/* Appends as many whole parts as there are, and with `all` the rest as the last. When it fails nothing is
 * changed and it can be tried again. */
int ph_recorder_flush(struct ph_recorder *recorder, bool all) PH_NODISCARD;
/* The tracks that have samples. */
struct ph_mp4 ph_recorder_mp4(const struct ph_recorder *recorder);

/* recorder_journal.c: what the records of the journal say. */
void ph_recorder_write_begun(struct ph_builder *builder, const struct ph_recorder *recorder);
void ph_recorder_write_entry(
    struct ph_builder *builder, uint32_t slot, uint64_t segment, const struct ph_media_segment *media);
void ph_recorder_write_part(struct ph_builder *builder, const struct ph_recorder *recorder,
    const struct ph_receipt *receipt, const struct ph_recorder_cut *cut, struct ph_slice entries);
void ph_recorder_write_finishing(struct ph_builder *builder, const struct ph_recorder_result *result);
/* Fills a fresh recorder from the journal and says how much of it holds. PH_INVALID_DATA when it is of
 * another recording or contradicts itself; `token` is then still right when it is not empty. */
int ph_recorder_restore(
    struct ph_recorder *recorder, struct ph_slice journal, uint64_t *valid_bytes) PH_NODISCARD;

#endif
