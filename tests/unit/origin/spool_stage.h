/* A spool of sessions in a folder of its own, on a clock that the test moves. */
#ifndef PH_TEST_ORIGIN_SPOOL_STAGE_H
#define PH_TEST_ORIGIN_SPOOL_STAGE_H

#include <stddef.h>

#include "core/base/clock.h"
#include "origin/sessions.h"
#include "origin/spool.h"
#include "tests/unit/origin/example.h"

struct spool_stage {
    char dir[64];
    struct ph_test_clock clock;
    struct ph_origin_sessions *sessions;
    struct ph_spool *spool;
    uint64_t most_reserve_bytes;
};

/* Makes the folder and the clock: once. open and close may follow each other, as processes do. */
void spool_stage_begin(struct spool_stage *stage);
void spool_stage_open(struct spool_stage *stage, uint64_t most_bytes);
void spool_stage_close(struct spool_stage *stage);
/* A session of three parts a segment, with the init segment of its first track. */
struct ph_session *spool_stage_session(struct spool_stage *stage, const char *id);
/* A part of the first track. */
void spool_stage_add(struct spool_stage *stage, struct ph_session *session, uint64_t segment, uint32_t part);
/* Starts the spool and drains it. */
void spool_stage_write(struct spool_stage *stage, struct ph_session *session);
/* The bytes of a file of session "s", or -1. */
long spool_stage_read(const char *dir, const char *name, char *target, size_t most);

#endif
