#include "transcode/link_output.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "transcode/encode_audio.h"
#include "transcode/link_publication.h"
#include "transcode/storyboard.h"
#include "transcode/thumbnail.h"

/* Kept for an origin that is away, over all its tracks. */
static const size_t most_held_bytes = (size_t)64 << 20;
/* The same where that is waited for: more than any segment. */
static const size_t most_waiting_bytes = (size_t)512 << 20;
/* An origin that has not answered for so long holds up no acknowledgement. */
static const int64_t touch_us = 5 * PH_SECOND_US;
/* How long an origin may keep everything waiting that must not lose a part. */
static const int64_t room_patience_us = 120 * PH_SECOND_US;
/* Pictures for lists are not worth a longer wait at the end. */
static const int64_t pictures_patience_us = 2 * PH_SECOND_US;

struct output_track {
    struct ph_output *output;
    char name[PH_TRACK_NAME_BYTES];
    struct ph_video_track *video; /* NULL for audio */
    struct ph_publisher *publishers[PH_LINK_MOST_ORIGINS];
};

struct ph_output {
    struct ph_grid_sink base;
    struct ph_output_options options;
    struct ph_origin origins[PH_LINK_MOST_ORIGINS];
    uint32_t origin_count;
    struct ph_ladder_plan plan;
    char *publication;
    struct ph_audio_track *audio;
    struct ph_thumbnailer *thumbnailer;
    struct ph_storyboard *storyboard;
    int64_t next_video; /* of the grid's thread */

    /* Made by the grid's thread before `started` is set, constant afterwards. Audio is the last. */
    struct output_track tracks[PH_MOST_TRACKS];
    uint32_t track_count;
    atomic_bool started;

    atomic_llong published_delay_us;
    pthread_mutex_t lock; /* guards what follows */
    bool abandoned;
    int effort;
    int64_t drop_after_us;
};

static int take_part(void *opaque, const struct ph_part *part) {
    struct output_track *track = opaque;
    for (uint32_t i = 0; i < track->output->origin_count; i++) {
        int code = 0;
        if (track->output->options.waits_for_origins)
            code = ph_publisher_wait_for_room(track->publishers[i], ph_now_us() + room_patience_us);
        if (code < 0)
            return code;
        code = ph_publisher_offer(track->publishers[i], part);
        if (code < 0)
            return code;
    }
    return 0;
}

static int64_t link_age(void *opaque, int64_t time_us) {
    struct output_track *track = opaque;
    struct ph_link_clock *clock = track->output->options.clock;
    int64_t local_us = ph_now_us();
    return ph_link_clock_is_settled(clock, local_us) ? ph_link_clock_at(clock, local_us) - time_us
                                                     : PH_NO_DELAY_US;
}

static void part_published(void *opaque, const struct ph_part *taken) {
    struct output_track *track = opaque;
    if (taken && taken->body && track == &track->output->tracks[0]) {
        int64_t delay_us = link_age(track, taken->arrival_us);
        if (delay_us != PH_NO_DELAY_US)
            atomic_store(&track->output->published_delay_us, delay_us);
    }
}

static unsigned encoder_threads(uint32_t renditions) {
    cpu_set_t set;
    unsigned cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    unsigned threads = cores / (renditions ? renditions : 1);
    /* Slices cost quality: no more of them than keep a core busy each. */
    return threads < 1 ? 1 : threads > 4 ? 4 : threads;
}

static int open_video(struct ph_output *output, uint32_t at) {
    struct output_track *track = &output->tracks[at];
    const struct ph_rendition *rendition = &output->plan.renditions[at];
    const struct ph_resume *resume = output->options.resume;
    memcpy(track->name, rendition->name, sizeof(track->name));
    struct ph_part_position first = ph_resume_first_part(resume, track->name);
    struct ph_video_track_options options = {
        .rendition = *rendition,
        .grid = output->plan.grid,
        .encoder = output->options.hello->encoder,
        .threads = encoder_threads(output->plan.count),
        .effort = output->options.effort,
        .drop_after_us = output->options.drop_after_us,
        .first_frame = ph_grid_first_video(&output->plan.grid, first),
        .take = take_part,
        .age = link_age,
        .opaque = track,
    };
    for (uint32_t i = 0; i < resume->origin_count; i++) {
        struct ph_part_position next = ph_resume_part_of_origin(resume, i, track->name);
        options.fresh_starts[options.fresh_start_count++] = ph_grid_first_video(&output->plan.grid, next);
    }
    return ph_video_track_create(&track->video, &options);
}

