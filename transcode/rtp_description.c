#include "transcode/rtp_description.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libavcodec/defs.h>
#include <libavutil/base64.h>
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>

#include "core/media/track.h"
#include "transcode/rtp_nal.h"

enum { most_line_bytes = 2048, most_channels = 2, most_rate = 1000000, most_sets_bytes = 2048 };

static const struct known_codec {
    const char *name;
    enum ph_track_kind kind;
    enum AVCodecID id;
    const struct ph_rtp_format *format;
} known_codecs[] = {
    {"H264", PH_TRACK_VIDEO, AV_CODEC_ID_H264, &ph_rtp_h264},
    {"H265", PH_TRACK_VIDEO, AV_CODEC_ID_HEVC, &ph_rtp_h265},
    {"VP8", PH_TRACK_VIDEO, AV_CODEC_ID_VP8, &ph_rtp_vp8},
    {"VP9", PH_TRACK_VIDEO, AV_CODEC_ID_VP9, &ph_rtp_vp9},
    {"AV1", PH_TRACK_VIDEO, AV_CODEC_ID_AV1, &ph_rtp_av1},
    {"opus", PH_TRACK_AUDIO, AV_CODEC_ID_OPUS, NULL},
};

static const struct known_codec *find_codec(const char *name, enum ph_track_kind kind) {
    for (size_t i = 0; i < sizeof(known_codecs) / sizeof(known_codecs[0]); i++) {
        if (known_codecs[i].kind == kind && strcasecmp(known_codecs[i].name, name) == 0)
            return &known_codecs[i];
    }
    return NULL;
}

static int set_parameters(struct ph_rtp_media *media, enum ph_track_kind kind) {
    avcodec_parameters_free(&media->parameters);
    media->parameters = avcodec_parameters_alloc();
    if (!media->parameters)
        return -ENOMEM;
    AVCodecParameters *parameters = media->parameters;
    parameters->codec_type = kind == PH_TRACK_VIDEO ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
    parameters->codec_id = media->codec;
    if (kind == PH_TRACK_AUDIO) {
        parameters->sample_rate = media->clock_rate;
        av_channel_layout_default(&parameters->ch_layout, media->channels);
    }
    return 0;
}

/* a=rtpmap:<payload type> <name>/<clock rate>[/<channels>] */
static int read_rtpmap(struct ph_rtp_media *media, enum ph_track_kind kind, const char *value) {
    unsigned payload_type = 0, rate = 0, channels = 1;
    char name[32];
    if (sscanf(value, "%3u %31[^/ ]/%7u/%1u", &payload_type, name, &rate, &channels) < 3)
        return 0;
    if (payload_type != media->payload_type || rate == 0 || rate > most_rate)
        return 0;
    const struct known_codec *codec = find_codec(name, kind);
    if (!codec)
        return 0;
    media->codec = codec->id;
    media->format = codec->format;
    media->clock_rate = (int32_t)rate;
    media->channels = channels == 1 ? 1 : most_channels;
    return set_parameters(media, kind);
}

/* Appends base64 parameter sets, parted by commas. */
static int append_sets(struct ph_rtp_frame *sets, const char *value, size_t size) {
    char text[most_sets_bytes];
    uint8_t unit[most_sets_bytes];
    for (size_t at = 0; at < size;) {
        size_t length = strcspn(value + at, ",");
        if (length > size - at)
            length = size - at;
        if (length >= sizeof(text))
            return 0;
        memcpy(text, value + at, length);
        text[length] = 0;
        int decoded = av_base64_decode(unit, text, sizeof(unit));
        int code = decoded > 0 ? ph_rtp_nal_append(sets, (struct ph_slice){unit, (size_t)decoded}) : 0;
        if (code < 0)
            return code;
        at += length + 1;
    }
    return 0;
}

static int set_extradata(AVCodecParameters *parameters, const struct ph_builder *sets) {
    if (!sets->size)
        return 0;
    av_freep(&parameters->extradata);
    parameters->extradata = av_mallocz(sets->size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!parameters->extradata)
        return -ENOMEM;
    memcpy(parameters->extradata, sets->data, sets->size);
    parameters->extradata_size = (int)sets->size;
    return 0;
}

/* a=fmtp:<payload type> <name>=<value>;… : the parameter sets of H.264 (RFC 6184 section 8.1) and H.265
 * (RFC 7798 section 7.1) are what matters. */
static int read_fmtp(struct ph_rtp_media *media, const char *value) {
    static const char *const names[] = {"sprop-parameter-sets=", "sprop-vps=", "sprop-sps=", "sprop-pps="};
    if (!media->parameters || strtoul(value, NULL, 10) != media->payload_type)
        return 0;
    struct ph_rtp_frame sets = {0};
    int code = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && code == 0; i++) {
        const char *found = strstr(value, names[i]);
        if (found)
            code = append_sets(&sets, found + strlen(names[i]), strcspn(found + strlen(names[i]), "; "));
    }
    if (code == 0)
        code = set_extradata(media->parameters, &sets.bytes);
    ph_builder_discard(&sets.bytes);
    return code;
}

/* m=<kind> <port> <protocol> <payload type> …; the line's medium, or NULL when it is not for us. */
static struct ph_rtp_media *read_media(
    struct ph_rtp_description *description, const char *value, enum ph_track_kind *kind) {
    char name[8];
    unsigned port = 0, payload_type = 0;
    if (sscanf(value, "%7s %5u %*s %3u", name, &port, &payload_type) != 3 || port == 0 || payload_type > 127)
        return NULL;
    bool is_video = strcmp(name, "video") == 0;
    if (!is_video && strcmp(name, "audio") != 0)
        return NULL;
    *kind = is_video ? PH_TRACK_VIDEO : PH_TRACK_AUDIO;
    struct ph_rtp_media *media = &description->media[*kind];
    if (media->is_listed)
        return NULL;
    *media = (struct ph_rtp_media){.is_listed = true, .payload_type = (uint8_t)payload_type};
    return media;
}

int ph_rtp_description_parse(struct ph_rtp_description *description, const char *sdp) {
    *description = (struct ph_rtp_description){0};
    struct ph_rtp_media *media = NULL;
    enum ph_track_kind kind = PH_TRACK_VIDEO;
    int code = 0;
    for (const char *at = sdp; *at && code == 0;) {
        char line[most_line_bytes];
        size_t length = strcspn(at, "\r\n");
        snprintf(line, sizeof(line), "%.*s", (int)(length < sizeof(line) ? length : 0), at);
        at += length + (at[length] != 0);
        if (strncmp(line, "m=", 2) == 0)
            media = read_media(description, line + 2, &kind);
        else if (media && strncmp(line, "a=rtpmap:", 9) == 0)
            code = read_rtpmap(media, kind, line + 9);
        else if (media && strncmp(line, "a=fmtp:", 7) == 0)
            code = read_fmtp(media, line + 7);
    }
    bool is_empty =
        !description->media[PH_TRACK_VIDEO].is_listed && !description->media[PH_TRACK_AUDIO].is_listed;
    return code == 0 && is_empty ? PH_INVALID_DATA : code;
}

void ph_rtp_description_finish(struct ph_rtp_description *description) {
    avcodec_parameters_free(&description->media[PH_TRACK_VIDEO].parameters);
    avcodec_parameters_free(&description->media[PH_TRACK_AUDIO].parameters);
}
