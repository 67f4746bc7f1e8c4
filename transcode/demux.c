#include "transcode/demux.h"

#include <string.h>

int ph_demux_create(
    struct ph_demux **demux, const struct ph_link_connection *connection, struct ph_demux_input *input) {
    *demux = NULL;
    if (strcmp(connection->kind, "mpegts") == 0)
        return ph_demux_mpegts_create(demux, input);
    if (strcmp(connection->kind, "rtp") == 0)
        return ph_demux_rtp_create(demux, connection->sdp ? connection->sdp : "", input);
    return -ENOSYS;
}

void ph_demux_destroy(struct ph_demux *demux) {
    if (demux)
        demux->impl->destroy(demux);
}
