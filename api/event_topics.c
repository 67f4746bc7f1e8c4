#include "api/event_topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has no table */
#include <uthash.h>
#include <utlist.h>

#include "api/access.h"
#include "api/auth.h"
#include "api/event_block.h"
#include "api/event_news.h"
#include "api/recordings/recordings.h"
#include "core/base/log.h"

enum {
    READ_AT_ONCE = 100,
    MOST_REPLAYED_BYTES = 32 * 1024, /* far within a stream's queue; who missed more starts anew */
    LOOK_BACK_MS = 10000,
    MOST_LOOKED_AT = 500,
};
/* How long a caller whose right may be taken away is believed to have it. */
static const int64_t trusted_us = 2 * PH_SECOND_US;

/* A session that is followed. */
struct topic {
    char session[PH_SESSION_ID_BYTES];
    int64_t sequence; /* what all its followers have heard */
    char *state;      /* the body of its state event at `sequence`; owned */
    struct ph_bytes
        *moments[PH_EVENT_TYPES]; /* the last block of each type without a number; owned or NULL */
    bool is_private;
    struct ph_follower *followers;
    UT_hash_handle hh;
};

struct ph_event_topics {
    struct ph_event_hub_options options;
    struct topic *topics;
    struct ph_follower *of_all;
    struct ph_event_news news; /* of those who follow all */
    size_t looked_at_count;
    struct ph_event looked_at[MOST_LOOKED_AT];
};

void ph_follower_destroy(struct ph_follower *follower) {
    if (!follower)
        return;
    ph_http_stream_end(follower->stream);
    ph_http_stream_unref(&follower->stream);
    atomic_fetch_sub(follower->count, 1);
    free(follower);
}

static void free_topic(struct ph_event_topics *topics, struct topic *topic) {
    struct ph_follower *follower, *next;
    DL_FOREACH_SAFE(topic->followers, follower, next)
    ph_follower_destroy(follower);
    for (int i = 0; i < PH_EVENT_TYPES; i++)
        ph_bytes_unref(&topic->moments[i]);
    HASH_DEL(topics->topics, topic);
    free(topic->state);
    free(topic);
}

int ph_event_topics_create(struct ph_event_topics **out, const struct ph_event_hub_options *options) {
    struct ph_event_topics *topics = calloc(1, sizeof(*topics));
    if (!topics)
        return -ENOMEM;
    topics->options = *options;
    *out = topics;
    return 0;
}

void ph_event_topics_destroy(struct ph_event_topics *topics) {
    struct topic *topic, *next_topic;
    struct ph_follower *follower, *next;
    if (!topics)
        return;
    HASH_ITER(hh, topics->topics, topic, next_topic)
    free_topic(topics, topic);
    DL_FOREACH_SAFE(topics->of_all, follower, next)
    ph_follower_destroy(follower);
    ph_event_news_forget(&topics->news);
    free(topics);
}

/* Its failure is the stream's end, which the sweep sees. */
static void push(struct ph_follower *follower, struct ph_bytes *block) {
    if (ph_http_stream_push(follower->stream, block) < 0)
        ph_http_stream_end(follower->stream);
}

/* Without memory for a block the streams end: their followers come back for it. */
static void push_to_all(struct ph_follower *followers, struct ph_bytes *block) {
    struct ph_follower *follower;
    DL_FOREACH(followers, follower) {
        if (block)
            push(follower, block);
        else
            ph_http_stream_end(follower->stream);
    }
}

static struct ph_bytes *block_of(const struct ph_event *event) {
    struct ph_builder builder = {0};
    ph_event_block(&builder, event->sequence, ph_event_type_name(event->type), event->body);
    return ph_builder_finish(&builder);
}

static void take_state(struct topic *topic, const struct ph_event *event) {
    char *body = event->type == PH_EVENT_STATE ? strdup(event->body) : NULL;
    if (!body)
        return;
    free(topic->state);
    topic->state = body;
}

