#include "transcode/encoder_x264.h"

#include <stdio.h>
#include <stdlib.h>

#include <x264.h>

#include "core/base/log.h"
#include "transcode/effort.h"

struct x264_encoder {
    struct ph_encoder base;
    struct ph_encoder_settings settings;
    x264_t *x264;
    x264_param_t param;
    int level;
    bool bare; /* opened for the lowest level, which no reconfiguration leads to or from */
    int64_t count;
};

struct effort_settings {
    int me_method;
    int subme;
    unsigned intra, inter;
    bool transform_8x8;
    bool deblock;
    int trellis;
};

/* The partitions of superfast, and of veryfast. */
enum {
    few_partitions = X264_ANALYSE_I4x4 | X264_ANALYSE_I8x8,
    more_partitions = few_partitions | X264_ANALYSE_PSUB16x16,
};
static const struct effort_settings efforts[PH_EFFORT_HIGHEST + 1] = {
    {X264_ME_DIA, 0, 0, 0, false, false, 0},
    {X264_ME_DIA, 1, 0, 0, false, false, 0},
    {X264_ME_DIA, 1, few_partitions, few_partitions, true, true, 0},
    {X264_ME_HEX, 2, few_partitions, few_partitions, true, true, 0},
    {X264_ME_HEX, 2, few_partitions, more_partitions, true, true, 0},
    {X264_ME_HEX, 4, few_partitions, more_partitions, true, true, 1},
};

static void apply_effort(x264_param_t *param, int level) {
    const struct effort_settings *effort = &efforts[level];
    param->analyse.i_me_method = effort->me_method;
    param->analyse.i_subpel_refine = effort->subme;
    param->analyse.intra = effort->intra;
    param->analyse.inter = effort->inter;
    param->analyse.b_transform_8x8 = effort->transform_8x8;
    param->analyse.i_trellis = effort->trellis;
    param->b_deblocking_filter = effort->deblock;
}

__attribute__((format(printf, 3, 0))) static void log_message(
    void *opaque, int level, const char *format, va_list arguments) {
    (void)opaque;
    if (level > X264_LOG_ERROR)
        return;
    char text[256];
    vsnprintf(text, sizeof(text), format, arguments);
    ph_log_warning("x264 reports an error", ph_str("text", text));
}

static void pin_bitstream(x264_param_t *param, const struct ph_encoder_settings *settings) {
    param->i_csp = X264_CSP_I420;
    param->i_bitdepth = 8;
    param->i_width = (int)settings->width;
    param->i_height = (int)settings->height;
    param->vui.i_sar_width = param->vui.i_sar_height = 1;
    param->vui.b_fullrange = 0;
    param->vui.i_colorprim = param->vui.i_transfer = param->vui.i_colmatrix = 1;
    param->i_fps_num = param->i_timebase_den = (uint32_t)settings->rate.num;
    param->i_fps_den = param->i_timebase_num = (uint32_t)settings->rate.den;
    param->b_vfr_input = 0;
    param->i_frame_reference = 1;
    param->i_keyint_max = X264_KEYINT_MAX_INFINITE;
    param->i_scenecut_threshold = 0;
    param->b_cabac = 1;
    param->analyse.i_weighted_pred = X264_WEIGHTP_NONE;
    param->analyse.b_transform_8x8 = 1;
    param->b_stitchable = 1;
    param->b_repeat_headers = 0;
    param->b_annexb = 0;
    param->b_aud = 0;
}

static int fill_param(x264_param_t *param, const struct ph_encoder_settings *settings) {
    if (x264_param_default_preset(param, "veryfast", "zerolatency") < 0)
        return -EINVAL;
    pin_bitstream(param, settings);
    param->pf_log = log_message;
    param->i_threads = settings->threads ? (int)settings->threads : 1;
    param->b_sliced_threads = param->i_threads > 1;
    param->i_lookahead_threads = 1;
    param->rc.i_rc_method = X264_RC_ABR;
    param->rc.i_bitrate = (int)(settings->bitrate / 1000);
    param->rc.i_vbv_max_bitrate = (int)(settings->most_bitrate / 1000);
    param->rc.i_vbv_buffer_size = (int)(settings->buffer_bits / 1000);
    param->rc.b_mb_tree = 0;
    if (x264_param_apply_profile(param, "high") < 0)
        return -EINVAL;
    return 0;
}

