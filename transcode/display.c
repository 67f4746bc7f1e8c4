#include "transcode/display.h"

#include <string.h>

#include <libavcodec/version.h>

#include "transcode/turn.h"

/* The stream's side data moved to its parameters in libavcodec 60.30. */
static const uint8_t *matrix_of(const AVStream *stream, size_t *size) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    const AVPacketSideData *note = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    *size = note ? note->size : 0;
    return note ? note->data : NULL;
#else
    return av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, size);
#endif
}

struct ph_display ph_display_of(const AVStream *stream) {
    struct ph_display display = {.aspect = stream->sample_aspect_ratio};
    size_t size = 0;
    const uint8_t *matrix = matrix_of(stream, &size);
    if (!matrix || size < sizeof(display.matrix))
        return display;
    memcpy(display.matrix, matrix, sizeof(display.matrix));
    display.is_turned = !ph_turn_is_none(ph_turn_of_matrix(display.matrix));
    return display;
}

int ph_display_note(const struct ph_display *display, AVFrame *picture) {
    if (display->aspect.num > 0 && display->aspect.den > 0)
        picture->sample_aspect_ratio = display->aspect;
    /* libavcodec from 7 on has noted it itself, and knows of what the codec's bytes say. */
    if (!display->is_turned || av_frame_get_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX))
        return 0;
    AVFrameSideData *note =
        av_frame_new_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX, sizeof(display->matrix));
    if (!note)
        return -ENOMEM;
    memcpy(note->data, display->matrix, sizeof(display->matrix));
    return 0;
}
