/* The viewers' side of a session: what they get, and the answer to those who waited. */
#include <stdlib.h>

#include "origin/caching.h"
#include "origin/session.h"

/* Renders under the track's rendering lock, so that one thread does it for all who ask at once. */
static int render_current(struct ph_session *session, struct ph_rendering *rendering, enum ph_skip skip,
    struct ph_playlist **playlist) {
    int code = *playlist ? ph_rendering_render(rendering, *playlist, skip) : -ENOMEM;
    free(*playlist);
    *playlist = NULL;
    if (!code)
        ph_metric_add(session->metrics->playlists_rendered, 1);
    return code;
}

/* With both locks held. */
static struct ph_playlist *take_snapshot(
    const struct ph_session *session, uint32_t track, const struct ph_rendering *rendering, bool with_past) {
    if (!with_past)
        return ph_window_snapshot(&session->window, track);
    return ph_window_snapshot_with_past(
        &session->window, track, rendering->past.first, rendering->past.count, rendering->past.revision);
}

struct ph_http_response *ph_session_playlist(
    struct ph_session *session, uint32_t track, struct ph_playlist_form form) {
    struct ph_rendering *rendering =
        form.with_past ? &session->past_renderings[track] : &session->renderings[track];
    struct ph_playlist *playlist = NULL;
    pthread_mutex_lock(&rendering->lock);
    pthread_mutex_lock(&session->lock);
    ph_rendering_set_version(rendering, session->window.tracks[track].version);
    struct ph_http_response *response = ph_rendering_find(rendering, form.skip, form.blocking);
    if (!response)
        playlist = take_snapshot(session, track, rendering, form.with_past);
    pthread_mutex_unlock(&session->lock);
    if (!response && render_current(session, rendering, form.skip, &playlist) == 0)
        response = ph_rendering_find(rendering, form.skip, form.blocking);
    pthread_mutex_unlock(&rendering->lock);
    return response;
}

/* The part a group waited for; NULL when it is missing. Takes a reference, so that it outlives the window. */
static struct ph_http_response *find_part_response(
    struct ph_session *session, const struct ph_waiter_group *group) {
    pthread_mutex_lock(&session->lock);
    struct ph_part *part = ph_window_find_part(&session->window, group->track, group->until);
    struct ph_http_response *response = part && part->response ? ph_http_response_ref(part->response) : NULL;
    pthread_mutex_unlock(&session->lock);
    if (response)
        return response;
    return ph_caching_failure(
        404, PH_CACHING_MEDIA, session->publication.target_duration_s, "the part is missing from the stream");
}

static const enum ph_wait_kind of_past = PH_WAIT_PAST_BLOCKING, of_delta = PH_WAIT_DELTA_BLOCKING;

enum ph_wait_kind ph_wait_kind_of(struct ph_playlist_form form) {
    unsigned kind = form.blocking ? PH_WAIT_PLAYLIST_BLOCKING : PH_WAIT_PLAYLIST_PLAIN;
    return kind + (form.with_past ? of_past : 0) + (form.skip == PH_SKIP_SEGMENTS ? of_delta : 0);
}

/* Of a kind that is a playlist's. */
static struct ph_playlist_form form_of(enum ph_wait_kind kind) {
    return (struct ph_playlist_form){
        .with_past = kind >= of_past,
        .skip = kind % of_past >= of_delta ? PH_SKIP_SEGMENTS : PH_SKIP_NONE,
        .blocking = kind % 2 == PH_WAIT_PLAYLIST_BLOCKING,
    };
}

/* A reference on what the group's viewers get. NULL when out of memory. */
static struct ph_http_response *answer_for(struct ph_session *session, const struct ph_waiter_group *group) {
    if (group->kind < PH_WAIT_PART)
        return ph_session_playlist(session, group->track, form_of(group->kind));
    switch (group->kind) {
    case PH_WAIT_MULTIVARIANT:
        return ph_http_response_ref(session->multivariant);
    case PH_WAIT_PAST_MULTIVARIANT:
        return ph_http_response_ref(session->past_multivariant);
    case PH_WAIT_PART:
        return find_part_response(session, group);
    default:
        return NULL;
    }
}

/* Playlists before parts: a player learns first, and a part's bytes keep a thread busy longer. */
void ph_session_release_viewers(struct ph_session *session, struct ph_waiter_group *groups) {
    while (groups) {
        struct ph_waiter_group *group = groups;
        groups = group->next;
        struct ph_http_response *response = answer_for(session, group);
        ph_waiter_group_release(group, response);
        ph_http_response_unref(&response);
    }
}

/* With the lock held. Whether what is asked for is there. */
static bool is_there(
    const struct ph_session *session, enum ph_wait_kind kind, uint32_t track, struct ph_part_position until) {
    const struct ph_window_track *window_track = &session->window.tracks[track];
    if (session->ended)
        return true;
    if (kind == PH_WAIT_MULTIVARIANT || kind == PH_WAIT_PAST_MULTIVARIANT)
        return ph_window_is_ready(&session->window);
    return window_track->init && ph_edge_contains(&window_track->edge, until);
}

/* What a viewer gets whose access was ended. NULL when out of memory. */
static struct ph_http_response *deny(void) {
    return ph_caching_denial(403, ph_access_reason(PH_ACCESS_REVOKED));
}

static bool is_revoked(void *opaque, const struct ph_playback_claims *claims) {
    return ph_access_is_revoked(opaque, claims);
}

int ph_session_revoke(struct ph_session *session, const struct ph_revocation *list, size_t count) {
    int code = ph_access_revoke(&session->access, list, count);
    if (code)
        return code;
    pthread_mutex_lock(&session->lock);
    struct ph_waiter_group *group = ph_waiters_take(&session->viewers, is_revoked, &session->access);
    pthread_mutex_unlock(&session->lock);
    if (!group)
        return 0;
    struct ph_http_response *response = deny();
    ph_waiter_group_release(group, response);
    ph_http_response_unref(&response);
    return 0;
}

void ph_session_hold_viewer(struct ph_session *session, enum ph_wait_kind kind, uint32_t track,
    struct ph_part_position until, struct ph_http_hold *hold, const struct ph_playback_claims *claims) {
    struct ph_waiter_group alone = {.kind = kind, .track = track, .until = until};
    pthread_mutex_lock(&session->lock);
    bool there = is_there(session, kind, track, until);
    bool denied = claims && ph_access_is_revoked(&session->access, claims);
    int code = there || denied ? 0 : ph_waiters_add(&session->viewers, kind, track, until, hold, claims);
    pthread_mutex_unlock(&session->lock);
    if (!there && !denied && !code)
        return;
    struct ph_http_response *response = denied ? deny() : there ? answer_for(session, &alone) : NULL;
    ph_http_hold_release(hold, response);
    ph_http_response_unref(&response);
}
