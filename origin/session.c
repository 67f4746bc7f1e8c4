#include "origin/session.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/builder.h"
#include "origin/playlist_lines.h"
#include "origin/spool_files.h"
#include "origin/storyboard.h"

bool ph_session_name_is_valid(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t size = strlen(name);
    return size > 0 && size < PH_SESSION_NAME_BYTES && strspn(name, allowed) == size;
}

static void session_destroy(struct ph_session *session) {
    ph_window_finish(&session->window);
    for (uint32_t i = 0; i < session->publication.track_count; i++) {
        ph_rendering_finish(&session->renderings[i]);
        ph_rendering_finish(&session->past_renderings[i]);
    }
    ph_http_response_unref(&session->multivariant);
    ph_http_response_unref(&session->past_multivariant);
    ph_http_response_unref(&session->thumb);
    ph_bytes_unref(&session->picture);
    ph_storyboard_forget(session);
    ph_access_finish(&session->access);
    ph_http_tally_unref(&session->playlists_sent);
    ph_http_tally_unref(&session->media_sent);
    ph_spool_files_destroy(session->spool);
    pthread_mutex_destroy(&session->lock);
    free(session->publication_json);
    free(session);
}

/* NULL when out of memory. */
static struct ph_http_response *render_multivariant(
    const struct ph_publication *publication, bool with_past) {
    struct ph_builder builder = {0};
    ph_playlist_write_multivariant(&builder, publication, with_past);
    return ph_rendering_answer(ph_builder_finish(&builder), PH_CACHING_PLAIN, publication);
}

struct ph_session *ph_session_create(const char *id, const struct ph_publication *publication,
    struct ph_origin_metrics *metrics, int64_t now_us) {
    struct ph_session *session = calloc(1, sizeof(*session));
    if (!session)
        return NULL;
    atomic_init(&session->references, 1);
    strcpy(session->id, id); /* a valid name fits */
    session->publication = *publication;
    session->metrics = metrics;
    session->last_put_us = now_us;
    pthread_mutex_init(&session->lock, NULL);
    ph_access_init(&session->access);
    ph_window_init(&session->window, &session->publication);
    for (uint32_t i = 0; i < publication->track_count; i++) {
        ph_rendering_init(&session->renderings[i]);
        ph_rendering_init(&session->past_renderings[i]);
    }
    session->multivariant = render_multivariant(publication, false);
    session->past_multivariant = render_multivariant(publication, true);
    session->publication_json = ph_publication_to_json(publication);
    session->playlists_sent = ph_http_tally_create();
    session->media_sent = ph_http_tally_create();
    if (!session->multivariant || !session->past_multivariant || !session->publication_json ||
        !session->playlists_sent || !session->media_sent)
        ph_session_unref(&session);
    return session;
}

struct ph_session *ph_session_ref(struct ph_session *session) {
    atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
    return session;
}

void ph_session_unref(struct ph_session **link) {
    struct ph_session *session = *link;
    *link = NULL;
    if (session && atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) == 1)
        session_destroy(session);
}

static void release_publishers(struct ph_waiter_group *groups, unsigned status) {
    if (!groups)
        return;
    struct ph_http_response *response =
        status < 300
            ? ph_http_response_create(status)
            : ph_http_response_problem(status, "Insufficient Storage", "the segment is not on disk: keep it");
    while (groups) {
        struct ph_waiter_group *group = groups;
        groups = group->next;
        ph_waiter_group_release(group, response);
    }
    ph_http_response_unref(&response);
}

/* With the lock held. The groups of one track, and the multivariant's when they may be answered. */
struct released {
    struct ph_waiter_group *of_track;
    struct ph_waiter_group *of_session;
};

static struct released detach(struct ph_session *session, uint32_t track) {
    struct released released = {0};
    const struct ph_window_track *window_track = &session->window.tracks[track];
    if (window_track->init || session->ended)
        released.of_track = ph_waiters_detach(&session->viewers, track, &window_track->edge);
    if (session->viewers.groups && (session->ended || ph_window_is_ready(&session->window)))
        released.of_session = ph_waiters_detach_multivariant(&session->viewers);
    return released;
}

enum ph_window_verdict ph_session_add_part(struct ph_session *session, uint32_t track, struct ph_part *part,
    int64_t now_us, struct ph_part_position *next, struct ph_error *error) {
    struct released released = {0};
    pthread_mutex_lock(&session->lock);
    ph_window_expire(&session->window, session->durable_segments, now_us);
    enum ph_window_verdict verdict = ph_window_add_part(&session->window, track, part, now_us, error);
    *next = ph_edge_next(&session->window.tracks[track].edge);
    session->last_put_us = now_us;
    if (verdict == PH_WINDOW_ADDED)
        released = detach(session, track);
    pthread_mutex_unlock(&session->lock);
    ph_session_release_viewers(session, released.of_track);
    ph_session_release_viewers(session, released.of_session);
    return verdict;
}

int ph_session_set_init(struct ph_session *session, uint32_t track, struct ph_bytes *bytes, int64_t now_us) {
    struct released released = {0};
    pthread_mutex_lock(&session->lock);
    int code = session->ended ? -EPIPE : ph_window_set_init(&session->window, track, bytes);
    session->last_put_us = now_us;
    if (!code)
        released = detach(session, track);
    pthread_mutex_unlock(&session->lock);
    ph_session_release_viewers(session, released.of_track);
    ph_session_release_viewers(session, released.of_session);
    return code;
}

