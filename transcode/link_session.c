#include "transcode/link_session.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "transcode/encode_audio.h"
#include "transcode/link_report.h"

static const int64_t hello_patience_us = 10 * PH_SECOND_US;
/* Ingest sends ticks when nothing arrives: a link this silent is dead. */
static const int64_t silence_us = 15 * PH_SECOND_US;
static const int64_t drain_patience_us = 8 * PH_SECOND_US;
/* From END on: the source's last frames, then the encoders and publishers. */
static const int64_t end_patience_us = 20 * PH_SECOND_US;

struct session {
    struct ph_session_options options;
    struct ph_link *link;
    struct ph_link_hello hello;
    struct ph_ladder ladder;
    struct ph_resume resume;
    struct ph_link_clock clock;
    struct ph_effort effort;
    struct ph_output *output;
    struct ph_source *source;
    struct ph_reporter *reporter;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool ended;  /* the source has delivered everything */
    bool failed; /* it cannot be carried; FAILED is sent */
    int broken;  /* what the reporter found */
};

static int send_reason(struct session *session, enum ph_link_type type, const struct ph_link_reason *reason) {
    struct ph_builder frame = {0};
    int code = ph_link_reason_write(&frame, type, reason);
    if (code >= 0)
        code = ph_link_send(session->link, &frame);
    ph_builder_discard(&frame);
    return code;
}

static int send_empty(struct session *session, enum ph_link_type type) {
    struct ph_builder frame = {0};
    ph_link_frame_write(&frame, type, NULL, 0);
    int code = ph_link_send(session->link, &frame);
    ph_builder_discard(&frame);
    return code;
}

static void wake(struct session *session) {
    pthread_cond_broadcast(&session->changed);
}

static void source_ended(void *opaque) {
    struct session *session = opaque;
    pthread_mutex_lock(&session->lock);
    session->ended = true;
    wake(session);
    pthread_mutex_unlock(&session->lock);
}

static void source_failed(void *opaque, const struct ph_link_reason *reason) {
    struct session *session = opaque;
    ph_log_warning("source cannot be carried", ph_str("code", reason->code), ph_str("text", reason->text));
    /* A link that fails now ends the session all the same. */
    (void)send_reason(session, PH_LINK_FAILED, reason);
    pthread_mutex_lock(&session->lock);
    session->failed = true;
    wake(session);
    pthread_mutex_unlock(&session->lock);
    ph_link_shut(session->link);
}

static void source_wants_keyframe(void *opaque) {
    (void)send_empty(opaque, PH_LINK_KEYFRAME);
}

static void reporter_broken(void *opaque, int code) {
    struct session *session = opaque;
    pthread_mutex_lock(&session->lock);
    session->broken = code;
    wake(session);
    pthread_mutex_unlock(&session->lock);
    ph_output_abandon(session->output);
    ph_link_shut(session->link);
}

static int read_hello(struct session *session) {
    struct ph_link_frame frame;
    int code = ph_link_read(session->link, &frame, ph_now_us() + hello_patience_us);
    if (code < 0)
        return code;
    if (frame.type != PH_LINK_HELLO)
        return PH_INVALID_DATA;
    code = ph_link_hello_parse(&frame, &session->hello);
    if (code < 0)
        return code;
    if (session->options.no_devices && strcmp(session->hello.encoder, "libx264") != 0) {
        ph_log_warning("hardware encoders are out of reach in the sandbox, libx264 takes their place",
            ph_str("encoder", session->hello.encoder));
        free(session->hello.encoder);
        session->hello.encoder = strdup("libx264");
        if (!session->hello.encoder)
            return -ENOMEM;
    }
    return 0;
}

/* Settings were checked at start; what fails here was set for this session alone. */
static int read_settings(struct session *session) {
    struct ph_link_reason reason = {.code = "settings"};
    struct ph_error error = {.text = "the preset is unknown"};
    int level;
    int code = ph_effort_of_preset(session->hello.preset, &level);
    if (code >= 0)
        code = ph_ladder_parse(session->hello.ladder, &session->ladder, &error);
    if (code < 0) {
        snprintf(reason.text, sizeof(reason.text), "%.*s", (int)sizeof(reason.text) - 1, error.text);
        int sent = send_reason(session, PH_LINK_FAILED, &reason);
        return sent < 0 ? sent : code;
    }
    ph_effort_init(&session->effort, level, ph_now_us());
    return 0;
}

static int choose_checkpoint(struct session *session) {
    int code = ph_resume_ask(&session->resume, &session->hello);
    return code < 0 ? code : ph_resume_choose(&session->resume, &session->hello);
}

/* The first grid frames that any track still wants, when the checkpoint tells how the source is planned. */
static int first_frames(struct session *session, int64_t *video, int64_t *audio) {
    const struct ph_resume *resume = &session->resume;
    *video = *audio = -1;
    if (!resume->from.source_state.size)
        return 0;
    struct ph_source_description description;
    int code = ph_source_state_description(resume->from.source_state, &description);
    if (code < 0)
        return code;
    struct ph_ladder_plan plan;
    ph_ladder_plan_make(&session->ladder, &description, &plan);
    for (uint32_t i = 0; i < plan.count; i++) {
        struct ph_part_position first = ph_resume_first_part(resume, plan.renditions[i].name);
        int64_t frame = ph_grid_first_video(&plan.grid, first);
        *video = i == 0 || frame < *video ? frame : *video;
    }
    struct ph_part_position first = ph_resume_first_part(resume, "audio");
    *audio = ph_grid_first_audio(&plan.grid, first) - PH_AUDIO_LEAD_IN_FRAMES;
    *audio = *audio < 0 ? 0 : *audio;
    return 0;
}

