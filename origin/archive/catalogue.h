/* What the archive asks and tells the control plane, which keeps the list of recordings. Calls come from the
 * threads of archive and recordings (vod/) alone, may wait for a database and may be repeated; -EAGAIN when
 * there is no answer: they are tried again. */
#ifndef PH_ORIGIN_ARCHIVE_CATALOGUE_H
#define PH_ORIGIN_ARCHIVE_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

enum { PH_CATALOGUE_TITLE_BYTES = 512 };

/* A recording whose every object is in the store. */
struct ph_recording_facts {
    const char *id;
    int64_t duration_us;
    uint64_t mp4_bytes;
    uint64_t total_bytes; /* of all its objects */
    uint32_t width, height;
    bool has_poster, has_storyboard;
    uint32_t take; /* of a file that was uploaded; 0: of a session */
};

struct ph_archive_catalogue {
    /* It can be played and downloaded. -ESTALE: this take does not count, and nothing of it is kept. */
    int (*ready)(struct ph_archive_catalogue *catalogue, const struct ph_recording_facts *facts);
    /* It cannot be made; `reason` is for people. */
    int (*failed)(struct ph_archive_catalogue *catalogue, const char *id, const char *reason);
    /* Whether it was deleted, so that nothing of it is to be kept: 1 or 0. An unknown one was not. */
    int (*is_deleted)(struct ph_archive_catalogue *catalogue, const char *id);
    /* Whether a clip is being made of it: 1 or 0. Its objects stay meanwhile; whoever removes what was
     * deleted sees to them afterwards. */
    int (*is_being_cut)(struct ph_archive_catalogue *catalogue, const char *id);
    /* What it is called, UTF-8, cut where it is too long; "" for one without a title, and for an unknown one.
     * It does not change. */
    int (*title)(
        struct ph_archive_catalogue *catalogue, const char *id, char title[PH_CATALOGUE_TITLE_BYTES]);
    /* Whether a take is the one that counts: 1, or 0: nothing of it is to be kept. `has_ended`: its job has
     * said that all of it is there, and the archive makes the recording. */
    int (*is_wanted)(struct ph_archive_catalogue *catalogue, const char *id, uint32_t take, bool has_ended);
    /* Whether somebody is to make it yet, and nobody else makes it whole: its job, or its session's origin
     * while that is live. 1 or 0. For verification. */
    int (*is_unmade)(struct ph_archive_catalogue *catalogue, const char *id);
    /* Whether there is such a recording, in whatever state: 1 or 0. For verification. */
    int (*is_known)(struct ph_archive_catalogue *catalogue, const char *id);
    /* Calls `visit` for each recording that is said to be ready; `id` NULL: for all. For verification. */
    int (*each_ready)(struct ph_archive_catalogue *catalogue, const char *id,
        int (*visit)(void *opaque, const char *id), void *opaque);
};

#endif