void ph_session_set_thumb(
    struct ph_session *session, struct ph_http_response *thumb, struct ph_bytes *picture, int64_t now_us) {
    pthread_mutex_lock(&session->lock);
    struct ph_http_response *old = session->thumb;
    struct ph_bytes *old_picture = session->picture;
    session->thumb = thumb;
    session->picture = ph_bytes_ref(picture);
    session->last_put_us = now_us;
    pthread_mutex_unlock(&session->lock);
    ph_http_response_unref(&old);
    ph_bytes_unref(&old_picture);
}

void ph_session_end(struct ph_session *session, int64_t now_us) {
    struct released released[PH_MOST_TRACKS] = {0};
    pthread_mutex_lock(&session->lock);
    bool ends = !session->ended;
    if (ends) {
        session->ended = true;
        session->ended_us = now_us;
        ph_window_end(&session->window);
        for (uint32_t i = 0; i < session->publication.track_count; i++)
            released[i] = detach(session, i);
    }
    pthread_mutex_unlock(&session->lock);
    for (uint32_t i = 0; ends && i < session->publication.track_count; i++) {
        ph_session_release_viewers(session, released[i].of_track);
        ph_session_release_viewers(session, released[i].of_session);
    }
}

void ph_session_give_up(struct ph_session *session, int64_t now_us) {
    pthread_mutex_lock(&session->lock);
    session->given_up = true; /* before it is seen to have ended */
    pthread_mutex_unlock(&session->lock);
    ph_session_end(session, now_us);
    ph_session_fail_durability(session);
}

void ph_session_release_all(struct ph_session *session, struct ph_http_response *failure) {
    pthread_mutex_lock(&session->lock);
    struct ph_waiter_group *groups = ph_waiters_detach_all(&session->viewers);
    struct ph_waiter_group *publishers = ph_waiters_detach_all(&session->publishers);
    pthread_mutex_unlock(&session->lock);
    while (groups) {
        struct ph_waiter_group *group = groups;
        groups = group->next;
        ph_waiter_group_release(group, failure);
    }
    release_publishers(publishers, 507);
}

void ph_session_tick(struct ph_session *session, int64_t now_us, size_t held[PH_WAIT_KINDS]) {
    pthread_mutex_lock(&session->lock);
    ph_window_expire(&session->window, session->durable_segments, now_us);
    ph_waiters_sweep(&session->viewers);
    ph_waiters_sweep(&session->publishers);
    ph_waiters_count(&session->viewers, held);
    ph_waiters_count(&session->publishers, held);
    pthread_mutex_unlock(&session->lock);
}

void ph_session_standings(struct ph_session *session, struct ph_track_standing standings[PH_MOST_TRACKS]) {
    pthread_mutex_lock(&session->lock);
    for (uint32_t i = 0; i < session->publication.track_count; i++) {
        const struct ph_window_track *track = &session->window.tracks[i];
        standings[i] = (struct ph_track_standing){
            .next = ph_edge_next(&track->edge),
            .durable_segment = session->durable_segments[i],
            .has_init = track->init,
        };
        memcpy(standings[i].name, track->track->name, sizeof(standings[i].name));
    }
    pthread_mutex_unlock(&session->lock);
}

void ph_session_mark_durable(struct ph_session *session, uint32_t track, uint64_t segment) {
    struct ph_edge edge = {.any = segment > 0, .closed = true, .newest = {segment - 1, 0}};
    pthread_mutex_lock(&session->lock);
    session->durable_segments[track] = segment;
    struct ph_waiter_group *groups = ph_waiters_detach(&session->publishers, track, &edge);
    pthread_mutex_unlock(&session->lock);
    release_publishers(groups, 201);
}

void ph_session_mark_end_durable(struct ph_session *session) {
    pthread_mutex_lock(&session->lock);
    session->end_durable = true;
    struct ph_waiter_group *groups = ph_waiters_detach_all(&session->publishers);
    pthread_mutex_unlock(&session->lock);
    release_publishers(groups, 200);
}

void ph_session_fail_durability(struct ph_session *session) {
    pthread_mutex_lock(&session->lock);
    struct ph_waiter_group *groups = ph_waiters_detach_all(&session->publishers);
    pthread_mutex_unlock(&session->lock);
    release_publishers(groups, 507);
}

void ph_session_hold_publisher(
    struct ph_session *session, uint32_t track, uint64_t segment, struct ph_http_hold *hold) {
    const struct ph_part_position whole = {segment, PH_WHOLE_SEGMENT};
    unsigned status = 0;
    pthread_mutex_lock(&session->lock);
    bool is_end = track == PH_MOST_TRACKS;
    if (is_end && session->end_durable)
        status = 200;
    else if (!is_end && session->durable_segments[track] > segment)
        status = 201;
    else if (ph_waiters_add(&session->publishers, PH_WAIT_DURABLE, track, whole, hold, NULL))
        status = 507;
    pthread_mutex_unlock(&session->lock);
    if (!status)
        return;
    struct ph_http_response *response = ph_http_response_create(status);
    ph_http_hold_release(hold, response);
    ph_http_response_unref(&response);
}
