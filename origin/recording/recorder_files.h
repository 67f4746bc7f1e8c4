/* The recorder's two files in a session's spool folder. The journal is a row of records, each with its size
 * and CRC-32 before it, appended and synced one by one: what is torn at its end is cut. */
#ifndef PH_ORIGIN_RECORDING_RECORDER_FILES_H
#define PH_ORIGIN_RECORDING_RECORDER_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

enum { PH_RECORDER_PATH_BYTES = 512 };

/* Embedded; {.fd = -1} at first. */
struct ph_recorder_files {
    char dir[PH_RECORDER_PATH_BYTES]; /* "": none is kept, all calls do nothing */
    int fd;                           /* of the journal, or -1 */
    uint64_t journal_bytes;           /* of whole records */
};

/* -ENAMETOOLONG. `dir` may be NULL. */
int ph_recorder_files_init(struct ph_recorder_files *files, const char *dir) PH_NODISCARD;
void ph_recorder_files_close(struct ph_recorder_files *files);

/* All of the journal as it lies there; the caller's. -ENOENT when there is none, -EFBIG. */
int ph_recorder_files_load(const struct ph_recorder_files *files, struct ph_bytes **journal) PH_NODISCARD;
/* The payload of the next record, taken off the front of `journal`. False at the end, or where it is torn. */
bool ph_recorder_record_take(struct ph_slice *journal, struct ph_slice *payload);
/* Opens the journal to go on after its first `keep_bytes`; 0 begins a new one. */
int ph_recorder_files_open(struct ph_recorder_files *files, uint64_t keep_bytes) PH_NODISCARD;
/* Durable when it returns 0; when it fails it can be tried again. */
int ph_recorder_files_append(struct ph_recorder_files *files, struct ph_slice payload) PH_NODISCARD;

/* The held first bytes of the media, whole. */
int ph_recorder_files_save_head(const struct ph_recorder_files *files, struct ph_slice head) PH_NODISCARD;
int ph_recorder_files_load_head(const struct ph_recorder_files *files, struct ph_bytes **head) PH_NODISCARD;

/* Both are gone when it returns 0. */
int ph_recorder_files_remove(struct ph_recorder_files *files) PH_NODISCARD;

#endif
