/* What viewers ask for: GET /live/… */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "origin/caching.h"
#include "origin/cmcd.h"
#include "origin/directives.h"
#include "origin/origin_private.h"

enum { unknown_target_s = 1, hold_targets = 3 };

static const char no_session[] = "there is no such session";
static const char no_file[] = "there is no such file";

/* A failure, with the session's target duration where there is one. */
static void fail(struct ph_http_request *request, const struct ph_session *session, enum ph_caching_kind kind,
    unsigned status, const char *detail) {
    uint32_t target_s = session ? session->publication.target_duration_s : unknown_target_s;
    struct ph_http_response *response = ph_caching_failure(status, kind, target_s, detail);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

/* Whether the viewer may have the session's media; answers when not. `claims` stay as they are for a session
 * that is not private. */
static bool is_let_in(struct ph_origin *origin, struct ph_http_request *request, struct ph_session *session,
    struct ph_playback_claims *claims) {
    if (!session->publication.is_private)
        return true;
    enum ph_access_verdict verdict =
        ph_access_check(&session->access, ph_bytes_slice(origin->secret), session->id,
            ph_http_request_query(request, "token"), ph_clock_utc_us(origin->clock) / PH_SECOND_US, claims);
    if (verdict == PH_ACCESS_GRANTED)
        return true;
    struct ph_http_response *denial =
        ph_caching_denial(verdict == PH_ACCESS_MISSING ? 401 : 403, ph_access_reason(verdict));
    ph_http_respond(request, denial);
    ph_http_response_unref(&denial);
    return false;
}

static void add(_Atomic(uint64_t) *sum, uint64_t value) {
    atomic_fetch_add_explicit(sum, value, memory_order_relaxed);
}

/* Takes in what the player tells with its request; the answer is the same as without. */
static void hear(const struct ph_http_request *request, struct ph_session_told *told) {
    static const char *const headers[] = {"CMCD-Object", "CMCD-Request", "CMCD-Status"};
    struct ph_cmcd cmcd = {0};
    const char *text = ph_http_request_query(request, "CMCD");
    bool is_told = text && ph_cmcd_read(text, &cmcd);
    for (size_t i = 0; !text && i < sizeof(headers) / sizeof(headers[0]); i++) {
        const char *header = ph_http_request_header(request, headers[i]);
        is_told = (header && ph_cmcd_read(header, &cmcd)) || is_told;
    }
    if (!is_told)
        return;
    add(&told->requests, 1);
    add(&told->starved, cmcd.is_starved);
    add(&told->bitrates, cmcd.bitrate_kbps > 0);
    add(&told->bitrates_kbps, cmcd.bitrate_kbps);
    add(&told->throughputs, cmcd.throughput_kbps > 0);
    add(&told->throughputs_kbps, cmcd.throughput_kbps);
}

/* A viewer's request to a session. */
struct visit {
    struct ph_http_request *request;
    struct ph_session *session;       /* a reference */
    struct ph_playback_claims claims; /* when the session is private */
};

/* False after answering 404, 410, 401 or 403. */
static bool enter(struct ph_origin *origin, struct ph_http_request *request, enum ph_caching_kind kind,
    struct visit *visit) {
    bool gone = false;
    const char *id = ph_http_request_param(request, "session");
    visit->request = request;
    visit->session = ph_origin_sessions_find(origin->sessions, id, &gone);
    if (!visit->session)
        fail(request, NULL, kind, gone ? 410 : 404, gone ? "the session is over" : no_session);
    else if (is_let_in(origin, request, visit->session, &visit->claims)) {
        bool is_playlist = kind == PH_CACHING_PLAIN;
        ph_http_request_tally(
            request, is_playlist ? visit->session->playlists_sent : visit->session->media_sent);
        if (kind == PH_CACHING_MEDIA)
            hear(request, &visit->session->told);
        return true;
    }
    ph_session_unref(&visit->session);
    return false;
}

/* Answers with a reference that is given away; NULL answers 500. */
static void respond(struct ph_http_request *request, struct ph_http_response *response) {
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

/* Holds the request until the track has what it asks for, for three targets at most. */
static void hold(
    const struct visit *visit, enum ph_wait_kind kind, uint32_t track, struct ph_part_position until) {
    struct ph_session *session = visit->session;
    enum ph_caching_kind caching = PH_CACHING_PLAIN;
    if (kind == PH_WAIT_PLAYLIST_BLOCKING || kind == PH_WAIT_DELTA_BLOCKING ||
        kind == PH_WAIT_PAST_BLOCKING || kind == PH_WAIT_PAST_DELTA_BLOCKING)
        caching = PH_CACHING_BLOCKING;
    if (kind == PH_WAIT_PART)
        caching = PH_CACHING_MEDIA;
    uint32_t target_s = session->publication.target_duration_s;
    struct ph_http_response *too_late =
        ph_caching_failure(503, caching, target_s, "nothing was published for three target durations");
    struct ph_http_hold *held = NULL;
    int64_t deadline_us = ph_now_us() + hold_targets * target_s * PH_SECOND_US;
    int code = too_late ? ph_http_request_hold(visit->request, deadline_us, too_late, &held) : -ENOMEM;
    if (code)
        ph_http_respond(visit->request, too_late);
    else
        ph_session_hold_viewer(
            session, kind, track, until, held, session->publication.is_private ? &visit->claims : NULL);
    ph_http_response_unref(&too_late);
}

/* Whether playlists are asked for that reach back to the session's start. Without an archive nobody keeps
 * what they would list. */
static bool asks_for_past(const struct ph_origin *origin, const struct ph_http_request *request) {
    return origin->vod && ph_http_request_query(request, "dvr");
}

static void get_multivariant(struct ph_http_request *request, void *opaque) {
    struct visit visit;
    if (!enter(opaque, request, PH_CACHING_PLAIN, &visit))
        return;
    bool with_past = asks_for_past(opaque, request);
    struct ph_session *session = visit.session;
    pthread_mutex_lock(&session->lock);
    bool ready = session->ended || ph_window_is_ready(&session->window);
    pthread_mutex_unlock(&session->lock);
    if (ready)
        ph_http_respond(request, with_past ? session->past_multivariant : session->multivariant);
    else
        hold(&visit, with_past ? PH_WAIT_PAST_MULTIVARIANT : PH_WAIT_MULTIVARIANT, 0,
            (struct ph_part_position){0, 0});
    ph_session_unref(&session);
}

static void serve_playlist(const struct visit *visit, uint32_t track, bool with_past) {
    struct ph_http_request *request = visit->request;
    struct ph_session *session = visit->session;
    const char *msn = ph_http_request_query(request, "_HLS_msn");
    const char *part = ph_http_request_query(request, "_HLS_part");
    bool blocking = msn || part;
    struct ph_playlist_form form = {.blocking = blocking, .with_past = with_past};
    enum ph_caching_kind caching = blocking ? PH_CACHING_BLOCKING : PH_CACHING_PLAIN;
    pthread_mutex_lock(&session->lock);
    struct ph_edge edge = session->window.tracks[track].edge;
    pthread_mutex_unlock(&session->lock);
    if (edge.ended && !edge.any) {
        fail(request, session, caching, 404, "nothing was published");
        return;
    }
    if (edge.ended) {
        respond(request, ph_session_playlist(session, track, form));
        return;
    }

    struct ph_directives directives = {0};
    struct ph_directive_decision decision = {.verdict = PH_DIRECTIVE_REFUSE};
    if (ph_directives_parse(msn, part, ph_http_request_query(request, "_HLS_skip"), &directives) == 0)
        decision = ph_directives_decide(&directives, &edge, &session->publication);
    form.skip = directives.skip;
    if (decision.verdict == PH_DIRECTIVE_REFUSE)
        fail(request, session, caching, 400, "the delivery directives make no sense for this playlist");
    else if (decision.verdict == PH_DIRECTIVE_HOLD)
        hold(visit, ph_wait_kind_of(form), track, decision.until);
    else
        respond(request, ph_session_playlist(session, track, form));
}

static void serve_part(const struct visit *visit, uint32_t track, struct ph_part_position position) {
    struct ph_session *session = visit->session;
    pthread_mutex_lock(&session->lock);
    const struct ph_edge *edge = &session->window.tracks[track].edge;
    struct ph_part *part = ph_window_find_part(&session->window, track, position);
    struct ph_http_response *response = part && part->response ? ph_http_response_ref(part->response) : NULL;
    bool is_hinted =
        !part && edge->any && !edge->ended && ph_part_position_compare(position, ph_edge_next(edge)) == 0;
    pthread_mutex_unlock(&session->lock);
    if (response)
        respond(visit->request, response);
    else if (is_hinted)
        hold(visit, PH_WAIT_PART, track, position);
    else
        fail(visit->request, session, PH_CACHING_MEDIA, 404, no_file);
}

/* A segment that has left the window: from the spool's file, or from the archive. */
static void serve_past_segment(struct ph_origin *origin, struct ph_http_request *request,
    struct ph_session *session, uint32_t track, uint64_t number) {
    const struct ph_publication *publication = &session->publication;
    struct ph_vod_object object = {
        .content_type = ph_caching_media_type(publication->tracks[track].kind),
        .bytes = UINT64_MAX,
        .is_private = publication->is_private,
    };
    char file[PH_SESSION_NAME_BYTES + PH_TRACK_NAME_BYTES + 32];
    snprintf(
        file, sizeof(file), "%s/%s/%" PRIu64 ".m4s", session->id, publication->tracks[track].name, number);
    snprintf(object.name, sizeof(object.name), "past/%s", file);
    snprintf(object.key, sizeof(object.key), "%s/%s", publication->is_recorded ? "recordings" : "live", file);
    pthread_mutex_lock(&session->lock);
    bool is_on_disk = number < session->durable_segments[track];
    pthread_mutex_unlock(&session->lock);
    int size = snprintf(object.path, sizeof(object.path), "%s/%s", ph_spool_root(origin->spool), file);
    if (!is_on_disk || size < 0 || (size_t)size >= sizeof(object.path))
        *object.path = '\0';
    ph_vod_answer_object(origin->vod, request, &object);
}

static void serve_segment(struct ph_origin *origin, struct ph_http_request *request,
    struct ph_session *session, uint32_t track, uint64_t number) {
    int code = 0;
    pthread_mutex_lock(&session->lock);
    struct ph_http_response *response = ph_window_segment_response(&session->window, track, number, &code);
    if (response)
        ph_http_response_ref(response);
    bool is_past = ph_history_has(&session->window.tracks[track].history, number);
    pthread_mutex_unlock(&session->lock);
    if (response || code)
        respond(request, response);
    else if (origin->vod && is_past)
        serve_past_segment(origin, request, session, track, number);
    else
        fail(request, session, PH_CACHING_MEDIA, 404, no_file);
}

static void serve_init(struct ph_http_request *request, struct ph_session *session, uint32_t track) {
    pthread_mutex_lock(&session->lock);
    struct ph_http_response *response = session->window.tracks[track].init;
    if (response)
        ph_http_response_ref(response);
    pthread_mutex_unlock(&session->lock);
    if (response)
        respond(request, response);
    else
        fail(request, session, PH_CACHING_MEDIA, 404, no_file);
}

static void serve_file(struct ph_http_request *request, struct ph_origin *origin, const char *name) {
    struct ph_media_file file;
    int code = ph_media_file_parse(name, &file);
    bool is_playlist = !code && file.kind == PH_FILE_PLAYLIST;
    enum ph_caching_kind caching = is_playlist ? PH_CACHING_PLAIN : PH_CACHING_MEDIA;
    struct visit visit;
    if (!enter(origin, request, caching, &visit))
        return;
    struct ph_session *session = visit.session;
    int track = ph_window_find_track(&session->window, ph_http_request_param(request, "track"));
    if (code || track < 0)
        fail(request, session, caching, 404, no_file);
    else if (is_playlist)
        serve_playlist(&visit, (uint32_t)track, asks_for_past(origin, request));
    else if (file.kind == PH_FILE_PART)
        serve_part(&visit, (uint32_t)track, file.position);
    else if (file.kind == PH_FILE_SEGMENT)
        serve_segment(origin, request, session, (uint32_t)track, file.position.segment);
    else
        serve_init(request, session, (uint32_t)track);
    ph_session_unref(&session);
}

static void get_playlist(struct ph_http_request *request, void *opaque) {
    serve_file(request, opaque, "index.m3u8");
}

static void get_init(struct ph_http_request *request, void *opaque) {
    serve_file(request, opaque, "init.mp4");
}

static void get_media(struct ph_http_request *request, void *opaque) {
    serve_file(request, opaque, ph_http_request_param(request, "file"));
}

static void get_thumb(struct ph_http_request *request, void *opaque) {
    struct visit visit;
    if (!enter(opaque, request, PH_CACHING_PICTURE, &visit))
        return;
    struct ph_session *session = visit.session;
    pthread_mutex_lock(&session->lock);
    struct ph_http_response *thumb = session->thumb ? ph_http_response_ref(session->thumb) : NULL;
    pthread_mutex_unlock(&session->lock);
    if (thumb)
        respond(request, thumb);
    else
        fail(request, session, PH_CACHING_PICTURE, 404, "there is no picture yet");
    ph_session_unref(&session);
}

int ph_delivery_add_routes(struct ph_origin *origin, struct ph_http_server *server) {
    const struct ph_http_route routes[] = {
        {.pattern = "/live/{session}/index.m3u8", .kind = "playlist", .handler = get_multivariant},
        {.pattern = "/live/{session}/thumb.jpg", .kind = "thumb", .handler = get_thumb},
        {.pattern = "/live/{session}/{track}/index.m3u8", .kind = "playlist", .handler = get_playlist},
        {.pattern = "/live/{session}/{track}/init.mp4", .kind = "init", .handler = get_init},
        {.pattern = "/live/{session}/{track}/{file}", .kind = "media", .handler = get_media},
    };
    int code = 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && !code; i++) {
        struct ph_http_route route = routes[i];
        route.method = "GET";
        route.cors = true;
        route.opaque = origin;
        code = ph_http_server_add_route(server, &route);
    }
    return code;
}
