/* Nodes that transcode, in the database. */
#ifndef PH_API_WORKERS_STORE_H
#define PH_API_WORKERS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/random.h"
#include "core/db/db.h"

enum { PH_WORKER_NAME_BYTES = 128, PH_MOST_WORKERS = 1000 };
/* A worker tells of itself every few seconds: one that was not heard of for so long is lost, and after a
 * while forgotten. */
#define PH_WORKER_LOST_MS INT64_C(15000)
#define PH_WORKER_FORGOTTEN_MS (INT64_C(3600) * 1000)

struct ph_worker_record {
    char id[PH_SESSION_ID_BYTES]; /* of one process: made anew at its start */
    char name[PH_WORKER_NAME_BYTES];
    int64_t capacity, sessions;
    bool has_speed;
    double speed; /* of its slowest session; 1.0: exactly real time */
    bool is_well; /* its transcoding processes start */
    bool is_draining;
    int64_t started_ms, seen_ms;
};

/* Writes what a worker says of itself, forgets who was not seen since `forget_before_ms`, and reads whether
 * it is to drain into `is_draining`, which is written only when it is set: who drains never stops to. */
int ph_workers_report(
    struct ph_db *db, struct ph_worker_record *record, int64_t forget_before_ms) PH_NODISCARD;
/* It ended in order. */
int ph_workers_remove(struct ph_db *db, const char *id) PH_NODISCARD;
/* -ENOENT. Idempotent. */
int ph_workers_drain(struct ph_db *db, const char *id) PH_NODISCARD;
/* -ENOENT. */
int ph_workers_find(struct ph_db *db, const char *id, struct ph_worker_record *record) PH_NODISCARD;
/* All, PH_MOST_WORKERS at most, in the order of their names. Malloc'ed (NULL when empty). */
int ph_workers_list(struct ph_db *db, struct ph_worker_record **list, size_t *count) PH_NODISCARD;

#endif
