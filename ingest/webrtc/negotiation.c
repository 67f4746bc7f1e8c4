#include "ingest/webrtc/negotiation.h"

#include <string.h>

#include "core/base/cursor.h"
#include "ingest/webrtc/codec_choice.h"
#include "ingest/webrtc/sdp_section.h"
#include "ingest/webrtc/sdp_text.h"
#include "ingest/webrtc/simulcast.h"

struct offer {
    struct ph_cursor text;
    struct ph_slice next_media; /* value of the m-line that ended the last section; empty at the end */
    size_t lines;
    struct ph_sdp_section session;   /* what is said for all */
    struct ph_sdp_section section;   /* the m-section at hand */
    struct ph_sdp_section transport; /* the first m-section of the bundle that describes one */
    unsigned codecs;
    struct ph_negotiation *negotiation;
    struct ph_error *error;
};

static int not_taken(const struct offer *offer, const char *sentence) {
    return ph_error_set(offer->error, -ENOTSUP, "%s", sentence);
}

static int not_sdp(const struct offer *offer, const char *sentence) {
    return ph_error_set(offer->error, PH_INVALID_DATA, "%s", sentence);
}

static void take_candidate(struct ph_negotiation *negotiation, struct ph_slice attribute) {
    if (!ph_sdp_starts(attribute, "candidate:") || negotiation->candidate_count == PH_ICE_MOST_CANDIDATES)
        return;
    (void)ph_sdp_until(&attribute, ':');
    if (ph_ice_candidate_parse(attribute, &negotiation->candidates[negotiation->candidate_count]))
        negotiation->candidate_count++;
}

/* Reads lines into `section` up to the next m-line or the end. */
static int read_section(struct offer *offer, struct ph_sdp_section *section) {
    struct ph_slice line;
    offer->next_media = (struct ph_slice){0};
    while (ph_sdp_line(&offer->text, &line)) {
        if (++offer->lines > PH_SDP_MOST_LINES)
            return not_sdp(offer, "The offer has too many lines.");
        if (line.size < 2 || line.data[1] != '=')
            return ph_error_set(offer->error, PH_INVALID_DATA,
                "Line %zu of the offer is not SDP: every line is a letter, '=' and a value.", offer->lines);
        struct ph_slice value = {line.data + 2, line.size - 2};
        if (line.data[0] == 'm') {
            offer->next_media = value;
            return 0;
        }
        if (line.data[0] == 'a') {
            ph_sdp_section_attribute(section, value);
            take_candidate(offer->negotiation, value);
        }
    }
    return 0;
}

static int read_session(struct offer *offer, struct ph_slice text) {
    struct ph_slice version;
    if (text.size > PH_SDP_MOST_BYTES)
        return not_sdp(offer, "The offer is longer than 64 KiB.");
    offer->text = ph_cursor_init(text);
    if (!ph_sdp_line(&offer->text, &version) || !ph_sdp_is(version, "v=0"))
        return not_sdp(offer, "The body is not an SDP offer: its first line has to be v=0.");
    offer->lines = 1;
    ph_sdp_section_init(&offer->session);
    int code = read_section(offer, &offer->session);
    if (code)
        return code;
    if (offer->session.ice_lite)
        return not_taken(
            offer, "The offer says a=ice-lite, and the server is lite too: publish with a full ICE agent.");
    if (!offer->next_media.data)
        return not_taken(
            offer, "The offer has no m-line: add a track with a camera, a screen or a microphone.");
    offer->negotiation->bundle = offer->session.bundle;
    offer->negotiation->extmap_mixed = offer->session.extmap_mixed;
    return 0;
}

static bool is_bundled(const struct offer *offer, struct ph_slice mid) {
    struct ph_slice mids = offer->session.bundled;
    while (mids.size) {
        struct ph_slice bundled = ph_sdp_word(&mids);
        if (bundled.size == mid.size && mid.size && memcmp(bundled.data, mid.data, mid.size) == 0)
            return true;
    }
    return false;
}

static bool is_rtp_over_dtls(struct ph_slice protocol) {
    static const char *const profiles[] = {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF",
        "TCP/DTLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"};
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
        if (ph_sdp_is(protocol, profiles[i]))
            return true;
    return false;
}

/* Why the m-section at hand brings no sound or picture that anybody would miss; NULL when it does. */
static const char *idleness(const struct ph_sdp_section *section) {
    if (!ph_sdp_is(section->type, "video") && !ph_sdp_is(section->type, "audio"))
        return "only audio and video are taken";
    if (section->port == 0 && !section->bundle_only)
        return "its port is 0, so the offer itself rejects it";
    if (section->direction == PH_SDP_RECVONLY || section->direction == PH_SDP_INACTIVE)
        return "it sends nothing: its direction has to be sendonly or sendrecv";
    return NULL;
}

