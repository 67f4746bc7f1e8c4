#include "api/recordings/recordings_keeper.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/recordings/recording_removal.h"
#include "api/recordings/recording_restore.h"
#include "api/recordings/recording_storage.h"
#include "api/recordings/recordings_jobs.h"
#include "api/recordings/uploads.h"
#include "core/base/backoff.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/ticker.h"

enum { MOST_AT_ONCE = 16 };
static const int64_t tick_us = PH_SECOND_US;
static const int64_t minute_ms = 60 * INT64_C(1000);
static const int64_t hour_ms = 3600 * INT64_C(1000);
static const int64_t day_ms = 24 * 3600 * INT64_C(1000);
/* How long a bucket may take to move what is due. */
static const int64_t most_moving_ms = 7 * 24 * 3600 * INT64_C(1000);
static const int64_t removal_lease_ms = 10 * 60 * INT64_C(1000);

struct ph_recordings_keeper {
    struct ph_recordings_keeper_options options;
    struct ph_ticker *ticker;       /* NULL when it does not run */
    struct ph_metric *removed;      /* borrowed */
    struct ph_metric *failures;     /* borrowed */
    char name[PH_SESSION_ID_BYTES]; /* of this life, in leases */
};

static int64_t now_ms(const struct ph_recordings_keeper *keeper) {
    return ph_clock_utc_us(keeper->options.clock) / PH_MILLISECOND_US;
}

/* The manifest goes first: nodes that have it in memory look whether it is there. */
static int remove_recording(struct ph_store *store, const char *id) {
    char manifest[PH_STORE_KEY_BYTES], prefix[PH_STORE_KEY_BYTES];
    snprintf(manifest, sizeof(manifest), "recordings/%s/recording.json", id);
    snprintf(prefix, sizeof(prefix), "recordings/%s", id);
    int code = ph_store_remove(store, manifest);
    return code < 0 ? code : ph_store_remove_all(store, prefix);
}

static int remove_objects(struct ph_recordings_keeper *keeper, const struct ph_recording_removal *removal) {
    char prefix[PH_STORE_KEY_BYTES];
    int code = removal->is_all ? remove_recording(keeper->options.store, removal->id) : 0;
    snprintf(prefix, sizeof(prefix), "uploads/%s", removal->id);
    return code < 0 ? code : ph_store_remove_all(keeper->options.store, prefix);
}

/* From two seconds to ten minutes, half of it by chance. */
static int64_t pause_after(int64_t attempts) {
    return ph_backoff_within_us((unsigned)attempts, 2 * PH_SECOND_US, 600 * PH_SECOND_US) / PH_MILLISECOND_US;
}

static void remove_one(struct ph_recordings_keeper *keeper, const struct ph_recording_removal *removal) {
    struct ph_db *db = keeper->options.db;
    struct ph_api_runtime *runtime = keeper->options.runtime;
    int code = remove_objects(keeper, removal), noted;
    if (runtime && runtime->impl->forget_recording && removal->is_all)
        runtime->impl->forget_recording(runtime, removal->id);
    if (code < 0) {
        ph_metric_add(keeper->failures, 1);
        ph_log_warning("objects of a recording could not be removed; it is tried again",
            ph_str("recording", removal->id), ph_int("attempt", removal->attempts), ph_code(code));
        noted = ph_recording_removal_again(
            db, removal->id, keeper->name, now_ms(keeper) + pause_after(removal->attempts));
    } else {
        ph_metric_add(keeper->removed, 1);
        noted = ph_recording_removal_done(db, removal->id, keeper->name, now_ms(keeper));
    }
    /* What could not be noted is done again when the lease has run out. */
    if (noted < 0 && noted != -ESTALE)
        ph_log_warning("a removal could not be noted", ph_str("recording", removal->id), ph_code(noted));
}

static void remove_what_waits(struct ph_recordings_keeper *keeper) {
    struct ph_recording_removal removal;
    for (int i = 0; i < MOST_AT_ONCE; i++) {
        int64_t now = now_ms(keeper);
        if (ph_recording_removal_lease(
                keeper->options.db, keeper->name, now, now + removal_lease_ms, &removal) != 1)
            return;
        remove_one(keeper, &removal);
    }
}

/* Until it is asked again about what can be read. A bucket moves things some time after the day that its rule
 * names: meanwhile often, so that hardly anybody is sent to what cannot be read any more. */
static int64_t pause_before_deep(const struct ph_recordings_keeper *keeper, int64_t modified_ms) {
    int64_t left_ms = modified_ms + (int64_t)keeper->options.deep_days * day_ms - now_ms(keeper);
    if (!keeper->options.deep_days || left_ms >= day_ms || left_ms <= -most_moving_ms)
        return day_ms;
    return left_ms > hour_ms ? left_ms : hour_ms;
}

