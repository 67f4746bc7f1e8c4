#include "transcode/file_reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/codec_desc.h>
#include <libavformat/avformat.h>

#include "core/base/clock.h"
#include "transcode/decode.h"
#include "transcode/file_tables.h"

enum { buffer_bytes = 64 << 10, most_streams = 32, head_bytes = 12 };

static const AVRational ticks_base = {1, 90000};
static const int64_t most_us = (int64_t)PH_MOST_FILE_HOURS * 3600 * PH_SECOND_US;
/* Sound may begin this long before the first picture; longer leads are kept, with the picture standing. */
static const int64_t least_lead_us = 500 * PH_MILLISECOND_US;
static const int64_t most_lead_us = 10 * PH_SECOND_US;
/* What a file may lack of the duration that it tells. */
static const int64_t least_missing_us = 2 * PH_SECOND_US;

/* Times beyond are nobody's: half a century. */
static const int64_t most_ticks = INT64_C(90000) * 86400 * 365 * 50;
static const double most_rate_error = 0.002;

static const enum AVCodecID pictures[] = {AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_VP8,
    AV_CODEC_ID_VP9, AV_CODEC_ID_AV1, AV_CODEC_ID_MPEG4, AV_CODEC_ID_MJPEG};
static const enum AVCodecID sounds[] = {AV_CODEC_ID_AAC, AV_CODEC_ID_OPUS, AV_CODEC_ID_VORBIS,
    AV_CODEC_ID_MP3, AV_CODEC_ID_AC3, AV_CODEC_ID_FLAC, AV_CODEC_ID_ALAC, AV_CODEC_ID_PCM_S16LE,
    AV_CODEC_ID_PCM_S16BE, AV_CODEC_ID_PCM_F32LE};

struct ph_file {
    int fd;
    const AVInputFormat *kind;
    AVIOContext *io;
    AVFormatContext *format;
    int streams[2]; /* by kind; -1: none */
    int64_t start_ticks;
};

static int refuse(struct ph_link_reason *reason, const char *code, const char *text) {
    snprintf(reason->code, sizeof(reason->code), "%s", code);
    snprintf(reason->text, sizeof(reason->text), "%s", text);
    return -EINVAL;
}

static int refuse_damaged(struct ph_link_reason *reason) {
    return refuse(reason, "damaged", "The file is damaged: it cannot be read to its end.");
}

static int refuse_tables(struct ph_link_reason *reason) {
    static_assert(most_streams == 32, "the reason says how many");
    return refuse(reason, "too_many_tracks",
        "The file has more than 32 tracks, or tables that are too large to be read.");
}

static int read_bytes(void *opaque, uint8_t *bytes, int size) {
    const struct ph_file *file = opaque;
    ssize_t got;
    do {
        got = read(file->fd, bytes, (size_t)size);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    return got ? (int)got : AVERROR_EOF;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence) {
    const struct ph_file *file = opaque;
    if (whence & AVSEEK_SIZE) {
        struct stat status;
        return fstat(file->fd, &status) ? -errno : status.st_size;
    }
    off_t at = lseek(file->fd, offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? -errno : at;
}

/* A file that names others is not followed. */
static int open_nothing(
    AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options) {
    (void)format;
    (void)url;
    (void)flags;
    (void)options;
    *io = NULL;
    return -EACCES;
}

static const AVInputFormat *kind_of(int fd) {
    static const char *const boxes[] = {"ftyp", "moov", "mdat", "wide", "free", "skip"};
    uint8_t head[head_bytes];
    if (lseek(fd, 0, SEEK_SET) || read(fd, head, sizeof(head)) != (ssize_t)sizeof(head))
        return NULL;
    if (memcmp(head, "\x1a\x45\xdf\xa3", 4) == 0)
        return av_find_input_format("matroska");
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
        if (memcmp(head + 4, boxes[i], 4) == 0)
            return av_find_input_format("mov");
    }
    return NULL;
}

static void close_format(struct ph_file *file) {
    avformat_close_input(&file->format);
    if (file->io)
        av_freep(&file->io->buffer);
    avio_context_free(&file->io);
}

/* -E2BIG: its tables ask for more streams than a file may have, or for more memory than there is for one. */
static int open_format(struct ph_file *file) {
    if (lseek(file->fd, 0, SEEK_SET))
        return -errno;
    uint8_t *buffer = av_malloc(buffer_bytes);
    file->format = avformat_alloc_context();
    if (buffer)
        file->io = avio_alloc_context(buffer, buffer_bytes, 0, file, read_bytes, NULL, seek_bytes);
    if (!file->io)
        av_free(buffer);
    if (!file->format || !file->io)
        return -ENOMEM;
    file->format->pb = file->io;
    file->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    file->format->io_open = open_nothing;
    file->format->max_streams = most_streams;
    int code = avformat_open_input(&file->format, NULL, file->kind, NULL);
    return code == AVERROR(ENOMEM) ? -E2BIG : code < 0 ? PH_INVALID_DATA : 0;
}

static bool is_one_of(enum AVCodecID id, const enum AVCodecID *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (list[i] == id)
            return true;
    }
    return false;
}

