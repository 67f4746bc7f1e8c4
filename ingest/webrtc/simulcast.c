#include "ingest/webrtc/simulcast.h"

#include "ingest/webrtc/sdp_text.h"

/* Names that applications give to encodings, the largest first. "h" is the half beside "f" and the high one
 * without. */
static const char *const names[] = {"f", "full", "hi", "high", "h", "half", "mid", "medium", "m"};
enum { name_count = sizeof(names) / sizeof(names[0]) };

/* The sent list of "send a;b,c;~d recv …"; of alternatives the first. */
static struct ph_slice sent_list(struct ph_slice simulcast) {
    while (simulcast.size) {
        struct ph_slice direction = ph_sdp_word(&simulcast), list = ph_sdp_word(&simulcast);
        if (ph_sdp_is(direction, "send"))
            return list;
    }
    return simulcast;
}

static struct ph_slice next_id(struct ph_slice *list) {
    struct ph_slice alternatives = ph_sdp_until(list, ';');
    struct ph_slice id = ph_sdp_until(&alternatives, ',');
    if (id.size && id.data[0] == '~')
        id = (struct ph_slice){id.data + 1, id.size - 1};
    return id;
}

static bool same(struct ph_slice a, struct ph_slice b) {
    char text[PH_SDP_MOST_TOKEN + 1];
    return ph_sdp_copy_token(b, text, sizeof(text)) && ph_sdp_is(a, text);
}

static bool is_sent_as(const struct ph_sdp_rid *rid, int payload_type) {
    struct ph_slice formats = rid->formats;
    uint32_t format;
    while (formats.size) {
        if (ph_sdp_number(ph_sdp_until(&formats, ','), 127, &format) && (int)format == payload_type)
            return true;
    }
    return !rid->formats.size;
}

/* The m-line's rid of this name; NULL: not described, so not sent. */
static const struct ph_sdp_rid *rid_named(const struct ph_sdp_section *section, struct ph_slice id) {
    for (size_t i = 0; i < section->rid_count; i++)
        if (same(section->rids[i].id, id))
            return &section->rids[i];
    return NULL;
}

static int name_rank(struct ph_slice id) {
    for (int i = 0; i < name_count; i++)
        if (ph_sdp_is_caseless(id, names[i]))
            return i;
    return name_count;
}

void ph_simulcast_choose(
    const struct ph_sdp_section *section, int payload_type, char rid[PH_SDP_MOST_TOKEN + 1]) {
    const struct ph_sdp_rid *best = NULL;
    struct ph_slice list = sent_list(section->simulcast);
    rid[0] = '\0';
    while (list.size) {
        const struct ph_sdp_rid *candidate = rid_named(section, next_id(&list));
        if (!candidate || !is_sent_as(candidate, payload_type))
            continue;
        bool larger = best && candidate->size > best->size;
        bool named_larger =
            best && candidate->size == best->size && name_rank(candidate->id) < name_rank(best->id);
        if (!best || larger || named_larger)
            best = candidate;
    }
    if (!best && section->rid_count && is_sent_as(&section->rids[0], payload_type))
        best = &section->rids[0]; /* one encoding that carries a name */
    if (best && !ph_sdp_copy_token(best->id, rid, PH_SDP_MOST_TOKEN + 1))
        rid[0] = '\0';
}
