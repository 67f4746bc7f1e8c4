/* Whose packet is it: by the ufrag of a check, by the path of everything else. */
#include "ingest/webrtc/endpoint_internal.h"

#include <string.h>

void ph_webrtc_list_ufrag(struct ph_webrtc_connection *connection, int which, const char *ufrag) {
    struct ph_webrtc_ufrag *entry = &connection->ufrags[which];
    ph_webrtc_unlist_ufrag(connection, which);
    if (!*ufrag)
        return;
    memcpy(entry->ufrag, ufrag, sizeof(entry->ufrag));
    entry->connection = connection;
    HASH_ADD(hh, connection->endpoint->ufrags, ufrag, PH_ICE_UFRAG_CHARACTERS, entry);
}

void ph_webrtc_unlist_ufrag(struct ph_webrtc_connection *connection, int which) {
    struct ph_webrtc_ufrag *entry = &connection->ufrags[which];
    if (!*entry->ufrag)
        return;
    HASH_DEL(connection->endpoint->ufrags, entry);
    *entry = (struct ph_webrtc_ufrag){0};
}

struct ph_webrtc_connection *ph_webrtc_find_ufrag(
    struct ph_webrtc_endpoint *endpoint, struct ph_slice username) {
    struct ph_webrtc_ufrag *entry = NULL;
    if (username.size > PH_ICE_UFRAG_CHARACTERS && username.data[PH_ICE_UFRAG_CHARACTERS] == ':')
        HASH_FIND(hh, endpoint->ufrags, username.data, PH_ICE_UFRAG_CHARACTERS, entry);
    return entry ? entry->connection : NULL;
}

void ph_webrtc_list_path(struct ph_webrtc_connection *connection, int place, const struct ph_ice_path *path) {
    struct ph_webrtc_endpoint *endpoint = connection->endpoint;
    struct ph_webrtc_path *entry = &connection->paths[place];
    if (entry->is_listed && entry->key.tcp)
        ph_tcp_port_drop(endpoint->tcp, entry->key.tcp);
    ph_webrtc_unlist_path(connection, place);
    *entry = (struct ph_webrtc_path){
        .key = {path->tcp, path->remote}, .is_listed = true, .place = place, .connection = connection};
    HASH_ADD(hh, endpoint->paths, key, sizeof(entry->key), entry);
}

void ph_webrtc_unlist_path(struct ph_webrtc_connection *connection, int place) {
    struct ph_webrtc_path *entry = &connection->paths[place];
    if (!entry->is_listed)
        return;
    HASH_DEL(connection->endpoint->paths, entry);
    *entry = (struct ph_webrtc_path){0};
}

struct ph_webrtc_path *ph_webrtc_find_path(
    struct ph_webrtc_endpoint *endpoint, const struct ph_ice_path *path) {
    const struct ph_webrtc_path_key key = {path->tcp, path->remote};
    struct ph_webrtc_path *entry;
    HASH_FIND(hh, endpoint->paths, &key, sizeof(key), entry);
    return entry;
}
