#include "api/recordings/recording_file_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* File systems take 255 bytes, with the date and the ending. */
enum { MOST_CHARACTERS = 80, MOST_TITLE_BYTES = 200 };

/* The code point at the text, which is valid UTF-8, and how many bytes it has. */
static size_t code_point(const char *text, uint32_t *point) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t size = *bytes < 0x80 ? 1 : *bytes < 0xe0 ? 2 : *bytes < 0xf0 ? 3 : 4;
    *point = size == 1 ? *bytes : *bytes & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            *point = '?';
            return i;
        }
        *point = *point << 6 | (bytes[i] & 0x3f);
    }
    return size;
}

static bool is_dropped(uint32_t point) {
    return point == 0x7f || (point >= 0x80 && point < 0xa0) || /* controls */
           (point >= 0x200b && point <= 0x200f) ||             /* marks without width, of direction */
           (point >= 0x2028 && point <= 0x202e) ||             /* breaks, changes of direction */
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

static bool is_gap(uint32_t point) {
    return point <= ' ' || point == 0xa0 || (point < 0x80 && strchr("/\\:*?\"<>|", (int)point) != NULL);
}

/* Gaps become one space each; none stands at an end. */
static size_t copy_title(const char *title, char *name) {
    size_t used = 0, size, characters = 0;
    bool has_gap = false;
    for (uint32_t point; *title; title += size) {
        size = code_point(title, &point);
        if (is_dropped(point))
            continue;
        if (is_gap(point) || (point == '.' && used == 0)) {
            has_gap = used > 0;
            continue;
        }
        characters += has_gap ? 2 : 1;
        if (characters > MOST_CHARACTERS || used + has_gap + size > MOST_TITLE_BYTES)
            break;
        if (has_gap)
            name[used++] = ' ';
        has_gap = false;
        memcpy(name + used, title, size);
        used += size;
    }
    while (used > 0 && (name[used - 1] == '.' || name[used - 1] == ' '))
        used--;
    return used;
}

void ph_recording_file_name(const char *title, int64_t time_ms, char name[PH_RECORDING_FILE_NAME_BYTES]) {
    struct tm date = {0};
    char when[32] = "";
    time_t seconds = (time_t)(time_ms / 1000);
    size_t used = copy_title(title, name);
    if (used == 0) {
        static const char usual[] = "Recording";
        memcpy(name, usual, sizeof(usual) - 1);
        used = sizeof(usual) - 1;
    }
    if (gmtime_r(&seconds, &date))
        strftime(when, sizeof(when), " %Y-%m-%d %H-%M", &date);
    snprintf(name + used, PH_RECORDING_FILE_NAME_BYTES - used, "%s.mp4", when);
}
