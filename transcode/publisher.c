#include "transcode/publisher.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "core/base/backoff.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"

static const int64_t shortest_backoff_us = 50 * PH_MILLISECOND_US;
static const int64_t longest_backoff_us = PH_SECOND_US;
/* How often to ask for durability that no answer told of. */
static const int64_t standing_interval_us = PH_SECOND_US;

struct held_part {
    struct ph_part part;
    struct held_part *prev, *next;
};

enum phase { STANDING, ANNOUNCING, SENDING, OVER };

struct ph_publisher {
    struct ph_publisher_options options;
    struct ph_http_client *client;
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* guards what follows, up to the thread's own */
    pthread_cond_t changed;
    struct held_part *held;          /* oldest first */
    struct ph_part_position offered; /* after the newest part offered */
    struct ph_publisher_standing standing;
    bool closed, stopped;
    bool over; /* the thread has nothing more to do */

    /* The thread's own. */
    enum phase phase;
    struct ph_part_position cursor; /* the part to send next */
    unsigned failures;              /* in a row, of what is being sent */
    int64_t ask_standing_us;
    bool complained;
    bool is_known; /* to the origin: it was announced */
};

static int compare(struct ph_part_position a, struct ph_part_position b) {
    return ph_part_position_compare(a, b);
}

static void drop_held(struct ph_publisher *publisher, struct held_part *held) {
    DL_DELETE(publisher->held, held);
    if (held->part.body)
        publisher->standing.held_bytes -= ph_bytes_size(held->part.body);
    ph_part_finish(&held->part);
    free(held);
}

/* Under the lock: parts of segments before this one need not be kept. */
static void advance_durable(struct ph_publisher *publisher, uint64_t segment) {
    struct ph_part_position durable = {segment, 0};
    if (compare(durable, publisher->standing.durable) > 0)
        publisher->standing.durable = durable;
    while (publisher->held && publisher->held->part.position.segment < segment)
        drop_held(publisher, publisher->held);
    pthread_cond_broadcast(&publisher->changed); /* to who waits for room */
}

static void notify(struct ph_publisher *publisher, const struct ph_part *taken) {
    if (publisher->options.advanced)
        publisher->options.advanced(publisher->options.opaque, taken);
}

static void note_answer(struct ph_publisher *publisher) {
    publisher->failures = 0;
    publisher->complained = false;
    pthread_mutex_lock(&publisher->lock);
    publisher->standing.answered_us = ph_now_us();
    pthread_mutex_unlock(&publisher->lock);
}

/* Waits before the next try: twice as long each time, with jitter, never past a stop. */
static void back_off(struct ph_publisher *publisher, int code, int64_t at_least_us) {
    if (!publisher->complained && code != -ECANCELED) {
        struct ph_log_field why = code < 0 ? ph_code(code) : ph_int("status", code);
        ph_log_warning("origin does not take the track, trying again",
            ph_str("track", publisher->options.track), ph_str("origin", publisher->options.origin.base_url),
            why);
        publisher->complained = true;
    }
    int64_t pause_us = ph_backoff_within_us(++publisher->failures, shortest_backoff_us, longest_backoff_us);
    if (at_least_us > pause_us)
        pause_us = at_least_us < longest_backoff_us ? at_least_us : longest_backoff_us;
    int64_t deadline_us = ph_now_us() + pause_us;
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->stopped && ph_now_us() < deadline_us)
        (void)ph_cond_wait_until(&publisher->changed, &publisher->lock, deadline_us);
    pthread_mutex_unlock(&publisher->lock);
}

static void end_session(struct ph_publisher *publisher) {
    pthread_mutex_lock(&publisher->lock);
    publisher->standing.ended = true;
    pthread_mutex_unlock(&publisher->lock);
    publisher->phase = OVER;
}

static void fail(struct ph_publisher *publisher, int code, int64_t retry_after_us) {
    if (code == 410) {
        end_session(publisher);
        return;
    }
    if (publisher->phase == SENDING && code != 507)
        publisher->phase = STANDING;
    back_off(publisher, code, retry_after_us);
}

static void announce(struct ph_publisher *publisher) {
    const struct ph_publisher_options *options = &publisher->options;
    int code = ph_origin_announce(publisher->client, &options->origin, options->publication);
    if (code / 100 == 2)
        code = ph_origin_put_init(publisher->client, &options->origin, options->track, options->init_segment);
    if (code / 100 != 2) {
        fail(publisher, code, -1);
        return;
    }
    publisher->phase = STANDING;
    publisher->is_known = true;
}

static const struct ph_track_standing *find_track(
    const struct ph_track_standing *standings, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(standings[i].name, name) == 0)
            return &standings[i];
    }
    return NULL;
}

