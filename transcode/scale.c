#include "transcode/scale.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#include "transcode/turn.h"

/* What a conversion depends on. */
struct shape {
    int width, height;
    AVRational aspect;
    struct ph_turn turn;
    enum AVPixelFormat format;
    enum AVColorSpace matrix;
    bool full_range;
};

struct size {
    int width, height;
};

struct ph_scaler {
    uint32_t width, height;
    enum ph_scale_colours colours;
    struct shape shape; /* of the pictures `sws` is made for */
    struct ph_rectangle target;
    struct SwsContext *sws;
    AVFrame *frame;
    AVFrame *lying; /* of the target's size, as the pictures lie; NULL when they stand upright */
};

int ph_scaler_create(
    struct ph_scaler **created, uint32_t width, uint32_t height, enum ph_scale_colours colours) {
    struct ph_scaler *scaler = calloc(1, sizeof(*scaler));
    if (!scaler)
        return -ENOMEM;
    scaler->width = width;
    scaler->height = height;
    scaler->colours = colours;
    scaler->shape.format = AV_PIX_FMT_NONE;
    *created = scaler;
    return 0;
}

void ph_scaler_destroy(struct ph_scaler *scaler) {
    if (!scaler)
        return;
    sws_freeContext(scaler->sws);
    av_frame_free(&scaler->frame);
    av_frame_free(&scaler->lying);
    free(scaler);
}

struct ph_rectangle ph_scale_fit(const AVFrame *picture, uint32_t width, uint32_t height) {
    struct ph_shown shown = ph_turn_shown(picture);
    int64_t shown_width = (int64_t)shown.width * shown.aspect.num;
    int64_t shown_height = (int64_t)shown.height * shown.aspect.den;
    double stretch = (double)shown_width * height / ((double)shown_height * width);
    struct ph_rectangle fit = {0, 0, (int)width, (int)height};
    if (stretch > 1.02)
        fit.height = (int)(height / stretch) / 2 * 2;
    if (stretch < 1 / 1.02)
        fit.width = (int)(width * stretch) / 2 * 2;
    fit.width = fit.width < 16 ? 16 : fit.width;
    fit.height = fit.height < 16 ? 16 : fit.height;
    /* A multiple of 16 keeps libswscale's rows aligned. */
    fit.x = ((int)width - fit.width) / 2 / 16 * 16;
    fit.y = ((int)height - fit.height) / 2 / 2 * 2;
    return fit;
}

/* The formats named yuvj are yuv in full range. */
static enum AVPixelFormat plain_format(enum AVPixelFormat format, bool *full_range) {
    switch (format) {
    case AV_PIX_FMT_YUVJ420P:
        *full_range = true;
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        *full_range = true;
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        *full_range = true;
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
        *full_range = true;
        return AV_PIX_FMT_YUV440P;
    default:
        return format;
    }
}

static struct shape shape_of(const AVFrame *picture) {
    struct shape shape = {
        .width = picture->width,
        .height = picture->height,
        .aspect = picture->sample_aspect_ratio,
        .turn = ph_turn_of(picture),
        .matrix = picture->colorspace,
        .full_range = picture->color_range == AVCOL_RANGE_JPEG,
    };
    shape.format = plain_format(picture->format, &shape.full_range);
    /* A source that does not say means what players take it for: by its size. */
    if (shape.matrix == AVCOL_SPC_UNSPECIFIED || shape.matrix == AVCOL_SPC_RESERVED)
        shape.matrix =
            picture->width >= 1280 || picture->height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    return shape;
}

static bool same_turn(struct ph_turn a, struct ph_turn b) {
    return a.flips_x == b.flips_x && a.flips_y == b.flips_y && a.transposes == b.transposes;
}

static bool same_shape(const struct shape *a, const struct shape *b) {
    return a->width == b->width && a->height == b->height && a->format == b->format &&
           a->matrix == b->matrix && a->full_range == b->full_range && same_turn(a->turn, b->turn) &&
           a->aspect.num == b->aspect.num && a->aspect.den == b->aspect.den;
}