/* Where it lies by what the store says of its MP4, and in how long to ask again. */
static enum ph_recording_storage judge(
    const struct ph_recordings_keeper *keeper, const struct ph_store_object *object, int64_t *pause_ms) {
    *pause_ms = pause_before_deep(keeper, object->modified_ms);
    switch (object->class) {
    case PH_STORE_INFREQUENT:
        return PH_STORAGE_INFREQUENT;
    case PH_STORE_RESTORING:
        *pause_ms = minute_ms;
        return PH_STORAGE_RESTORING;
    case PH_STORE_RESTORED:
        *pause_ms = hour_ms;
        return PH_STORAGE_RESTORED;
    case PH_STORE_DEEP:
        *pause_ms = day_ms;
        return PH_STORAGE_ARCHIVED;
    default:
        return PH_STORAGE_STANDARD;
    }
}

/* The next batch of its objects has its turn with the next tick, behind all else that waits. */
static void ask_back(struct ph_recordings_keeper *keeper, const struct ph_recording *recording) {
    struct ph_db *db = keeper->options.db;
    char asked[PH_STORE_KEY_BYTES];
    if (ph_recording_storage_asked(db, recording->id, asked) < 0)
        return; /* the lease's end is the next look */
    int code = ph_recording_restore(keeper->options.store, recording->id, asked);
    int64_t pause_ms = code == 1 ? tick_us / PH_MILLISECOND_US : code == 0 ? minute_ms : 10 * minute_ms;
    int noted = ph_recording_storage_note_asked(db, recording->id, asked, now_ms(keeper) + pause_ms);
    if (code < 0)
        ph_metric_add(keeper->failures, 1);
    if (code < 0 || noted < 0)
        ph_log_warning("a recording could not be asked back from the deep archive; it is tried again",
            ph_str("recording", recording->id), ph_code(code < 0 ? code : noted));
}

static void look_at(struct ph_recordings_keeper *keeper, const struct ph_recording *recording) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_store_object object;
    int64_t pause_ms;
    snprintf(key, sizeof(key), "recordings/%s/recording.mp4", recording->id);
    int code = ph_store_head(keeper->options.store, key, &object);
    if (code == 0 && object.class == PH_STORE_DEEP && recording->storage == PH_STORAGE_RESTORING) {
        ask_back(keeper, recording);
        return;
    }
    if (code < 0) {
        ph_metric_add(keeper->failures, 1);
        ph_log_warning(
            "where a recording lies could not be asked", ph_str("recording", recording->id), ph_code(code));
        return; /* the lease's end is the next look */
    }
    enum ph_recording_storage storage = judge(keeper, &object, &pause_ms);
    int64_t now = now_ms(keeper);
    code = ph_recording_storage_note(keeper->options.db, recording->id, storage, now + pause_ms, now);
    if (code < 0 && code != -ENOENT)
        ph_log_warning(
            "where a recording lies could not be noted", ph_str("recording", recording->id), ph_code(code));
}

static void look_where_things_lie(struct ph_recordings_keeper *keeper) {
    struct ph_recording recording;
    for (int i = 0; i < MOST_AT_ONCE; i++) {
        int64_t now = now_ms(keeper);
        if (ph_recording_storage_lease(keeper->options.db, now, now + 10 * minute_ms, &recording) != 1)
            return;
        look_at(keeper, &recording);
    }
}

static void tick(void *opaque) {
    struct ph_recordings_keeper *keeper = opaque;
    int code = ph_recording_jobs_sweep(keeper->options.db, now_ms(keeper));
    if (code < 0)
        return; /* the database is away; so it would be for the rest */
    if (!keeper->options.store)
        return;
    struct ph_uploads_keeping uploads = {.db = keeper->options.db,
        .store = keeper->options.store,
        .clock = keeper->options.clock,
        .folder = keeper->options.upload_folder};
    if (ph_uploads_keep(&uploads) < 0)
        ph_metric_add(keeper->failures, 1);
    remove_what_waits(keeper);
    look_where_things_lie(keeper);
}

int ph_recordings_keeper_create(
    struct ph_recordings_keeper **out, const struct ph_recordings_keeper_options *options) {
    *out = NULL;
    struct ph_recordings_keeper *keeper = calloc(1, sizeof(*keeper));
    if (!keeper)
        return -ENOMEM;
    keeper->options = *options;
    ph_random_id(keeper->name, PH_SESSION_ID_CHARACTERS);
    keeper->removed = ph_metrics_counter(options->metrics, "porthole_recordings_removed_total",
        "Deleted recordings and used sources whose objects are gone", NULL);
    keeper->failures = ph_metrics_counter(options->metrics, "porthole_recordings_keeping_failures_total",
        "What the store refused to remove, to restore or to tell; it is tried again", NULL);
    *out = keeper;
    return 0;
}

int ph_recordings_keeper_start(struct ph_recordings_keeper *keeper) {
    return ph_ticker_start(&keeper->ticker, &(struct ph_ticker_options){.name = "recordings",
                                                .first_us = PH_SECOND_US / 4,
                                                .period_us = tick_us,
                                                .tick = tick,
                                                .opaque = keeper});
}

void ph_recordings_keeper_stop(struct ph_recordings_keeper *keeper) {
    if (keeper)
        ph_ticker_stop(&keeper->ticker);
}

void ph_recordings_keeper_destroy(struct ph_recordings_keeper *keeper) {
    ph_recordings_keeper_stop(keeper);
    free(keeper);
}
