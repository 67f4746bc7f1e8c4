#include "transcode/cut.h"

#include <stdlib.h>
#include <string.h>

#include <libavutil/mathematics.h>

#include "transcode/decode.h"
#include "transcode/encode.h"
#include "transcode/file_reader.h"
#include "transcode/link_publication.h"
#include "transcode/package.h"
#include "transcode/scale.h"

enum { careful_effort = 4 };

struct cutting {
    const struct ph_track *track;
    struct ph_track_timing timing;
    int64_t from, to; /* grid frames */
    struct ph_file *file;
    struct ph_decoder decoder;
    struct ph_encoder *encoder; /* NULL: packets are copied */
    struct ph_scaler *scaler;
    AVFrame *picture, *before; /* scratch; the last picture in front of the first wanted */
    struct ph_packager packager;
    struct ph_builder segment;
    bool has_begun;
};

static struct ph_grid_plan grid_of(const struct ph_publication *publication) {
    return (struct ph_grid_plan){
        publication->grid_rate, publication->frames_per_part, publication->parts_per_segment};
}

static struct ph_track_timing timing_of(
    const struct ph_publication *publication, const struct ph_track *track) {
    struct ph_grid_plan grid = grid_of(publication);
    if (track->kind == PH_TRACK_AUDIO)
        return ph_track_timing_audio(&grid);
    int64_t step =
        av_rescale((int64_t)grid.rate.num * track->rate.den, 1, (int64_t)grid.rate.den * track->rate.num);
    return ph_track_timing_video(&grid, step > 0 ? (uint32_t)step : 1, track->rate);
}

/* The first frame of the track at a time or after it. */
static int64_t frame_at(const struct ph_track_timing *timing, int64_t time_us) {
    if (time_us <= 0)
        return 0;
    if (timing->kind == PH_TRACK_AUDIO)
        return av_rescale(time_us, PH_AUDIO_RATE, PH_AUDIO_FRAME_SAMPLES * INT64_C(1000000));
    int64_t frame = ph_grid_video_at_us(&timing->grid, time_us);
    return (frame + timing->step - 1) / timing->step * timing->step;
}

static int64_t frame_of(const struct ph_track_timing *timing, int64_t ticks) {
    if (timing->kind == PH_TRACK_AUDIO)
        return av_rescale(ticks, PH_AUDIO_RATE, PH_AUDIO_FRAME_SAMPLES * INT64_C(90000));
    return av_rescale(ticks, timing->grid.rate.num, timing->grid.rate.den * INT64_C(90000));
}

static int close_part(struct cutting *cutting) {
    const struct ph_track_timing *timing = &cutting->timing;
    struct ph_part_position open = ph_track_part_of(timing, cutting->packager.frames[0]);
    int64_t end = ph_track_first_frame(timing, ph_part_after(&timing->grid, open));
    struct ph_part part;
    int code = ph_packager_close(&cutting->packager, end < cutting->to ? end : cutting->to, false, &part);
    if (code < 0)
        return code;
    ph_builder_append(&cutting->segment, ph_bytes_data(part.body), ph_bytes_size(part.body));
    ph_part_finish(&part);
    return 0;
}

static int add(struct cutting *cutting, int64_t frame, struct ph_slice bytes, bool sync) {
    struct ph_packager *packager = &cutting->packager;
    if (packager->count) {
        struct ph_part_position open = ph_track_part_of(&cutting->timing, packager->frames[0]);
        struct ph_part_position next = ph_track_part_of(&cutting->timing, frame);
        int code = ph_part_position_compare(open, next) != 0 ? close_part(cutting) : 0;
        if (code < 0)
            return code;
    }
    cutting->has_begun = true;
    return ph_packager_add(packager, frame, bytes, sync);
}

static int encode(struct cutting *cutting, const AVFrame *picture, int64_t frame) {
    const AVFrame *scaled;
    struct ph_access_unit unit;
    int code = ph_scaler_run(cutting->scaler, picture, &scaled);
    if (code == 0)
        code = ph_encoder_encode(cutting->encoder, scaled, !cutting->has_begun, &unit);
    return code < 0 ? code : add(cutting, frame, unit.bytes, unit.idr);
}

/* The picture that stands at the first frame, even when it came before. */
static int take_picture(struct cutting *cutting) {
    int64_t frame = frame_of(&cutting->timing, cutting->picture->pts);
    if (frame >= cutting->to)
        return 0;
    if (frame < cutting->from) {
        av_frame_unref(cutting->before);
        return av_frame_ref(cutting->before, cutting->picture);
    }
    int code = 0;
    if (!cutting->has_begun && frame > cutting->from && cutting->before->buf[0])
        code = encode(cutting, cutting->before, cutting->from);
    return code < 0 ? code : encode(cutting, cutting->picture, frame);
}

static int decode(struct cutting *cutting, const AVPacket *packet) {
    int code = ph_decoder_send(&cutting->decoder, packet);
    while (code == 0) {
        code = ph_decoder_receive(&cutting->decoder, cutting->picture);
        if (code == -EAGAIN || code == PH_EOF)
            return 0;
        if (code == 0)
            code = take_picture(cutting);
        av_frame_unref(cutting->picture);
    }
    return code;
}

