/* The threads that make recordings: each has one session at a time, and a session one of them. */
#include <string.h>

#include "core/base/log.h"
#include "origin/archive/archive_private.h"

/* How many segments a track may be ahead of another that stands still. */
enum { most_ahead = 8 };
static const int64_t log_failures = 5;

/* With the lock held: whether everything of the session is in the store, or lost. */
static bool is_put(const struct ph_archive_session *session) {
    for (uint32_t i = 0; i < session->publication.track_count; i++) {
        if (session->tracks[i].ledger.waiting)
            return false;
    }
    return session->ended;
}

/* With the lock held. */
static struct ph_archive_session *pick(struct ph_archive *archive, int64_t now_us, int64_t *wake_us) {
    struct ph_archive_session *session, *next;
    *wake_us = PH_NEVER_US;
    HASH_ITER(hh, archive->sessions, session, next) {
        if (session->is_busy || (!session->has_news && !session->failures))
            continue;
        if (session->retry_at_us > now_us) {
            if (session->retry_at_us < *wake_us)
                *wake_us = session->retry_at_us;
            continue;
        }
        session->is_busy = true;
        session->has_news = false;
        return session;
    }
    return NULL;
}

/* A recorder is given a segment of one of its tracks. */
struct feed {
    uint32_t track;
    uint64_t segment;
    bool any;
};

static uint64_t wanted_from(const struct ph_archive_session *session, uint32_t track) {
    uint64_t taken = ph_recorder_taken_below(session->recorder, track);
    uint64_t passed_over = session->tracks[track].passed_over_below;
    return taken > passed_over ? taken : passed_over;
}

/* With the lock held: the track's next segment that is to be had. */
static bool next_of_track(struct ph_archive_session *session, uint32_t track, uint64_t *segment) {
    const struct ph_ledger *ledger = &session->tracks[track].ledger;
    for (uint32_t i = ph_ledger_seek(ledger, wanted_from(session, track)); i < ledger->count; i++) {
        if (ledger->entries[i].state == PH_LEDGER_MISSING)
            continue;
        *segment = ledger->entries[i].facts.number;
        return true;
    }
    return false;
}

/* With the lock held: whether a track that has nothing lets another go ahead with `feed`. */
static bool lets_go(struct ph_archive_session *session, uint32_t idle, const struct feed *feed) {
    uint64_t end = ph_ledger_end(&session->tracks[idle].ledger);
    if (session->ended || feed->segment < end || feed->segment > end + most_ahead)
        return true;
    return feed->segment == end && feed->track < idle;
}

/* What the recorder is given next: by number, and of one number the picture before the sound. */
static struct feed next_feed(struct ph_archive_session *session) {
    struct feed feed = {0};
    uint64_t segment;
    if (ph_recorder_expects(session->recorder, &feed.track, &feed.segment)) {
        feed.any = true;
        return feed;
    }
    pthread_mutex_lock(&session->archive->lock);
    uint32_t count = session->publication.track_count;
    for (uint32_t i = 0; i < count; i++) {
        if (ph_recorder_takes(session->recorder, i) && next_of_track(session, i, &segment) &&
            (!feed.any || segment < feed.segment))
            feed = (struct feed){i, segment, true};
    }
    for (uint32_t i = 0; i < count && feed.any; i++) {
        if (ph_recorder_takes(session->recorder, i) && !next_of_track(session, i, &segment))
            feed.any = lets_go(session, i, &feed);
    }
    pthread_mutex_unlock(&session->archive->lock);
    return feed;
}

static void note_consumed(struct ph_archive_session *session) {
    pthread_mutex_lock(&session->archive->lock);
    for (uint32_t i = 0; i < session->publication.track_count; i++)
        session->tracks[i].consumed_below =
            session->is_unrecordable ? UINT64_MAX : ph_recorder_consumed_below(session->recorder, i);
    pthread_mutex_unlock(&session->archive->lock);
}

/* It begins anew from the first segment. */
static void drop_recorder(struct ph_archive_session *session) {
    ph_recorder_free(session->recorder);
    session->recorder = NULL;
}

