#include "transcode/publisher_origin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/backoff.h"
#include "core/base/clock.h"

enum { most_url_bytes = 512, most_headers = 10, most_header_bytes = 128 };

static const int64_t request_timeout_us = 5 * PH_SECOND_US;
/* Before the end of a file is said again. */
static const int64_t shortest_pause_us = 100 * PH_MILLISECOND_US;
static const int64_t longest_pause_us = 5 * PH_SECOND_US;

struct request {
    char url[most_url_bytes];
    char lines[most_headers][most_header_bytes];
    const char *headers[most_headers + 1];
    int count;
    struct ph_http_exchange exchange;
};

static void add_header(struct request *request, const char *name, const char *value) {
    char *line = request->lines[request->count];
    snprintf(line, most_header_bytes, "%s: %s", name, value);
    request->headers[request->count++] = line;
    request->headers[request->count] = NULL;
}

static void add_number(struct request *request, const char *name, int64_t number) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, number);
    add_header(request, name, text);
}

/* `file` is what follows the session in the path, with its slash, or "". */
static void begin(
    struct request *request, const struct ph_origin *origin, const char *method, const char *file) {
    *request = (struct request){.exchange = {.method = method, .timeout_us = request_timeout_us}};
    snprintf(request->url, sizeof(request->url), "%s/publish/%s%s", origin->base_url, origin->session, file);
    char bearer[most_header_bytes - 16];
    snprintf(bearer, sizeof(bearer), "Bearer %s", origin->token);
    add_header(request, "Authorization", bearer);
    if (origin->take)
        add_number(request, PH_HEADER_TAKE, origin->take);
    request->exchange.url = request->url;
    request->exchange.headers = request->headers;
}

static int perform(struct ph_http_client *client, struct request *request, int64_t *retry_after_us) {
    int code = ph_http_client_perform(client, &request->exchange);
    if (code >= 0)
        code = (int)request->exchange.status;
    if (retry_after_us)
        *retry_after_us = code >= 0 ? request->exchange.retry_after_us : -1;
    ph_http_exchange_finish(&request->exchange);
    return code;
}

int ph_origin_announce(
    struct ph_http_client *client, const struct ph_origin *origin, const char *publication) {
    struct request request;
    begin(&request, origin, "PUT", "");
    add_header(&request, "Content-Type", "application/json");
    request.exchange.body = (struct ph_slice){(const uint8_t *)publication, strlen(publication)};
    return perform(client, &request, NULL);
}

int ph_origin_put_init(struct ph_http_client *client, const struct ph_origin *origin, const char *track,
    struct ph_bytes *init_segment) {
    char file[64];
    snprintf(file, sizeof(file), "/%s/init.mp4", track);
    struct request request;
    begin(&request, origin, "PUT", file);
    add_header(&request, "Content-Type", "video/mp4");
    request.exchange.body = ph_bytes_slice(init_segment);
    return perform(client, &request, NULL);
}

int ph_origin_put_part(struct ph_http_client *client, const struct ph_origin *origin, const char *track,
    const struct ph_part *part, int64_t arrival_utc_us, int64_t *retry_after_us) {
    char file[96];
    snprintf(file, sizeof(file), "/%s/%" PRIu64 ".%" PRIu32 ".m4s", track, part->position.segment,
        part->position.part);
    struct request request;
    begin(&request, origin, "PUT", file);
    add_header(&request, "Content-Type", "video/mp4");
    add_number(&request, PH_HEADER_PART_DURATION, part->duration_ticks);
    add_number(&request, PH_HEADER_PART_START, part->start_ticks);
    if (part->independent)
        add_header(&request, PH_HEADER_INDEPENDENT, "1");
    if (part->last_in_segment)
        add_header(&request, PH_HEADER_LAST_IN_SEGMENT, "1");
    if (part->body) {
        add_number(&request, PH_HEADER_ARRIVAL_TIME, arrival_utc_us);
        request.exchange.body = ph_bytes_slice(part->body);
    } else {
        add_header(&request, PH_HEADER_GAP, "1");
    }
    return perform(client, &request, retry_after_us);
}

int ph_origin_put_thumbnail(
    struct ph_http_client *client, const struct ph_origin *origin, struct ph_slice jpeg) {
    struct request request;
    begin(&request, origin, "PUT", "/thumb.jpg");
    add_header(&request, "Content-Type", "image/jpeg");
    request.exchange.body = jpeg;
    return perform(client, &request, NULL);
}

int ph_origin_put_storyboard(struct ph_http_client *client, const struct ph_origin *origin,
    const struct ph_storyboard_sheet *sheet, struct ph_slice jpeg) {
    char file[64], header[PH_STORYBOARD_TEXT_BYTES];
    snprintf(file, sizeof(file), "/storyboard/%" PRIu64 ".jpg", sheet->first_tile);
    ph_storyboard_header_write(sheet, header);
    struct request request;
    begin(&request, origin, "PUT", file);
    add_header(&request, "Content-Type", "image/jpeg");
    add_header(&request, PH_HEADER_STORYBOARD, header);
    request.exchange.body = jpeg;
    return perform(client, &request, NULL);
}

static int end(struct ph_http_client *client, const struct ph_origin *origin) {
    struct request request;
    begin(&request, origin, "DELETE", "");
    return perform(client, &request, NULL);
}

static void pause_until(int64_t end_us) {
    struct timespec end = {end_us / PH_SECOND_US, end_us % PH_SECOND_US * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
        continue;
}

static int end_file(struct ph_http_client *client, const struct ph_origin *origin, int64_t deadline_us) {
    for (unsigned failures = 1;; failures++) {
        int status = end(client, origin);
        if (status / 100 == 2)
            return 0;
        if (status == 404 || status == 410)
            return -EPIPE;
        int64_t again_us = ph_now_us() + ph_backoff_within_us(failures, shortest_pause_us, longest_pause_us);
        if (again_us > deadline_us)
            return -ETIMEDOUT;
        pause_until(again_us);
    }
}

int ph_origin_finish(struct ph_http_client *client, const struct ph_origin *origin, int64_t deadline_us) {
    if (origin->take)
        return end_file(client, origin, deadline_us);
    int status = end(client, origin);
    if (status < 0)
        return status;
    /* What is live is over for its viewers; an origin whose disk is behind writes the rest when it can. */
    return status / 100 == 2 || status == 404 || status == 410 || status == 507 ? 0 : -EIO;
}

int ph_origin_standing(struct ph_http_client *client, const struct ph_origin *origin, int64_t timeout_us,
    struct ph_track_standing *standings, uint32_t *count) {
    struct request request;
    begin(&request, origin, "GET", "");
    request.exchange.timeout_us = request.exchange.connect_timeout_us = timeout_us;
    int code = ph_http_client_perform(client, &request.exchange);
    if (code >= 0)
        code = (int)request.exchange.status;
    if (code == 200) {
        struct ph_slice body = {0};
        if (request.exchange.answer)
            body = ph_bytes_slice(request.exchange.answer);
        struct ph_error error;
        if (ph_standings_from_json((const char *)body.data, body.size, standings, count, &error) < 0)
            code = PH_INVALID_DATA;
    }
    ph_http_exchange_finish(&request.exchange);
    return code;
}
