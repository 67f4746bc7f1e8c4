#include "transcode/package_boxes.h"

#include <stdio.h>

enum {
    flag_sync = 0x02000000,     /* sample_depends_on = 2: on nothing */
    flag_not_sync = 0x01010000, /* depends on others, is not a sync sample */
};

static size_t open_box(struct ph_builder *builder, const char *type) {
    size_t at = builder->size;
    ph_builder_u32(builder, 0);
    ph_builder_append(builder, type, 4);
    return at;
}

static size_t open_full_box(struct ph_builder *builder, const char *type, uint8_t version, uint32_t flags) {
    size_t at = open_box(builder, type);
    ph_builder_u8(builder, version);
    ph_builder_u24(builder, flags);
    return at;
}

static void close_box(struct ph_builder *builder, size_t at) {
    if (ph_builder_ok(builder))
        ph_builder_patch_u32(builder, at, (uint32_t)(builder->size - at));
}

static void write_matrix(struct ph_builder *builder) {
    static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (int i = 0; i < 9; i++)
        ph_builder_u32(builder, unity[i]);
}

static void write_ftyp(struct ph_builder *builder) {
    size_t box = open_box(builder, "ftyp");
    ph_builder_text(builder, "iso6");
    ph_builder_u32(builder, 0);
    ph_builder_text(builder, "iso6cmfcmp41");
    close_box(builder, box);
}

static void write_mvhd(struct ph_builder *builder) {
    size_t box = open_full_box(builder, "mvhd", 0, 0);
    ph_builder_zeros(builder, 8);
    ph_builder_u32(builder, 1000);
    ph_builder_u32(builder, 0);
    ph_builder_u32(builder, 0x10000);
    ph_builder_u16(builder, 0x100);
    ph_builder_zeros(builder, 10);
    write_matrix(builder);
    ph_builder_zeros(builder, 24);
    ph_builder_u32(builder, 2);
    close_box(builder, box);
}

static void write_tkhd(struct ph_builder *builder, uint32_t width, uint32_t height) {
    size_t box = open_full_box(builder, "tkhd", 0, 3);
    ph_builder_zeros(builder, 8);
    ph_builder_u32(builder, 1);
    ph_builder_zeros(builder, 16);
    ph_builder_u16(builder, 0);
    ph_builder_u16(builder, width ? 0 : 1); /* alternate_group */
    ph_builder_u16(builder, width ? 0 : 0x100);
    ph_builder_u16(builder, 0);
    write_matrix(builder);
    ph_builder_u32(builder, width << 16);
    ph_builder_u32(builder, height << 16);
    close_box(builder, box);
}

static void write_mdhd(struct ph_builder *builder, uint32_t timescale) {
    size_t box = open_full_box(builder, "mdhd", 0, 0);
    ph_builder_zeros(builder, 8);
    ph_builder_u32(builder, timescale);
    ph_builder_u32(builder, 0);
    ph_builder_u16(builder, 0x55C4); /* "und" */
    ph_builder_u16(builder, 0);
    close_box(builder, box);
}

static void write_hdlr(struct ph_builder *builder, const char *type, const char *name) {
    size_t box = open_full_box(builder, "hdlr", 0, 0);
    ph_builder_u32(builder, 0);
    ph_builder_append(builder, type, 4);
    ph_builder_zeros(builder, 12);
    ph_builder_text(builder, name);
    ph_builder_u8(builder, 0);
    close_box(builder, box);
}

static void write_dinf(struct ph_builder *builder) {
    size_t dinf = open_box(builder, "dinf");
    size_t dref = open_full_box(builder, "dref", 0, 0);
    ph_builder_u32(builder, 1);
    close_box(builder, open_full_box(builder, "url ", 0, 1));
    close_box(builder, dref);
    close_box(builder, dinf);
}

static void write_empty_tables(struct ph_builder *builder) {
    static const char *const tables[] = {"stts", "stsc", "stco"};
    for (size_t i = 0; i < 3; i++) {
        size_t box = open_full_box(builder, tables[i], 0, 0);
        ph_builder_u32(builder, 0);
        close_box(builder, box);
    }
    size_t box = open_full_box(builder, "stsz", 0, 0);
    ph_builder_zeros(builder, 8);
    close_box(builder, box);
}

static void write_mvex(struct ph_builder *builder, uint32_t duration, uint32_t flags) {
    size_t mvex = open_box(builder, "mvex");
    size_t trex = open_full_box(builder, "trex", 0, 0);
    ph_builder_u32(builder, 1);
    ph_builder_u32(builder, 1);
    ph_builder_u32(builder, duration);
    ph_builder_u32(builder, 0);
    ph_builder_u32(builder, flags);
    close_box(builder, trex);
    close_box(builder, mvex);
}

/* ISO/IEC 14496-15 5.3.3.1. Bit depth and chroma format follow for the High profiles: 8-bit 4:2:0. */
static void write_avcc(struct ph_builder *builder, const struct ph_video_header *header) {
    size_t box = open_box(builder, "avcC");
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
    close_box(builder, box);
}

