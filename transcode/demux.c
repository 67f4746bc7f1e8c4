#include "transcode/demux.h"

#include <string.h>

int ph_demux_create(struct ph_demux **demux, const char *kind, struct ph_demux_input *input) {
    *demux = NULL;
    if (strcmp(kind, "mpegts") == 0)
        return ph_demux_mpegts_create(demux, input);
    return -ENOSYS;
}

void ph_demux_destroy(struct ph_demux *demux) {
    if (demux)
        demux->impl->destroy(demux);
}