/* Without subpixel planes and adaptive quantisation, which x264 settles when it opens. */
static int open_x264(struct x264_encoder *encoder, bool bare) {
    int code = fill_param(&encoder->param, &encoder->settings);
    if (code < 0)
        return code;
    /* Otherwise always opened at the same level, so that the parameter sets cannot follow the effort. */
    apply_effort(&encoder->param, bare ? PH_EFFORT_LOWEST : PH_EFFORT_HIGHEST);
    encoder->param.analyse.b_transform_8x8 = 1;
    if (bare)
        encoder->param.rc.i_aq_mode = X264_AQ_NONE;
    encoder->x264 = x264_encoder_open(&encoder->param);
    if (!encoder->x264)
        return -EINVAL;
    x264_encoder_parameters(encoder->x264, &encoder->param);
    encoder->bare = bare;
    return 0;
}

static int reconfigure(struct x264_encoder *encoder) {
    /* Until the next IDR the nearest level has to do. */
    bool too_low = !encoder->bare && encoder->level == PH_EFFORT_LOWEST;
    apply_effort(&encoder->param, encoder->bare ? PH_EFFORT_LOWEST : encoder->level + too_low);
    return x264_encoder_reconfig(encoder->x264, &encoder->param) < 0 ? -EINVAL : 0;
}

/* At an IDR a new encoder may go on where the old one ended: the parameter sets are the same. */
static int reopen(struct x264_encoder *encoder) {
    x264_encoder_close(encoder->x264);
    encoder->x264 = NULL;
    int code = open_x264(encoder, encoder->level == PH_EFFORT_LOWEST);
    return code < 0 ? code : reconfigure(encoder);
}

static int copy_parameter_sets(struct x264_encoder *encoder) {
    x264_nal_t *nals;
    int count;
    if (x264_encoder_headers(encoder->x264, &nals, &count) < 0)
        return -EIO;
    for (int i = 0; i < count; i++) {
        struct ph_bytes **target = nals[i].i_type == NAL_SPS   ? &encoder->base.sps
                                   : nals[i].i_type == NAL_PPS ? &encoder->base.pps
                                                               : NULL;
        if (!target || *target || nals[i].i_payload <= 4)
            continue;
        *target = ph_bytes_copy(nals[i].p_payload + 4, (size_t)nals[i].i_payload - 4);
        if (!*target)
            return -ENOMEM;
    }
    return encoder->base.sps && encoder->base.pps ? 0 : -EIO;
}

static int encode_picture(
    struct ph_encoder *base, const AVFrame *picture, bool idr, struct ph_access_unit *unit) {
    struct x264_encoder *encoder = (struct x264_encoder *)base;
    if (idr && encoder->bare != (encoder->level == PH_EFFORT_LOWEST)) {
        int code = reopen(encoder);
        if (code < 0)
            return code;
    }
    if (!encoder->x264)
        return -EIO;
    x264_picture_t input, output;
    x264_picture_init(&input);
    input.i_type = idr ? X264_TYPE_IDR : X264_TYPE_P;
    input.i_pts = encoder->count++;
    input.img.i_csp = X264_CSP_I420;
    input.img.i_plane = 3;
    for (int i = 0; i < 3; i++) {
        input.img.plane[i] = picture->data[i];
        input.img.i_stride[i] = picture->linesize[i];
    }
    x264_nal_t *nals;
    int count;
    int size = x264_encoder_encode(encoder->x264, &nals, &count, &input, &output);
    if (size <= 0)
        return -EIO;
    /* The payloads of one call lie one behind the other. */
    unit->bytes = (struct ph_slice){nals[0].p_payload, (size_t)size};
    unit->idr = output.b_keyframe && output.i_type == X264_TYPE_IDR;
    return 0;
}

static int set_effort(struct ph_encoder *base, int level) {
    struct x264_encoder *encoder = (struct x264_encoder *)base;
    if (level < PH_EFFORT_LOWEST || level > PH_EFFORT_HIGHEST)
        return -EINVAL;
    encoder->level = level;
    return encoder->x264 ? reconfigure(encoder) : -EIO;
}

static void destroy(struct ph_encoder *base) {
    struct x264_encoder *encoder = (struct x264_encoder *)base;
    if (encoder->x264)
        x264_encoder_close(encoder->x264);
    free(encoder);
}

static const struct ph_encoder_impl impl = {
    .encode = encode_picture,
    .set_effort = set_effort,
    .destroy = destroy,
};

int ph_encoder_x264_open(struct ph_encoder **opened, const struct ph_encoder_settings *settings) {
    struct x264_encoder *encoder = calloc(1, sizeof(*encoder));
    if (!encoder)
        return -ENOMEM;
    encoder->base.impl = &impl;
    encoder->settings = *settings;
    int code = open_x264(encoder, settings->effort == PH_EFFORT_LOWEST);
    if (code < 0)
        goto fail;
    code = copy_parameter_sets(encoder);
    if (code < 0)
        goto fail;
    code = set_effort(&encoder->base, settings->effort);
    if (code < 0)
        goto fail;
    *opened = &encoder->base;
    return 0;

fail:
    ph_encoder_destroy(&encoder->base);
    return code;
}