static void tell_topic(void *opaque, const struct ph_event *event) {
    struct topic *topic = opaque;
    struct ph_bytes *block = block_of(event);
    push_to_all(topic->followers, block);
    ph_bytes_unref(&block);
    take_state(topic, event);
    topic->sequence = event->sequence;
}

/* Brings a topic's followers what is new. What fails is tried again at the next event or look. */
static void read_topic(struct ph_event_topics *topics, struct topic *topic) {
    while (ph_events_read(topics->options.db, topic->session, topic->sequence, READ_AT_ONCE, tell_topic,
               topic) == READ_AT_ONCE)
        ;
}

static int begin_topic(struct ph_event_topics *topics, const char *session, struct topic **out) {
    struct ph_session row;
    int64_t oldest;
    struct topic *topic = calloc(1, sizeof(*topic));
    if (!topic)
        return -ENOMEM;
    snprintf(topic->session, sizeof(topic->session), "%s", session);
    /* The number first: a state that is newer than its number is told once more, one that is older would
     * stay. */
    int code = ph_events_range(topics->options.db, session, &oldest, &topic->sequence);
    if (code == 0)
        code = ph_sessions_find(topics->options.sessions, session, &row);
    if (code == 0) {
        topic->is_private = row.visibility == PH_VISIBILITY_PRIVATE;
        topic->state = ph_state_event_body(&row);
        code = topic->state ? 0 : -ENOMEM;
    }
    if (code == 0) {
        HASH_ADD_STR(topics->topics, session, topic);
        code = topic->hh.tbl ? 0 : -ENOMEM;
    }
    if (code < 0) {
        free(topic->state);
        free(topic);
        return code;
    }
    *out = topic;
    return 0;
}

/* What a follower missed, gathered. */
struct replay {
    struct ph_builder builder;
    int64_t next; /* the number that must come */
    bool has_gap;
};

static void add_to_replay(void *opaque, const struct ph_event *event) {
    struct replay *replay = opaque;
    if (event->sequence != replay->next)
        replay->has_gap = true;
    replay->next = event->sequence + 1;
    if (!replay->has_gap && replay->builder.size <= MOST_REPLAYED_BYTES)
        ph_event_block(&replay->builder, event->sequence, ph_event_type_name(event->type), event->body);
}

/* Fills the builder with what came after the follower's last number, up to the topic's. False when that is
 * too much, or no longer there. */
static bool replay(struct ph_event_topics *topics, const struct topic *topic,
    const struct ph_follower *follower, struct ph_builder *builder) {
    if (follower->last < 0 || follower->last > topic->sequence)
        return false;
    struct replay missed = {.next = follower->last + 1};
    int count = READ_AT_ONCE;
    while (count == READ_AT_ONCE && missed.next <= topic->sequence && !missed.has_gap &&
           missed.builder.size <= MOST_REPLAYED_BYTES)
        count = ph_events_read(
            topics->options.db, topic->session, missed.next - 1, READ_AT_ONCE, add_to_replay, &missed);
    bool is_whole = count >= 0 && !missed.has_gap && missed.next > topic->sequence &&
                    missed.builder.size <= MOST_REPLAYED_BYTES && ph_builder_ok(&missed.builder);
    if (is_whole)
        *builder = missed.builder;
    else
        ph_builder_discard(&missed.builder);
    return is_whole;
}

/* How things stand, or what was missed, as one block. */
static struct ph_bytes *greeting(
    struct ph_event_topics *topics, const struct topic *topic, const struct ph_follower *follower) {
    struct ph_builder builder = {0};
    bool is_replayed = follower->is_back && replay(topics, topic, follower, &builder);
    if (follower->is_back && !is_replayed)
        ph_event_block(&builder, topic->sequence, "reset", "{}");
    if (!is_replayed)
        ph_event_block(&builder, topic->sequence, ph_event_type_name(PH_EVENT_STATE), topic->state);
    for (int i = 0; i < PH_EVENT_TYPES; i++) {
        if (topic->moments[i])
            ph_builder_append(&builder, ph_bytes_data(topic->moments[i]), ph_bytes_size(topic->moments[i]));
    }
    return ph_builder_finish(&builder);
}

