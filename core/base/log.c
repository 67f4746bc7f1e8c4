#include "core/base/log.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/log_writer.h"

enum { line_bytes = 4096 };

static _Atomic int threshold = PH_LOG_INFO;
static _Atomic(const char *) role = NULL;
static _Atomic(ph_log_observer *) error_observer;
static _Atomic(void *) error_observer_opaque;

/* A line under construction. What does not fit is cut, the closing brace always fits. */
struct line {
    char text[line_bytes];
    size_t size;
};

static void put(struct line *line, const char *text, size_t size) {
    size_t room = line_bytes - 3 - line->size;
    if (size > room)
        size = room;
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void put_text(struct line *line, const char *text) {
    put(line, text, strlen(text));
}

/* The length of the UTF-8 character at `text` (RFC 3629: no overlong form, no surrogate), or 0 when it is
 * none. */
static size_t character_size(const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    if (c[0] < 0x80)
        return 1;
    size_t size = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
    if (c[0] < 0xc2 || c[0] > 0xf4 || (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

/* RFC 8259 section 7. UTF-8 stays UTF-8, other bytes become U+FFFD; what is cut is cut between characters. */
static void put_quoted(struct line *line, const char *text) {
    put_text(line, "\"");
    for (const char *p = text; *p && line->size < line_bytes - 16;) {
        unsigned char c = (unsigned char)*p;
        size_t size = character_size(p);
        char escaped[8];
        if (c == '"' || c == '\\') {
            put(line, (char[]){'\\', (char)c}, 2);
        } else if (c < 0x20) {
            snprintf(escaped, sizeof(escaped), "\\u%04x", c);
            put_text(line, escaped);
        } else if (size == 0) {
            put_text(line, "\\ufffd");
        } else {
            put(line, p, size);
        }
        p += size ? size : 1;
    }
    put_text(line, "\"");
}

static void put_time(struct line *line) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    char date[32], text[64];
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof(text), "{\"ts\":\"%s.%03ldZ\"", date, now.tv_nsec / 1000000);
    put_text(line, text);
}

static void put_value(struct line *line, const struct ph_log_field *field) {
    char text[96];
    switch (field->kind) {
    case PH_LOG_STRING:
        if (field->value.string)
            put_quoted(line, field->value.string);
        else
            put_text(line, "null");
        return;
    case PH_LOG_INTEGER:
        snprintf(text, sizeof(text), "%lld", (long long)field->value.integer);
        put_text(line, text);
        return;
    case PH_LOG_REAL:
        snprintf(text, sizeof(text), "%.6g", isfinite(field->value.real) ? field->value.real : 0.0);
        put_text(line, text);
        return;
    case PH_LOG_BOOL:
        put_text(line, field->value.integer ? "true" : "false");
        return;
    case PH_LOG_CODE:
        put_quoted(line, ph_error_name((int)field->value.integer, text, sizeof(text)));
        return;
    case PH_LOG_END:
        return;
    }
}

void ph_log_set_level(enum ph_log_level level) {
    threshold = (int)level;
}

int ph_log_level_parse(const char *name, enum ph_log_level *level) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) {
            *level = (enum ph_log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

void ph_log_set_role(const char *name) {
    role = name;
}

void ph_log_observe_errors(ph_log_observer *observer, void *opaque) {
    error_observer = NULL;
    error_observer_opaque = opaque;
    error_observer = observer;
}

void ph_log_write(enum ph_log_level level, const char *message, const struct ph_log_field *fields) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    ph_log_observer *observer = level == PH_LOG_ERROR ? error_observer : NULL;
    if (observer)
        observer(error_observer_opaque, message, fields);
    if ((int)level > threshold)
        return;
    struct line line = {.size = 0};
    put_time(&line);
    put_text(&line, ",\"level\":\"");
    put_text(&line, names[level]);
    put_text(&line, "\",\"msg\":");
    put_quoted(&line, message);
    const char *process_role = role;
    if (process_role) {
        put_text(&line, ",\"role\":");
        put_quoted(&line, process_role);
    }
    for (const struct ph_log_field *field = fields; field->kind != PH_LOG_END; field++) {
        size_t before = line.size;
        put_text(&line, ",");
        put_quoted(&line, field->key);
        put_text(&line, ":");
        put_value(&line, field);
        if (line.size > line_bytes - 16) { /* keep the line valid JSON: drop the field that overflowed */
            line.size = before;
            break;
        }
    }
    line.text[line.size++] = '}';
    line.text[line.size++] = '\n';
    if (ph_log_writer_take(line.text, line.size))
        return;
    ssize_t ignored = write(STDERR_FILENO, line.text, line.size);
    (void)ignored;
}