/* Whether the recorder may be opened: with every init segment, or when no more of them will come. */
static bool has_inits(struct ph_archive_session *session, struct ph_bytes *inits[PH_MOST_TRACKS], int *code) {
    bool is_late = false, all = true;
    *code = 0;
    pthread_mutex_lock(&session->archive->lock);
    for (uint32_t i = 0; i < session->publication.track_count; i++)
        is_late = is_late || session->ended || session->tracks[i].ledger.count > most_ahead;
    pthread_mutex_unlock(&session->archive->lock);
    for (uint32_t i = 0; i < session->publication.track_count && !*code; i++) {
        *code = ph_archive_load_init(session, i, &inits[i]);
        all = all && inits[i];
        if (*code == -ENOENT)
            *code = 0;
    }
    return !*code && (all || is_late);
}

static int open_recorder(struct ph_archive_session *session) {
    struct ph_bytes *inits[PH_MOST_TRACKS] = {0};
    char key[PH_STORE_KEY_BYTES];
    int code;
    struct ph_recorder_options options = {.store = session->archive->options.store,
        .dir = session->dir,
        .key = key,
        .publication = &session->publication};
    bool may_open = has_inits(session, inits, &code);
    for (uint32_t i = 0; i < PH_MOST_TRACKS; i++)
        options.inits[i] = inits[i] ? ph_bytes_slice(inits[i]) : (struct ph_slice){0};
    if (may_open)
        code = ph_archive_key(key, session, PH_MOST_TRACKS, "recording.mp4");
    if (may_open && !code)
        code = ph_recorder_open(&session->recorder, &options);
    for (uint32_t i = 0; i < PH_MOST_TRACKS; i++) {
        session->tracks[i].passed_over_below = 0;
        ph_bytes_unref(&inits[i]);
    }
    if (code != PH_INVALID_DATA)
        return code;
    ph_log_warning("no recording can be made of a session: it has no track that can be read",
        ph_str("session", session->id));
    session->is_unrecordable = true;
    note_consumed(session);
    return 0;
}

/* A segment that is to be had neither from the spool nor from the store. */
static int pass_over(struct ph_archive_session *session, const struct feed *feed) {
    uint32_t track;
    uint64_t segment;
    if (ph_recorder_expects(session->recorder, &track, &segment)) {
        int code = ph_recorder_abort(session->recorder);
        if (!code)
            drop_recorder(session);
        return code ? code : -EAGAIN;
    }
    session->tracks[feed->track].passed_over_below = feed->segment + 1;
    return 0;
}

static int feed_one(struct ph_archive_session *session, const struct feed *feed) {
    struct ph_bytes *bytes;
    int code = ph_archive_load_segment(session, feed->track, feed->segment, &bytes);
    if (code == -ENOENT)
        return pass_over(session, feed);
    if (code)
        return code;
    code = ph_recorder_add(session->recorder, feed->track, feed->segment, ph_bytes_slice(bytes));
    ph_bytes_unref(&bytes);
    if (code == PH_INVALID_DATA || code == -EBADMSG) {
        ph_log_warning("a segment is left out of the recording: it cannot be read",
            ph_str("session", session->id), ph_int("segment", (int64_t)feed->segment));
        return pass_over(session, feed);
    }
    if (code == 0) {
        note_consumed(session);
        return 0;
    }
    if (code == -EPERM) { /* what it expects is given next */
        struct feed expected;
        return ph_recorder_expects(session->recorder, &expected.track, &expected.segment) ? 0 : -EAGAIN;
    }
    if (!ph_archive_is_away(code) && code != -ECANCELED)
        drop_recorder(session);
    return code;
}

int ph_archive_feed(struct ph_archive_session *session) {
    int code = 0;
    if (!session->publication.is_recorded || session->is_unrecordable || session->is_whole)
        return 0;
    if (!session->recorder)
        code = open_recorder(session);
    while (!code && session->recorder) {
        struct feed feed = next_feed(session);
        if (!feed.any)
            break;
        code = feed_one(session, &feed);
    }
    return code;
}

