/* links: ph_recording ph_store ph_http ph_media ph_base */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/cursor.h"
#include "origin/recording/recorder_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_record(struct ph_builder *journal, struct ph_slice payload) {
    ph_builder_u32(journal, (uint32_t)payload.size);
    ph_builder_u32(journal, (uint32_t)crc32_z(0, payload.data, payload.size));
    ph_builder_append(journal, payload.data, payload.size);
}

static struct ph_recorder *make_recorder(void) {
    static const uint8_t description[] = "stsd";
    struct ph_recorder *recorder = calloc(1, sizeof(*recorder));
    if (!recorder)
        abort();
    recorder->files.fd = -1;
    recorder->part_bytes = 4096;
    recorder->most_head_bytes = 1024;
    recorder->slot_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        const struct ph_init_segment init = {.kind = i ? PH_TRACK_AUDIO : PH_TRACK_VIDEO,
            .timescale = i ? 48000 : 30000,
            .description = {description, sizeof(description)}};
        recorder->slots[i].index = i;
        if (ph_mp4_track_init(&recorder->slots[i].table, &init))
            abort();
    }
    return recorder;
}

/* A journal whose checks hold and whose first record is right: what follows is the input, a record of 255
 * bytes at most after each byte that says its length. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_recorder *recorder = make_recorder();
    struct ph_builder journal = {0}, begun = {0};
    struct ph_cursor input = ph_cursor_init((struct ph_slice){data, size});
    uint64_t valid_bytes = 0;
    ph_recorder_write_begun(&begun, recorder);
    add_record(&journal, (struct ph_slice){begun.data, begun.size});
    while (ph_cursor_remaining(&input)) {
        size_t wanted = ph_cursor_u8(&input), rest = ph_cursor_remaining(&input);
        add_record(&journal, ph_cursor_take(&input, wanted < rest ? wanted : rest));
    }
    int code = ph_recorder_restore(recorder, (struct ph_slice){journal.data, journal.size}, &valid_bytes);
    if (valid_bytes > journal.size || (!code && valid_bytes < begun.size))
        abort();
    const struct ph_mp4 mp4 = ph_recorder_mp4(recorder);
    struct ph_builder head = {0};
    if (!code && mp4.track_count && ph_mp4_write_head(&mp4, 0, &head))
        abort();
    ph_builder_discard(&head);
    ph_builder_discard(&begun);
    ph_builder_discard(&journal);
    ph_recorder_free(recorder);
    return 0;
}
