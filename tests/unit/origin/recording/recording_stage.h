/* What the tests of the recorder stand on: a store, a spool folder, a session's media, and what is recorded
 * of them. Made and removed by setup and teardown of a test group. */
#ifndef PH_TEST_RECORDING_STAGE_H
#define PH_TEST_RECORDING_STAGE_H

#include <stdbool.h>

#include "core/base/cursor.h"
#include "origin/recording/fragment_reader.h"
#include "origin/recording/recorder.h"
#include "tests/unit/origin/recording/example_media.h"

/* Video segments have 1.2 MB each, so that there are parts in every store. */
enum { long_segments = 14, long_sample_bytes = 20000, audio_sample_bytes = 300 };
enum { v1080, v720, audio, tracks };

struct recording_stage {
    struct ph_store *store;
    char dir[256];
    struct ph_publication publication;
    struct ph_bytes *inits[tracks];
    struct ph_bytes *segments[tracks][long_segments];
    struct ph_bytes *whole; /* the MP4 of all segments, made in one go; NULL without stage_make_whole() */
    struct ph_recorder *recorder;
};
extern struct recording_stage stage;

int stage_make(void **state);
int stage_make_whole(void **state);
int stage_remove(void **state);
/* Each test begins without a recorder, with an empty folder and without an object. */
int stage_clean(void **state);

struct ph_recorder_options stage_options(void);
void stage_open(void);
void stage_close(void);
int stage_add(uint32_t track, uint64_t number);
/* What a caller does that was started again: the expected one, then all of the first `count` in order. */
void stage_go_on(uint64_t count);
struct ph_recorder_result stage_finish(void);
/* The MP4 in the store; the caller's. */
struct ph_bytes *stage_recorded(void);
void stage_assert_whole(void);

/* A cursor behind version and flags of the n-th box of this type. */
struct ph_cursor stage_open_box(const struct ph_bytes *mp4, const char *type, int n);
/* The n-th track's chunks hold the samples of these segments, one each. */
void stage_assert_track(const struct ph_bytes *mp4, int n, uint32_t track, uint64_t from, uint32_t count);

#endif
