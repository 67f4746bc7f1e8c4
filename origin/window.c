#include "origin/window.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <zlib.h>

#include "origin/caching.h"

enum {
    least_targets_listed = 3,
    most_session_s = 400000000 /* years: keeps times in microseconds in 64 bits */
};

static void segment_destroy(const struct ph_window *window, struct ph_segment *segment) {
    if (segment->reserved_bytes)
        atomic_fetch_sub(&window->reserve->used_bytes, segment->reserved_bytes);
    for (uint32_t i = 0; i < segment->part_count; i++)
        ph_part_unref(&segment->parts[i]);
    ph_http_response_unref(&segment->response);
    free(segment->parts);
    free(segment);
}

void ph_window_init(struct ph_window *window, const struct ph_publication *publication) {
    *window = (struct ph_window){.publication = publication};
    for (uint32_t i = 0; i < publication->track_count; i++)
        window->tracks[i].track = &publication->tracks[i];
}

static void free_segments(const struct ph_window *window, struct ph_window_track *track) {
    struct ph_segment *segment, *following;
    DL_FOREACH_SAFE(track->segments, segment, following) {
        segment_destroy(window, segment);
    }
    track->segments = NULL;
}

void ph_window_finish(struct ph_window *window) {
    for (uint32_t i = 0; i < window->publication->track_count; i++) {
        free_segments(window, &window->tracks[i]);
        ph_history_finish(&window->tracks[i].history);
        ph_http_response_unref(&window->tracks[i].init);
        ph_bytes_unref(&window->tracks[i].init_bytes);
    }
}

static void remember(struct ph_window_track *track, const struct ph_segment *segment) {
    ph_history_add(
        &track->history, segment->number, segment->start_ticks, segment->duration_ticks, segment->gap);
}

void ph_window_reset_track(struct ph_window *window, uint32_t index) {
    struct ph_window_track *track = &window->tracks[index];
    const struct ph_segment *segment;
    DL_FOREACH(track->segments, segment) {
        if (!segment->removed)
            remember(track, segment);
    }
    free_segments(window, track);
    track->edge = (struct ph_edge){0};
    track->end_ticks = 0;
    track->version++;
}

