#include "transcode/encode.h"

#include <string.h>

#include "core/base/log.h"
#include "transcode/encoder_lavc.h"
#include "transcode/encoder_x264.h"

int ph_encoder_open(
    struct ph_encoder **encoder, const char *name, const struct ph_encoder_settings *settings) {
    if (strcmp(name, "libx264") == 0)
        return ph_encoder_x264_open(encoder, settings);
    int code = ph_encoder_lavc_open(encoder, name, settings);
    if (code < 0) {
        ph_log_warning(
            "encoder does not open, libx264 takes its place", ph_str("encoder", name), ph_code(code));
        return ph_encoder_x264_open(encoder, settings);
    }
    return 0;
}

int ph_encoder_encode(
    struct ph_encoder *encoder, const AVFrame *picture, bool idr, struct ph_access_unit *unit) {
    return encoder->impl->encode(encoder, picture, idr, unit);
}

int ph_encoder_set_effort(struct ph_encoder *encoder, int level) {
    return encoder->impl->set_effort(encoder, level);
}

void ph_encoder_destroy(struct ph_encoder *encoder) {
    if (!encoder)
        return;
    ph_bytes_unref(&encoder->sps);
    ph_bytes_unref(&encoder->pps);
    encoder->impl->destroy(encoder);
}