static int open_audio(struct ph_output *output) {
    struct output_track *track = &output->tracks[output->plan.count];
    snprintf(track->name, sizeof(track->name), "audio");
    struct ph_part_position first = ph_resume_first_part(output->options.resume, track->name);
    struct ph_audio_track_options options = {
        .grid = output->plan.grid,
        .first_frame = ph_grid_first_audio(&output->plan.grid, first),
        .take = take_part,
        .opaque = track,
    };
    return ph_audio_track_create(&output->audio, &options);
}

static int open_tracks(struct ph_output *output) {
    for (uint32_t i = 0; i <= output->plan.count; i++) {
        output->tracks[i].output = output;
        output->track_count = i + 1;
        int code = i < output->plan.count ? open_video(output, i) : open_audio(output);
        if (code < 0)
            return code;
    }
    return 0;
}

static int make_publication(struct ph_output *output) {
    const char *codecs[PH_MOST_TRACKS];
    for (uint32_t i = 0; i < output->plan.count; i++)
        codecs[i] = ph_video_track_codecs(output->tracks[i].video);
    codecs[output->plan.count] = ph_audio_track_codecs(output->audio);
    struct ph_publication publication;
    ph_publication_make(&output->plan, codecs, output->options.hello->epoch_utc_us, &publication);
    publication.is_private = output->options.hello->is_private;
    publication.is_recorded = output->options.hello->is_recorded;
    publication.take = output->options.hello->take;
    output->publication = ph_publication_to_json(&publication);
    return output->publication ? 0 : -ENOMEM;
}

static int open_publisher(struct ph_output *output, struct output_track *track, uint32_t origin) {
    const struct ph_link_hello *hello = output->options.hello;
    bool audio = !track->video;
    struct ph_publisher_options options = {
        .origin = output->origins[origin],
        .track = track->name,
        .publication = output->publication,
        .init_segment =
            audio ? ph_audio_track_init_segment(output->audio) : ph_video_track_init_segment(track->video),
        .timing = audio ? *ph_audio_track_timing(output->audio) : *ph_video_track_timing(track->video),
        .first = ph_resume_first_part(output->options.resume, track->name),
        .link_to_utc_us = hello->epoch_utc_us - hello->epoch_time_us,
        .most_bytes =
            (output->options.waits_for_origins ? most_waiting_bytes : most_held_bytes) / output->track_count,
        .waits_for_disk = output->options.waits_for_origins,
        .can_replay = output->options.resume->from_published,
        .advanced = part_published,
        .opaque = track,
    };
    return ph_publisher_create(&track->publishers[origin], &options);
}

static int open_publishers(struct ph_output *output) {
    for (uint32_t i = 0; i < output->track_count; i++) {
        for (uint32_t origin = 0; origin < output->origin_count; origin++) {
            int code = open_publisher(output, &output->tracks[i], origin);
            if (code < 0)
                return code;
        }
    }
    return 0;
}

static int open_pictures(struct ph_output *output, const struct ph_source_description *description) {
    const struct ph_storyboard_options options = {
        .origins = output->origins,
        .origin_count = output->origin_count,
        .width = description->width,
        .height = description->height,
        .resumed = output->options.resume->from.source_state.size > 0,
    };
    int code = ph_thumbnailer_create(&output->thumbnailer, output->origins, output->origin_count);
    return code < 0 ? code : ph_storyboard_create(&output->storyboard, &options);
}

static int begin(struct ph_grid_sink *sink, const struct ph_source_description *description) {
    struct ph_output *output = (struct ph_output *)sink;
    ph_ladder_plan_make(output->options.ladder, description, &output->plan);
    int code = open_tracks(output);
    if (code >= 0)
        code = make_publication(output);
    if (code >= 0)
        code = open_publishers(output);
    if (code >= 0)
        code = open_pictures(output, description);
    if (code < 0)
        return code;
    ph_log_info("source is described, publishing begins", ph_int("width", description->width),
        ph_int("height", description->height), ph_int("renditions", output->plan.count),
        ph_real("fps", (double)output->plan.grid.rate.num / output->plan.grid.rate.den));
    pthread_mutex_lock(&output->lock);
    if (output->abandoned)
        code = PH_EOF;
    for (uint32_t i = 0; i < output->plan.count; i++)
        ph_video_track_set_effort(output->tracks[i].video, output->effort, output->drop_after_us);
    atomic_store(&output->started, true);
    pthread_mutex_unlock(&output->lock);
    return code;
}

