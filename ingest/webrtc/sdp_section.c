#include "ingest/webrtc/sdp_section.h"

#include <string.h>

#include "ingest/webrtc/sdp_text.h"

void ph_sdp_section_init(struct ph_sdp_section *section) {
    memset(section, 0, sizeof(*section));
}

bool ph_sdp_section_begin(struct ph_sdp_section *section, struct ph_slice media_line) {
    ph_sdp_section_init(section);
    struct ph_slice rest = media_line;
    section->type = ph_sdp_word(&rest);
    struct ph_slice ports = ph_sdp_word(&rest);
    section->protocol = ph_sdp_word(&rest);
    section->formats = ph_sdp_trim(rest);
    return ph_sdp_number(ph_sdp_until(&ports, '/'), UINT16_MAX, &section->port) && section->formats.size > 0;
}

static struct ph_sdp_format *payload_type(struct ph_sdp_section *section, struct ph_slice number) {
    uint32_t value;
    bool fits = ph_sdp_number(number, PH_SDP_PAYLOAD_TYPES - 1, &value);
    return fits ? &section->payload_types[value] : NULL;
}

static void take_rtpmap(struct ph_sdp_section *section, struct ph_slice value) {
    struct ph_sdp_format *format = payload_type(section, ph_sdp_word(&value));
    if (!format || format->encoding.size)
        return;
    struct ph_slice encoding = ph_sdp_until(&value, '/');
    if (!ph_sdp_number(ph_sdp_trim(ph_sdp_until(&value, '/')), 1000000, &format->clock_rate))
        return;
    if (!value.size || !ph_sdp_number(ph_sdp_trim(value), 255, &format->channels))
        format->channels = 1;
    format->encoding = encoding;
}

static void take_fmtp(struct ph_sdp_section *section, struct ph_slice value) {
    struct ph_sdp_format *format = payload_type(section, ph_sdp_word(&value));
    if (format && !format->fmtp.size)
        format->fmtp = ph_sdp_trim(value);
}

static unsigned feedback_of(struct ph_slice value) {
    value = ph_sdp_trim(value);
    if (ph_sdp_is_caseless(value, "nack"))
        return PH_FEEDBACK_NACK;
    if (ph_sdp_is_caseless(value, "nack pli"))
        return PH_FEEDBACK_PLI;
    if (ph_sdp_is_caseless(value, "transport-cc"))
        return PH_FEEDBACK_TRANSPORT_CC;
    return ph_sdp_is_caseless(value, "goog-remb") ? PH_FEEDBACK_REMB : 0;
}

static void take_feedback(struct ph_sdp_section *section, struct ph_slice value) {
    struct ph_slice number = ph_sdp_word(&value);
    struct ph_sdp_format *format = payload_type(section, number);
    if (ph_sdp_is(number, "*"))
        section->any_feedback |= feedback_of(value);
    else if (format)
        format->feedback |= feedback_of(value);
}

