#include "app/recording_wiring.h"

#include <stddef.h>

#include "api/recordings/recording_states.h"

static const struct ph_recording_wiring *wiring_of(const struct ph_archive_catalogue *catalogue) {
    return (const struct ph_recording_wiring *)((const char *)catalogue -
                                                offsetof(struct ph_recording_wiring, catalogue));
}

static int64_t now_ms(const struct ph_recording_wiring *wiring) {
    return ph_clock_utc_us(wiring->clock) / PH_MILLISECOND_US;
}

/* What a database that is away answers with is worth another try. */
static int again_later(int code) {
    return code == -EIO || code == -EACCES || code == -ENOMEM || code == -ENOSPC ? -EAGAIN : code;
}

static int ready(struct ph_archive_catalogue *catalogue, const struct ph_recording_facts *facts) {
    const struct ph_recording_wiring *wiring = wiring_of(catalogue);
    const struct ph_recording_outcome outcome = {.duration_ms = facts->duration_us / PH_MILLISECOND_US,
        .bytes = (int64_t)facts->mp4_bytes,
        .total_bytes = (int64_t)facts->total_bytes,
        .width = facts->width,
        .height = facts->height,
        .has_poster = facts->has_poster,
        .has_storyboard = facts->has_storyboard};
    return again_later(ph_recordings_ready(wiring->db, facts->id, &outcome, now_ms(wiring)));
}

static int failed(struct ph_archive_catalogue *catalogue, const char *id, const char *reason) {
    const struct ph_recording_wiring *wiring = wiring_of(catalogue);
    return again_later(ph_recordings_failed(wiring->db, id, reason, now_ms(wiring)));
}

static int is_deleted(struct ph_archive_catalogue *catalogue, const char *id) {
    return again_later(ph_recordings_is_deleted(wiring_of(catalogue)->db, id));
}

static int each_ready(struct ph_archive_catalogue *catalogue, const char *id,
    int (*visit)(void *opaque, const char *id), void *opaque) {
    return again_later(ph_recordings_each_ready(wiring_of(catalogue)->db, id, visit, opaque));
}

void ph_recording_wiring_init(struct ph_recording_wiring *wiring, struct ph_db *db, struct ph_clock *clock) {
    *wiring = (struct ph_recording_wiring){
        .catalogue = {.ready = ready, .failed = failed, .is_deleted = is_deleted, .each_ready = each_ready},
        .db = db,
        .clock = clock};
}