static void add_to_topic(struct ph_event_topics *topics, struct ph_follower *follower) {
    struct topic *topic;
    HASH_FIND_STR(topics->topics, follower->session, topic);
    if (!topic && begin_topic(topics, follower->session, &topic) < 0) {
        ph_follower_destroy(follower);
        return;
    }
    /* A replay may read further than the others have heard; they are brought there first. */
    if (follower->is_back)
        read_topic(topics, topic);
    struct ph_bytes *block = greeting(topics, topic, follower);
    if (block)
        push(follower, block);
    else
        ph_http_stream_end(follower->stream);
    ph_bytes_unref(&block);
    DL_APPEND(topic->followers, follower);
}

void ph_event_topics_add(struct ph_event_topics *topics, struct ph_follower *follower) {
    follower->checked_us = ph_now_us();
    if (follower->session[0])
        add_to_topic(topics, follower);
    else
        DL_APPEND(topics->of_all, follower);
}

/* Asks the database only where being a guardian would make the difference. */
static bool may_see_listed(
    struct ph_event_topics *topics, const struct ph_caller *caller, const struct ph_session *session) {
    struct ph_session seen;
    struct ph_policy_session plain = {session->id, session->owner, session->visibility, false};
    if (ph_policy_allows(caller->role, PH_ACTION_SESSION_LIST, ph_policy_relations(caller, &plain)))
        return true;
    return caller->role != PH_CALLER_ANONYMOUS && ph_access_session(topics->options.sessions, caller,
                                                      session->id, PH_ACTION_SESSION_LIST, &seen, NULL) == 0;
}

/* What a failure leaves untold is looked for again. */
static bool was_read(int code) {
    if (code < 0 && code != -ENOENT)
        ph_log_warning("what happened was not read; looking for it again", ph_code(code));
    return code >= 0;
}

static void tell_those_who_follow_all(struct ph_event_topics *topics, const struct ph_event *event) {
    struct ph_session session;
    struct ph_follower *follower;
    if (!topics->of_all || !ph_event_is_news(&topics->news, event) ||
        !was_read(ph_sessions_find(topics->options.sessions, event->session, &session)))
        return;
    ph_event_news_note(&topics->news, event);
    char *body = ph_state_event_body(&session);
    struct ph_event told = {.type = PH_EVENT_STATE, .body = body};
    struct ph_bytes *block = body ? block_of(&told) : NULL;
    DL_FOREACH(topics->of_all, follower) {
        if (ph_http_stream_is_over(follower->stream) || !may_see_listed(topics, &follower->caller, &session))
            continue;
        if (block)
            push(follower, block);
        else
            ph_http_stream_end(follower->stream);
    }
    ph_bytes_unref(&block);
    free(body);
}

/* A body that is read again, and whose it is. */
struct recording_news {
    struct ph_bytes *block; /* owned */
    char id[PH_SESSION_ID_BYTES];
};

static void take_recording(void *opaque, const struct ph_event *event) {
    struct recording_news *news = opaque;
    const struct ph_event told = {.type = PH_EVENT_RECORDING, .body = event->body};
    if (event->type == PH_EVENT_RECORDING && ph_recordings_event_id(event->body, news->id))
        news->block = block_of(&told);
}

/* A recording is nobody's but its owner's and guardians': each follower is asked for by itself. */
static void tell_of_recording(struct ph_event_topics *topics, const struct ph_event *event) {
    struct recording_news news = {0};
    struct ph_recording recording;
    struct ph_follower *follower;
    if (!topics->of_all || !ph_event_is_news(&topics->news, event) ||
        !was_read(ph_events_read(
            topics->options.db, event->session, event->sequence - 1, 1, take_recording, &news)) ||
        !news.block)
        return;
    ph_event_news_note(&topics->news, event);
    DL_FOREACH(topics->of_all, follower) {
        if (follower->caller.role != PH_CALLER_ANONYMOUS && !ph_http_stream_is_over(follower->stream) &&
            ph_recording_access(
                topics->options.db, &follower->caller, news.id, PH_ACTION_RECORDING_VIEW, &recording) == 0)
            push(follower, news.block);
    }
    ph_bytes_unref(&news.block);
}