static void take_standing(struct ph_publisher *publisher, const struct ph_track_standing *track) {
    bool is_behind = track->durable_segment < track->next.segment; /* the origin's disk */
    publisher->cursor = track->next;
    publisher->phase = SENDING;
    publisher->is_known = true;
    publisher->ask_standing_us = is_behind ? ph_now_us() + standing_interval_us : PH_NEVER_US;
    pthread_mutex_lock(&publisher->lock);
    publisher->standing.published = track->next;
    if (publisher->options.can_replay && compare(track->next, publisher->options.first) < 0)
        publisher->standing.lost = true;
    advance_durable(publisher, track->durable_segment);
    pthread_mutex_unlock(&publisher->lock);
    notify(publisher, NULL);
}

static void ask_standing(struct ph_publisher *publisher) {
    struct ph_track_standing standings[PH_MOST_TRACKS];
    uint32_t count = 0;
    int code = ph_origin_standing(
        publisher->client, &publisher->options.origin, 2 * PH_SECOND_US, standings, &count);
    if (code == 404 && publisher->options.origin.take && publisher->is_known) {
        end_session(publisher);
        return;
    }
    /* Another take's answer is no last word: announcing this one supersedes it. */
    bool is_of_another_take = code == 410 && publisher->options.origin.take && !publisher->is_known;
    if (code == 404 || is_of_another_take) {
        publisher->phase = ANNOUNCING;
        return;
    }
    if (code != 200) {
        fail(publisher, code, -1);
        return;
    }
    const struct ph_track_standing *track = find_track(standings, count, publisher->options.track);
    if (!track || !track->has_init) {
        publisher->phase = ANNOUNCING;
        return;
    }
    note_answer(publisher);
    take_standing(publisher, track);
}

/* Under the lock: the part at the cursor, with a reference of its own. One that was given up becomes a gap.
 */
static struct ph_part part_at_cursor(struct ph_publisher *publisher) {
    struct held_part *held;
    DL_FOREACH(publisher->held, held) {
        if (compare(held->part.position, publisher->cursor) != 0)
            continue;
        struct ph_part part = held->part;
        if (part.body)
            ph_bytes_ref(part.body);
        return part;
    }
    const struct ph_track_timing *timing = &publisher->options.timing;
    struct ph_part gap = {.position = publisher->cursor};
    ph_track_part_span(timing, gap.position, &gap.start_ticks, &gap.duration_ticks);
    gap.last_in_segment = gap.position.part + 1 == timing->grid.parts_per_segment;
    publisher->standing.gaps++;
    return gap;
}

/* Under the lock. */
static bool holds_cursor(const struct ph_publisher *publisher) {
    const struct held_part *held;
    DL_FOREACH(publisher->held, held) {
        if (compare(held->part.position, publisher->cursor) == 0)
            return true;
    }
    return false;
}

/* Under the lock: the file has to be begun again. */
static int lose(struct ph_publisher *publisher) {
    publisher->standing.ended = true;
    return PH_EOF;
}

/* Waits for a part to send. 0 and the part, -EAGAIN when the standing is to be asked for, PH_EOF when there
 * is nothing more to do. */
static int next_part(struct ph_publisher *publisher, struct ph_part *part) {
    int code = 0;
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->stopped && !publisher->closed && compare(publisher->cursor, publisher->offered) >= 0 &&
           ph_now_us() < publisher->ask_standing_us)
        (void)ph_cond_wait_until(&publisher->changed, &publisher->lock, publisher->ask_standing_us);
    if (publisher->stopped)
        code = PH_EOF;
    else if (compare(publisher->cursor, publisher->offered) >= 0)
        code = publisher->closed ? PH_EOF : -EAGAIN;
    else if (publisher->options.origin.take && !holds_cursor(publisher))
        code = lose(publisher);
    else
        *part = part_at_cursor(publisher);
    pthread_mutex_unlock(&publisher->lock);
    return code;
}

static void part_taken(struct ph_publisher *publisher, const struct ph_part *part, int status) {
    note_answer(publisher);
    publisher->cursor = ph_part_after(&publisher->options.timing.grid, part->position);
    pthread_mutex_lock(&publisher->lock);
    publisher->standing.published = publisher->cursor;
    if (part->last_in_segment && status == 201)
        advance_durable(publisher, part->position.segment + 1);
    pthread_mutex_unlock(&publisher->lock);
    if (part->last_in_segment && status != 201 && publisher->ask_standing_us == PH_NEVER_US)
        publisher->ask_standing_us = ph_now_us() + standing_interval_us;
    notify(publisher, part);
}

/* Refused by the disk alone, a part is with the viewers all the same. */
static bool is_taken(const struct ph_publisher *publisher, const struct ph_part *part, int status) {
    bool is_disk = status == 507 && part->last_in_segment && !publisher->options.waits_for_disk;
    return status / 100 == 2 || is_disk;
}

