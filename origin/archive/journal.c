#include "origin/archive/journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/file.h"
#include "core/base/hex.h"
#include "core/base/log.h"
#include "origin/archive/folder_file.h"

enum { most_line_bytes = 256, most_journal_bytes = 64 << 20, hash_digits = 2 * PH_STORE_HASH_BYTES };
static const uint64_t most_number = UINT64_C(1) << 53;

void ph_journal_line_write(struct ph_builder *builder, const struct ph_manifest_segment *segment) {
    char line[most_line_bytes];
    int size = snprintf(line, sizeof(line), "%" PRIu64 " %" PRId64 " %u %" PRIu64 " %u %u ", segment->number,
        segment->start_ticks, segment->duration_ticks, segment->bytes, segment->flags, segment->key_bytes);
    ph_hex_write(segment->hash, PH_STORE_HASH_BYTES, line + size);
    size += hash_digits;
    line[size++] = ' ';
    uint32_t check = (uint32_t)crc32_z(0, (const uint8_t *)line, (z_size_t)size);
    ph_builder_append(builder, line, (size_t)size);
    ph_builder_format(builder, "%08x\n", check);
}

/* A decimal number without leading zeros and the space behind it. */
static bool take_number(const char **text, uint64_t most, uint64_t *number) {
    char *end = NULL;
    if (**text < '0' || **text > '9' || (**text == '0' && (*text)[1] != ' '))
        return false;
    errno = 0;
    *number = strtoull(*text, &end, 10);
    if (errno || *end != ' ' || *number > most)
        return false;
    *text = end + 1;
    return true;
}

static bool take_hash(const char **text, uint8_t hash[PH_STORE_HASH_BYTES]) {
    if (!ph_hex_read(*text, hash, PH_STORE_HASH_BYTES) || (*text)[hash_digits] != ' ')
        return false;
    *text += hash_digits + 1;
    return true;
}

static int parse_fields(const char *line, const char *check_at, struct ph_manifest_segment *segment) {
    uint64_t start, duration, flags, key_bytes;
    const char *text = line;
    bool is_whole = take_number(&text, most_number, &segment->number) &&
                    take_number(&text, most_number, &start) && take_number(&text, UINT32_MAX, &duration) &&
                    take_number(&text, most_number, &segment->bytes) && take_number(&text, 3, &flags) &&
                    take_number(&text, UINT32_MAX, &key_bytes) && take_hash(&text, segment->hash);
    if (!is_whole || text != check_at)
        return PH_INVALID_DATA;
    segment->start_ticks = (int64_t)start;
    segment->duration_ticks = (uint32_t)duration;
    segment->flags = (uint32_t)flags;
    segment->key_bytes = (uint32_t)key_bytes;
    return 0;
}

int ph_journal_line_parse(struct ph_slice text, struct ph_manifest_segment *segment, size_t *consumed) {
    enum { check_bytes = 9 }; /* eight digits and the newline */
    char line[most_line_bytes], expected[check_bytes + 1];
    const uint8_t *end = memchr(text.data, '\n', text.size < sizeof(line) ? text.size : sizeof(line) - 1);
    *segment = (struct ph_manifest_segment){0};
    size_t size = end ? (size_t)(end - text.data) + 1 : 0;
    if (size <= check_bytes)
        return PH_INVALID_DATA;
    memcpy(line, text.data, size);
    line[size] = '\0';
    snprintf(expected, sizeof(expected), "%08x\n",
        (uint32_t)crc32_z(0, (const uint8_t *)line, (z_size_t)(size - check_bytes)));
    if (memcmp(line + size - check_bytes, expected, check_bytes) != 0)
        return PH_INVALID_DATA;
    *consumed = size;
    return parse_fields(line, line + size - check_bytes, segment);
}

/* After a failure the line is taken back. */
static int append(int fd, struct ph_slice line) {
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return -errno;
    ssize_t size = write(fd, line.data, line.size);
    int code = size < 0 ? -errno : (size_t)size < line.size ? -ENOSPC : 0;
    if (!code && fdatasync(fd))
        code = -errno;
    if (code && ftruncate(fd, end))
        ph_log_warning(
            "a torn line stays at a journal's end; what follows it will be told again", ph_code(-errno));
    return code;
}

int ph_journal_append(const char *track_dir, const struct ph_manifest_segment *segment) {
    char path[PH_ARCHIVE_PATH_BYTES];
    struct ph_builder line = {0};
    int code = ph_archive_path(path, track_dir, "archived");
    if (code)
        return code;
    ph_journal_line_write(&line, segment);
    int fd = ph_builder_ok(&line) ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        code = ph_builder_ok(&line) ? -errno : -ENOMEM;
    else
        code = append(fd, (struct ph_slice){line.data, line.size});
    if (fd >= 0)
        close(fd);
    ph_builder_discard(&line);
    return code;
}

/* `torn_from`: where lines end that are whole, or UINT64_MAX when all are. */
static int read_lines(const char *path, int (*visit)(void *opaque, const struct ph_manifest_segment *segment),
    void *opaque, uint64_t *torn_from) {
    struct ph_bytes *bytes;
    *torn_from = UINT64_MAX;
    int code = ph_file_load(path, most_journal_bytes, &bytes);
    if (code)
        return code == -ENOENT ? 0 : code;
    struct ph_slice all = ph_bytes_slice(bytes), text = all;
    while (text.size && !code) {
        struct ph_manifest_segment segment;
        size_t consumed = 0;
        if (ph_journal_line_parse(text, &segment, &consumed))
            break;
        code = visit(opaque, &segment);
        text.data += consumed;
        text.size -= consumed;
    }
    if (!code && text.size)
        *torn_from = all.size - text.size;
    ph_bytes_unref(&bytes);
    return code;
}

int ph_journal_peek(const char *track_dir,
    int (*visit)(void *opaque, const struct ph_manifest_segment *segment), void *opaque) {
    char path[PH_ARCHIVE_PATH_BYTES];
    uint64_t torn_from;
    int code = ph_archive_path(path, track_dir, "archived");
    return code ? code : read_lines(path, visit, opaque, &torn_from);
}

int ph_journal_read(const char *track_dir,
    int (*visit)(void *opaque, const struct ph_manifest_segment *segment), void *opaque) {
    char path[PH_ARCHIVE_PATH_BYTES];
    uint64_t torn_from;
    int code = ph_archive_path(path, track_dir, "archived");
    if (!code)
        code = read_lines(path, visit, opaque, &torn_from);
    if (!code && torn_from != UINT64_MAX && truncate(path, (off_t)torn_from))
        code = -errno;
    return code;
}