/* a=extmap:<id>[/<direction>] <uri> (RFC 8285 section 8). */
static void take_extmap(struct ph_sdp_section *section, struct ph_slice value) {
    static const struct {
        const char *uri;
        size_t place;
    } known[] = {
        {"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            offsetof(struct ph_extension_ids, transport_cc)},
        {"urn:ietf:params:rtp-hdrext:sdes:mid", offsetof(struct ph_extension_ids, mid)},
        {"urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", offsetof(struct ph_extension_ids, rid)},
        {"urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            offsetof(struct ph_extension_ids, repaired_rid)},
        {"http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            offsetof(struct ph_extension_ids, absolute_send_time)},
    };
    struct ph_slice number = ph_sdp_word(&value), uri = ph_sdp_word(&value);
    uint32_t id;
    if (!ph_sdp_number(ph_sdp_until(&number, '/'), 255, &id))
        return;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint8_t *place = (uint8_t *)&section->extensions + known[i].place;
        if (ph_sdp_is(uri, known[i].uri) && !*place)
            *place = (uint8_t)id;
    }
}

static int hexadecimal(uint8_t digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* "AB:CD:…" of exactly `size` bytes. */
static bool octets_read(struct ph_slice text, uint8_t *bytes, size_t size) {
    if (text.size != size * 3 - 1)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = hexadecimal(text.data[3 * i]), low = hexadecimal(text.data[3 * i + 1]);
        if (high < 0 || low < 0 || (i + 1 < size && text.data[3 * i + 2] != ':'))
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void take_fingerprint(struct ph_sdp_section *section, struct ph_slice value) {
    static const struct {
        const char *name;
        uint8_t size;
    } hashes[] = {
        [PH_FINGERPRINT_SHA256] = {"sha-256", 32},
        [PH_FINGERPRINT_SHA384] = {"sha-384", 48},
        [PH_FINGERPRINT_SHA512] = {"sha-512", 64},
    };
    if (section->fingerprint_count == PH_SDP_MOST_FINGERPRINTS)
        return;
    struct ph_slice name = ph_sdp_word(&value), octets = ph_sdp_word(&value);
    struct ph_fingerprint *fingerprint = &section->fingerprints[section->fingerprint_count];
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        if (!ph_sdp_is_caseless(name, hashes[i].name) ||
            !octets_read(octets, fingerprint->bytes, hashes[i].size))
            continue;
        fingerprint->hash = (enum ph_fingerprint_hash)i;
        fingerprint->size = hashes[i].size;
        section->fingerprint_count++;
        return;
    }
}

static void take_setup(struct ph_sdp_section *section, struct ph_slice value) {
    value = ph_sdp_trim(value);
    section->setup = ph_sdp_is_caseless(value, "actpass")   ? PH_SDP_ACTPASS
                     : ph_sdp_is_caseless(value, "active")  ? PH_SDP_ACTIVE
                     : ph_sdp_is_caseless(value, "passive") ? PH_SDP_PASSIVE
                                                            : PH_SDP_SETUP_UNSET;
}

static void take_ssrc(struct ph_sdp_section *section, struct ph_slice value) {
    uint32_t ssrc;
    if (!ph_sdp_number(ph_sdp_word(&value), UINT32_MAX, &ssrc) || section->ssrc_count == PH_SDP_MOST_SSRCS)
        return;
    for (size_t i = 0; i < section->ssrc_count; i++)
        if (section->ssrcs[i] == ssrc)
            return;
    section->ssrcs[section->ssrc_count++] = ssrc;
}

static void take_ssrc_group(struct ph_sdp_section *section, struct ph_slice value) {
    struct ph_slice semantics = ph_sdp_word(&value);
    uint32_t primary, other;
    if (ph_sdp_is(semantics, "FID")) {
        if (section->pair_count == PH_SDP_MOST_SSRCS ||
            !ph_sdp_number(ph_sdp_word(&value), UINT32_MAX, &primary) ||
            !ph_sdp_number(ph_sdp_word(&value), UINT32_MAX, &other))
            return;
        section->pairs[section->pair_count].primary = primary;
        section->pairs[section->pair_count++].rtx = other;
    } else if (ph_sdp_is(semantics, "SIM")) {
        while (value.size && ph_sdp_number(ph_sdp_word(&value), UINT32_MAX, &other))
            section->last_simulcast_ssrc = other;
    }
}

/* a=rid:<id> send [<restriction>=<number>;…] (RFC 8851 section 4). */
static void take_rid(struct ph_sdp_section *section, struct ph_slice value) {
    struct ph_slice id = ph_sdp_word(&value), direction = ph_sdp_word(&value);
    if (!ph_sdp_is(direction, "send") || section->rid_count == PH_SDP_MOST_RIDS)
        return;
    struct ph_sdp_rid *rid = &section->rids[section->rid_count++];
    *rid = (struct ph_sdp_rid){.id = id};
    while (value.size) {
        struct ph_slice restriction = ph_sdp_trim(ph_sdp_until(&value, ';'));
        struct ph_slice name = ph_sdp_until(&restriction, '=');
        uint32_t number;
        bool compares = ph_sdp_is(name, "max-width") || ph_sdp_is(name, "max-height") ||
                        ph_sdp_is(name, "max-br") || ph_sdp_is(name, "max-fs") || ph_sdp_is(name, "max-pps");
        if (compares && ph_sdp_number(restriction, UINT32_MAX, &number) && number > rid->size)
            rid->size = number;
        if (ph_sdp_is(name, "pt"))
            rid->formats = restriction;
    }
}

static void take_group(struct ph_sdp_section *section, struct ph_slice value) {
    if (ph_sdp_is(ph_sdp_word(&value), "BUNDLE") && !section->bundle) {
        section->bundle = true;
        section->bundled = value;
    }
}

static void keep_first(struct ph_slice *place, struct ph_slice value) {
    value = ph_sdp_trim(value);
    if (!place->size)
        *place = value;
}

/* Attributes that are a word alone. */
static bool take_flag(struct ph_sdp_section *section, struct ph_slice name) {
    static const char *const directions[] = {
        [PH_SDP_SENDRECV] = "sendrecv",
        [PH_SDP_SENDONLY] = "sendonly",
        [PH_SDP_RECVONLY] = "recvonly",
        [PH_SDP_INACTIVE] = "inactive",
    };
    for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++)
        if (ph_sdp_is(name, directions[i]))
            section->direction = (enum ph_sdp_direction)i;
    const struct {
        const char *name;
        bool *place;
    } flags[] = {{"ice-lite", &section->ice_lite}, {"rtcp-mux", &section->rtcp_mux},
        {"rtcp-mux-only", &section->rtcp_mux}, {"rtcp-rsize", &section->reduced_size},
        {"bundle-only", &section->bundle_only}, {"extmap-allow-mixed", &section->extmap_mixed}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (!ph_sdp_is(name, flags[i].name))
            continue;
        *flags[i].place = true;
        return true;
    }
    return false;
}

void ph_sdp_section_attribute(struct ph_sdp_section *section, struct ph_slice attribute) {
    static const struct {
        const char *name;
        void (*take)(struct ph_sdp_section *section, struct ph_slice value);
    } takers[] = {
        {"rtpmap", take_rtpmap},
        {"fmtp", take_fmtp},
        {"rtcp-fb", take_feedback},
        {"extmap", take_extmap},
        {"fingerprint", take_fingerprint},
        {"setup", take_setup},
        {"ssrc", take_ssrc},
        {"ssrc-group", take_ssrc_group},
        {"rid", take_rid},
        {"group", take_group},
    };
    struct ph_slice value = attribute, name = ph_sdp_until(&value, ':');
    const struct {
        const char *name;
        struct ph_slice *place;
    } texts[] = {{"mid", &section->mid}, {"simulcast", &section->simulcast}, {"ice-ufrag", &section->ufrag},
        {"ice-pwd", &section->pwd}};
    if (take_flag(section, ph_sdp_trim(name)))
        return;
    for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++)
        if (ph_sdp_is(name, takers[i].name))
            takers[i].take(section, value);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (ph_sdp_is(name, texts[i].name))
            keep_first(texts[i].place, value);
}