static void send_next(struct ph_publisher *publisher) {
    struct ph_part part;
    int code = next_part(publisher, &part);
    if (code == -EAGAIN) {
        publisher->phase = STANDING;
        return;
    }
    if (code < 0) {
        publisher->phase = OVER;
        return;
    }
    int64_t retry_after_us;
    int status = ph_origin_put_part(publisher->client, &publisher->options.origin, publisher->options.track,
        &part, part.arrival_us + publisher->options.link_to_utc_us, &retry_after_us);
    if (is_taken(publisher, &part, status)) {
        part_taken(publisher, &part, status);
    } else if (status == 404 || status == 409) {
        /* A second refusal of the same part in a row waits. */
        publisher->phase = STANDING;
        if (publisher->failures > 0)
            back_off(publisher, status, -1);
        else
            publisher->failures++;
    } else {
        fail(publisher, status, retry_after_us);
    }
    ph_part_finish(&part);
}

static bool is_stopped(struct ph_publisher *publisher) {
    pthread_mutex_lock(&publisher->lock);
    bool stopped = publisher->stopped;
    pthread_mutex_unlock(&publisher->lock);
    return stopped;
}

static void *run(void *opaque) {
    struct ph_publisher *publisher = opaque;
    while (publisher->phase != OVER && !is_stopped(publisher)) {
        if (publisher->phase == STANDING)
            ask_standing(publisher);
        else if (publisher->phase == ANNOUNCING)
            announce(publisher);
        else
            send_next(publisher);
    }
    pthread_mutex_lock(&publisher->lock);
    publisher->over = true;
    pthread_cond_broadcast(&publisher->changed);
    pthread_mutex_unlock(&publisher->lock);
    notify(publisher, NULL);
    return NULL;
}

int ph_publisher_create(struct ph_publisher **created, const struct ph_publisher_options *options) {
    struct ph_publisher *publisher = calloc(1, sizeof(*publisher));
    if (!publisher)
        return -ENOMEM;
    publisher->options = *options;
    ph_bytes_ref(options->init_segment);
    publisher->offered = publisher->cursor = options->first;
    pthread_mutex_init(&publisher->lock, NULL);
    int code = ph_cond_init(&publisher->changed);
    if (code >= 0)
        code = ph_http_client_create(&publisher->client);
    if (code >= 0)
        code = ph_thread_start(&publisher->thread, "publish", run, publisher);
    if (code < 0) {
        ph_publisher_destroy(publisher);
        return code;
    }
    publisher->started = true;
    *created = publisher;
    return 0;
}

int ph_publisher_offer(struct ph_publisher *publisher, const struct ph_part *part) {
    struct held_part *held = calloc(1, sizeof(*held));
    if (!held)
        return -ENOMEM;
    held->part = *part;
    if (part->body)
        ph_bytes_ref(part->body);
    pthread_mutex_lock(&publisher->lock);
    DL_APPEND(publisher->held, held);
    if (part->body)
        publisher->standing.held_bytes += ph_bytes_size(part->body);
    publisher->offered = ph_part_after(&publisher->options.timing.grid, part->position);
    while (publisher->held && publisher->standing.held_bytes > publisher->options.most_bytes)
        drop_held(publisher, publisher->held);
    pthread_cond_broadcast(&publisher->changed);
    pthread_mutex_unlock(&publisher->lock);
    return 0;
}

int ph_publisher_wait_for_room(struct ph_publisher *publisher, int64_t deadline_us) {
    int code = 0;
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->over && !publisher->closed && code == 0 &&
           publisher->standing.held_bytes > publisher->options.most_bytes / 2)
        code = ph_cond_wait_until(&publisher->changed, &publisher->lock, deadline_us);
    if (publisher->over || publisher->closed)
        code = PH_EOF;
    pthread_mutex_unlock(&publisher->lock);
    return code;
}

void ph_publisher_close(struct ph_publisher *publisher) {
    pthread_mutex_lock(&publisher->lock);
    publisher->closed = true;
    pthread_cond_broadcast(&publisher->changed);
    pthread_mutex_unlock(&publisher->lock);
}

int ph_publisher_wait(struct ph_publisher *publisher, int64_t deadline_us) {
    int code = 0;
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->over && code == 0)
        code = ph_cond_wait_until(&publisher->changed, &publisher->lock, deadline_us);
    if (publisher->over)
        code = publisher->standing.ended ? PH_EOF : 0;
    pthread_mutex_unlock(&publisher->lock);
    return code;
}

void ph_publisher_destroy(struct ph_publisher *publisher) {
    if (!publisher)
        return;
    if (publisher->started) {
        pthread_mutex_lock(&publisher->lock);
        publisher->stopped = true;
        pthread_cond_broadcast(&publisher->changed);
        pthread_mutex_unlock(&publisher->lock);
        ph_http_client_cancel(publisher->client);
        pthread_join(publisher->thread, NULL);
    }
    while (publisher->held)
        drop_held(publisher, publisher->held);
    ph_bytes_unref(&publisher->options.init_segment);
    ph_http_client_destroy(publisher->client);
    pthread_cond_destroy(&publisher->changed);
    pthread_mutex_destroy(&publisher->lock);
    free(publisher);
}

void ph_publisher_read(struct ph_publisher *publisher, struct ph_publisher_standing *standing) {
    pthread_mutex_lock(&publisher->lock);
    *standing = publisher->standing;
    pthread_mutex_unlock(&publisher->lock);
}
