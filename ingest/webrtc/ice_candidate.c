#include "ingest/webrtc/ice_candidate.h"

#include <arpa/inet.h>
#include <string.h>

#include "ingest/webrtc/sdp_text.h"

static const char *const type_names[] = {
    [PH_ICE_HOST] = "host",
    [PH_ICE_SERVER_REFLEXIVE] = "srflx",
    [PH_ICE_PEER_REFLEXIVE] = "prflx",
    [PH_ICE_RELAYED] = "relay",
};

static const char *const tcp_type_names[] = {
    [PH_ICE_UDP] = "",
    [PH_ICE_TCP_PASSIVE] = "passive",
    [PH_ICE_TCP_ACTIVE] = "active",
    [PH_ICE_TCP_SO] = "so",
};

/* The place of `text` in `names`, from `first` on; -1 when it is not there. */
static int place_of(struct ph_slice text, const char *const *names, int first, int count) {
    for (int i = first; i < count; i++)
        if (ph_sdp_is_caseless(text, names[i]))
            return i;
    return -1;
}

static bool address_fits(const char *address) {
    uint8_t numeric[16];
    size_t size = strlen(address);
    if (inet_pton(AF_INET, address, numeric) == 1 || inet_pton(AF_INET6, address, numeric) == 1)
        return true;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    return size > 6 && strcmp(address + size - 6, ".local") == 0 && strspn(address, letters) == size;
}

/* What follows "typ <type>": pairs of a name and a value, of which tcptype matters. */
static struct ph_slice tcp_type_of(struct ph_slice rest) {
    while (rest.size) {
        struct ph_slice name = ph_sdp_word(&rest), value = ph_sdp_word(&rest);
        if (ph_sdp_is_caseless(name, "tcptype"))
            return value;
    }
    return rest;
}

bool ph_ice_candidate_parse(struct ph_slice value, struct ph_ice_candidate *candidate) {
    *candidate = (struct ph_ice_candidate){0};
    struct ph_slice rest = value;
    struct ph_slice foundation = ph_sdp_word(&rest), component = ph_sdp_word(&rest);
    struct ph_slice transport = ph_sdp_word(&rest), priority = ph_sdp_word(&rest);
    struct ph_slice address = ph_sdp_word(&rest), port = ph_sdp_word(&rest);
    struct ph_slice keyword = ph_sdp_word(&rest), type_name = ph_sdp_word(&rest);
    uint32_t component_number, port_number;
    int type = place_of(type_name, type_names, PH_ICE_HOST, PH_ICE_RELAYED + 1);
    bool fits = ph_sdp_is_ice_text(foundation) &&
                ph_sdp_copy_token(foundation, candidate->foundation, sizeof(candidate->foundation)) &&
                ph_sdp_number(component, 256, &component_number) && component_number > 0 &&
                ph_sdp_number(priority, UINT32_MAX, &candidate->priority) &&
                ph_sdp_copy_token(address, candidate->address, sizeof(candidate->address)) &&
                address_fits(candidate->address) && ph_sdp_number(port, UINT16_MAX, &port_number) &&
                ph_sdp_is_caseless(keyword, "typ") && type >= 0;
    if (!fits)
        return false;
    int tcp_type = PH_ICE_UDP;
    if (ph_sdp_is_caseless(transport, "tcp"))
        tcp_type = place_of(tcp_type_of(rest), tcp_type_names, PH_ICE_TCP_PASSIVE, PH_ICE_TCP_SO + 1);
    else if (!ph_sdp_is_caseless(transport, "udp"))
        tcp_type = -1;
    if (tcp_type < 0)
        return false;
    candidate->component = (uint16_t)component_number;
    candidate->port = (uint16_t)port_number;
    candidate->transport = (enum ph_ice_transport)tcp_type;
    candidate->type = (enum ph_ice_type)type;
    return true;
}

void ph_ice_candidate_write(struct ph_builder *builder, const struct ph_ice_candidate *candidate) {
    bool udp = candidate->transport == PH_ICE_UDP;
    ph_builder_format(builder, "a=candidate:%s %u %s %u %s %u typ %s", candidate->foundation,
        candidate->component, udp ? "udp" : "tcp", candidate->priority, candidate->address, candidate->port,
        type_names[candidate->type]);
    if (!udp)
        ph_builder_format(builder, " tcptype %s", tcp_type_names[candidate->transport]);
    ph_builder_text(builder, "\r\n");
}
