#include "transcode/file_tables.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "core/media/box.h"

enum { most_items = 100000, head_bytes = 16 };

/* IDs of Matroska's elements, RFC 9559, section 5. */
enum { segment_id = 0x18538067, tracks_id = 0x1654AE6B, track_entry_id = 0xAE };

/* A box or an element. */
struct item {
    uint64_t type;
    int64_t begin, end; /* of what it holds */
};

/* Its head at `at`; false where there is none, or one whose size is not told. */
typedef bool read_head(struct ph_slice bytes, int64_t at, struct item *item);

static uint64_t name(const char type[5]) {
    struct ph_cursor cursor = ph_cursor_init((struct ph_slice){(const uint8_t *)type, 4});
    return ph_cursor_u32(&cursor);
}

static bool read_box(struct ph_slice bytes, int64_t at, struct item *item) {
    struct ph_cursor cursor = ph_cursor_init(bytes);
    struct ph_box_head head;
    if (!ph_box_head_read(&cursor, &head) || !head.size || head.size > (uint64_t)(INT64_MAX - at))
        return false;
    item->type = name(head.type);
    item->begin = at + head.bytes;
    item->end = at + (int64_t)head.size;
    return true;
}

/* A number that tells its own length, RFC 8794, section 4. */
static bool read_vint(struct ph_cursor *cursor, bool keeps_marker, uint64_t *value) {
    uint8_t first = ph_cursor_u8(cursor);
    int more = 0;
    while (more < 8 && !(first & 0x80 >> more))
        more++;
    if (more == 8)
        return false;
    *value = keeps_marker ? first : first & (0x7F >> more);
    bool is_unknown = *value == (0x7Fu >> more);
    for (int i = 0; i < more; i++) {
        uint8_t next = ph_cursor_u8(cursor);
        is_unknown &= next == 0xFF;
        *value = *value << 8 | next;
    }
    return ph_cursor_ok(cursor) && (keeps_marker || !is_unknown);
}

/* A segment may be of unknown size, and ends with the file then. */
static bool read_element(struct ph_slice bytes, int64_t at, struct item *item) {
    struct ph_cursor cursor = ph_cursor_init(bytes);
    uint64_t size = 0;
    if (!read_vint(&cursor, true, &item->type))
        return false;
    bool is_known = read_vint(&cursor, false, &size);
    if (!ph_cursor_ok(&cursor) || (!is_known && item->type != segment_id))
        return false;
    item->begin = at + (int64_t)(bytes.size - ph_cursor_remaining(&cursor));
    if (size > (uint64_t)(INT64_MAX - item->begin))
        return false;
    item->end = is_known ? item->begin + (int64_t)size : INT64_MAX;
    return true;
}

struct walk {
    int fd;
    read_head *read;
    unsigned left; /* items that are looked at yet */
};

/* The item at `*at`, which then is behind it; false at the end of what is to be looked at. */
static bool next_item(struct walk *walk, int64_t *at, int64_t end, struct item *item) {
    uint8_t head[head_bytes];
    if (*at >= end || !walk->left || lseek(walk->fd, *at, SEEK_SET) != *at)
        return false;
    ssize_t got = read(walk->fd, head, sizeof(head));
    if (got <= 0 || !walk->read((struct ph_slice){head, (size_t)got}, *at, item))
        return false;
    walk->left--;
    *at = item->end;
    return true;
}

static unsigned count_in(
    struct walk *walk, const struct item *parent, uint64_t type, unsigned most, unsigned count) {
    struct item item;
    int64_t at = parent->begin;
    while (count <= most && next_item(walk, &at, parent->end, &item))
        count += item.type == type;
    return count;
}

int ph_mp4_tables_check(int fd, unsigned most_tracks) {
    struct walk walk = {fd, read_box, most_items};
    struct item box;
    int64_t at = 0, end = lseek(fd, 0, SEEK_END);
    unsigned tracks = 0;
    while (next_item(&walk, &at, end, &box)) {
        if (box.type != name("moov"))
            continue;
        if (box.end > end)
            return PH_INVALID_DATA;
        tracks = count_in(&walk, &box, name("trak"), most_tracks, tracks);
        if (tracks > most_tracks)
            return -E2BIG;
    }
    return 0;
}

int ph_matroska_tables_check(int fd, unsigned most_tracks) {
    struct walk walk = {fd, read_element, most_items};
    struct item segment, element;
    int64_t at = 0, end = lseek(fd, 0, SEEK_END);
    unsigned tracks = 0;
    do {
        if (!next_item(&walk, &at, end, &segment))
            return 0;
    } while (segment.type != segment_id);
    at = segment.begin;
    while (next_item(&walk, &at, end, &element)) {
        if (element.type == tracks_id)
            tracks = count_in(&walk, &element, track_entry_id, most_tracks, tracks);
        if (tracks > most_tracks)
            return -E2BIG;
    }
    return 0;
}