static int open_output(struct session *session) {
    struct ph_output_options options = {
        .hello = &session->hello,
        .ladder = &session->ladder,
        .resume = &session->resume,
        .clock = &session->clock,
        .listener = {source_ended, source_failed, source_wants_keyframe, session},
        .effort = session->effort.level,
        .drop_after_us = session->effort.drop_after_us,
    };
    return ph_output_create(&session->output, &options);
}

static int open_source(struct session *session) {
    struct ph_source_options options = {
        .part_ms = session->hello.part_ms,
        .segment_ms = session->hello.segment_ms,
        .most_fps = ph_ladder_most_fps(&session->ladder),
        .most_height = session->ladder.entries[0].height,
        .epoch_time_us = session->hello.epoch_time_us,
        .state = session->resume.from.source_state,
    };
    int code = first_frames(session, &options.resume_video, &options.resume_audio);
    if (code < 0)
        return code;
    return ph_source_create(&session->source, &options, ph_output_sink(session->output));
}

static int open_reporter(struct session *session) {
    struct ph_reporter_options options = {
        .link = session->link,
        .source = session->source,
        .output = session->output,
        .hello = &session->hello,
        .effort = session->effort,
        .session = session->options,
        .broken = reporter_broken,
        .opaque = session,
    };
    return ph_reporter_create(&session->reporter, &options);
}

static int accept_link(struct session *session) {
    struct ph_builder frame = {0};
    ph_link_accept_write(&frame, session->resume.replay_from);
    int code = ph_link_send(session->link, &frame);
    ph_builder_discard(&frame);
    return code;
}

/* 1 when END was fed. */
static int feed_frame(struct session *session, const struct ph_link_frame *frame) {
    ph_reporter_count_bytes(session->reporter, frame->payload.size);
    if (frame->type == PH_LINK_TICK) {
        int64_t now_us;
        int code = ph_link_tick_parse(frame, &now_us);
        if (code < 0)
            return code;
        ph_link_clock_note(&session->clock, now_us, ph_now_us());
        return ph_source_tick(session->source, now_us);
    }
    struct ph_link_entry entry;
    int code = ph_link_entry_parse(frame, &entry);
    if (code < 0)
        return code;
    ph_link_clock_note(&session->clock, entry.time_us, ph_now_us());
    code = ph_source_feed(session->source, &entry);
    bool is_end = entry.type == PH_LINK_END;
    if (code < 0 && !(is_end && code == PH_EOF)) /* END may be over before it was fed */
        return code;
    return is_end;
}

static int feed_link(struct session *session) {
    for (;;) {
        struct ph_link_frame frame;
        int code = ph_link_read(session->link, &frame, ph_now_us() + silence_us);
        if (code == 0)
            code = feed_frame(session, &frame);
        if (code != 0)
            return code;
    }
}

/* After END: waits for the source's last frames, publishes them, says so. */
static int finish(struct session *session) {
    int64_t deadline_us = ph_now_us() + end_patience_us;
    int code = 0;
    pthread_mutex_lock(&session->lock);
    while (!session->ended && !session->failed && !session->broken && code == 0)
        code = ph_cond_wait_until(&session->changed, &session->lock, deadline_us);
    if (session->broken)
        code = session->broken;
    pthread_mutex_unlock(&session->lock);
    if (code < 0)
        return code;
    code = ph_output_finish(session->output, ph_now_us() + drain_patience_us);
    return code < 0 ? code : send_empty(session, PH_LINK_FINISHED);
}

/* What the end of serving means to who started this process. */
static int verdict(struct session *session, int code) {
    pthread_mutex_lock(&session->lock);
    int broken = session->broken;
    bool failed = session->failed;
    pthread_mutex_unlock(&session->lock);
    if (failed)
        return 0;
    if (broken == PH_EOF) {
        ph_log_info("the origins say that the session is over");
        const struct ph_link_reason reason = {"ended", "the session was ended at the origin"};
        /* Whether ingest still hears it or not, there is nothing left to do. */
        (void)send_reason(session, PH_LINK_FAILED, &reason);
        return 0;
    }
    if (broken == -ESTALE) {
        ph_log_warning("an origin lost parts that only an earlier replay brings, another worker takes over");
        return -ESTALE;
    }
    if (broken == -EPIPE || broken == -ECONNRESET || code == PH_EOF || code == -ECONNRESET || code == -EPIPE)
        return 0;
    return broken ? broken : code;
}

static int serve(struct session *session) {
    int code = read_hello(session);
    if (code < 0)
        return code;
    code = read_settings(session);
    if (code < 0)
        return code == -EINVAL ? 0 : code;
    code = choose_checkpoint(session);
    if (code >= 0)
        code = open_output(session);
    if (code >= 0)
        code = open_source(session);
    if (code >= 0)
        code = open_reporter(session);
    if (code >= 0)
        code = accept_link(session);
    if (code >= 0)
        code = feed_link(session);
    if (code == 1)
        code = finish(session);
    return verdict(session, code);
}

int ph_session_serve(int link_fd, const struct ph_session_options *options) {
    struct session session = {.options = *options};
    int code = ph_link_create(&session.link, link_fd);
    if (code < 0)
        return code;
    pthread_mutex_init(&session.lock, NULL);
    code = ph_cond_init(&session.changed);
    if (code >= 0)
        code = serve(&session);
    ph_reporter_destroy(session.reporter);
    if (session.output)
        ph_output_abandon(session.output);
    ph_source_destroy(session.source);
    ph_output_destroy(session.output);
    ph_link_hello_finish(&session.hello);
    ph_link_destroy(session.link);
    pthread_cond_destroy(&session.changed);
    pthread_mutex_destroy(&session.lock);
    return code;
}