static int take_video(struct ph_grid_sink *sink, const struct ph_grid_video *video) {
    struct ph_output *output = (struct ph_output *)sink;
    output->next_video = video->frame + 1;
    int64_t time_us = ph_grid_video_time_us(&output->plan.grid, video->frame);
    ph_thumbnailer_offer(output->thumbnailer, video->picture, time_us);
    ph_storyboard_offer(output->storyboard, video->picture, time_us);
    for (uint32_t i = 0; i < output->plan.count; i++) {
        int code = ph_video_track_push(output->tracks[i].video, video);
        if (code < 0)
            return code;
    }
    return 0;
}

static int take_audio(struct ph_grid_sink *sink, const struct ph_grid_audio *audio) {
    return ph_audio_track_push(((struct ph_output *)sink)->audio, audio);
}

static int end(struct ph_grid_sink *sink) {
    struct ph_output *output = (struct ph_output *)sink;
    output->options.listener.ended(output->options.listener.opaque);
    return 0;
}

static void failed(struct ph_grid_sink *sink, const struct ph_link_reason *reason) {
    struct ph_output *output = (struct ph_output *)sink;
    output->options.listener.failed(output->options.listener.opaque, reason);
}

static void want_keyframe(struct ph_grid_sink *sink) {
    struct ph_output *output = (struct ph_output *)sink;
    output->options.listener.want_keyframe(output->options.listener.opaque);
}

static const struct ph_grid_sink_impl impl = {
    .begin = begin,
    .video = take_video,
    .audio = take_audio,
    .end = end,
    .failed = failed,
    .want_keyframe = want_keyframe,
};

int ph_output_create(struct ph_output **created, const struct ph_output_options *options) {
    struct ph_output *output = calloc(1, sizeof(*output));
    if (!output)
        return -ENOMEM;
    output->base.impl = &impl;
    output->options = *options;
    output->effort = options->effort;
    output->drop_after_us = options->drop_after_us;
    const struct ph_link_hello *hello = options->hello;
    while (output->origin_count < PH_LINK_MOST_ORIGINS && hello->origins[output->origin_count]) {
        output->origins[output->origin_count] = (struct ph_origin){
            .base_url = hello->origins[output->origin_count],
            .session = hello->session,
            .token = hello->publish_token,
            .take = hello->take,
        };
        output->origin_count++;
    }
    pthread_mutex_init(&output->lock, NULL);
    *created = output;
    return 0;
}

struct ph_grid_sink *ph_output_sink(struct ph_output *output) {
    return &output->base;
}

static int finish_tracks(struct ph_output *output) {
    for (uint32_t i = 0; i < output->plan.count; i++) {
        int code = ph_video_track_finish(output->tracks[i].video);
        if (code < 0)
            return code;
    }
    if (!output->next_video)
        return 0;
    struct ph_part_position last = ph_grid_part_of_video(&output->plan.grid, output->next_video - 1);
    return ph_audio_track_finish(output->audio, last);
}

/* 0 when the origin has everything and knows that the session is over. */
static int end_at_origin(struct ph_output *output, uint32_t origin, int64_t deadline_us) {
    for (uint32_t i = 0; i < output->track_count; i++) {
        int code = ph_publisher_wait(output->tracks[i].publishers[origin], deadline_us);
        if (code == PH_EOF)
            return output->origins[origin].take ? -EPIPE : 0;
        if (code < 0)
            return code;
    }
    struct ph_http_client *client;
    int code = ph_http_client_create(&client);
    if (code < 0)
        return code;
    code = ph_origin_finish(client, &output->origins[origin], deadline_us);
    ph_http_client_destroy(client);
    return code;
}

/* Nothing is added any more; encoders that wait for an origin go on. */
static void close_publishers(struct ph_output *output) {
    for (uint32_t i = 0; i < output->track_count; i++) {
        for (uint32_t origin = 0; origin < output->origin_count; origin++)
            ph_publisher_close(output->tracks[i].publishers[origin]);
    }
}