static int set_colours(struct SwsContext *sws, const struct shape *shape, enum ph_scale_colours colours) {
    int matrix = SWS_CS_ITU709;
    if (shape->matrix == AVCOL_SPC_SMPTE170M || shape->matrix == AVCOL_SPC_BT470BG)
        matrix = SWS_CS_ITU601;
    if (shape->matrix == AVCOL_SPC_FCC)
        matrix = SWS_CS_FCC;
    if (shape->matrix == AVCOL_SPC_SMPTE240M)
        matrix = SWS_CS_SMPTE240M;
    if (shape->matrix == AVCOL_SPC_BT2020_NCL || shape->matrix == AVCOL_SPC_BT2020_CL)
        matrix = SWS_CS_BT2020;
    const int one = 1 << 16;
    bool jpeg = colours == PH_COLOURS_JPEG;
    return sws_setColorspaceDetails(sws, sws_getCoefficients(matrix), shape->full_range,
        sws_getCoefficients(jpeg ? SWS_CS_ITU601 : SWS_CS_ITU709), jpeg, 0, one, one);
}

static int blacken(AVFrame *frame) {
    const ptrdiff_t strides[4] = {frame->linesize[0], frame->linesize[1], frame->linesize[2], 0};
    return av_image_fill_black(
        frame->data, strides, frame->format, frame->color_range, frame->width, frame->height);
}

static AVFrame *allocate(uint32_t width, uint32_t height) {
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return NULL;
    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = (int)width;
    frame->height = (int)height;
    if (av_frame_get_buffer(frame, 0) < 0)
        av_frame_free(&frame);
    return frame;
}

static int make_frame(struct ph_scaler *scaler) {
    if (!scaler->frame) {
        AVFrame *frame = allocate(scaler->width, scaler->height);
        if (!frame)
            return -ENOMEM;
        bool jpeg = scaler->colours == PH_COLOURS_JPEG;
        frame->colorspace = jpeg ? AVCOL_SPC_BT470BG : AVCOL_SPC_BT709;
        frame->color_range = jpeg ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
        scaler->frame = frame;
    }
    return blacken(scaler->frame);
}

/* The target's size, as the picture lies. */
static struct size size_of_lying(const struct ph_scaler *scaler, const struct shape *shape) {
    const struct ph_rectangle *target = &scaler->target;
    if (shape->turn.transposes)
        return (struct size){target->height, target->width};
    return (struct size){target->width, target->height};
}

static int make_lying(struct ph_scaler *scaler, const struct shape *shape) {
    av_frame_free(&scaler->lying);
    if (ph_turn_is_none(shape->turn))
        return 0;
    struct size size = size_of_lying(scaler, shape);
    scaler->lying = allocate((uint32_t)size.width, (uint32_t)size.height);
    return scaler->lying ? 0 : -ENOMEM;
}

/* The ranges are set before the context is made: it chooses its ways by them. */
static struct SwsContext *open_sws(const struct ph_scaler *scaler, const struct shape *shape) {
    struct SwsContext *sws = sws_alloc_context();
    if (!sws)
        return NULL;
    struct size target = size_of_lying(scaler, shape);
    bool resized = shape->width != target.width || shape->height != target.height;
    const struct {
        const char *name;
        int value;
    } options[] = {
        {"srcw", shape->width},
        {"srch", shape->height},
        {"src_format", shape->format},
        {"src_range", shape->full_range},
        {"dstw", target.width},
        {"dsth", target.height},
        {"dst_format", AV_PIX_FMT_YUV420P},
        {"dst_range", scaler->colours == PH_COLOURS_JPEG},
        {"sws_flags", resized ? SWS_BICUBIC : SWS_POINT},
    };
    int code = 0;
    for (size_t i = 0; code >= 0 && i < sizeof(options) / sizeof(options[0]); i++)
        code = av_opt_set_int(sws, options[i].name, options[i].value, 0);
    if (code >= 0)
        code = sws_init_context(sws, NULL, NULL);
    if (code < 0) {
        sws_freeContext(sws);
        return NULL;
    }
    /* A negative answer means that a format has no such details (grey, for instance). */
    (void)set_colours(sws, shape, scaler->colours);
    return sws;
}

