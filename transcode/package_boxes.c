#include "transcode/package_boxes.h"

#include <stdio.h>

#include "core/media/box.h"

enum {
    flag_sync = 0x02000000,     /* sample_depends_on = 2: on nothing */
    flag_not_sync = 0x01010000, /* depends on others, is not a sync sample */
};

static void write_ftyp(struct ph_builder *builder) {
    size_t box = ph_box_open(builder, "ftyp");
    ph_builder_text(builder, "iso6");
    ph_builder_u32(builder, 0);
    ph_builder_text(builder, "iso6cmfcmp41");
    ph_box_close(builder, box);
}

static void write_mvhd(struct ph_builder *builder) {
    size_t box = ph_box_open_full(builder, "mvhd", 0, 0);
    ph_builder_zeros(builder, 8);
    ph_builder_u32(builder, 1000);
    ph_builder_u32(builder, 0);
    ph_builder_u32(builder, 0x10000);
    ph_builder_u16(builder, 0x100);
    ph_builder_zeros(builder, 10);
    ph_box_unity_matrix(builder);
    ph_builder_zeros(builder, 24);
    ph_builder_u32(builder, 2);
    ph_box_close(builder, box);
}

static void write_tkhd(struct ph_builder *builder, uint32_t width, uint32_t height) {
    size_t box = ph_box_open_full(builder, "tkhd", 0, 3);
    ph_builder_zeros(builder, 8);
    ph_builder_u32(builder, 1);
    ph_builder_zeros(builder, 16);
    ph_builder_u16(builder, 0);
    ph_builder_u16(builder, width ? 0 : 1); /* alternate_group */
    ph_builder_u16(builder, width ? 0 : 0x100);
    ph_builder_u16(builder, 0);
    ph_box_unity_matrix(builder);
    ph_builder_u32(builder, width << 16);
    ph_builder_u32(builder, height << 16);
    ph_box_close(builder, box);
}

static void write_mdhd(struct ph_builder *builder, uint32_t timescale) {
    size_t box = ph_box_open_full(builder, "mdhd", 0, 0);
    ph_builder_zeros(builder, 8);
    ph_builder_u32(builder, timescale);
    ph_builder_u32(builder, 0);
    ph_builder_u16(builder, 0x55C4); /* "und" */
    ph_builder_u16(builder, 0);
    ph_box_close(builder, box);
}

static void write_hdlr(struct ph_builder *builder, const char *type, const char *name) {
    size_t box = ph_box_open_full(builder, "hdlr", 0, 0);
    ph_builder_u32(builder, 0);
    ph_builder_append(builder, type, 4);
    ph_builder_zeros(builder, 12);
    ph_builder_text(builder, name);
    ph_builder_u8(builder, 0);
    ph_box_close(builder, box);
}

static void write_dinf(struct ph_builder *builder) {
    size_t dinf = ph_box_open(builder, "dinf");
    size_t dref = ph_box_open_full(builder, "dref", 0, 0);
    ph_builder_u32(builder, 1);
    ph_box_close(builder, ph_box_open_full(builder, "url ", 0, 1));
    ph_box_close(builder, dref);
    ph_box_close(builder, dinf);
}

static void write_empty_tables(struct ph_builder *builder) {
    static const char *const tables[] = {"stts", "stsc", "stco"};
    for (size_t i = 0; i < 3; i++) {
        size_t box = ph_box_open_full(builder, tables[i], 0, 0);
        ph_builder_u32(builder, 0);
        ph_box_close(builder, box);
    }
    size_t box = ph_box_open_full(builder, "stsz", 0, 0);
    ph_builder_zeros(builder, 8);
    ph_box_close(builder, box);
}

static void write_mvex(struct ph_builder *builder, uint32_t duration, uint32_t flags) {
    size_t mvex = ph_box_open(builder, "mvex");
    size_t trex = ph_box_open_full(builder, "trex", 0, 0);
    ph_builder_u32(builder, 1);
    ph_builder_u32(builder, 1);
    ph_builder_u32(builder, duration);
    ph_builder_u32(builder, 0);
    ph_builder_u32(builder, flags);
    ph_box_close(builder, trex);
    ph_box_close(builder, mvex);
}

