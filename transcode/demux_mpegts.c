#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>
#include <libavutil/opt.h>

#include "core/base/builder.h"
#include "transcode/demux.h"
#include "transcode/ts_flush.h"

enum {
    /* libavformat tells the packet size by looking at some 8 KiB: null packets, so that no media waits for
       it. */
    preamble_packets = 64,
    avio_buffer_bytes = 1 << 16,
    most_packet_bytes = 2 << 20,
    most_streams = 64,
    kept_arrivals = 64,
    kept_starts = 256,
};

struct mpegts {
    struct ph_demux base;
    struct ph_demux_input *input;
    struct ph_ts_flush flush;
    struct ph_builder filtered; /* of the unit being read */
    size_t filtered_read;
    int64_t offset; /* of filtered.data[0] in all that libavformat read */
    int input_code; /* how the input ended, or 0 */
    AVFormatContext *format;
    AVPacket *packet;
    /* The newest units, a ring: when the bytes below an offset had come. */
    struct {
        int64_t end_offset;
        int64_t time_us;
    } arrivals[kept_arrivals];
    uint32_t arrival_count;
    /* The newest units in which tables start, a ring. */
    struct {
        int64_t offset;
        uint64_t unit;
    } starts[kept_starts];
    uint32_t start_count;
};

static void append_preamble(struct ph_builder *builder) {
    uint8_t null_packet[PH_TS_PACKET_BYTES];
    memset(null_packet, 0xff, sizeof(null_packet));
    memcpy(null_packet, (const uint8_t[]){0x47, 0x1f, 0xff, 0x10}, 4);
    for (int i = 0; i < preamble_packets; i++)
        ph_builder_append(builder, null_packet, sizeof(null_packet));
}

static int filter_unit(struct mpegts *ts, const struct ph_demux_unit *unit) {
    ts->offset += (int64_t)ts->filtered.size;
    ts->filtered_read = 0;
    ph_builder_clear(&ts->filtered);
    struct ph_ts_marks marks;
    int code = ph_ts_flush_unit(&ts->flush, unit->bytes, &ts->filtered, &marks);
    if (code < 0)
        return code;
    uint32_t arrival = ts->arrival_count++ % kept_arrivals;
    ts->arrivals[arrival].end_offset = ts->offset + (int64_t)ts->filtered.size;
    ts->arrivals[arrival].time_us = unit->time_us;
    if (!marks.table_start)
        return 0;
    uint32_t start = ts->start_count++ % kept_starts;
    ts->starts[start].offset = ts->offset + (int64_t)marks.table_start_offset;
    ts->starts[start].unit = unit->index;
    return ts->input->impl->replayable(ts->input, unit->index);
}

static int read_filtered(void *opaque, uint8_t *buffer, int size) {
    struct mpegts *ts = opaque;
    while (ts->filtered_read == ts->filtered.size) {
        struct ph_demux_unit unit;
        if (!ts->input_code)
            ts->input_code = ts->input->impl->next(ts->input, &unit);
        if (!ts->input_code)
            ts->input_code = filter_unit(ts, &unit);
        if (ts->input_code)
            return PH_EOF;
    }
    size_t rest = ts->filtered.size - ts->filtered_read;
    size_t taken = rest < (size_t)size ? rest : (size_t)size;
    memcpy(buffer, ts->filtered.data + ts->filtered_read, taken);
    ts->filtered_read += taken;
    return (int)taken;
}

static int64_t arrival_of(const struct mpegts *ts, int64_t end_offset) {
    uint32_t kept = ts->arrival_count < kept_arrivals ? ts->arrival_count : kept_arrivals;
    int64_t time_us = 0;
    for (uint32_t back = 1; back <= kept; back++) {
        uint32_t at = (ts->arrival_count - back) % kept_arrivals;
        if (ts->arrivals[at].end_offset < end_offset)
            break;
        time_us = ts->arrivals[at].time_us;
    }
    return time_us;
}

static uint64_t replay_unit_of(const struct mpegts *ts, int64_t start_offset) {
    uint32_t kept = ts->start_count < kept_starts ? ts->start_count : kept_starts;
    for (uint32_t back = 1; back <= kept; back++) {
        uint32_t at = (ts->start_count - back) % kept_starts;
        if (ts->starts[at].offset < start_offset)
            return ts->starts[at].unit;
    }
    return PH_NO_UNIT;
}

static bool is_usable(const AVStream *stream, enum AVMediaType type) {
    return stream->codecpar->codec_type == type && stream->codecpar->codec_id != AV_CODEC_ID_NONE;
}

static bool same_program(AVFormatContext *format, int a, int b) {
    AVProgram *program = NULL;
    while ((program = av_find_program_from_stream(format, program, a)))
        for (unsigned i = 0; i < program->nb_stream_indexes; i++)
            if ((int)program->stream_index[i] == b)
                return true;
    return false;
}

/* The first video stream; the first audio stream, of the video's program if it has one. -1: none. */
static int choose_stream(AVFormatContext *format, enum AVMediaType type, int companion) {
    int first = -1;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        if (!is_usable(format->streams[i], type))
            continue;
        if (companion < 0 || same_program(format, companion, (int)i))
            return (int)i;
        if (first < 0)
            first = (int)i;
    }
    return first;
}

