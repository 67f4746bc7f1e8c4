#include "origin/spool_index.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

void ph_spool_record_write(
    struct ph_builder *builder, const struct ph_part_head *head, uint64_t bytes, uint32_t crc32) {
    char line[PH_SPOOL_LINE_BYTES];
    char flags[4] = "";
    if (head->independent)
        strcat(flags, "i");
    if (head->last)
        strcat(flags, "l");
    if (head->gap)
        strcat(flags, "g");
    int size = snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu32 " %" PRIu64 " %" PRId64 " %" PRIu32 " %s ",
        head->position.segment, head->position.part, bytes, head->start_ticks, head->duration_ticks,
        *flags ? flags : "-");
    uint32_t check = (uint32_t)crc32_z(crc32, (const Bytef *)line, (z_size_t)size);
    ph_builder_append(builder, line, (size_t)size);
    ph_builder_format(builder, "%08" PRIx32 "\n", check);
}

/* A decimal number up to `most` and the space after it. */
static uint64_t take_number(const char **text, uint64_t most, bool *ok) {
    const char *p = *text;
    uint64_t value = 0;
    *ok = *ok && *p >= '0' && *p <= '9';
    for (; *ok && *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (uint64_t)(*p - '0');
        *ok = value <= most;
    }
    *ok = *ok && *p == ' ';
    *text = p + 1;
    return value;
}

static void take_flags(const char **text, struct ph_part_head *head, bool *ok) {
    const char *p = *text;
    for (; *ok && *p != ' '; p++) {
        head->independent = head->independent || *p == 'i';
        head->last = head->last || *p == 'l';
        head->gap = head->gap || *p == 'g';
        *ok = *p && strchr("ilg-", *p);
    }
    *text = p + 1;
}

static uint32_t take_check(const char *text, bool *ok) {
    static const char digits[] = "0123456789abcdef";
    uint32_t value = 0;
    *ok = *ok && strlen(text) == 8;
    for (; *ok && *text; text++) {
        const char *digit = strchr(digits, *text);
        *ok = digit;
        value = value << 4 | (digit ? (uint32_t)(digit - digits) : 0);
    }
    return value;
}

int ph_spool_record_parse(struct ph_slice text, struct ph_spool_record *record, size_t *consumed) {
    const uint64_t most = UINT64_C(1) << 53;
    char line[PH_SPOOL_LINE_BYTES];
    *record = (struct ph_spool_record){0};
    const uint8_t *end = text.size ? memchr(text.data, '\n', text.size) : NULL;
    size_t size = end ? (size_t)(end - text.data) : 0;
    if (!end || size >= sizeof(line) || memchr(text.data, 0, size))
        return PH_INVALID_DATA;
    memcpy(line, text.data, size);
    line[size] = '\0';

    bool ok = true;
    const char *p = line;
    record->head.position.segment = take_number(&p, most, &ok);
    record->head.position.part = ok ? (uint32_t)take_number(&p, UINT32_MAX - 1, &ok) : 0;
    record->bytes = ok ? take_number(&p, most, &ok) : 0;
    record->head.start_ticks = ok ? (int64_t)take_number(&p, most, &ok) : 0;
    record->head.duration_ticks = ok ? (uint32_t)take_number(&p, UINT32_MAX, &ok) : 0;
    if (ok)
        take_flags(&p, &record->head, &ok);
    record->prefix_bytes = ok ? (uint32_t)(p - line) : 0;
    record->check = ok ? take_check(p, &ok) : 0;
    *consumed = size + 1;
    return ok ? 0 : PH_INVALID_DATA;
}

uint32_t ph_spool_record_check(struct ph_slice text, const struct ph_spool_record *record, uint32_t crc32) {
    return (uint32_t)crc32_z(crc32, text.data, record->prefix_bytes);
}
