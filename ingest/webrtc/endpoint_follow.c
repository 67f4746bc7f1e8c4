/* A publisher whose address changed under it: another network, or a NAT that forgot its binding. Its next
 * check is seconds away (RFC 7675 allows 30), and the picture would stand still until then. So media
 * from an unknown address is tried with the keys of the connection that its SSRC belongs to, and vouches for
 * the address if it holds. Whose an SSRC is tells authentic media, and before there was any the offer.
 *
 * Why that is enough to send feedback there before a check came:
 *   - Nobody but the publisher makes such a packet, and none counts twice: replays do not open. Whoever wants
 *     to send our feedback elsewhere has to take packets off the publisher's way and be here before them,
 *     and can do so for as long as that goes on: each packet by the publisher's own path selects that again.
 *   - What is sent is feedback: less than what the packets that draw it weigh. Nothing is amplified.
 *   - It gives the publisher no more time. A check does, or media by an address that a check came from, and
 *     without either for 30 s the connection ends.
 *   - A forgery changes nothing and costs one look-up, or one authentication for as many as
 *     `most_tries` a second: a flood of them delays whoever really moves until its check, and nobody else.
 *
 * From UDP to UDP alone: a TCP connection has to prove itself by a check to be kept at all, and does not lose
 * its place to what somebody read on its way and sends by UDP. */
#define HASH_NONFATAL_OOM 1 /* an element that could not be added has no table */

#include "core/base/clock.h"
#include "ingest/webrtc/endpoint_internal.h"

enum { most_tries = 200 }; /* of strangers' packets, a second and connection */

static bool read_ssrc(struct ph_slice packet, uint32_t *ssrc) {
    bool is_rtcp = ph_webrtc_is_rtcp(packet);
    const uint8_t *at = packet.data + (is_rtcp ? 4 : 8);
    if (packet.size < (is_rtcp ? 8 : 12))
        return false;
    *ssrc = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return true;
}

static void unlist(struct ph_webrtc_ssrc *entry) {
    if (!entry->connection)
        return;
    HASH_DEL(entry->connection->endpoint->ssrcs, entry);
    *entry = (struct ph_webrtc_ssrc){0};
}

static void note(struct ph_webrtc_connection *connection, uint32_t ssrc) {
    for (int i = 0; i < PH_WEBRTC_MOST_SSRCS; i++) {
        if (connection->ssrcs[i].connection && connection->ssrcs[i].ssrc == ssrc)
            return;
    }
    /* The longest listed gives way: a publisher that begins its streams anew leaves the old ones behind. */
    struct ph_webrtc_ssrc *entry = &connection->ssrcs[connection->ssrc_turn];
    connection->ssrc_turn = (connection->ssrc_turn + 1) % PH_WEBRTC_MOST_SSRCS;
    unlist(entry);
    *entry = (struct ph_webrtc_ssrc){.ssrc = ssrc, .connection = connection};
    HASH_ADD(hh, connection->endpoint->ssrcs, ssrc, sizeof(entry->ssrc), entry);
    if (!entry->hh.tbl)
        *entry = (struct ph_webrtc_ssrc){0};
}

void ph_webrtc_note_ssrc(struct ph_webrtc_connection *connection, struct ph_slice packet) {
    uint32_t ssrc;
    if (read_ssrc(packet, &ssrc))
        note(connection, ssrc);
}

void ph_webrtc_note_announced_ssrcs(struct ph_webrtc_connection *connection) {
    const struct ph_negotiation *negotiation = &connection->negotiation;
    const int places[] = {negotiation->video, negotiation->audio};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (places[i] >= 0 && negotiation->media[places[i]].ssrc)
            note(connection, negotiation->media[places[i]].ssrc);
    }
}

void ph_webrtc_forget_ssrcs(struct ph_webrtc_connection *connection) {
    for (int i = 0; i < PH_WEBRTC_MOST_SSRCS; i++)
        unlist(&connection->ssrcs[i]);
}

static bool may_try(struct ph_webrtc_connection *connection, int64_t now_us) {
    if (now_us - connection->tries_since_us >= PH_SECOND_US) {
        connection->tries_since_us = now_us;
        connection->tries = 0;
    }
    if (connection->tries >= most_tries)
        return false;
    connection->tries++;
    return true;
}

static bool is_by_udp(const struct ph_webrtc_connection *connection) {
    const struct ph_ice_path *selected = ph_ice_agent_selected(&connection->ice);
    return selected && !selected->tcp;
}

/* Where publishers share an SSRC one of them is found; the others wait for their checks. */
static struct ph_webrtc_connection *find_owner(struct ph_webrtc_endpoint *endpoint, struct ph_slice packet) {
    uint32_t ssrc;
    struct ph_webrtc_ssrc *entry = NULL;
    if (read_ssrc(packet, &ssrc))
        HASH_FIND(hh, endpoint->ssrcs, &ssrc, sizeof(ssrc), entry);
    return entry && !entry->connection->over ? entry->connection : NULL;
}

bool ph_webrtc_follow(struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *from, uint8_t *packet,
    size_t size, int64_t now_us) {
    struct ph_webrtc_connection *connection =
        from->tcp ? NULL : find_owner(endpoint, (struct ph_slice){packet, size});
    size_t received = size;
    if (!connection || !is_by_udp(connection) || !may_try(connection, now_us) ||
        ph_webrtc_connection_unseal(connection, packet, &size))
        return false;
    connection->touched = true;
    ph_webrtc_list_path(connection, ph_ice_agent_follow(&connection->ice, from, now_us), from);
    ph_webrtc_connection_take(connection, (struct ph_slice){packet, size}, received, now_us);
    return true;
}