int ph_output_finish(struct ph_output *output, int64_t deadline_us) {
    if (!atomic_load(&output->started))
        return 0;
    int code = finish_tracks(output);
    if (code < 0)
        return code;
    close_publishers(output);
    int64_t enough_us = ph_now_us() + pictures_patience_us;
    enough_us = enough_us < deadline_us ? enough_us : deadline_us;
    ph_storyboard_finish(output->storyboard, enough_us);
    ph_thumbnailer_finish(output->thumbnailer, enough_us);
    int best = -ETIMEDOUT;
    for (uint32_t origin = 0; origin < output->origin_count; origin++) {
        code = end_at_origin(output, origin, deadline_us);
        if (code < 0)
            ph_log_error("origin did not take the end of the session",
                ph_str("origin", output->origins[origin].base_url), ph_code(code));
        else
            best = 0;
    }
    return best;
}

void ph_output_abandon(struct ph_output *output) {
    pthread_mutex_lock(&output->lock);
    output->abandoned = true;
    if (atomic_load(&output->started)) {
        for (uint32_t i = 0; i < output->plan.count; i++)
            ph_video_track_abandon(output->tracks[i].video);
        if (output->options.waits_for_origins)
            close_publishers(output);
    }
    pthread_mutex_unlock(&output->lock);
}

void ph_output_destroy(struct ph_output *output) {
    if (!output)
        return;
    ph_thumbnailer_destroy(output->thumbnailer);
    ph_storyboard_destroy(output->storyboard);
    for (uint32_t i = 0; i < output->track_count; i++)
        ph_video_track_destroy(output->tracks[i].video);
    for (uint32_t i = 0; i < output->track_count; i++) {
        for (uint32_t origin = 0; origin < output->origin_count; origin++)
            ph_publisher_destroy(output->tracks[i].publishers[origin]);
    }
    ph_audio_track_destroy(output->audio);
    free(output->publication);
    pthread_mutex_destroy(&output->lock);
    free(output);
}

void ph_output_set_effort(struct ph_output *output, int level, int64_t drop_after_us) {
    pthread_mutex_lock(&output->lock);
    output->effort = level;
    output->drop_after_us = drop_after_us;
    for (uint32_t i = 0; atomic_load(&output->started) && i < output->plan.count; i++)
        ph_video_track_set_effort(output->tracks[i].video, level, drop_after_us);
    pthread_mutex_unlock(&output->lock);
}

static struct ph_part_position earlier(struct ph_part_position a, struct ph_part_position b) {
    return ph_part_position_compare(a, b) <= 0 ? a : b;
}

/* What one origin has over all tracks. */
static struct ph_publisher_standing read_origin(struct ph_output *output, uint32_t origin) {
    struct ph_publisher_standing whole;
    ph_publisher_read(output->tracks[0].publishers[origin], &whole);
    for (uint32_t i = 1; i < output->track_count; i++) {
        struct ph_publisher_standing standing;
        ph_publisher_read(output->tracks[i].publishers[origin], &standing);
        whole.published = earlier(whole.published, standing.published);
        whole.durable = earlier(whole.durable, standing.durable);
        whole.ended |= standing.ended;
        whole.lost |= standing.lost;
        if (standing.answered_us < whole.answered_us)
            whole.answered_us = standing.answered_us;
    }
    return whole;
}

static void read_standings(struct ph_output *output, struct ph_output_figures *figures) {
    bool one = false;
    figures->ended = output->origin_count > 0;
    for (uint32_t origin = 0; origin < output->origin_count; origin++) {
        struct ph_publisher_standing standing = read_origin(output, origin);
        figures->ended &= standing.ended;
        figures->lost |= standing.lost;
        if (!standing.answered_us || ph_now_us() - standing.answered_us > touch_us)
            continue;
        figures->published = one ? earlier(figures->published, standing.published) : standing.published;
        figures->durable = one ? earlier(figures->durable, standing.durable) : standing.durable;
        one = true;
    }
}

void ph_output_read(struct ph_output *output, struct ph_output_figures *figures) {
    *figures = (struct ph_output_figures){0};
    if (!atomic_load(&output->started))
        return;
    figures->started = true;
    figures->grid = output->plan.grid;
    figures->renditions = output->plan.count;
    for (uint32_t i = 0; i < output->plan.count; i++)
        ph_video_track_read(output->tracks[i].video, &figures->video[i]);
    figures->published_delay_us = atomic_load(&output->published_delay_us);
    read_standings(output, figures);
}