int ph_window_find_track(const struct ph_window *window, const char *name) {
    for (uint32_t i = 0; i < window->publication->track_count; i++) {
        if (strcmp(window->publication->tracks[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int ph_window_set_init(struct ph_window *window, uint32_t index, struct ph_bytes *bytes) {
    struct ph_window_track *track = &window->tracks[index];
    const uint8_t *data = ph_bytes_data(bytes);
    size_t size = ph_bytes_size(bytes);
    if (track->init_bytes) {
        bool is_same = ph_bytes_size(track->init_bytes) == size &&
                       memcmp(ph_bytes_data(track->init_bytes), data, size) == 0;
        return is_same ? -EALREADY : -EEXIST;
    }
    const char *type = ph_caching_media_type(track->track->kind);
    uint32_t checksum = (uint32_t)crc32_z(0, data, size);
    track->init = ph_caching_media(
        ph_http_response_from_bytes(200, type, bytes), checksum, size, window->publication->is_private);
    if (!track->init)
        return -ENOMEM;
    track->init_bytes = ph_bytes_ref(bytes);
    return 0;
}

static struct ph_segment *newest_segment(const struct ph_window_track *track) {
    return track->segments ? track->segments->prev : NULL;
}

/* The rules a part must keep for the playlist to keep its own. */
static enum ph_window_verdict check_part(const struct ph_window *window, const struct ph_window_track *track,
    const struct ph_part_head *head, struct ph_error *error) {
    const struct ph_publication *publication = window->publication;
    uint32_t timescale = track->track->timescale;
    int code = 0;
    if (head->duration_ticks == 0)
        code = ph_error_set(error, -EINVAL, "a part cannot last 0 ticks");
    else if ((uint64_t)head->duration_ticks * 1000000 > (uint64_t)publication->part_target_us * timescale)
        code = ph_error_set(error, -EINVAL, "the part lasts longer than part_target_us");
    else if (head->position.part >= publication->parts_per_segment)
        code = ph_error_set(error, -EINVAL, "the segment has no such part: parts_per_segment is %u",
            publication->parts_per_segment);
    else if (head->position.part == publication->parts_per_segment - 1 && !head->last)
        code = ph_error_set(error, -EINVAL, "the last part of a segment needs " PH_HEADER_LAST_IN_SEGMENT);
    else if (head->start_ticks < 0 || head->start_ticks / timescale > most_session_s)
        code = ph_error_set(error, -EINVAL, "the part starts outside of any session");
    else if (track->edge.any && head->start_ticks != track->end_ticks)
        code = ph_error_set(error, -EINVAL, "the part must start where the last one ended, at %lld",
            (long long)track->end_ticks);
    else if (head->position.part == 0 && !head->gap && !head->independent)
        code = ph_error_set(error, -EINVAL, "the first part of a segment must be independent");
    return code ? PH_WINDOW_REFUSED : PH_WINDOW_ADDED;
}

static struct ph_segment *open_segment(
    const struct ph_window *window, struct ph_window_track *track, const struct ph_part_head *head) {
    if (track->edge.any && !track->edge.closed)
        return newest_segment(track);
    struct ph_segment *segment = calloc(1, sizeof(*segment));
    struct ph_part **parts = calloc(window->publication->parts_per_segment, sizeof(struct ph_part *));
    if (!segment || !parts) {
        free(segment);
        free(parts);
        return NULL;
    }
    if (!track->segments)
        ph_history_reach(&track->history, head->position.segment, head->start_ticks);
    segment->number = head->position.segment;
    segment->start_ticks = head->start_ticks;
    segment->parts = parts;
    DL_APPEND(track->segments, segment);
    return segment;
}

/* Takes segments off the playlist's front, as long as enough media stays listed (RFC 8216bis 6.2.2). */
static void slide(const struct ph_window *window, struct ph_window_track *track, int64_t now_us) {
    uint32_t timescale = track->track->timescale;
    int64_t least = (int64_t)least_targets_listed * window->publication->target_duration_s * timescale;
    struct ph_segment *segment;
    int64_t listed = 0;
    uint32_t count = 0;
    DL_FOREACH(track->segments, segment) {
        if (segment->closed && !segment->removed) {
            listed += segment->duration_ticks;
            count++;
        }
    }
    if (listed > track->longest_list_ticks)
        track->longest_list_ticks = listed;
    DL_FOREACH(track->segments, segment) {
        if (segment->removed)
            continue;
        listed -= segment->duration_ticks;
        if (count-- <= PH_WINDOW_LISTED_SEGMENTS || listed < least)
            break;
        segment->removed = true;
        remember(track, segment);
        segment->keep_until_us =
            now_us + (segment->duration_ticks + track->longest_list_ticks) * 1000000 / timescale;
    }
}

static void close_segment(const struct ph_window *window, struct ph_window_track *track,
    struct ph_segment *segment, int64_t now_us) {
    segment->closed = true;
    track->edge.closed = true;
    slide(window, track, now_us);
}

enum ph_window_verdict ph_window_add_part(
    struct ph_window *window, uint32_t index, struct ph_part *part, int64_t now_us, struct ph_error *error) {
    struct ph_window_track *track = &window->tracks[index];
    const struct ph_part_head *head = &part->head;
    struct ph_part_position next = ph_edge_next(&track->edge);
    bool is_next =
        track->edge.any ? ph_part_position_compare(head->position, next) == 0 : head->position.part == 0;
    if (track->edge.any && ph_part_position_compare(head->position, track->edge.newest) <= 0)
        return PH_WINDOW_REPEATED;
    if (track->edge.ended)
        return PH_WINDOW_ENDED;
    if (!is_next)
        return PH_WINDOW_OUT_OF_ORDER;
    enum ph_window_verdict verdict = check_part(window, track, head, error);
    if (verdict != PH_WINDOW_ADDED)
        return verdict;

    struct ph_segment *segment = open_segment(window, track, head);
    if (!segment)
        return PH_WINDOW_NO_MEMORY;
    segment->parts[segment->part_count++] = ph_part_ref(part);
    segment->duration_ticks += head->duration_ticks;
    segment->gap = segment->gap || head->gap;
    track->end_ticks = head->start_ticks + head->duration_ticks;
    track->edge.any = true;
    track->edge.closed = false;
    track->edge.newest = head->position;
    track->version++;
    if (head->last)
        close_segment(window, track, segment, now_us);
    return PH_WINDOW_ADDED;
}

void ph_window_end(struct ph_window *window) {
    for (uint32_t i = 0; i < window->publication->track_count; i++) {
        struct ph_window_track *track = &window->tracks[i];
        if (track->edge.any && !track->edge.closed) {
            newest_segment(track)->closed = true;
            track->edge.closed = true;
        }
        track->edge.ended = true;
        track->version++;
    }
}

static bool is_expired(const struct ph_segment *segment, int64_t now_us) {
    return segment->removed && segment->keep_until_us <= now_us;
}

/* What is not on disk takes its place in the reserve, even when that makes it too full. */
static void reserve(
    struct ph_reserve *reserve, struct ph_window_track *track, uint64_t durable_below, int64_t now_us) {
    struct ph_segment *segment;
    DL_FOREACH(track->segments, segment) {
        if (!is_expired(segment, now_us))
            break;
        if (segment->reserved_bytes || segment->number < durable_below)
            continue;
        segment->reserved_bytes = sizeof(*segment);
        for (uint32_t i = 0; i < segment->part_count; i++)
            segment->reserved_bytes += sizeof(struct ph_part) + ph_bytes_size(segment->parts[i]->bytes);
        atomic_fetch_add(&reserve->used_bytes, segment->reserved_bytes);
    }
}

void ph_window_expire(
    struct ph_window *window, const uint64_t durable_below[PH_MOST_TRACKS], int64_t now_us) {
    struct ph_reserve *kept = window->reserve;
    for (uint32_t i = 0; i < window->publication->track_count; i++) {
        struct ph_window_track *track = &window->tracks[i];
        if (kept)
            reserve(kept, track, durable_below[i], now_us);
        while (track->segments && is_expired(track->segments, now_us)) {
            struct ph_segment *oldest = track->segments;
            bool is_due = !kept || oldest->number < durable_below[i];
            if (!is_due && atomic_load(&kept->used_bytes) <= kept->most_bytes)
                break;
            DL_DELETE(track->segments, oldest);
            segment_destroy(window, oldest);
        }
    }
}

static struct ph_segment *find_segment(const struct ph_window_track *track, uint64_t number) {
    const struct ph_segment *oldest = track->segments;
    if (!oldest || number < oldest->number || number > track->edge.newest.segment)
        return NULL;
    struct ph_segment *segment = newest_segment(track);
    while (segment->number > number)
        segment = segment->prev;
    return segment;
}

struct ph_part *ph_window_find_part(
    const struct ph_window *window, uint32_t track, struct ph_part_position position) {
    struct ph_segment *segment = find_segment(&window->tracks[track], position.segment);
    return segment && position.part < segment->part_count ? segment->parts[position.part] : NULL;
}

/* The segment is the chain of its parts, without a copy. */
static struct ph_http_response *chain_parts(
    const struct ph_segment *segment, enum ph_track_kind kind, bool is_private) {
    struct ph_bytes **blocks = calloc(segment->part_count, sizeof(struct ph_bytes *));
    if (!blocks)
        return NULL;
    size_t count = 0, size = 0;
    uint32_t checksum = 0;
    for (uint32_t i = 0; i < segment->part_count; i++) {
        struct ph_part *part = segment->parts[i];
        size_t part_size = ph_bytes_size(part->bytes);
        if (part->head.gap)
            continue;
        checksum = (uint32_t)crc32_combine(checksum, part->crc32, (z_off_t)part_size);
        size += part_size;
        blocks[count++] = part->bytes;
    }
    struct ph_http_response *response =
        ph_http_response_from_chain(200, ph_caching_media_type(kind), blocks, count);
    free(blocks);
    return ph_caching_media(response, checksum, size, is_private);
}

static bool has_bytes(const struct ph_segment *segment) {
    for (uint32_t i = 0; i < segment->part_count; i++) {
        if (!segment->parts[i]->head.gap)
            return true;
    }
    return false;
}

struct ph_http_response *ph_window_segment_response(
    struct ph_window *window, uint32_t index, uint64_t number, int *code) {
    struct ph_window_track *track = &window->tracks[index];
    struct ph_segment *segment = find_segment(track, number);
    *code = 0;
    if (!segment || !segment->closed || !has_bytes(segment))
        return NULL;
    if (!segment->response)
        segment->response = chain_parts(segment, track->track->kind, window->publication->is_private);
    if (!segment->response)
        *code = -ENOMEM;
    return segment->response;
}

uint64_t ph_window_first_listed(const struct ph_window *window, uint32_t track) {
    const struct ph_segment *segment = window->tracks[track].segments;
    while (segment && segment->removed)
        segment = segment->next;
    return segment ? segment->number : 0;
}

bool ph_window_is_ready(const struct ph_window *window) {
    bool all = true;
    for (uint32_t i = 0; i < window->publication->track_count; i++) {
        const struct ph_window_track *track = &window->tracks[i];
        bool plays = track->init && track->edge.any;
        if (plays && track->segments->closed)
            return true;
        all = all && plays;
    }
    return all;
}

void ph_window_take_run(
    const struct ph_window *window, uint32_t index, struct ph_part_position from, struct ph_window_run *run) {
    const struct ph_window_track *track = &window->tracks[index];
    const struct ph_segment *segment = find_segment(track, from.segment);
    *run = (struct ph_window_run){.next = from};
    if (track->segments) {
        run->oldest = track->segments->number;
        run->first = track->history.count ? track->history.first : run->oldest;
        run->lost = from.segment < run->oldest;
    }
    if (!segment)
        return;
    const uint32_t most = sizeof(run->parts) / sizeof(run->parts[0]);
    uint32_t i = from.part;
    for (; i < segment->part_count && run->count < most; i++)
        run->parts[run->count++] = ph_part_ref(segment->parts[i]);
    run->next.part = i;
    run->closes = segment->closed && i == segment->part_count;
    if (run->closes)
        run->next = (struct ph_part_position){from.segment + 1, 0};
}
