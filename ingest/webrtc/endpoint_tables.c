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

static void write_key(uint8_t key[PH_WEBRTC_PATH_KEY_BYTES], const struct ph_ice_path *path) {
    memcpy(key, &path->tcp, sizeof(path->tcp));
    memcpy(key + sizeof(path->tcp), &path->remote, sizeof(path->remote));
}

void ph_webrtc_list_path(struct ph_webrtc_connection *connection, int place, const struct ph_ice_path *path) {
    struct ph_webrtc_endpoint *endpoint = connection->endpoint;
    struct ph_webrtc_path *entry = &connection->paths[place];
    if (entry->is_listed && entry->tcp)
        ph_tcp_port_drop(endpoint->tcp, entry->tcp);
    ph_webrtc_unlist_path(connection, place);
    *entry = (struct ph_webrtc_path){
        .is_listed = true, .tcp = path->tcp, .place = place, .connection = connection};
    write_key(entry->key, path);
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
    uint8_t key[PH_WEBRTC_PATH_KEY_BYTES];
    struct ph_webrtc_path *entry;
    write_key(key, path);
    HASH_FIND(hh, endpoint->paths, key, sizeof(key), entry);
    return entry;
}