static int copy(struct cutting *cutting, const AVPacket *packet) {
    int64_t frame = frame_of(&cutting->timing, packet->pts);
    if (frame < cutting->from || frame >= cutting->to)
        return 0;
    bool sync = cutting->track->kind == PH_TRACK_AUDIO || packet->flags & AV_PKT_FLAG_KEY;
    return add(cutting, frame, (struct ph_slice){packet->data, (size_t)packet->size}, sync);
}

static bool holds(const AVCodecParameters *parameters, const struct ph_bytes *set) {
    return parameters->extradata && memmem(parameters->extradata, (size_t)parameters->extradata_size,
                                        ph_bytes_data(set), ph_bytes_size(set));
}

static int open_codecs(struct cutting *cutting, const struct ph_publication *publication) {
    const AVCodecParameters *parameters = ph_file_parameters(cutting->file, PH_TRACK_VIDEO);
    uint32_t bitrate = ph_publication_bitrate(publication, cutting->track);
    struct ph_encoder_settings settings = {
        .width = cutting->track->width,
        .height = cutting->track->height,
        .rate = cutting->track->rate,
        .bitrate = bitrate,
        .most_bitrate = bitrate / 100 * 115,
        .buffer_bits = bitrate / 2,
        .threads = 1,
        .effort = careful_effort,
    };
    struct ph_link_reason reason;
    int code = ph_decoder_open(&cutting->decoder, parameters, 1, &reason);
    if (code < 0)
        return code == -ENOMEM ? code : PH_INVALID_DATA;
    ph_decoder_trust_packets(&cutting->decoder);
    code = ph_scaler_create(&cutting->scaler, settings.width, settings.height, PH_COLOURS_VIDEO);
    if (code == 0)
        code = ph_encoder_open(&cutting->encoder, "libx264", &settings);
    if (code < 0)
        return code;
    return holds(parameters, cutting->encoder->sps) && holds(parameters, cutting->encoder->pps) ? 0
                                                                                                : -ENOTSUP;
}

/* Whether the cut needs pictures that were never the first of anything. */
static int open_for_first(
    struct cutting *cutting, const struct ph_publication *publication, const AVPacket *packet) {
    bool is_cut = frame_of(&cutting->timing, packet->pts) < cutting->from;
    return is_cut && cutting->track->kind == PH_TRACK_VIDEO ? open_codecs(cutting, publication) : 0;
}

static int run(struct cutting *cutting, const struct ph_publication *publication, AVPacket *packet) {
    enum ph_track_kind kind;
    int code;
    bool is_first = true;
    while ((code = ph_file_read(cutting->file, packet, &kind)) == 0) {
        if (packet->pts == AV_NOPTS_VALUE || kind != cutting->track->kind)
            code = PH_INVALID_DATA;
        if (code == 0 && is_first)
            code = open_for_first(cutting, publication, packet);
        is_first = false;
        if (code == 0)
            code = cutting->encoder ? decode(cutting, packet) : copy(cutting, packet);
        av_packet_unref(packet);
        if (code < 0)
            return code;
    }
    if (code != PH_EOF)
        return code;
    code = cutting->encoder ? decode(cutting, NULL) : 0;
    if (code == 0 && cutting->packager.count)
        code = close_part(cutting);
    return code == 0 && !cutting->has_begun ? -ENODATA : code;
}

int ph_cut_run(const struct ph_cut *cut, int fd, struct ph_bytes **segment) {
    *segment = NULL;
    struct cutting *cutting = calloc(1, sizeof(*cutting));
    AVPacket *packet = av_packet_alloc();
    int code = -ENOMEM;
    if (!cutting || !packet)
        goto out;
    cutting->track = &cut->publication.tracks[cut->track];
    cutting->timing = timing_of(&cut->publication, cutting->track);
    cutting->from = frame_at(&cutting->timing, cut->from_us);
    cutting->to = frame_at(&cutting->timing, cut->to_us);
    ph_packager_init(&cutting->packager, &cutting->timing);
    cutting->picture = av_frame_alloc();
    cutting->before = av_frame_alloc();
    if (cutting->picture && cutting->before)
        code = ph_file_open_piece(&cutting->file, fd);
    if (code == 0)
        code = run(cutting, &cut->publication, packet);
    if (code == 0 && !(*segment = ph_builder_finish(&cutting->segment)))
        code = -ENOMEM;
out:
    if (cutting) {
        ph_builder_discard(&cutting->segment);
        ph_packager_finish(&cutting->packager);
        ph_encoder_destroy(cutting->encoder);
        ph_scaler_destroy(cutting->scaler);
        ph_decoder_finish(&cutting->decoder);
        ph_file_close(cutting->file);
        av_frame_free(&cutting->picture);
        av_frame_free(&cutting->before);
    }
    av_packet_free(&packet);
    free(cutting);
    return code;
}
