#include "ingest/webrtc/codec_choice.h"

#include <stdio.h>
#include <string.h>

#include "ingest/webrtc/sdp_text.h"

static const struct codec {
    const char *name;
    bool video;
    uint32_t clock_rate, channels;
    int rank; /* the lowest is preferred; one more for H.264 in packetization mode 0 */
} known[] = {
    [PH_CODEC_NONE] = {"", false, 0, 0, 100},
    [PH_CODEC_H264] = {"H264", true, 90000, 1, 0},
    [PH_CODEC_VP8] = {"VP8", true, 90000, 1, 2},
    [PH_CODEC_VP9] = {"VP9", true, 90000, 1, 3},
    [PH_CODEC_H265] = {"H265", true, 90000, 1, 4},
    [PH_CODEC_AV1] = {"AV1", true, 90000, 1, 5},
    [PH_CODEC_OPUS] = {"opus", false, 48000, 2, 0},
};
enum { known_count = sizeof(known) / sizeof(known[0]), worst_rank = 100 };

const char *ph_codec_name(enum ph_codec codec) {
    return known[codec].name;
}

static enum ph_codec codec_of(const struct ph_sdp_format *format, bool video) {
    for (int i = PH_CODEC_NONE + 1; i < known_count; i++)
        if (known[i].video == video && ph_sdp_is_caseless(format->encoding, known[i].name) &&
            format->clock_rate == known[i].clock_rate && format->channels == known[i].channels)
            return (enum ph_codec)i;
    return PH_CODEC_NONE;
}

/* 0 when it is not said (RFC 6184 section 8.1); above 1, interleaved, is not carried. */
static uint32_t packetization_mode_of(const struct ph_sdp_format *format) {
    struct ph_slice text = ph_sdp_parameter(format->fmtp, "packetization-mode");
    uint32_t mode = 0;
    return text.size && !ph_sdp_number(text, 2, &mode) ? 2 : mode;
}

/* H.265 over several streams cannot be put together (RFC 7798 section 7.1). */
static bool single_stream(const struct ph_sdp_format *format) {
    struct ph_slice mode = ph_sdp_parameter(format->fmtp, "tx-mode");
    return !mode.size || ph_sdp_is_caseless(mode, "SRST");
}

static int rank_of(const struct ph_sdp_format *format, enum ph_codec codec) {
    int rank = known[codec].rank;
    if (codec == PH_CODEC_H264) {
        uint32_t mode = packetization_mode_of(format);
        return mode > 1 ? worst_rank : rank + (mode == 0);
    }
    if (codec == PH_CODEC_H265 && !single_stream(format))
        return worst_rank;
    return rank;
}

/* The m-line's next payload type, in its order; -1 at the end. */
static int next_payload_type(struct ph_slice *formats) {
    while (formats->size) {
        uint32_t number;
        if (ph_sdp_number(ph_sdp_word(formats), PH_SDP_PAYLOAD_TYPES - 1, &number))
            return (int)number;
    }
    return -1;
}

/* What an answer says of the level: RFC 6184 section 8.2.2 lets each side name its own when both allow it,
 * and some encoders keep to what the answer says. Texts that are not three bytes are repeated as they are. */
static void choose_level(const struct ph_sdp_format *format, struct ph_negotiated_media *media) {
    static const char highest[] = "33"; /* 5.1 */
    struct ph_slice text = ph_sdp_parameter(format->fmtp, "profile-level-id");
    struct ph_slice asymmetric = ph_sdp_parameter(format->fmtp, "level-asymmetry-allowed");
    if (!ph_sdp_copy_token(text, media->profile_level_id, sizeof(media->profile_level_id)))
        return;
    static const char digits[] = "0123456789abcdefABCDEF";
    char *id = media->profile_level_id;
    if (strspn(id, digits) != strlen(id))
        id[0] = '\0';
    else if (strlen(id) == 6 && ph_sdp_is(asymmetric, "1") && strcmp(id + 4, highest) < 0)
        memcpy(id + 4, highest, 2);
    media->level_asymmetry = ph_sdp_is(asymmetric, "1");
}

static void copy_fmtp(struct ph_slice fmtp, char *target) {
    target[0] = '\0';
    if (fmtp.size > PH_SDP_MOST_FMTP)
        return;
    for (size_t i = 0; i < fmtp.size; i++)
        if (fmtp.data[i] < 0x20 || fmtp.data[i] > 0x7E)
            return;
    if (fmtp.size)
        memcpy(target, fmtp.data, fmtp.size);
    target[fmtp.size] = '\0';
}

/* True when `fmtp` of a RED format names our payload type as its primary coding (RFC 2198 section 5); without
 * one it may carry any. */
static bool red_carries(struct ph_slice fmtp, int payload_type) {
    uint32_t number;
    struct ph_slice first = ph_sdp_until(&fmtp, '/');
    return !first.size || (ph_sdp_number(first, 127, &number) && (int)number == payload_type);
}

/* Payload types that repeat or protect the chosen one. */
static void choose_companions(const struct ph_sdp_section *section, struct ph_negotiated_media *media) {
    struct ph_slice formats = section->formats;
    for (int i; (i = next_payload_type(&formats)) >= 0;) {
        const struct ph_sdp_format *format = &section->payload_types[i];
        uint32_t associated;
        if (format->clock_rate != media->clock_rate)
            continue;
        if (ph_sdp_is_caseless(format->encoding, "rtx") && media->rtx_payload_type < 0 &&
            ph_sdp_number(ph_sdp_parameter(format->fmtp, "apt"), 127, &associated) &&
            (int)associated == media->payload_type)
            media->rtx_payload_type = i;
        if (ph_sdp_is_caseless(format->encoding, "red") && media->red_payload_type < 0 &&
            red_carries(format->fmtp, media->payload_type))
            media->red_payload_type = i;
        if (ph_sdp_is_caseless(format->encoding, "ulpfec") && media->ulpfec_payload_type < 0)
            media->ulpfec_payload_type = i;
    }
}

bool ph_codec_choose(
    const struct ph_sdp_section *section, unsigned codecs, struct ph_negotiated_media *media) {
    struct ph_slice formats = section->formats;
    int best_rank = worst_rank;
    for (int i; (i = next_payload_type(&formats)) >= 0;) {
        enum ph_codec codec = codec_of(&section->payload_types[i], media->is_video);
        if (codec == PH_CODEC_NONE || !(codecs & PH_CODEC_BIT(codec)))
            continue;
        int rank = rank_of(&section->payload_types[i], codec);
        if (rank >= best_rank)
            continue;
        best_rank = rank;
        media->codec = codec;
        media->payload_type = i;
    }
    if (best_rank == worst_rank)
        return false;
    const struct ph_sdp_format *format = &section->payload_types[media->payload_type];
    media->clock_rate = format->clock_rate;
    media->channels = media->is_video ? 0 : format->channels;
    media->feedback = format->feedback | section->any_feedback;
    copy_fmtp(format->fmtp, media->fmtp);
    if (media->codec == PH_CODEC_H264) {
        media->packetization_mode = (uint8_t)packetization_mode_of(format);
        choose_level(format, media);
    }
    choose_companions(section, media);
    return true;
}