static void write_avc1(struct ph_builder *builder, const struct ph_video_header *header) {
    size_t box = open_box(builder, "avc1");
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
    size_t colr = open_box(builder, "colr"); /* BT.709, limited range: what the encoders' VUI says */
    ph_builder_text(builder, "nclx");
    for (int i = 0; i < 3; i++)
        ph_builder_u16(builder, 1);
    ph_builder_u8(builder, 0);
    close_box(builder, colr);
    size_t pasp = open_box(builder, "pasp");
    ph_builder_u32(builder, 1);
    ph_builder_u32(builder, 1);
    close_box(builder, pasp);
    close_box(builder, box);
}

/* ISO/IEC 14496-1 7.2.6.5 ff. All lengths fit one byte. */
static void write_esds(struct ph_builder *builder, const struct ph_audio_header *header) {
    uint8_t config_size = (uint8_t)header->config.size;
    size_t box = open_full_box(builder, "esds", 0, 0);
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
    close_box(builder, box);
}

static void write_mp4a(struct ph_builder *builder, const struct ph_audio_header *header) {
    size_t box = open_box(builder, "mp4a");
    ph_builder_zeros(builder, 6);
    ph_builder_u16(builder, 1);
    ph_builder_zeros(builder, 8);
    ph_builder_u16(builder, 2);
    ph_builder_u16(builder, 16);
    ph_builder_u32(builder, 0);
    ph_builder_u32(builder, 48000u << 16);
    write_esds(builder, header);
    close_box(builder, box);
}

/* One of the two is given. */
static void write_trak(
    struct ph_builder *builder, const struct ph_video_header *video, const struct ph_audio_header *audio) {
    size_t trak = open_box(builder, "trak");
    write_tkhd(builder, video ? video->width : 0, video ? video->height : 0);
    size_t mdia = open_box(builder, "mdia");
    write_mdhd(builder, video ? video->timescale : 48000);
    write_hdlr(builder, video ? "vide" : "soun", video ? "video" : "audio");
    size_t minf = open_box(builder, "minf");
    size_t header = open_full_box(builder, video ? "vmhd" : "smhd", 0, video ? 1 : 0);
    ph_builder_zeros(builder, video ? 8 : 4);
    close_box(builder, header);
    write_dinf(builder);
    size_t stbl = open_box(builder, "stbl");
    size_t stsd = open_full_box(builder, "stsd", 0, 0);
    ph_builder_u32(builder, 1);
    if (video)
        write_avc1(builder, video);
    else
        write_mp4a(builder, audio);
    close_box(builder, stsd);
    write_empty_tables(builder);
    close_box(builder, stbl);
    close_box(builder, minf);
    close_box(builder, mdia);
    close_box(builder, trak);
}

int ph_package_video_init(struct ph_builder *builder, const struct ph_video_header *header) {
    if (header->sps.size < 4 || header->sps.size > UINT16_MAX)
        return PH_INVALID_DATA;
    if (!header->pps.size || header->pps.size > UINT16_MAX)
        return PH_INVALID_DATA;
    write_ftyp(builder);
    size_t moov = open_box(builder, "moov");
    write_mvhd(builder);
    write_trak(builder, header, NULL);
    write_mvex(builder, 0, flag_not_sync);
    close_box(builder, moov);
    return ph_builder_ok(builder) ? 0 : -ENOMEM;
}

int ph_package_audio_init(struct ph_builder *builder, const struct ph_audio_header *header) {
    if (header->config.size < 2 || header->config.size > 64)
        return PH_INVALID_DATA;
    write_ftyp(builder);
    size_t moov = open_box(builder, "moov");
    write_mvhd(builder);
    write_trak(builder, NULL, header);
    write_mvex(builder, 1024, flag_sync);
    close_box(builder, moov);
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
    size_t moof = open_box(builder, "moof");
    size_t mfhd = open_full_box(builder, "mfhd", 0, 0);
    ph_builder_u32(builder, sequence);
    close_box(builder, mfhd);
    size_t traf = open_box(builder, "traf");
    size_t tfhd = open_full_box(builder, "tfhd", 0, 0x020000); /* default-base-is-moof */
    ph_builder_u32(builder, 1);
    close_box(builder, tfhd);
    size_t tfdt = open_full_box(builder, "tfdt", 1, 0);
    ph_builder_u64(builder, (uint64_t)start_ticks);
    close_box(builder, tfdt);
    /* data offset; duration, size and flags of each sample */
    size_t trun = open_full_box(builder, "trun", 0, 0x000701);
    ph_builder_u32(builder, count);
    size_t offset = builder->size;
    ph_builder_u32(builder, 0);
    for (uint32_t i = 0; i < count; i++) {
        ph_builder_u32(builder, samples[i].duration_ticks);
        ph_builder_u32(builder, samples[i].bytes);
        ph_builder_u32(builder, samples[i].sync ? flag_sync : flag_not_sync);
    }
    close_box(builder, trun);
    close_box(builder, traf);
    close_box(builder, moof);
    if (ph_builder_ok(builder))
        ph_builder_patch_u32(builder, offset, (uint32_t)(builder->size - moof + 8));
    size_t mdat = open_box(builder, "mdat");
    ph_builder_append(builder, payload.data, payload.size);
    close_box(builder, mdat);
}

uint32_t ph_package_fragment_overhead(uint32_t count) {
    enum { moof = 8, mfhd = 16, traf = 8, tfhd = 16, tfdt = 20, trun = 20, mdat = 8, sample = 12 };
    return moof + mfhd + traf + tfhd + tfdt + trun + mdat + count * sample;
}