/* Copies the bytes: the demuxer's own buffers are as large as the largest packet may be. */
static int take_packet(struct mpegts *ts, struct ph_demux_packet *read) {
    read->packet = av_packet_alloc();
    if (!read->packet || av_new_packet(read->packet, ts->packet->size) < 0) {
        av_packet_free(&read->packet);
        return -ENOMEM;
    }
    memcpy(read->packet->data, ts->packet->data, (size_t)ts->packet->size);
    read->packet->pts = ts->packet->pts;
    read->packet->dts = ts->packet->dts;
    read->packet->flags = ts->packet->flags;
    read->packet->time_base = (AVRational){1, 90000};
    return 0;
}

static int mpegts_read(struct ph_demux *demux, struct ph_demux_packet *read) {
    struct mpegts *ts = (struct mpegts *)demux;
    for (;;) {
        int64_t before = avio_tell(ts->format->pb);
        int code = av_read_frame(ts->format, ts->packet);
        if (ts->input_code && code < 0)
            return ts->input_code;
        /* A stream that cannot be taken on (too many were announced) costs itself, as long as bytes are read.
         */
        if (code < 0 && avio_tell(ts->format->pb) > before)
            continue;
        if (code < 0)
            return code;
        int video = choose_stream(ts->format, AVMEDIA_TYPE_VIDEO, -1);
        int audio = choose_stream(ts->format, AVMEDIA_TYPE_AUDIO, video);
        int index = ts->packet->stream_index;
        if (ts->packet->size > 0 && (index == video || index == audio)) {
            int64_t arrival_us = arrival_of(ts, avio_tell(ts->format->pb));
            *read = (struct ph_demux_packet){
                .event = PH_DEMUX_PACKET,
                .kind = index == video ? PH_TRACK_VIDEO : PH_TRACK_AUDIO,
                .codec = ts->format->streams[index]->codecpar,
                .first_arrival_us = arrival_us,
                .arrival_us = arrival_us,
                .replay_unit = replay_unit_of(ts, ts->packet->pos),
                .video_listed = video >= 0,
            };
            code = take_packet(ts, read);
            av_packet_unref(ts->packet);
            return code;
        }
        av_packet_unref(ts->packet);
    }
}

static const char *mpegts_unsupported(const struct ph_demux *demux) {
    return ph_ts_tables_unsupported(&((const struct mpegts *)demux)->flush.tables);
}

static void mpegts_destroy(struct ph_demux *demux) {
    struct mpegts *ts = (struct mpegts *)demux;
    if (ts->format) {
        AVIOContext *avio = ts->format->pb;
        avformat_close_input(&ts->format);
        if (avio)
            av_freep(&avio->buffer);
        avio_context_free(&avio);
    }
    av_packet_free(&ts->packet);
    ph_ts_flush_finish(&ts->flush);
    ph_builder_discard(&ts->filtered);
    free(ts);
}

static const struct ph_demux_impl impl = {
    .read = mpegts_read,
    .unsupported = mpegts_unsupported,
    .destroy = mpegts_destroy,
};

static AVIOContext *open_avio(struct mpegts *ts) {
    uint8_t *buffer = av_malloc(avio_buffer_bytes);
    if (!buffer)
        return NULL;
    AVIOContext *avio = avio_alloc_context(buffer, avio_buffer_bytes, 0, ts, read_filtered, NULL, NULL);
    if (!avio)
        av_free(buffer);
    return avio;
}

/* The null packets satisfy the header's look ahead, so that opening reads no unit. */
static int open_format(struct mpegts *ts) {
    append_preamble(&ts->filtered);
    AVFormatContext *format = avformat_alloc_context();
    AVIOContext *avio = open_avio(ts);
    if (!format || !avio || !ph_builder_ok(&ts->filtered)) {
        avformat_free_context(format);
        if (avio)
            av_freep(&avio->buffer);
        avio_context_free(&avio);
        return -ENOMEM;
    }
    format->pb = avio;
    format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN | AVFMT_FLAG_NOBUFFER;
    format->probesize = (int64_t)preamble_packets / 2 * PH_TS_PACKET_BYTES;
    format->max_streams = most_streams;
    format->max_probe_packets = 0;
    format->correct_ts_overflow = 0;
    AVDictionary *options = NULL;
    av_dict_set_int(&options, "max_packet_size", most_packet_bytes, 0);
    int code = avformat_open_input(&format, NULL, av_find_input_format("mpegts"), &options);
    av_dict_free(&options);
    ts->format = format;
    if (code < 0) {
        av_freep(&avio->buffer);
        avio_context_free(&avio);
    }
    return code;
}

int ph_demux_mpegts_create(struct ph_demux **demux, struct ph_demux_input *input) {
    *demux = NULL;
    struct mpegts *ts = calloc(1, sizeof(*ts));
    if (!ts)
        return -ENOMEM;
    ts->base.impl = &impl;
    ts->input = input;
    ts->packet = av_packet_alloc();
    int code = ts->packet ? open_format(ts) : -ENOMEM;
    if (code < 0) {
        mpegts_destroy(&ts->base);
        return code;
    }
    *demux = &ts->base;
    return 0;
}