/* Why the m-section at hand cannot be taken, whatever its codecs; NULL when nothing stands against it. */
static const char *objection(const struct offer *offer) {
    const struct ph_sdp_section *section = &offer->section;
    const struct ph_negotiation *negotiation = offer->negotiation;
    if (!is_rtp_over_dtls(section->protocol))
        return "its protocol has to be UDP/TLS/RTP/SAVPF";
    if (ph_sdp_is(section->type, "video") ? negotiation->video >= 0 : negotiation->audio >= 0)
        return "one m-line of its type is taken already: mix or choose before publishing";
    if (offer->session.bundle && !is_bundled(offer, section->mid))
        return "it is not in a=group:BUNDLE";
    if (!offer->session.bundle && (negotiation->video >= 0 || negotiation->audio >= 0))
        return "without a=group:BUNDLE one m-line is taken";
    return section->rtcp_mux || offer->session.rtcp_mux ? NULL : "it lacks a=rtcp-mux";
}

/* Ids of the m-section at hand (or of the session), as far as they agree with the other m-lines. */
static void take_extensions(const struct offer *offer, struct ph_extension_ids *ids) {
    const uint8_t *here = (const uint8_t *)&offer->section.extensions;
    const uint8_t *session = (const uint8_t *)&offer->session.extensions;
    uint8_t *of_all = (uint8_t *)&offer->negotiation->extensions, *target = (uint8_t *)ids;
    _Static_assert(sizeof(struct ph_extension_ids) == 5, "extension ids are an array of bytes");
    for (size_t i = 0; i < sizeof(*ids); i++) {
        uint8_t id = here[i] ? here[i] : session[i];
        if (!of_all[i])
            of_all[i] = id;
        target[i] = of_all[i] == id ? id : 0;
    }
}

static void take_streams(const struct offer *offer, struct ph_negotiated_media *media) {
    const struct ph_sdp_section *section = &offer->section;
    if (section->last_simulcast_ssrc)
        media->ssrc = section->last_simulcast_ssrc;
    else if (section->ssrc_count)
        media->ssrc = section->ssrcs[0];
    for (size_t i = 0; i < section->pair_count; i++)
        if (section->pairs[i].primary == media->ssrc && media->ssrc)
            media->rtx_ssrc = section->pairs[i].rtx;
}

/* Sound without its picture would pass for success: the whole offer is refused (RFC 9725 section 4.4.3). */
static int refuse(const struct offer *offer, const char *why) {
    char type[PH_SDP_MOST_TOKEN + 1];
    if (!ph_sdp_copy_token(offer->section.type, type, sizeof(type)))
        type[0] = '\0';
    return ph_error_set(offer->error, -ENOTSUP, "M-line %zu of the offer, %s, cannot be taken: %s.",
        offer->negotiation->media_count + 1, type, why);
}

/* Fills in what the m-section at hand says. */
static int judge(struct offer *offer, struct ph_negotiated_media *media) {
    media->is_video = ph_sdp_is(offer->section.type, "video");
    media->rejection = idleness(&offer->section);
    if (media->rejection)
        return 0;
    const char *why = objection(offer);
    if (why)
        return refuse(offer, why);
    if (!ph_codec_choose(&offer->section, offer->codecs, media))
        return refuse(offer, media->is_video
                                 ? "it offers no video codec that is carried: H264, VP8, VP9, H265 or AV1"
                                 : "it offers no audio codec that is carried: opus/48000/2");
    media->accepted = true;
    media->reduced_size = offer->section.reduced_size;
    take_extensions(offer, &media->extensions);
    take_streams(offer, media);
    if (!media->extensions.transport_cc)
        media->feedback &= ~(unsigned)PH_FEEDBACK_TRANSPORT_CC;
    if (!(media->feedback & PH_FEEDBACK_NACK))
        media->rtx_payload_type = PH_NO_PAYLOAD_TYPE;
    if (media->is_video)
        ph_simulcast_choose(&offer->section, media->payload_type, media->rid);
    return 0;
}

static bool is_mid_taken(const struct ph_negotiation *negotiation, const char *mid) {
    for (size_t i = 0; *mid && i < negotiation->media_count; i++)
        if (strcmp(negotiation->media[i].mid, mid) == 0)
            return true;
    return false;
}