void ph_event_topics_hear(struct ph_event_topics *topics, const struct ph_event *event) {
    struct topic *topic;
    HASH_FIND_STR(topics->topics, event->session, topic);
    if (topic && event->sequence > topic->sequence)
        read_topic(topics, topic);
    if (event->sequence && event->type == PH_EVENT_STATE)
        tell_those_who_follow_all(topics, event);
    if (event->sequence && event->type == PH_EVENT_RECORDING)
        tell_of_recording(topics, event);
    if (!topic || event->sequence)
        return;
    struct ph_bytes *block = block_of(event);
    if (!block)
        return; /* the next one replaces it */
    push_to_all(topic->followers, block);
    ph_bytes_unref(&topic->moments[event->type]);
    topic->moments[event->type] = block;
}

void ph_event_topics_catch_up(struct ph_event_topics *topics) {
    struct topic *topic, *next;
    struct ph_builder builder = {0};
    HASH_ITER(hh, topics->topics, topic, next)
    read_topic(topics, topic);
    ph_event_news_forget(&topics->news);
    if (!topics->of_all)
        return;
    ph_event_block(&builder, 0, "reset", "{}");
    struct ph_bytes *block = ph_builder_finish(&builder);
    push_to_all(topics->of_all, block);
    ph_bytes_unref(&block);
}

static void look_at(void *opaque, const struct ph_event *event) {
    struct ph_event_topics *topics = opaque;
    topics->looked_at[topics->looked_at_count] = *event;
    topics->looked_at[topics->looked_at_count++].body = "";
}

/* What fails is looked for again. */
void ph_event_topics_look(struct ph_event_topics *topics) {
    int64_t now_ms = ph_clock_utc_us(topics->options.clock) / PH_MILLISECOND_US;
    topics->looked_at_count = 0;
    if (topics->topics || topics->of_all)
        (void)!ph_events_since(topics->options.db, now_ms - LOOK_BACK_MS, MOST_LOOKED_AT, look_at, topics);
}

/* In the order they happened, though the newest are found first; a topic that is read is up to date for the
 * rest. */
void ph_event_topics_tell(struct ph_event_topics *topics) {
    for (size_t i = topics->looked_at_count; i > 0; i--)
        ph_event_topics_hear(topics, &topics->looked_at[i - 1]);
    topics->looked_at_count = 0;
}

/* Whether the caller may go on: its token lives, and nobody took back what let it in. */
static bool may_follow(struct ph_event_topics *topics, struct ph_follower *follower, bool is_private) {
    struct ph_session session;
    int64_t now_s = ph_clock_utc_us(topics->options.clock) / PH_SECOND_US;
    if (follower->caller.expires_s && now_s >= follower->caller.expires_s + PH_TOKEN_SKEW_S)
        return false;
    if (!is_private || ph_now_us() - follower->checked_us < trusted_us)
        return true;
    follower->checked_us = ph_now_us();
    int code = ph_access_session(topics->options.sessions, &follower->caller, follower->session,
        PH_ACTION_EVENTS_FOLLOW, &session, NULL);
    return code != -ENOENT && code != -EPERM; /* a database that does not answer takes nothing away */
}

static void sweep_list(struct ph_event_topics *topics, struct ph_follower **list, bool is_private) {
    struct ph_follower *kept = NULL;
    for (struct ph_follower *follower = *list, *next; follower; follower = next) {
        next = follower->next;
        if (!ph_http_stream_is_over(follower->stream) && may_follow(topics, follower, is_private))
            DL_APPEND(kept, follower);
        else
            ph_follower_destroy(follower);
    }
    *list = kept;
}

void ph_event_topics_sweep(struct ph_event_topics *topics) {
    struct topic *topic, *next;
    sweep_list(topics, &topics->of_all, false);
    HASH_ITER(hh, topics->topics, topic, next) {
        sweep_list(topics, &topic->followers, topic->is_private);
        if (!topic->followers)
            free_topic(topics, topic);
    }
}