static int prepare(struct ph_scaler *scaler, const AVFrame *picture, const struct shape *shape) {
    if (!sws_isSupportedInput(shape->format))
        return -ENOTSUP;
    sws_freeContext(scaler->sws);
    scaler->shape.format = AV_PIX_FMT_NONE;
    scaler->target = ph_scale_fit(picture, scaler->width, scaler->height);
    scaler->sws = open_sws(scaler, shape);
    if (!scaler->sws)
        return -ENOMEM;
    int code = make_frame(scaler);
    if (code >= 0)
        code = make_lying(scaler, shape);
    if (code < 0)
        return code;
    scaler->shape = *shape;
    return 0;
}

static bool has_wanted_colours(const struct ph_scaler *scaler, const struct shape *shape) {
    if (scaler->colours != PH_COLOURS_VIDEO || shape->format != AV_PIX_FMT_YUV420P)
        return false;
    return !shape->full_range && shape->matrix == AVCOL_SPC_BT709;
}

static bool is_as_wanted(const struct ph_scaler *scaler, const AVFrame *picture, const struct shape *shape) {
    if (!has_wanted_colours(scaler, shape) || !ph_turn_is_none(shape->turn))
        return false;
    if (shape->width != (int)scaler->width || shape->height != (int)scaler->height)
        return false;
    struct ph_rectangle fit = ph_scale_fit(picture, scaler->width, scaler->height);
    return fit.width == (int)scaler->width && fit.height == (int)scaler->height;
}

/* The three planes of the frame, from where the target begins. */
static void find_target(const struct ph_scaler *scaler, uint8_t *planes[4]) {
    const struct ph_rectangle *target = &scaler->target;
    for (int i = 0; i < 3; i++) {
        int share = i ? 2 : 1;
        planes[i] = scaler->frame->data[i] + (ptrdiff_t)(target->y / share) * scaler->frame->linesize[i] +
                    target->x / share;
    }
    planes[3] = NULL;
}

static int convert(
    struct ph_scaler *scaler, const AVFrame *picture, uint8_t *const planes[4], const int *strides) {
    int rows = sws_scale(scaler->sws, (const uint8_t *const *)picture->data, picture->linesize, 0,
        picture->height, planes, strides);
    return rows < 0 ? -EINVAL : 0;
}

/* Scaled as it lies, then turned into its place: so the turn moves bytes alone, of the smaller picture. */
static int turn(struct ph_scaler *scaler, const AVFrame *picture, uint8_t *const planes[4]) {
    const struct shape *shape = &scaler->shape;
    const AVFrame *lying = picture;
    struct size size = size_of_lying(scaler, shape);
    if (!has_wanted_colours(scaler, shape) || shape->width != size.width || shape->height != size.height) {
        lying = scaler->lying;
        int code = convert(scaler, picture, lying->data, lying->linesize);
        if (code < 0)
            return code;
    }
    for (int i = 0; i < 3; i++) {
        int share = i ? 2 : 1;
        ph_turn_plane(shape->turn, (struct ph_plane){lying->data[i], lying->linesize[i]}, size.width / share,
            size.height / share, (struct ph_plane){planes[i], scaler->frame->linesize[i]});
    }
    return 0;
}

int ph_scaler_run(struct ph_scaler *scaler, const AVFrame *picture, const AVFrame **scaled) {
    struct shape shape = shape_of(picture);
    if (is_as_wanted(scaler, picture, &shape)) {
        *scaled = picture;
        return 0;
    }
    if (!same_shape(&shape, &scaler->shape)) {
        int code = prepare(scaler, picture, &shape);
        if (code < 0)
            return code;
    }
    uint8_t *planes[4];
    find_target(scaler, planes);
    *scaled = scaler->frame;
    if (scaler->lying)
        return turn(scaler, picture, planes);
    return convert(scaler, picture, planes, scaler->frame->linesize);
}
