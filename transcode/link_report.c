#include "transcode/link_report.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "transcode/encode_audio.h"
#include "transcode/link_checkpoint.h"

static const int64_t report_interval_us = 100 * PH_MILLISECOND_US;
static const int64_t effort_interval_us = 250 * PH_MILLISECOND_US;

/* Figures as they stood at a moment, to take differences from. */
struct reading {
    int64_t at_us;
    int64_t cpu_us;
    int64_t busy_us[PH_MOST_RENDITIONS];
    uint64_t bytes;
};

struct ph_reporter {
    struct ph_reporter_options options;
    pthread_t thread;
    atomic_ullong bytes;

    /* The thread's own. */
    struct ph_effort effort;
    unsigned cores;
    struct reading for_effort, for_stats;
    double pressure; /* of the last second's busiest stage */
    struct ph_checkpoint_history history;
    struct ph_part_position acknowledged; /* the published position of the newest checkpoint */
    struct ph_part_position acknowledged_durable;
    struct ph_builder frames;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool stopped;
};

static int64_t process_cpu_us(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return 0;
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * PH_SECOND_US + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

static struct reading read_now(
    struct ph_reporter *reporter, const struct ph_output_figures *figures, int64_t now_us) {
    struct reading reading = {
        .at_us = now_us,
        .cpu_us = process_cpu_us(),
        .bytes = atomic_load(&reporter->bytes),
    };
    for (uint32_t i = 0; i < figures->renditions; i++)
        reading.busy_us[i] = figures->video[i].busy_us;
    return reading;
}

static struct ph_effort_load load_between(const struct ph_reporter *reporter, const struct reading *before,
    const struct reading *now, const struct ph_output_figures *figures) {
    struct ph_effort_load load = {0};
    double interval_us = (double)(now->at_us - before->at_us);
    if (interval_us <= 0)
        return load;
    load.cpu = (double)(now->cpu_us - before->cpu_us) / interval_us / reporter->cores;
    for (uint32_t i = 0; i < figures->renditions; i++) {
        double busy = (double)(now->busy_us[i] - before->busy_us[i]) / interval_us;
        const struct ph_video_figures *video = &figures->video[i];
        load.busiest = busy > load.busiest ? busy : load.busiest;
        if (video->queue_delay_us > load.queue_delay_us)
            load.queue_delay_us = video->queue_delay_us;
        if (video->delay_us > load.delay_us)
            load.delay_us = video->delay_us;
    }
    return load;
}

static void control_effort(
    struct ph_reporter *reporter, const struct ph_output_figures *figures, int64_t now_us) {
    struct reading now = read_now(reporter, figures, now_us);
    struct ph_effort_load load = load_between(reporter, &reporter->for_effort, &now, figures);
    reporter->for_effort = now;
    struct ph_effort *effort = &reporter->effort;
    int level = effort->level;
    ph_effort_update(effort, &load, now_us);
    ph_output_set_effort(reporter->options.output, effort->level, effort->drop_after_us);
    ph_source_set_decode_effort(reporter->options.source, effort->decode_skip);
    if (effort->level != level)
        ph_log_debug("effort changes", ph_int("level", effort->level), ph_real("busiest", load.busiest),
            ph_real("cpu", load.cpu), ph_int("delay_ms", load.delay_us / PH_MILLISECOND_US));
}

static void add_video(struct ph_link_stats *stats, const struct ph_video_figures *video) {
    stats->frames_out += video->frames_encoded;
    stats->frames_dropped += video->frames_dropped;
    stats->encode.total_us += video->encode.total_us;
    for (int i = 0; i <= PH_LINK_ENCODE_BOUNDS; i++)
        stats->encode.frames[i] += video->encode.frames[i];
}

static int send_stats(struct ph_reporter *reporter, const struct ph_output_figures *figures, int64_t now_us) {
    struct reading now = read_now(reporter, figures, now_us);
    struct ph_effort_load load = load_between(reporter, &reporter->for_stats, &now, figures);
    double seconds = (double)(now.at_us - reporter->for_stats.at_us) / 1e6;
    double pressure = load.busiest > load.cpu ? load.busiest : load.cpu;
    struct ph_source_figures source;
    ph_source_read_figures(reporter->options.source, &source);
    struct ph_link_stats stats = {
        .speed = pressure > 0.01 ? 1 / pressure : 100,
        .source_fps = source.source_fps,
        .delay_ms = (double)figures->published_delay_us / 1000,
        .effort = (uint32_t)reporter->effort.level,
        .frames_in = source.pictures_decoded,
        .frames_repeated = source.frames_repeated,
        .source_width = source.width,
        .source_height = source.height,
        .bitrate_in = seconds > 0 ? (double)(now.bytes - reporter->for_stats.bytes) * 8 / seconds : 0,
    };
    for (uint32_t i = 0; i < figures->renditions; i++)
        add_video(&stats, &figures->video[i]);
    reporter->for_stats = now;
    char *json = ph_link_stats_to_json(&stats);
    if (!json)
        return -ENOMEM;
    ph_link_frame_write(&reporter->frames, PH_LINK_STATS, json, strlen(json));
    if (reporter->options.session.beat)
        reporter->options.session.beat(reporter->options.session.opaque, json);
    free(json);
    return ph_link_send(reporter->options.link, &reporter->frames);
}

/* Adds the checkpoint for what is published; 0 when there is none yet. */
static int keep_checkpoint(struct ph_reporter *reporter, const struct ph_output_figures *figures) {
    int64_t video = ph_grid_first_video(&figures->grid, figures->published);
    int64_t audio = ph_grid_first_audio(&figures->grid, figures->published) - PH_AUDIO_LEAD_IN_FRAMES;
    struct ph_kept_checkpoint kept = {.position = figures->published};
    struct ph_bytes *state = NULL;
    int code = ph_source_checkpoint(
        reporter->options.source, video, audio > 0 ? audio : 0, &kept.replay_from, &state);
    if (code < 0)
        return code == -EAGAIN ? 0 : code;
    struct ph_checkpoint checkpoint = {figures->published, ph_bytes_slice(state)};
    kept.state = ph_checkpoint_write(&checkpoint);
    ph_bytes_unref(&state);
    if (!kept.state)
        return -ENOMEM;
    ph_checkpoint_history_add(&reporter->history, kept);
    return 0;
}

static struct ph_link_checkpoint link_checkpoint(const struct ph_kept_checkpoint *kept) {
    return (struct ph_link_checkpoint){
        .replay_from = kept->replay_from, .state = ph_bytes_slice(kept->state)};
}

static int acknowledge(struct ph_reporter *reporter, const struct ph_output_figures *figures) {
    bool further = ph_part_position_compare(figures->published, reporter->acknowledged) > 0;
    bool safer = ph_part_position_compare(figures->durable, reporter->acknowledged_durable) > 0;
    if (!further && !safer)
        return 0;
    if (further) {
        int code = keep_checkpoint(reporter, figures);
        if (code < 0)
            return code;
        reporter->acknowledged = figures->published;
    }
    if (safer)
        reporter->acknowledged_durable = figures->durable;
    const struct ph_link_hello *hello = reporter->options.hello;
    struct ph_link_ack ack = {.durable.replay_from = hello->durable_replay_from};
    if (hello->durable_state)
        ack.durable.state = ph_bytes_slice(hello->durable_state);
    const struct ph_kept_checkpoint *durable =
        ph_checkpoint_history_find(&reporter->history, figures->durable);
    if (durable)
        ack.durable = link_checkpoint(durable);
    const struct ph_kept_checkpoint *published = ph_checkpoint_history_newest(&reporter->history);
    if (!published)
        return 0;
    ack.published = link_checkpoint(published);
    ph_link_ack_write(&reporter->frames, &ack);
    return ph_link_send(reporter->options.link, &reporter->frames);
}

/* One round; `round` counts from 0. */
static int report(struct ph_reporter *reporter, uint64_t round) {
    int64_t now_us = ph_now_us();
    struct ph_output_figures figures;
    ph_output_read(reporter->options.output, &figures);
    if (figures.lost)
        return -ESTALE;
    if (figures.ended)
        return PH_EOF;
    if (figures.started && now_us - reporter->for_effort.at_us >= effort_interval_us)
        control_effort(reporter, &figures, now_us);
    if (figures.started) {
        int code = acknowledge(reporter, &figures);
        if (code < 0)
            return code;
    }
    enum { rounds_a_second = 10 };
    return round % rounds_a_second == rounds_a_second - 1 ? send_stats(reporter, &figures, now_us) : 0;
}

static void *run(void *opaque) {
    struct ph_reporter *reporter = opaque;
    int code = 0;
    int64_t deadline_us = ph_now_us();
    pthread_mutex_lock(&reporter->lock);
    for (uint64_t round = 0; code >= 0; round++) {
        deadline_us += report_interval_us;
        while (!reporter->stopped && ph_now_us() < deadline_us)
            (void)ph_cond_wait_until(&reporter->changed, &reporter->lock, deadline_us);
        if (reporter->stopped)
            break;
        pthread_mutex_unlock(&reporter->lock);
        code = report(reporter, round);
        pthread_mutex_lock(&reporter->lock);
    }
    bool stopped = reporter->stopped;
    pthread_mutex_unlock(&reporter->lock);
    if (!stopped)
        reporter->options.broken(reporter->options.opaque, code);
    return NULL;
}

int ph_reporter_create(struct ph_reporter **created, const struct ph_reporter_options *options) {
    struct ph_reporter *reporter = calloc(1, sizeof(*reporter));
    if (!reporter)
        return -ENOMEM;
    reporter->options = *options;
    reporter->effort = options->effort;
    cpu_set_t set;
    reporter->cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    struct reading start = {.at_us = ph_now_us(), .cpu_us = process_cpu_us()};
    reporter->for_effort = reporter->for_stats = start;
    pthread_mutex_init(&reporter->lock, NULL);
    int code = ph_cond_init(&reporter->changed);
    if (code >= 0)
        code = ph_thread_start(&reporter->thread, "report", run, reporter);
    if (code < 0) {
        pthread_mutex_destroy(&reporter->lock);
        free(reporter);
        return code;
    }
    *created = reporter;
    return 0;
}

void ph_reporter_count_bytes(struct ph_reporter *reporter, size_t bytes) {
    atomic_fetch_add(&reporter->bytes, bytes);
}

void ph_reporter_destroy(struct ph_reporter *reporter) {
    if (!reporter)
        return;
    pthread_mutex_lock(&reporter->lock);
    reporter->stopped = true;
    pthread_cond_broadcast(&reporter->changed);
    pthread_mutex_unlock(&reporter->lock);
    pthread_join(reporter->thread, NULL);
    ph_checkpoint_history_finish(&reporter->history);
    ph_builder_discard(&reporter->frames);
    pthread_cond_destroy(&reporter->changed);
    pthread_mutex_destroy(&reporter->lock);
    free(reporter);
}
