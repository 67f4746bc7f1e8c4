#include "ingest/webrtc/sdpfrag.h"

#include <string.h>

#include "core/base/cursor.h"
#include "ingest/webrtc/sdp_text.h"

/* ICE's credentials may stand at session level and again under each m-line, always the same ones. */
static bool keep_same(struct ph_slice value, char target[PH_ICE_MOST_TEXT + 1]) {
    value = ph_sdp_trim(value);
    return *target ? ph_sdp_is(value, target) : ph_sdp_copy_token(value, target, PH_ICE_MOST_TEXT + 1);
}

static void take_candidate(struct ph_sdpfrag *fragment, struct ph_slice value) {
    if (fragment->candidate_count < PH_ICE_MOST_CANDIDATES &&
        ph_ice_candidate_parse(value, &fragment->candidates[fragment->candidate_count]))
        fragment->candidate_count++;
}

static bool take_attribute(struct ph_sdpfrag *fragment, struct ph_slice value) {
    struct ph_slice name = ph_sdp_until(&value, ':');
    if (ph_sdp_is(name, "ice-ufrag"))
        return keep_same(value, fragment->ufrag);
    if (ph_sdp_is(name, "ice-pwd"))
        return keep_same(value, fragment->pwd);
    if (ph_sdp_is(name, "candidate"))
        take_candidate(fragment, value);
    if (ph_sdp_is(name, "end-of-candidates"))
        fragment->end_of_candidates = true;
    return true;
}

static bool credentials_fit(const struct ph_sdpfrag *fragment) {
    size_t ufrag = strlen(fragment->ufrag), pwd = strlen(fragment->pwd);
    if (!ufrag && !pwd)
        return true;
    return ufrag >= PH_ICE_LEAST_UFRAG && pwd >= PH_ICE_LEAST_PWD && !strchr(fragment->ufrag, ':');
}

int ph_sdpfrag_parse(struct ph_slice text, struct ph_sdpfrag *fragment, struct ph_error *error) {
    memset(fragment, 0, sizeof(*fragment));
    if (text.size > PH_SDPFRAG_MOST_BYTES)
        return ph_error_set(error, PH_INVALID_DATA, "The fragment is longer than 16 KiB.");
    struct ph_cursor cursor = ph_cursor_init(text);
    struct ph_slice line;
    while (ph_sdp_line(&cursor, &line)) {
        if (line.size < 2 || line.data[1] != '=')
            return ph_error_set(error, PH_INVALID_DATA,
                "The body is not a trickle-ice-sdpfrag: every line is a letter, '=' and a value.");
        if (line.data[0] == 'a' && !take_attribute(fragment, (struct ph_slice){line.data + 2, line.size - 2}))
            return ph_error_set(error, PH_INVALID_DATA,
                "The fragment names two different a=ice-ufrag or a=ice-pwd, or one that is malformed.");
    }
    if (!credentials_fit(fragment))
        return ph_error_set(error, PH_INVALID_DATA,
            "The fragment's a=ice-ufrag takes 4 to 256 characters and goes with an a=ice-pwd of 22 to 256.");
    return 0;
}

void ph_sdpfrag_answer_write(struct ph_builder *builder, const struct ph_negotiation *negotiation,
    const struct ph_local_transport *local) {
    int place = negotiation->video >= 0 && (negotiation->audio < 0 || negotiation->video < negotiation->audio)
                    ? negotiation->video
                    : negotiation->audio;
    const struct ph_negotiated_media *media = &negotiation->media[place];
    ph_builder_format(builder,
        "a=ice-lite\r\na=ice-options:trickle ice2\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", local->ufrag,
        local->pwd);
    ph_builder_format(builder, "m=%s 9 %s %d\r\n", media->type, media->protocol, media->payload_type);
    if (*media->mid)
        ph_builder_format(builder, "a=mid:%s\r\n", media->mid);
    for (size_t i = 0; i < local->candidate_count; i++)
        ph_ice_candidate_write(builder, &local->candidates[i]);
    ph_builder_text(builder, "a=end-of-candidates\r\n");
}