/* ISO/IEC 14496-15 5.3.3.1. Bit depth and chroma format follow for the High profiles: 8-bit 4:2:0. */
static void write_avcc(struct ph_builder *builder, const struct ph_video_header *header) {
    size_t box = ph_box_open(builder, "avcC");
    ph_builder_u8(builder, 1);
    ph_builder_append(builder, header->sps.data + 1, 3);
    ph_builder_u8(builder, 0xFF); /* lengths of four bytes */
    ph_builder_u8(builder, 0xE1);
    ph_builder_u16(builder, (uint16_t)header->sps.size);
    ph_builder_append(builder, header->sps.data, header->sps.size);
    ph_builder_u8(builder, 1);
    ph_builder_u16(builder, (uint16_t)header->pps.size);
    ph_builder_append(builder, header->pps.data, header->pps.size);
    if (header->sps.data[1] >= 100) {
        ph_builder_u8(builder, 0xFD);
        ph_builder_u8(builder, 0xF8);
        ph_builder_u8(builder, 0xF8);
        ph_builder_u8(builder, 0);
    }
    ph_box_close(builder, box);
}

static void write_avc1(struct ph_builder *builder, const struct ph_video_header *header) {
    size_t box = ph_box_open(builder, "avc1");
    ph_builder_zeros(builder, 6);
    ph_builder_u16(builder, 1); /* data_reference_index */
    ph_builder_zeros(builder, 16);
    ph_builder_u16(builder, (uint16_t)header->width);
    ph_builder_u16(builder, (uint16_t)header->height);
    ph_builder_u32(builder, 0x480000);
    ph_builder_u32(builder, 0x480000);
    ph_builder_u32(builder, 0);
    ph_builder_u16(builder, 1);
    ph_builder_zeros(builder, 32);
    ph_builder_u16(builder, 0x18);
    ph_builder_u16(builder, 0xFFFF);
    write_avcc(builder, header);
    size_t colr = ph_box_open(builder, "colr"); /* BT.709, limited range: what the encoders' VUI says */
    ph_builder_text(builder, "nclx");
    for (int i = 0; i < 3; i++)
        ph_builder_u16(builder, 1);
    ph_builder_u8(builder, 0);
    ph_box_close(builder, colr);
    size_t pasp = ph_box_open(builder, "pasp");
    ph_builder_u32(builder, 1);
    ph_builder_u32(builder, 1);
    ph_box_close(builder, pasp);
    ph_box_close(builder, box);
}

/* ISO/IEC 14496-1 7.2.6.5 ff. All lengths fit one byte. */
static void write_esds(struct ph_builder *builder, const struct ph_audio_header *header) {
    uint8_t config_size = (uint8_t)header->config.size;
    size_t box = ph_box_open_full(builder, "esds", 0, 0);
    ph_builder_u8(builder, 3); /* ES_Descriptor */
    ph_builder_u8(builder, (uint8_t)(3 + 2 + 13 + 2 + config_size + 3));
    ph_builder_u16(builder, 1);
    ph_builder_u8(builder, 0);
    ph_builder_u8(builder, 4); /* DecoderConfigDescriptor */
    ph_builder_u8(builder, (uint8_t)(13 + 2 + config_size));
    ph_builder_u8(builder, 0x40); /* MPEG-4 audio */
    ph_builder_u8(builder, 0x15);
    ph_builder_u24(builder, 768 * 2); /* a decoder's input buffer: 6144 bits a channel */
    ph_builder_u32(builder, header->bitrate);
    ph_builder_u32(builder, header->bitrate);
    ph_builder_u8(builder, 5); /* DecoderSpecificInfo */
    ph_builder_u8(builder, config_size);
    ph_builder_append(builder, header->config.data, header->config.size);
    ph_builder_u8(builder, 6); /* SLConfigDescriptor: as in MP4 files */
    ph_builder_u8(builder, 1);
    ph_builder_u8(builder, 2);
    ph_box_close(builder, box);
}

static void write_mp4a(struct ph_builder *builder, const struct ph_audio_header *header) {
    size_t box = ph_box_open(builder, "mp4a");
    ph_builder_zeros(builder, 6);
    ph_builder_u16(builder, 1);
    ph_builder_zeros(builder, 8);
    ph_builder_u16(builder, 2);
    ph_builder_u16(builder, 16);
    ph_builder_u32(builder, 0);
    ph_builder_u32(builder, 48000u << 16);
    write_esds(builder, header);
    ph_box_close(builder, box);
}

