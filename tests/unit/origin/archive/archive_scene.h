/* A session's spool folder on one side, a real store on the other, the archive between: for tests that link
 * with
 * --wrap=ph_store_put, ph_composition_begin and ph_composition_finish. */
#ifndef PH_TESTS_ARCHIVE_SCENE_H
#define PH_TESTS_ARCHIVE_SCENE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "origin/archive/archive.h"
#include "origin/archive/archive_private.h"

enum { SCENE_SEGMENTS = 4 };

/* A list of recordings that keeps what it was told. */
struct scene_list {
    struct ph_archive_catalogue catalogue;
    _Atomic(int) ready, failed, deleted, titles, unwanted, being_cut;
    int64_t duration_us;
};

struct archive_scene {
    struct ph_store *store;
    struct ph_metrics *metrics;
    struct ph_archive *archive;
    struct ph_archive_session *session;
    struct ph_publication publication;
    char spool[PH_ARCHIVE_PATH_BYTES], dir[PH_ARCHIVE_PATH_BYTES + 32];
    struct scene_list list;
    _Atomic(int) put_code;     /* what putting a segment comes to; 0: it is put */
    _Atomic(int) segments_put; /* of segments */
    _Atomic(int) compositions; /* that were begun */
    _Atomic(int) spoilt;       /* so many of them cannot be finished */
};

extern struct archive_scene scene;
extern const char scene_id[], scene_title[];

/* Set-up and teardown of a test. */
int scene_begin(void **state);
int scene_end(void **state);
/* The session's folder without segments. `take` of an upload; 0: a live session. */
void scene_write_folder(bool is_recorded, uint32_t take);
void scene_write_segment(uint32_t track, uint64_t number);
/* The archive and in it the session, without threads; and with them. */
void scene_create(uint64_t durable_below);
void scene_open(uint64_t durable_below);
/* The segment of every track is written, and given to the archive. */
void scene_take(uint64_t number);
/* The first SCENE_SEGMENTS. */
void scene_take_all(void);
/* Whether the session has the object, or its folder the file. */
bool scene_has(const char *name);
bool scene_in_folder(const char *name);
/* Fails after 20 s. */
void scene_await(bool (*is_so)(void));
bool scene_was_told(void);
bool scene_is_complete(void);
bool scene_is_gone(void);
bool scene_all_put(void);

#endif
