#include "app/recording_wiring.h"

#include <assert.h>
#include <stddef.h>

#include "api/recordings/recording_removal.h"
#include "api/recordings/recording_states.h"
#include "api/recordings/recordings_jobs.h"

static struct ph_recording_wiring *wiring_of(struct ph_archive_catalogue *catalogue) {
    return (
        struct ph_recording_wiring *)((char *)catalogue - offsetof(struct ph_recording_wiring, catalogue));
}

/* NULL while it cannot be opened: a database that is away must not keep an origin from starting. */
static struct ph_db *db_of(struct ph_recording_wiring *wiring) {
    pthread_mutex_lock(&wiring->lock);
    if (!wiring->db && ph_db_open(&wiring->own, wiring->url, NULL) == 0)
        wiring->db = wiring->own;
    struct ph_db *db = wiring->db;
    pthread_mutex_unlock(&wiring->lock);
    return db;
}

static int64_t now_ms(const struct ph_recording_wiring *wiring) {
    return ph_clock_utc_us(wiring->clock) / PH_MILLISECOND_US;
}

/* What a database that is away answers with is worth another try. */
static int again_later(int code) {
    return code == -EIO || code == -EACCES || code == -ENOMEM || code == -ENOSPC ? -EAGAIN : code;
}

static int ready(struct ph_archive_catalogue *catalogue, const struct ph_recording_facts *facts) {
    struct ph_recording_wiring *wiring = wiring_of(catalogue);
    struct ph_db *db = db_of(wiring);
    const struct ph_recording_outcome outcome = {.duration_ms = facts->duration_us / PH_MILLISECOND_US,
        .bytes = (int64_t)facts->mp4_bytes,
        .total_bytes = (int64_t)facts->total_bytes,
        .width = facts->width,
        .height = facts->height,
        .has_poster = facts->has_poster,
        .has_storyboard = facts->has_storyboard,
        .take = facts->take};
    return db ? again_later(ph_recordings_ready(db, facts->id, &outcome, now_ms(wiring))) : -EAGAIN;
}

static int failed(struct ph_archive_catalogue *catalogue, const char *id, const char *reason) {
    struct ph_recording_wiring *wiring = wiring_of(catalogue);
    struct ph_db *db = db_of(wiring);
    return db ? again_later(ph_recordings_failed(db, id, reason, now_ms(wiring))) : -EAGAIN;
}

static int is_deleted(struct ph_archive_catalogue *catalogue, const char *id) {
    struct ph_db *db = db_of(wiring_of(catalogue));
    return db ? again_later(ph_recordings_is_deleted(db, id)) : -EAGAIN;
}

static int is_being_cut(struct ph_archive_catalogue *catalogue, const char *id) {
    struct ph_recording_wiring *wiring = wiring_of(catalogue);
    struct ph_db *db = db_of(wiring);
    return db ? again_later(ph_recordings_is_being_cut(db, id, now_ms(wiring))) : -EAGAIN;
}

static int title(
    struct ph_archive_catalogue *catalogue, const char *id, char text[PH_CATALOGUE_TITLE_BYTES]) {
    static_assert((int)PH_CATALOGUE_TITLE_BYTES >= (int)PH_TITLE_BYTES, "every title fits");
    struct ph_db *db = db_of(wiring_of(catalogue));
    return db ? again_later(ph_recordings_title(db, id, text)) : -EAGAIN;
}

static int is_wanted(struct ph_archive_catalogue *catalogue, const char *id, uint32_t take, bool has_ended) {
    struct ph_recording_wiring *wiring = wiring_of(catalogue);
    struct ph_db *db = db_of(wiring);
    return db ? again_later(ph_recording_jobs_is_wanted(db, id, take, has_ended, now_ms(wiring))) : -EAGAIN;
}

static int is_unmade(struct ph_archive_catalogue *catalogue, const char *id) {
    struct ph_db *db = db_of(wiring_of(catalogue));
    return db ? again_later(ph_recordings_is_unmade(db, id)) : -EAGAIN;
}

static int is_known(struct ph_archive_catalogue *catalogue, const char *id) {
    struct ph_db *db = db_of(wiring_of(catalogue));
    return db ? again_later(ph_recordings_is_known(db, id)) : -EAGAIN;
}

static int each_ready(struct ph_archive_catalogue *catalogue, const char *id,
    int (*visit)(void *opaque, const char *id), void *opaque) {
    struct ph_db *db = db_of(wiring_of(catalogue));
    return db ? again_later(ph_recordings_each_ready(db, id, visit, opaque)) : -EAGAIN;
}

void ph_recording_wiring_init(struct ph_recording_wiring *wiring, const char *url, struct ph_clock *clock) {
    *wiring = (struct ph_recording_wiring){.catalogue = {.ready = ready,
                                               .failed = failed,
                                               .is_deleted = is_deleted,
                                               .is_being_cut = is_being_cut,
                                               .title = title,
                                               .is_wanted = is_wanted,
                                               .is_unmade = is_unmade,
                                               .is_known = is_known,
                                               .each_ready = each_ready},
        .url = url,
        .clock = clock};
    pthread_mutex_init(&wiring->lock, NULL);
}

void ph_recording_wiring_set_db(struct ph_recording_wiring *wiring, struct ph_db *db) {
    pthread_mutex_lock(&wiring->lock);
    wiring->db = db;
    pthread_mutex_unlock(&wiring->lock);
}

void ph_recording_wiring_finish(struct ph_recording_wiring *wiring) {
    if (!wiring->url)
        return;
    ph_db_close(wiring->own);
    pthread_mutex_destroy(&wiring->lock);
    *wiring = (struct ph_recording_wiring){0};
}
