#include "tests/unit/transcode/origin_double.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"

static void answer(struct ph_http_request *request, unsigned status) {
    struct ph_http_response *response = ph_http_response_create(status);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

struct origin_track *origin_double_track(struct origin_double *origin, const char *name) {
    for (uint32_t i = 0; i < origin->track_count; i++) {
        if (strcmp(origin->tracks[i].name, name) == 0)
            return &origin->tracks[i];
    }
    return NULL;
}

static void forget_parts(struct origin_track *track, uint32_t keep) {
    while (track->count > keep)
        ph_bytes_unref(&track->parts[--track->count].body);
}

static unsigned take_publication(struct origin_double *origin, struct ph_slice body) {
    struct ph_error error;
    if (ph_publication_from_json((const char *)body.data, body.size, &origin->publication, &error) < 0) {
        fprintf(stderr, "publication: %s\n", error.text);
        return 400;
    }
    origin->announcements++;
    if (origin->known)
        return origin->publication_text && strlen(origin->publication_text) == body.size &&
                       memcmp(origin->publication_text, body.data, body.size) == 0
                   ? 200
                   : 409;
    free(origin->publication_text);
    origin->publication_text = strndup((const char *)body.data, body.size);
    origin->known = true;
    origin->track_count = origin->publication.track_count;
    for (uint32_t i = 0; i < origin->track_count; i++)
        memcpy(origin->tracks[i].name, origin->publication.tracks[i].name, PH_TRACK_NAME_BYTES);
    return 201;
}

static void put_session(struct ph_http_request *request, void *opaque) {
    struct origin_double *origin = opaque;
    pthread_mutex_lock(&origin->lock);
    unsigned status = origin->ended ? 410 : take_publication(origin, ph_http_request_body(request));
    pthread_mutex_unlock(&origin->lock);
    answer(request, status);
}

static void get_session(struct ph_http_request *request, void *opaque) {
    struct origin_double *origin = opaque;
    struct ph_track_standing standings[PH_MOST_TRACKS] = {0};
    pthread_mutex_lock(&origin->lock);
    origin->questions++;
    bool known = origin->known;
    bool ended = origin->ended;
    uint32_t count = origin->track_count;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(standings[i].name, origin->tracks[i].name, PH_TRACK_NAME_BYTES);
        standings[i].next = origin->tracks[i].next;
        if (!origin->full_disk)
            origin->tracks[i].durable_segment = origin->tracks[i].next.segment;
        standings[i].durable_segment = origin->tracks[i].durable_segment;
        standings[i].has_init = origin->tracks[i].init != NULL;
    }
    pthread_mutex_unlock(&origin->lock);
    if (ended || !known) {
        answer(request, ended ? 410 : 404);
        return;
    }
    char *json = ph_standings_to_json(standings, count);
    struct ph_http_response *response = ph_http_response_from_text(200, "application/json", json);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
    free(json);
}

static void end_session(struct ph_http_request *request, void *opaque) {
    struct origin_double *origin = opaque;
    pthread_mutex_lock(&origin->lock);
    origin->ended = true;
    pthread_mutex_unlock(&origin->lock);
    answer(request, 204);
}

static void put_thumbnail(struct ph_http_request *request, void *opaque) {
    struct origin_double *origin = opaque;
    struct ph_slice body = ph_http_request_body(request);
    pthread_mutex_lock(&origin->lock);
    origin->thumbnails += body.size > 100 && body.data[0] == 0xFF && body.data[1] == 0xD8;
    pthread_mutex_unlock(&origin->lock);
    answer(request, 200);
}

/* 404 while the session is unknown, as a true one. */
static unsigned take_sheet(struct origin_double *origin, const struct ph_storyboard_sheet *sheet) {
    if (!origin->known)
        return 404;
    if (origin->ended)
        return 410;
    uint32_t at = 0;
    while (at < origin->sheet_count && origin->sheets[at].first_tile != sheet->first_tile)
        at++;
    if (at == ORIGIN_MOST_SHEETS)
        return 507;
    origin->sheets[at] = *sheet;
    origin->sheet_count += at == origin->sheet_count;
    return 202;
}

static void put_sheet(struct ph_http_request *request, void *opaque) {
    struct origin_double *origin = opaque;
    struct ph_storyboard_sheet sheet;
    struct ph_slice body = ph_http_request_body(request);
    const char *header = ph_http_request_header(request, PH_HEADER_STORYBOARD);
    unsigned status = 400;
    if (header && ph_storyboard_header_parse(header, &sheet) == 0 &&
        ph_storyboard_file_parse(ph_http_request_param(request, "file"), &sheet.first_tile) == 0 &&
        body.size > 100 && body.data[0] == 0xFF && body.data[1] == 0xD8) {
        pthread_mutex_lock(&origin->lock);
        status = origin->answer_instead ? origin->answer_instead : take_sheet(origin, &sheet);
        pthread_mutex_unlock(&origin->lock);
    }
    answer(request, status);
}

static uint64_t header_number(struct ph_http_request *request, const char *name) {
    const char *text = ph_http_request_header(request, name);
    return text ? strtoull(text, NULL, 10) : 0;
}