static int read_media(struct offer *offer) {
    struct ph_negotiation *negotiation = offer->negotiation;
    if (negotiation->media_count == PH_SDP_MOST_MEDIA)
        return not_sdp(offer, "The offer has more than 16 m-lines: offer one for video and one for audio.");
    struct ph_negotiated_media *media = &negotiation->media[negotiation->media_count];
    media->payload_type = media->rtx_payload_type = PH_NO_PAYLOAD_TYPE;
    media->red_payload_type = media->ulpfec_payload_type = PH_NO_PAYLOAD_TYPE;
    struct ph_slice formats;
    bool fits = ph_sdp_section_begin(&offer->section, offer->next_media);
    formats = offer->section.formats;
    if (!fits || !ph_sdp_copy_token(offer->section.type, media->type, sizeof(media->type)) ||
        !ph_sdp_copy_token(offer->section.protocol, media->protocol, sizeof(media->protocol)) ||
        !ph_sdp_copy_token(ph_sdp_word(&formats), media->format, sizeof(media->format)))
        return not_sdp(offer, "An m-line of the offer is malformed.");
    int code = read_section(offer, &offer->section);
    if (code)
        return code;
    if (offer->section.mid.size && !ph_sdp_copy_token(offer->section.mid, media->mid, sizeof(media->mid)))
        return not_sdp(offer, "An a=mid of the offer is malformed or longer than 32 characters.");
    if (is_mid_taken(negotiation, media->mid))
        return not_sdp(offer, "Two m-lines of the offer have the same a=mid.");
    code = judge(offer, media);
    if (code)
        return code;
    if (media->accepted)
        *(media->is_video ? &negotiation->video : &negotiation->audio) = (int)negotiation->media_count;
    bool same_transport = offer->session.bundle ? is_bundled(offer, offer->section.mid) : media->accepted;
    if (same_transport && !offer->transport.ufrag.size && offer->section.ufrag.size)
        offer->transport = offer->section;
    negotiation->media_count++;
    return 0;
}

static int take_credentials(struct offer *offer) {
    struct ph_negotiation *negotiation = offer->negotiation;
    const struct ph_sdp_section *own = &offer->transport, *session = &offer->session;
    const struct ph_sdp_section *ice = own->ufrag.size ? own : session;
    if (!ice->ufrag.size || !ice->pwd.size)
        return not_taken(offer, "The offer has no a=ice-ufrag and a=ice-pwd.");
    if (!ph_sdp_copy_token(ice->ufrag, negotiation->ufrag, sizeof(negotiation->ufrag)) ||
        !ph_sdp_copy_token(ice->pwd, negotiation->pwd, sizeof(negotiation->pwd)) ||
        ice->ufrag.size < PH_ICE_LEAST_UFRAG || ice->pwd.size < PH_ICE_LEAST_PWD ||
        memchr(ice->ufrag.data, ':', ice->ufrag.size))
        return not_sdp(offer, "The offer's a=ice-ufrag takes 4 to 256 characters, a=ice-pwd 22 to 256.");
    return 0;
}

static int take_transport(struct offer *offer) {
    struct ph_negotiation *negotiation = offer->negotiation;
    const struct ph_sdp_section *own = &offer->transport, *session = &offer->session;
    int code = take_credentials(offer);
    if (code)
        return code;
    const struct ph_sdp_section *dtls = own->fingerprint_count ? own : session;
    if (!dtls->fingerprint_count)
        return not_taken(offer,
            "The offer has no a=fingerprint with sha-256, sha-384 or sha-512: media has to come over DTLS.");
    memcpy(negotiation->fingerprints, dtls->fingerprints, sizeof(negotiation->fingerprints));
    negotiation->fingerprint_count = dtls->fingerprint_count;
    enum ph_sdp_setup setup = own->setup ? own->setup : session->setup;
    negotiation->dtls_client = setup == PH_SDP_PASSIVE;
    return 0;
}

/* Nothing is sent: the first audio or video m-line's reason helps most. */
static int explain(const struct offer *offer) {
    const struct ph_negotiation *negotiation = offer->negotiation;
    const struct ph_negotiated_media *media = &negotiation->media[0];
    for (size_t i = 0; i < negotiation->media_count; i++) {
        media = &negotiation->media[i];
        if (strcmp(media->type, "video") == 0 || strcmp(media->type, "audio") == 0)
            break;
    }
    return ph_error_set(offer->error, -ENOTSUP,
        "No m-line of the offer can be taken. The one of type %s: %s.", media->type, media->rejection);
}

int ph_negotiation_parse(
    struct ph_slice text, unsigned codecs, struct ph_negotiation *negotiation, struct ph_error *error) {
    memset(negotiation, 0, sizeof(*negotiation));
    negotiation->video = negotiation->audio = -1;
    struct offer offer = {.codecs = codecs, .negotiation = negotiation, .error = error};
    int code = read_session(&offer, text);
    while (code == 0 && offer.next_media.data)
        code = read_media(&offer);
    if (code)
        return code;
    if (negotiation->video < 0 && negotiation->audio < 0)
        return explain(&offer);
    return take_transport(&offer);
}
