/* What workers send: /publish/… (core/media/track.h says what each request and answer means). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "origin/part_headers.h"
#include "origin/publish_request.h"
#include "origin/storyboard.h"

enum {
    most_publication_bytes = 64 << 10,
    most_init_bytes = 256 << 10,
    most_part_bytes = 16 << 20,
    part_reserve_bytes = 1 << 20,
};
/* How long the end of a session, or of a segment of a file, waits for the disk. */
static const int64_t durable_wait_us = 8 * PH_SECOND_US;
static const int64_t most_latency_us = 3600 * PH_SECOND_US;

/* A JSON body, taken over; NULL answers 500. */
static void answer_json(struct ph_http_request *request, unsigned status, const char *type, char *text) {
    struct ph_http_response *response = text ? ph_http_response_from_text(status, type, text) : NULL;
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
    free(text);
}

static void refuse_ended(struct ph_http_request *request) {
    ph_publish_refuse(request, 410, "Gone", "the session has ended");
}

static void answer_standings(struct ph_http_request *request, unsigned status, struct ph_session *session) {
    struct ph_track_standing standings[PH_MOST_TRACKS];
    ph_session_standings(session, standings);
    answer_json(request, status, "application/json",
        ph_standings_to_json(standings, session->publication.track_count));
}

/* A publication of a name that is taken: the same again is fine. */
static void repeat_publication(
    struct ph_http_request *request, struct ph_session *session, const struct ph_publication *publication) {
    char *json = ph_publication_to_json(publication);
    pthread_mutex_lock(&session->lock);
    bool ended = session->ended;
    pthread_mutex_unlock(&session->lock);
    if (!json)
        ph_http_respond(request, NULL);
    else if (ended || publication->take < session->publication.take)
        refuse_ended(request);
    else if (strcmp(json, session->publication_json) != 0)
        ph_publish_refuse(request, 409, "Conflict", "the session has another publication: it cannot change");
    else
        answer_standings(request, 200, session);
    free(json);
}