static unsigned take_part(struct origin_double *origin, struct origin_track *track,
    struct ph_part_position position, struct ph_http_request *request) {
    if (origin->answer_instead)
        return origin->answer_instead;
    int order = ph_part_position_compare(position, track->next);
    bool closes = ph_http_request_header(request, PH_HEADER_LAST_IN_SEGMENT) != NULL;
    if (order < 0) {
        origin->repeats++;
        return closes && origin->full_disk ? 507 : 200;
    }
    if (order > 0 || track->count == ORIGIN_MOST_PARTS) {
        origin->refusals++;
        return 409;
    }
    struct origin_part *part = &track->parts[track->count++];
    *part = (struct origin_part){
        .position = position,
        .gap = ph_http_request_header(request, PH_HEADER_GAP) != NULL,
        .independent = ph_http_request_header(request, PH_HEADER_INDEPENDENT) != NULL,
        .last = closes,
        .start_ticks = header_number(request, PH_HEADER_PART_START),
        .duration_ticks = header_number(request, PH_HEADER_PART_DURATION),
        .body = ph_http_request_body_ref(request),
    };
    track->next.part++;
    if (!part->last)
        return 202;
    track->next = (struct ph_part_position){position.segment + 1, 0};
    if (origin->full_disk)
        return 507;
    track->durable_segment = position.segment + 1;
    return origin->slow_disk ? 202 : 201;
}

static void put_file(struct ph_http_request *request, void *opaque) {
    struct origin_double *origin = opaque;
    struct ph_media_file file;
    if (ph_media_file_parse(ph_http_request_param(request, "file"), &file) < 0) {
        answer(request, 400);
        return;
    }
    pthread_mutex_lock(&origin->lock);
    struct origin_track *track = origin_double_track(origin, ph_http_request_param(request, "track"));
    unsigned status = origin->ended ? 410 : track ? 201 : 404;
    if (status == 201 && file.kind == PH_FILE_PART)
        status = take_part(origin, track, file.position, request);
    else if (status == 201 && !track->init)
        track->init = ph_http_request_body_ref(request);
    pthread_mutex_unlock(&origin->lock);
    answer(request, status);
}

void origin_double_start(struct origin_double *origin, uint16_t port) {
    pthread_mutex_init(&origin->lock, NULL);
    if (ph_metrics_create(&origin->metrics) < 0)
        abort();
    char listen[32];
    snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
    struct ph_http_server_options options = {.listen = listen, .threads = 1, .metrics = origin->metrics};
    const struct ph_http_route routes[] = {
        {.method = "PUT", .pattern = "/publish/{session}", .kind = "t", .handler = put_session},
        {.method = "GET", .pattern = "/publish/{session}", .kind = "t", .handler = get_session},
        {.method = "DELETE", .pattern = "/publish/{session}", .kind = "t", .handler = end_session},
        {.method = "PUT", .pattern = "/publish/{session}/thumb.jpg", .kind = "t", .handler = put_thumbnail},
        {.method = "PUT",
            .pattern = "/publish/{session}/storyboard/{file}",
            .kind = "t",
            .handler = put_sheet},
        {.method = "PUT", .pattern = "/publish/{session}/{track}/{file}", .kind = "t", .handler = put_file},
    };
    struct ph_error error;
    if (ph_http_server_create(&origin->server, &options, &error) < 0)
        abort();
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        struct ph_http_route route = routes[i];
        route.opaque = origin;
        route.most_body_bytes = 8 << 20;
        if (ph_http_server_add_route(origin->server, &route) < 0)
            abort();
    }
    if (ph_http_server_start(origin->server, &error) < 0) {
        fprintf(stderr, "origin double: %s\n", error.text);
        abort();
    }
    origin->port = ph_http_server_port(origin->server);
    snprintf(origin->url, sizeof(origin->url), "http://127.0.0.1:%u", origin->port);
}

void origin_double_stop(struct origin_double *origin) {
    ph_http_server_drain(origin->server, ph_now_us() + PH_SECOND_US);
    ph_http_server_destroy(origin->server);
    ph_metrics_destroy(origin->metrics);
    origin_double_forget_session(origin);
    free(origin->publication_text);
    origin->publication_text = NULL;
    pthread_mutex_destroy(&origin->lock);
}

void origin_double_lose_memory(struct origin_double *origin) {
    pthread_mutex_lock(&origin->lock);
    for (uint32_t i = 0; i < origin->track_count; i++) {
        struct origin_track *track = &origin->tracks[i];
        uint32_t keep = 0;
        while (keep < track->count && track->parts[keep].position.segment < track->durable_segment)
            keep++;
        forget_parts(track, keep);
        track->next = (struct ph_part_position){track->durable_segment, 0};
    }
    pthread_mutex_unlock(&origin->lock);
}

void origin_double_forget_session(struct origin_double *origin) {
    pthread_mutex_lock(&origin->lock);
    for (uint32_t i = 0; i < origin->track_count; i++) {
        struct origin_track *track = &origin->tracks[i];
        forget_parts(track, 0);
        ph_bytes_unref(&track->init);
        track->next = (struct ph_part_position){0, 0};
        track->durable_segment = 0;
    }
    origin->track_count = 0;
    origin->known = false;
    pthread_mutex_unlock(&origin->lock);
}

bool origin_double_wait(
    struct origin_double *origin, bool (*holds)(struct origin_double *origin, void *opaque), void *opaque) {
    int64_t deadline_us = ph_now_us() + 20 * PH_SECOND_US;
    while (ph_now_us() < deadline_us) {
        pthread_mutex_lock(&origin->lock);
        bool reached = holds(origin, opaque);
        pthread_mutex_unlock(&origin->lock);
        if (reached)
            return true;
        struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
    return false;
}