static bool is_stream(const AVStream *stream, enum AVMediaType type) {
    return stream->codecpar->codec_type == type && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

static int find_stream(const struct ph_file *file, enum AVMediaType type) {
    int found = -1;
    for (unsigned i = 0; i < file->format->nb_streams; i++) {
        const AVStream *stream = file->format->streams[i];
        if (is_stream(stream, type) && (found < 0 || stream->disposition & AV_DISPOSITION_DEFAULT)) {
            found = (int)i;
            if (stream->disposition & AV_DISPOSITION_DEFAULT)
                break;
        }
    }
    return found;
}

static void choose_streams(struct ph_file *file) {
    file->streams[PH_TRACK_VIDEO] = find_stream(file, AVMEDIA_TYPE_VIDEO);
    file->streams[PH_TRACK_AUDIO] = find_stream(file, AVMEDIA_TYPE_AUDIO);
    const AVCodecParameters *sound = ph_file_parameters(file, PH_TRACK_AUDIO);
    if (sound && !is_one_of(sound->codec_id, sounds, sizeof(sounds) / sizeof(sounds[0])))
        file->streams[PH_TRACK_AUDIO] = -1;
    for (unsigned i = 0; i < file->format->nb_streams; i++) {
        if ((int)i != file->streams[PH_TRACK_VIDEO] && (int)i != file->streams[PH_TRACK_AUDIO])
            file->format->streams[i]->discard = AVDISCARD_ALL;
    }
}

static int judge_picture(const AVCodecParameters *picture, struct ph_link_reason *reason) {
    int longer = picture->width > picture->height ? picture->width : picture->height;
    int shorter = picture->width > picture->height ? picture->height : picture->width;
    if (longer > PH_MOST_SOURCE_WIDTH || shorter > PH_MOST_SOURCE_HEIGHT)
        return refuse(reason, "source_too_large", "The picture is larger than 4096×2304.");
    if (is_one_of(picture->codec_id, pictures, sizeof(pictures) / sizeof(pictures[0])))
        return 0;
    refuse(reason, "unsupported_codec", "");
    snprintf(reason->text, sizeof(reason->text), "The picture's codec (%s) cannot be decoded here.",
        avcodec_get_name(picture->codec_id));
    return -EINVAL;
}

static int check_tables(const struct ph_file *file) {
    bool is_matroska = strcmp(file->kind->name, "matroska,webm") == 0;
    return is_matroska ? ph_matroska_tables_check(file->fd, most_streams)
                       : ph_mp4_tables_check(file->fd, most_streams);
}

static int open_any(struct ph_file **opened, int fd) {
    struct ph_file *file = *opened = calloc(1, sizeof(*file));
    if (!file)
        return -ENOMEM;
    file->fd = fd;
    file->kind = kind_of(fd);
    int code = file->kind ? 0 : -EPROTONOSUPPORT;
    if (code == 0)
        code = check_tables(file);
    if (code == 0)
        code = open_format(file);
    if (code == 0)
        choose_streams(file);
    return code;
}

int ph_file_open_piece(struct ph_file **opened, int fd) {
    int code = open_any(opened, fd);
    if (code == 0)
        return 0;
    ph_file_close(*opened);
    *opened = NULL;
    return code == -ENOMEM ? code : PH_INVALID_DATA;
}

int ph_file_open(struct ph_file **opened, int fd, struct ph_link_reason *reason) {
    struct ph_file *file;
    int code = open_any(&file, fd);
    *opened = NULL;
    if (code == -EPROTONOSUPPORT)
        code = refuse(reason, "unknown_format", "The file is neither MP4, WebM nor Matroska.");
    else if (code == -E2BIG)
        code = refuse_tables(reason);
    else if (code == PH_INVALID_DATA)
        code = refuse_damaged(reason);
    if (code == 0 && file->streams[PH_TRACK_VIDEO] < 0)
        code = refuse(reason, "no_picture", "The file has no picture.");
    if (code == 0)
        code = judge_picture(ph_file_parameters(file, PH_TRACK_VIDEO), reason);
    if (code < 0) {
        ph_file_close(file);
        return code;
    }
    *opened = file;
    return 0;
}

const AVCodecParameters *ph_file_parameters(const struct ph_file *file, enum ph_track_kind kind) {
    int stream = file->streams[kind];
    return stream < 0 ? NULL : file->format->streams[stream]->codecpar;
}

/* The next packet of either stream, in 90 kHz. */
static int read_packet(struct ph_file *file, AVPacket *packet, enum ph_track_kind *kind) {
    for (;;) {
        int code = av_read_frame(file->format, packet);
        if (code < 0)
            return code == AVERROR_EOF || code == AVERROR(ENOMEM) ? code : PH_INVALID_DATA;
        bool is_video = packet->stream_index == file->streams[PH_TRACK_VIDEO];
        if (is_video || packet->stream_index == file->streams[PH_TRACK_AUDIO]) {
            *kind = is_video ? PH_TRACK_VIDEO : PH_TRACK_AUDIO;
            av_packet_rescale_ts(packet, file->format->streams[packet->stream_index]->time_base, ticks_base);
            return 0;
        }
        av_packet_unref(packet);
    }
}

/* What the survey sees. */
struct survey {
    uint64_t pictures;
    int64_t first, last; /* ticks: of the first picture, and when the last begins */
    int64_t end;         /* ticks: of either stream */
    bool is_cut;
};

static void take_packet(struct survey *survey, const AVPacket *packet, enum ph_track_kind kind) {
    int64_t ticks = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    survey->is_cut |= packet->flags & AV_PKT_FLAG_CORRUPT;
    if (ticks == AV_NOPTS_VALUE)
        return;
    survey->is_cut |= ticks > most_ticks || ticks < -most_ticks;
    if (survey->is_cut)
        return;
    survey->end = ticks > survey->end ? ticks : survey->end;
    if (kind != PH_TRACK_VIDEO || packet->flags & AV_PKT_FLAG_DISCARD)
        return;
    survey->first = ticks < survey->first ? ticks : survey->first;
    survey->last = ticks > survey->last ? ticks : survey->last;
    survey->pictures++;
}

static int64_t to_us(int64_t ticks) {
    return av_rescale_q(ticks, ticks_base, AV_TIME_BASE_Q);
}

static int read_all(struct ph_file *file, struct survey *survey, struct ph_link_reason *reason) {
    AVPacket *packet = av_packet_alloc();
    enum ph_track_kind kind;
    int code = packet ? 0 : -ENOMEM;
    while (code == 0 && !survey->is_cut && (code = read_packet(file, packet, &kind)) == 0) {
        take_packet(survey, packet, kind);
        av_packet_unref(packet);
        if (to_us(survey->end - (survey->pictures ? survey->first : 0)) > most_us)
            code = refuse(reason, "too_long", "The file is longer than 6 hours.");
    }
    av_packet_free(&packet);
    if (code == AVERROR_EOF && !survey->is_cut)
        return 0;
    return code == -ENOMEM || code == -EINVAL ? code : refuse_damaged(reason);
}

/* What the file says is exact where it is true: where it fits the pictures' mean. */
static AVRational rate_of(const struct ph_file *file, const struct survey *survey) {
    AVRational told = file->format->streams[file->streams[PH_TRACK_VIDEO]]->avg_frame_rate, mean = {0, 1};
    if (survey->pictures > 1 && survey->last > survey->first)
        (void)av_reduce(&mean.num, &mean.den, (int64_t)(survey->pictures - 1) * 90000,
            survey->last - survey->first, 1 << 30);
    if (told.num <= 0 || told.den <= 0)
        return mean;
    double error = mean.num > 0 ? av_q2d(told) / av_q2d(mean) - 1 : 0;
    return error < most_rate_error && error > -most_rate_error ? told : mean;
}

/* Where the recording begins: with the first picture, unless that comes late. */
static int64_t start_of(const struct survey *survey) {
    int64_t first_us = to_us(survey->first);
    return first_us > least_lead_us && first_us <= most_lead_us ? 0 : survey->first;
}

int ph_file_survey(struct ph_file *file, struct ph_file_facts *facts, struct ph_link_reason *reason) {
    struct survey survey = {.first = INT64_MAX, .last = INT64_MIN};
    int64_t told_us = file->format->duration;
    int code = told_us > most_us ? refuse(reason, "too_long", "The file is longer than 6 hours.")
                                 : read_all(file, &survey, reason);
    if (code < 0)
        return code;
    if (!survey.pictures)
        return refuse(reason, "no_picture", "The file has no picture.");
    int64_t missing_us = told_us > 0 ? told_us - to_us(survey.end) : 0;
    if (missing_us > least_missing_us && missing_us > told_us / 20)
        return refuse_damaged(reason);
    file->start_ticks = start_of(&survey);
    facts->pictures = survey.pictures;
    facts->rate = rate_of(file, &survey);
    facts->display = ph_display_of(file->format->streams[file->streams[PH_TRACK_VIDEO]]);
    facts->duration_us = to_us(survey.last - file->start_ticks);
    int64_t last_us = facts->rate.num > 0 ? av_rescale(PH_SECOND_US, facts->rate.den, facts->rate.num) : 0;
    facts->duration_us += last_us < PH_SECOND_US ? last_us : PH_SECOND_US;
    close_format(file);
    code = open_format(file);
    if (code == 0)
        choose_streams(file);
    return code == -E2BIG ? refuse_tables(reason) : code == PH_INVALID_DATA ? refuse_damaged(reason) : code;
}

int ph_file_read(struct ph_file *file, AVPacket *packet, enum ph_track_kind *kind) {
    int code = read_packet(file, packet, kind);
    if (code < 0)
        return code;
    if (packet->pts != AV_NOPTS_VALUE)
        packet->pts -= file->start_ticks;
    if (packet->dts != AV_NOPTS_VALUE)
        packet->dts -= file->start_ticks;
    return 0;
}

void ph_file_close(struct ph_file *file) {
    if (!file)
        return;
    close_format(file);
    free(file);
}
