#include "transcode/file_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "transcode/file_reader.h"
#include "transcode/link_output.h"
#include "transcode/source_stage.h"

/* Nobody waits for it: better pictures than a live session begins with. */
enum { leisure_effort = 3 };

static const int64_t progress_us = PH_SECOND_US;
static const int64_t end_patience_us = 120 * PH_SECOND_US;

struct file_session {
    const struct ph_file_session_options *options;
    struct ph_link_reason *reason;
    struct ph_file *file;
    struct ph_file_facts facts;
    struct ph_ladder ladder;
    struct ph_resume resume;    /* nothing: each take begins with the first picture */
    struct ph_link_clock clock; /* never noted: nothing is late */
    struct ph_output *output;
    struct ph_source_stage stage;
    bool has_stage;
    bool refused;        /* by the stage */
    int64_t done_us;     /* of the file */
    int64_t progress_us; /* when it was told last */
};

static void source_ended(void *opaque) {
    (void)opaque;
}

/* From within the stage: the caller's thread. */
static void source_failed(void *opaque, const struct ph_link_reason *reason) {
    struct file_session *session = opaque;
    *session->reason = *reason;
    session->refused = true;
}

static void source_wants_keyframe(void *opaque) {
    (void)opaque;
}

static int open_stages(struct file_session *session) {
    const struct ph_link_hello *hello = &session->options->hello;
    struct ph_error error = {0};
    int code = ph_ladder_parse(hello->ladder, &session->ladder, &error);
    if (code < 0)
        return code == -EINVAL ? -ENOTSUP : code; /* the node's settings, not the file */
    struct ph_output_options output = {
        .hello = hello,
        .ladder = &session->ladder,
        .resume = &session->resume,
        .clock = &session->clock,
        .listener = {source_ended, source_failed, source_wants_keyframe, session},
        .effort = leisure_effort,
        .drop_after_us = PH_NO_DELAY_US,
        .waits_for_origins = true,
    };
    code = ph_output_create(&session->output, &output);
    if (code < 0)
        return code;
    struct ph_source_options source = {
        .part_ms = hello->part_ms,
        .segment_ms = hello->segment_ms,
        .most_fps = ph_ladder_most_fps(&session->ladder),
        .most_height = session->ladder.entries[0].height,
        .resume_video = -1,
        .resume_audio = -1,
    };
    session->has_stage = true;
    return ph_source_stage_init(&session->stage, &source, ph_output_sink(session->output), NULL);
}

static int give(struct file_session *session, struct ph_source_item *item) {
    return item ? ph_source_stage_take(&session->stage, item, false) : -ENOMEM;
}

static int give_connection(struct file_session *session) {
    struct ph_source_item *item = ph_source_item_create(PH_ITEM_CONNECTION, 0);
    if (item)
        item->connection.kind = strdup(PH_CONNECTION_FILE);
    if (item && !item->connection.kind) {
        ph_source_item_destroy(item);
        return -ENOMEM;
    }
    return give(session, item);
}

static int give_stream(struct file_session *session, enum ph_track_kind kind) {
    const AVCodecParameters *parameters = ph_file_parameters(session->file, kind);
    if (!parameters)
        return 0;
    struct ph_source_item *item = ph_source_item_create(PH_ITEM_STREAM, 0);
    if (!item)
        return -ENOMEM;
    item->stream = kind;
    item->rate = session->facts.rate;
    item->display = session->facts.display;
    item->parameters = avcodec_parameters_alloc();
    if (!item->parameters || avcodec_parameters_copy(item->parameters, parameters) < 0) {
        ph_source_item_destroy(item);
        return -ENOMEM;
    }
    return give(session, item);
}

static int tell_progress(struct file_session *session, int64_t every_us) {
    int64_t now_us = ph_now_us();
    if (now_us - session->progress_us < every_us)
        return 0;
    session->progress_us = now_us;
    return session->options->progress(session->options->opaque, session->done_us, session->facts.duration_us);
}

/* The next packet, at the time it is decoded at: the file's clock is the only one. 1 at the file's end. */
static int give_packet(struct file_session *session) {
    AVPacket *packet = av_packet_alloc();
    enum ph_track_kind kind;
    int code = packet ? ph_file_read(session->file, packet, &kind) : -ENOMEM;
    if (code < 0) {
        av_packet_free(&packet);
        return code == PH_EOF ? 1 : code;
    }
    int64_t ticks = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    if (ticks != AV_NOPTS_VALUE && ticks * 100 / 9 > session->done_us)
        session->done_us = ticks * 100 / 9;
    struct ph_source_item *item = ph_source_item_create(PH_ITEM_PACKET, session->done_us);
    if (!item) {
        av_packet_free(&packet);
        return -ENOMEM;
    }
    item->first_us = item->time_us;
    item->stream = kind;
    item->packet = packet;
    item->replay_from = PH_NO_UNIT;
    return give(session, item);
}

static int feed(struct file_session *session) {
    int code = give_connection(session);
    if (code == 0)
        code = give_stream(session, PH_TRACK_VIDEO);
    if (code == 0)
        code = give_stream(session, PH_TRACK_AUDIO);
    while (code == 0) {
        code = tell_progress(session, progress_us);
        if (code == 0)
            code = give_packet(session);
    }
    if (code != 1)
        return code;
    code = give(session, ph_source_item_create(PH_ITEM_END, session->done_us));
    return code == PH_EOF ? 0 : code;
}

static int serve(struct file_session *session) {
    int code = ph_file_open(&session->file, session->options->fd, session->reason);
    if (code == 0)
        code = ph_file_survey(session->file, &session->facts, session->reason);
    if (code == 0)
        code = open_stages(session);
    if (code == 0)
        code = feed(session);
    if (code == 0 && !session->stage.has_begun) {
        *session->reason = (struct ph_link_reason){"damaged", "None of the file's pictures can be decoded."};
        return -EINVAL;
    }
    if (code == 0)
        code = tell_progress(session, 0);
    if (code == 0)
        code = ph_output_finish(session->output, ph_now_us() + end_patience_us);
    if (code != PH_EOF)
        return code;
    ph_log_warning("the origin takes nothing more of this take of the file",
        ph_str("recording", session->options->hello.session), ph_int("take", session->options->hello.take));
    return -EPIPE;
}

int ph_file_session_serve(const struct ph_file_session_options *options, struct ph_link_reason *reason) {
    *reason = (struct ph_link_reason){0};
    struct file_session *session = calloc(1, sizeof(*session));
    if (!session)
        return -ENOMEM;
    session->options = options;
    session->reason = reason;
    int code = serve(session);
    if (*reason->code)
        code = -EINVAL;
    else if (code == -EINVAL)
        code = -EIO;
    if (session->output)
        ph_output_abandon(session->output);
    if (session->has_stage)
        ph_source_stage_finish(&session->stage);
    ph_output_destroy(session->output);
    ph_file_close(session->file);
    free(session);
    return code;
}