/* One of the two is given. */
static void write_trak(
    struct ph_builder *builder, const struct ph_video_header *video, const struct ph_audio_header *audio) {
    size_t trak = ph_box_open(builder, "trak");
    write_tkhd(builder, video ? video->width : 0, video ? video->height : 0);
    size_t mdia = ph_box_open(builder, "mdia");
    write_mdhd(builder, video ? video->timescale : 48000);
    write_hdlr(builder, video ? "vide" : "soun", video ? "video" : "audio");
    size_t minf = ph_box_open(builder, "minf");
    size_t header = ph_box_open_full(builder, video ? "vmhd" : "smhd", 0, video ? 1 : 0);
    ph_builder_zeros(builder, video ? 8 : 4);
    ph_box_close(builder, header);
    write_dinf(builder);
    size_t stbl = ph_box_open(builder, "stbl");
    size_t stsd = ph_box_open_full(builder, "stsd", 0, 0);
    ph_builder_u32(builder, 1);
    if (video)
        write_avc1(builder, video);
    else
        write_mp4a(builder, audio);
    ph_box_close(builder, stsd);
    write_empty_tables(builder);
    ph_box_close(builder, stbl);
    ph_box_close(builder, minf);
    ph_box_close(builder, mdia);
    ph_box_close(builder, trak);
}

int ph_package_video_init(struct ph_builder *builder, const struct ph_video_header *header) {
    if (header->sps.size < 4 || header->sps.size > UINT16_MAX)
        return PH_INVALID_DATA;
    if (!header->pps.size || header->pps.size > UINT16_MAX)
        return PH_INVALID_DATA;
    write_ftyp(builder);
    size_t moov = ph_box_open(builder, "moov");
    write_mvhd(builder);
    write_trak(builder, header, NULL);
    write_mvex(builder, 0, flag_not_sync);
    ph_box_close(builder, moov);
    return ph_builder_ok(builder) ? 0 : -ENOMEM;
}

int ph_package_audio_init(struct ph_builder *builder, const struct ph_audio_header *header) {
    if (header->config.size < 2 || header->config.size > 64)
        return PH_INVALID_DATA;
    write_ftyp(builder);
    size_t moov = ph_box_open(builder, "moov");
    write_mvhd(builder);
    write_trak(builder, NULL, header);
    write_mvex(builder, 1024, flag_sync);
    ph_box_close(builder, moov);
    return ph_builder_ok(builder) ? 0 : -ENOMEM;
}

int ph_package_video_codecs(struct ph_slice sps, char *codecs, size_t codecs_bytes) {
    if (sps.size < 4)
        return PH_INVALID_DATA;
    snprintf(codecs, codecs_bytes, "avc1.%02x%02x%02x", sps.data[1], sps.data[2], sps.data[3]);
    return 0;
}

int ph_package_audio_codecs(struct ph_slice config, char *codecs, size_t codecs_bytes) {
    if (config.size < 2)
        return PH_INVALID_DATA;
    snprintf(codecs, codecs_bytes, "mp4a.40.%d", config.data[0] >> 3);
    return 0;
}

void ph_package_fragment(struct ph_builder *builder, uint32_t sequence, int64_t start_ticks,
    const struct ph_sample *samples, uint32_t count, struct ph_slice payload) {
    size_t moof = ph_box_open(builder, "moof");
    size_t mfhd = ph_box_open_full(builder, "mfhd", 0, 0);
    ph_builder_u32(builder, sequence);
    ph_box_close(builder, mfhd);
    size_t traf = ph_box_open(builder, "traf");
    size_t tfhd = ph_box_open_full(builder, "tfhd", 0, 0x020000); /* default-base-is-moof */
    ph_builder_u32(builder, 1);
    ph_box_close(builder, tfhd);
    size_t tfdt = ph_box_open_full(builder, "tfdt", 1, 0);
    ph_builder_u64(builder, (uint64_t)start_ticks);
    ph_box_close(builder, tfdt);
    /* data offset; duration, size and flags of each sample */
    size_t trun = ph_box_open_full(builder, "trun", 0, 0x000701);
    ph_builder_u32(builder, count);
    size_t offset = builder->size;
    ph_builder_u32(builder, 0);
    for (uint32_t i = 0; i < count; i++) {
        ph_builder_u32(builder, samples[i].duration_ticks);
        ph_builder_u32(builder, samples[i].bytes);
        ph_builder_u32(builder, samples[i].sync ? flag_sync : flag_not_sync);
    }
    ph_box_close(builder, trun);
    ph_box_close(builder, traf);
    ph_box_close(builder, moof);
    if (ph_builder_ok(builder))
        ph_builder_patch_u32(builder, offset, (uint32_t)(builder->size - moof + 8));
    size_t mdat = ph_box_open(builder, "mdat");
    ph_builder_append(builder, payload.data, payload.size);
    ph_box_close(builder, mdat);
}

uint32_t ph_package_fragment_overhead(uint32_t count) {
    enum { moof = 8, mfhd = 16, traf = 8, tfhd = 16, tfdt = 20, trun = 20, mdat = 8, sample = 12 };
    return moof + mfhd + traf + tfhd + tfdt + trun + mdat + count * sample;
}