/* What an earlier take of the file left goes first. */
static void ask_for_patience(struct ph_http_request *request) {
    struct ph_http_response *response = ph_http_response_problem(
        503, "Service Unavailable", "an earlier take of the file is being cleared away");
    if (response && ph_http_response_add_header(response, "Retry-After", "1"))
        ph_http_response_unref(&response);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static void supersede(
    struct ph_origin *origin, struct ph_http_request *request, struct ph_session *session, uint32_t take) {
    ph_log_info("another take of a file counts", ph_str("session", session->id), ph_int("take", take));
    ph_session_give_up(session, ph_clock_monotonic_us(origin->clock));
    ph_spool_poke(origin->spool, session);
    ask_for_patience(request);
}

static void begin_publication(
    struct ph_origin *origin, struct ph_http_request *request, const struct ph_publication *publication) {
    const char *id = ph_http_request_param(request, "session");
    bool gone = false;
    struct ph_session *session =
        ph_session_create(id, publication, &origin->metrics, ph_clock_monotonic_us(origin->clock));
    int code = session ? ph_origin_sessions_insert(origin->sessions, session) : -ENOMEM;
    if (code == -EEXIST) { /* another request was faster */
        ph_session_unref(&session);
        session = ph_origin_sessions_find(origin->sessions, id, &gone);
    }
    if (code == -EEXIST && session)
        repeat_publication(request, session, publication);
    else if (code == -EEXIST)
        refuse_ended(request);
    else if (code == -ENOSPC)
        ph_publish_refuse(
            request, 507, "Insufficient Storage", "this origin carries as many sessions as it may");
    else if (code)
        ph_http_respond(request, NULL);
    else {
        ph_log_info("session published", ph_str("session", id), ph_int("tracks", publication->track_count));
        ph_spool_poke(origin->spool, session);
        answer_standings(request, 201, session);
    }
    ph_session_unref(&session);
}

static void put_publication(struct ph_http_request *request, void *opaque) {
    struct ph_origin *origin = opaque;
    struct ph_publication publication;
    struct ph_error error;
    bool gone = false;
    if (!ph_publish_is_allowed(origin, request))
        return;
    struct ph_slice body = ph_http_request_body(request);
    int code = ph_publication_from_json((const char *)body.data, body.size, &publication, &error);
    if (code == -ENOMEM) {
        ph_http_respond(request, NULL);
        return;
    }
    if (code) {
        ph_publish_refuse(request, 400, "Bad Request", error.text);
        return;
    }
    struct ph_session *session =
        ph_origin_sessions_find(origin->sessions, ph_http_request_param(request, "session"), &gone);
    if (session && session->publication.take && publication.take > session->publication.take)
        supersede(origin, request, session, publication.take);
    else if (session)
        repeat_publication(request, session, &publication);
    else if (gone && !publication.take)
        refuse_ended(request);
    else if (publication.take && origin->archive &&
             !ph_archive_make_way(
                 origin->archive, ph_http_request_param(request, "session"), publication.take))
        ask_for_patience(request);
    else
        begin_publication(origin, request, &publication);
    ph_session_unref(&session);
}

static void get_standings(struct ph_http_request *request, void *opaque) {
    struct ph_session *session = ph_publish_find_session(opaque, request);
    if (session)
        answer_standings(request, 200, session);
    ph_session_unref(&session);
}

/* Holds the request until the spool says that it is durable; without a hold the publisher keeps what it sent.
 * A track's next part comes after this answer: what is live waits for the disk no longer than until that part
 * is due. */
static void answer_when_durable(struct ph_origin *origin, struct ph_http_request *request,
    struct ph_session *session, uint32_t track, uint64_t segment) {
    const struct ph_publication *publication = &session->publication;
    bool is_draining = atomic_load(&origin->draining);
    bool is_live = track != PH_MOST_TRACKS && !publication->take && !is_draining;
    int64_t wait_us = is_live ? publication->part_target_us / 2 : durable_wait_us;
    struct ph_http_response *too_late = is_live
                                            ? ph_http_response_create(202)
                                            : ph_http_response_problem(507, "Insufficient Storage",
                                                  "the segment is not on disk: keep it and send it again");
    struct ph_http_hold *held = NULL;
    int code = -ESHUTDOWN;
    if (too_late && !is_draining)
        code = ph_http_request_hold(request, ph_now_us() + wait_us, too_late, &held);
    if (code)
        ph_http_respond(request, too_late);
    else
        ph_session_hold_publisher(session, track, segment, held);
    ph_http_response_unref(&too_late);
    ph_spool_poke(origin->spool, session);
}

static void delete_publication(struct ph_http_request *request, void *opaque) {
    struct ph_origin *origin = opaque;
    struct ph_session *session = ph_publish_find_session(origin, request);
    if (!session)
        return;
    ph_session_end(session, ph_clock_monotonic_us(origin->clock));
    answer_when_durable(origin, request, session, PH_MOST_TRACKS, 0);
    ph_session_unref(&session);
}

static void put_init(
    struct ph_origin *origin, struct ph_http_request *request, struct ph_session *session, uint32_t track) {
    struct ph_slice body = ph_http_request_body(request);
    if (body.size < 8 || body.size > most_init_bytes || memcmp(body.data + 4, "ftyp", 4) != 0) {
        ph_publish_refuse(
            request, 400, "Bad Request", "an init segment begins with an ftyp box and has at most 256 KiB");
        return;
    }
    struct ph_bytes *bytes = ph_http_request_body_ref(request);
    int code = ph_session_set_init(session, track, bytes, ph_clock_monotonic_us(origin->clock));
    ph_bytes_unref(&bytes);
    if (!code || code == -EALREADY)
        ph_publish_answer(request, code ? 200 : 201);
    else if (code == -EEXIST)
        ph_publish_refuse(request, 409, "Conflict", "the track has another init segment: it cannot change");
    else if (code == -EPIPE)
        refuse_ended(request);
    else
        ph_http_respond(request, NULL);
    ph_spool_poke(origin->spool, session);
}

static void refuse_order(struct ph_http_request *request, struct ph_part_position next) {
    json_t *root = json_pack("{s:s,s:s,s:i,s:{s:I,s:I}}", "type", "about:blank", "title",
        "this is not the next part of the track", "status", 409, "next", "segment", (json_int_t)next.segment,
        "part", (json_int_t)next.part);
    answer_json(request, 409, "application/problem+json", json_dumps(root, JSON_COMPACT));
    json_decref(root);
}

static void measure_part(
    struct ph_origin *origin, struct ph_http_request *request, const struct ph_part *part) {
    struct ph_origin_metrics *metrics = &origin->metrics;
    const char *arrival = ph_http_request_header(request, PH_HEADER_ARRIVAL_TIME);
    int64_t arrival_us = 0;
    ph_metric_add(metrics->parts, 1);
    ph_metric_add(metrics->spool_parts, 1);
    ph_metric_add(metrics->part_bytes, (double)ph_bytes_size(part->bytes));
    ph_metric_add(metrics->gap_parts, part->head.gap);
    if (!arrival || ph_part_headers_parse_time(arrival, &arrival_us))
        return;
    int64_t latency_us = ph_clock_utc_us(origin->clock) - arrival_us;
    if (latency_us >= 0 && latency_us < most_latency_us)
        ph_metric_observe(metrics->part_latency, (double)latency_us / (double)PH_SECOND_US);
}

/* Viewers have the part before the publisher has its answer, and before anything is written. */
static void take_part(struct ph_origin *origin, struct ph_http_request *request, struct ph_session *session,
    uint32_t track, struct ph_part *part) {
    struct ph_error error;
    struct ph_part_position next;
    uint64_t segment = part->head.position.segment;
    enum ph_window_verdict verdict =
        ph_session_add_part(session, track, part, ph_clock_monotonic_us(origin->clock), &next, &error);
    switch (verdict) {
    case PH_WINDOW_ADDED:
        measure_part(origin, request, part);
        if (part->head.last) {
            answer_when_durable(origin, request, session, track, segment);
            return;
        }
        ph_publish_answer(request, 202);
        ph_spool_poke(origin->spool, session);
        return;
    case PH_WINDOW_REPEATED:
        if (part->head.last)
            answer_when_durable(origin, request, session, track, segment);
        else
            ph_publish_answer(request, 200);
        return;
    case PH_WINDOW_OUT_OF_ORDER:
        refuse_order(request, next);
        return;
    case PH_WINDOW_ENDED:
        refuse_ended(request);
        return;
    case PH_WINDOW_REFUSED:
        ph_publish_refuse(request, 400, "Bad Request", error.text);
        return;
    case PH_WINDOW_NO_MEMORY:
        ph_http_respond(request, NULL);
        return;
    }
}

/* What a part of this track may have at most: four times its announced peak, and a reserve. It bounds the
 * window. */
static size_t most_bytes_of(const struct ph_session *session, uint32_t track) {
    const struct ph_publication *publication = &session->publication;
    uint64_t peak = (uint64_t)publication->tracks[track].bandwidth * publication->part_target_us / 8000000;
    return (size_t)(4 * peak + part_reserve_bytes);
}

static int read_head(struct ph_http_request *request, const struct ph_session *session, uint32_t track,
    struct ph_part_head *head, struct ph_error *error) {
    const struct ph_part_headers headers = {
        .duration = ph_http_request_header(request, PH_HEADER_PART_DURATION),
        .start = ph_http_request_header(request, PH_HEADER_PART_START),
        .independent = ph_http_request_header(request, PH_HEADER_INDEPENDENT),
        .last = ph_http_request_header(request, PH_HEADER_LAST_IN_SEGMENT),
        .gap = ph_http_request_header(request, PH_HEADER_GAP),
    };
    size_t size = ph_http_request_body(request).size;
    int code = ph_part_headers_parse(&headers, session->publication.tracks[track].kind, head, error);
    if (!code && head->gap && size)
        code = ph_error_set(error, -EINVAL, "a missing part has no body");
    if (!code && !head->gap && !size)
        code = ph_error_set(error, -EINVAL, "a part needs a body, or " PH_HEADER_GAP ": 1");
    if (!code && size > most_bytes_of(session, track))
        code = ph_error_set(error, -EINVAL, "the part is larger than the track's bandwidth allows");
    return code;
}

static void put_part(struct ph_origin *origin, struct ph_http_request *request, struct ph_session *session,
    uint32_t track, struct ph_part_position position) {
    struct ph_part_head head = {.position = position};
    struct ph_error error;
    if (read_head(request, session, track, &head, &error)) {
        ph_publish_refuse(request, 400, "Bad Request", error.text);
        return;
    }
    pthread_mutex_lock(&session->lock);
    bool has_init = session->window.tracks[track].init;
    pthread_mutex_unlock(&session->lock);
    if (!has_init) {
        ph_publish_refuse(request, 409, "Conflict", "the track's init.mp4 comes before its parts");
        return;
    }
    struct ph_bytes *bytes = ph_http_request_body_ref(request);
    struct ph_part *part = bytes ? ph_part_create(&head, session->publication.tracks[track].kind, bytes,
                                       session->publication.is_private)
                                 : NULL;
    if (part)
        take_part(origin, request, session, track, part);
    else
        ph_http_respond(request, NULL);
    ph_part_unref(&part);
    ph_bytes_unref(&bytes);
}

static void put_file(struct ph_http_request *request, void *opaque) {
    struct ph_origin *origin = opaque;
    struct ph_session *session = ph_publish_find_session(origin, request);
    struct ph_media_file file;
    if (!session)
        return;
    int track = ph_window_find_track(&session->window, ph_http_request_param(request, "track"));
    int code = ph_media_file_parse(ph_http_request_param(request, "file"), &file);
    if (track < 0)
        ph_publish_refuse(request, 404, "Not Found", "the publication has no such track");
    else if (!code && file.kind == PH_FILE_INIT)
        put_init(origin, request, session, (uint32_t)track);
    else if (!code && file.kind == PH_FILE_PART)
        put_part(origin, request, session, (uint32_t)track, file.position);
    else
        ph_publish_refuse(request, 400, "Bad Request", "init.mp4 or <segment>.<part>.m4s is published");
    ph_session_unref(&session);
}

int ph_publish_add_routes(struct ph_origin *origin, struct ph_http_server *server) {
    const char *const session = "/publish/{session}";
    const struct ph_http_route routes[] = {
        {.method = "PUT",
            .pattern = session,
            .handler = put_publication,
            .most_body_bytes = most_publication_bytes},
        {.method = "GET", .pattern = session, .handler = get_standings},
        {.method = "DELETE", .pattern = session, .handler = delete_publication},
        {.method = "PUT",
            .pattern = "/publish/{session}/thumb.jpg",
            .handler = ph_publish_put_thumb,
            .most_body_bytes = PH_MOST_THUMB_BYTES},
        {.method = "PUT",
            .pattern = "/publish/{session}/storyboard/{file}",
            .handler = ph_publish_put_storyboard,
            .most_body_bytes = PH_MOST_STORYBOARD_BYTES},
        {.method = "PUT",
            .pattern = "/publish/{session}/revoked",
            .handler = ph_publish_put_revoked,
            .most_body_bytes = most_publication_bytes},
        {.method = "PUT",
            .pattern = "/publish/{session}/{track}/{file}",
            .handler = put_file,
            .most_body_bytes = most_part_bytes},
    };
    int code = 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && !code; i++) {
        struct ph_http_route route = routes[i];
        route.kind = "publish";
        route.opaque = origin;
        code = ph_http_server_add_route(server, &route);
    }
    return code;
}