/* 1: it was deleted, and a clip is being made of it, or is not. */
static int is_deleted(const struct ph_archive_session *session, bool while_it_is_cut) {
    struct ph_archive_catalogue *catalogue = session->archive->options.catalogue;
    int code = catalogue->is_deleted(catalogue, session->id);
    if (code <= 0)
        return code;
    code = catalogue->is_being_cut(catalogue, session->id);
    return code < 0 ? code : (code > 0) == while_it_is_cut;
}

int ph_archive_is_deleted(const struct ph_archive_session *session) {
    return is_deleted(session, false);
}

/* 1: nothing of it is to be kept. Asked once at the session's end, and when a new process takes it over. A
 * file's is asked about each time: while the store is away its job is not to be done again. */
static int check_deleted(struct ph_archive_session *session) {
    struct ph_archive_catalogue *catalogue = session->archive->options.catalogue;
    if (!session->publication.is_recorded || !catalogue)
        return 0;
    if (session->publication.take) {
        int wanted = catalogue->is_wanted(catalogue, session->id, session->publication.take, true);
        if (!wanted)
            wanted = is_deleted(session, true); /* its objects stay for the clip */
        return wanted < 0 ? wanted : !wanted;
    }
    if (session->was_checked)
        return 0;
    int code = ph_archive_is_deleted(session);
    session->was_checked = code == 0;
    return code;
}

static int work_on(struct ph_archive_session *session, bool given_up, bool may_complete) {
    int code = 0;
    if (given_up)
        return ph_archive_discard(session);
    if (may_complete)
        code = check_deleted(session);
    if (code > 0)
        return ph_archive_discard(session);
    if (!code)
        code = ph_archive_feed(session);
    if (!code && may_complete)
        code = ph_archive_complete(session);
    return code;
}

/* With the lock held. Frees the session when nothing is left of it. */
static void settle(struct ph_archive *archive, struct ph_archive_session *session, int code) {
    session->is_busy = false;
    if (code == -EBUSY)
        return; /* what is on its way brings news */
    if (code && code != -ECANCELED) {
        ph_metric_add(archive->metrics.failures, 1);
        session->retry_at_us =
            ph_archive_now_us(archive) + ph_archive_backoff_us(archive, session->failures++);
        if (session->failures % log_failures == 1)
            ph_log_error("a recording cannot be made yet; it is tried again", ph_str("session", session->id),
                ph_code(code));
        return;
    }
    session->failures = 0;
    session->retry_at_us = 0;
    if (!session->done || !session->retired || session->putting)
        return;
    session->is_busy = true; /* who finds it no more finds no folder either */
    bool given_up = session->given_up;
    pthread_mutex_unlock(&archive->lock);
    uint64_t freed = ph_archive_remove_folder(session->dir, given_up ? PH_ARCHIVE_GIVEN_UP : "end");
    if (given_up)
        ph_archive_remove_folder(session->dir, NULL);
    atomic_fetch_add(&archive->freed_bytes, freed);
    pthread_mutex_lock(&archive->lock);
    HASH_DEL(archive->sessions, session);
    ph_archive_session_free(session);
}

void *ph_archive_record_sessions(void *opaque) {
    struct ph_archive *archive = opaque;
    int64_t wake_us;
    pthread_mutex_lock(&archive->lock);
    while (!archive->stopping) {
        struct ph_archive_session *session = pick(archive, ph_archive_now_us(archive), &wake_us);
        if (!session) {
            ph_cond_wait_until(&archive->work, &archive->lock, wake_us);
            continue;
        }
        bool may_complete = is_put(session) && !session->done, given_up = session->given_up;
        bool in_doubt = session->in_doubt;
        pthread_mutex_unlock(&archive->lock);
        if (in_doubt)
            ph_archive_ask_wanted(session);
        int code = session->done ? 0 : work_on(session, given_up, may_complete);
        pthread_mutex_lock(&archive->lock);
        settle(archive, session, code);
        pthread_cond_broadcast(&archive->work);
    }
    pthread_mutex_unlock(&archive->lock);
    return NULL;
}
