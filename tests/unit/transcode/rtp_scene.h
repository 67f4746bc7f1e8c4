/* A whole source that is fed RTP, and what comes out of it. */
#ifndef PH_TEST_RTP_SCENE_H
#define PH_TEST_RTP_SCENE_H

#include "tests/unit/transcode/rtp_stream.h"
#include "transcode/source.h"

enum { RTP_SCENE_MOST_FRAMES = 2000, RTP_SCENE_MOST_UNITS = 20000 };

struct rtp_seen {
    struct ph_grid_sink base;
    struct ph_source_description description;
    int begun, ended, keyframes_wanted;
    struct ph_link_reason reason;
    int64_t first_video, next_video, first_audio, next_audio;
    struct {
        uint32_t sum;
        int width, height;
        double luma; /* its mean */
        bool repeated;
        int64_t arrival_us;
    } video[RTP_SCENE_MOST_FRAMES]; /* by index from the first */
    struct {
        float samples[PH_AUDIO_FRAME_SAMPLES]; /* of the left */
        bool silent;
    } audio[RTP_SCENE_MOST_FRAMES]; /* by index from the first */
};

/* Units with the time at which they arrive, from the connection on. */
struct rtp_scene {
    struct rtp_delivery {
        struct rtp_stream_unit unit;
        int64_t arrival_us;
        size_t order;
    } * deliveries;
    size_t count;
    char sdp[2048];
    struct ph_source_options options;
};

void rtp_scene_init(struct rtp_scene *scene, const char *sdp);
void rtp_scene_finish(struct rtp_scene *scene);
struct rtp_delivery *rtp_scene_add(
    struct rtp_scene *scene, const struct rtp_stream_unit *unit, int64_t arrival_us);
/* Every unit of the stream arrives this long after its time. */
void rtp_scene_add_stream(
    struct rtp_scene *scene, const struct rtp_stream *stream, int64_t video_delay_us, int64_t audio_delay_us);
/* A scene of what ffmpeg makes of these; every unit arrives at its time. */
struct rtp_scene rtp_scene_make(const char *inputs, const char *codecs, double seconds);
/* Adds ticks to the timestamp of picture or sound. */
void rtp_unit_shift(struct rtp_stream_unit *unit, uint32_t video, uint32_t audio);
void rtp_scene_shift(struct rtp_scene *scene, uint32_t video, uint32_t audio);
/* In the order of arrival. */
void rtp_scene_sort(struct rtp_scene *scene);
void rtp_scene_drop(struct rtp_scene *scene, size_t at);
/* Entry 0 is the connection, entry n + 1 delivery n. Feeds deliveries to a source. */
void rtp_scene_feed(const struct rtp_scene *scene, struct ph_source *source, size_t from, size_t to);
/* Feeds the whole scene to a source of its own, to its end. free() what it returns. */
struct rtp_seen *rtp_scene_run(const struct rtp_scene *scene);
struct rtp_seen *rtp_seen_create(void);
/* END, `end_us` after the connection; waits until the source is over. */
void rtp_scene_end(const struct rtp_scene *scene, struct ph_source *source);
int64_t rtp_scene_length_us(const struct rtp_scene *scene);

#endif
