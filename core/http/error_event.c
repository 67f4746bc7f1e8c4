#include "core/http/error_event.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/hex.h"
#include "core/base/random.h"

enum { LONGEST_WORD = 20, TEXT_BYTES = 1024 };

bool ph_dsn_parse(const char *text, struct ph_dsn *dsn) {
    const char *start = strstr(text, "://");
    const char *at = start ? strchr(start, '@') : NULL, *project = strrchr(text, '/');
    if (!at || !project || project < at || !project[1])
        return false;
    start += 3;
    /* Old DSNs carry a secret after the key, which nobody needs. */
    size_t key_size = strcspn(start, ":@");
    int scheme_size = (int)(start - text);
    if (key_size == 0 || key_size >= sizeof(dsn->key))
        return false;
    snprintf(dsn->key, sizeof(dsn->key), "%.*s", (int)key_size, start);
    int size = snprintf(dsn->url, sizeof(dsn->url), "%.*s%.*s/api/%s/envelope/", scheme_size, text,
        (int)(project - at - 1), at + 1, project + 1);
    int dsn_size =
        snprintf(dsn->public_text, sizeof(dsn->public_text), "%.*s%s%s", scheme_size, text, dsn->key, at);
    return size < (int)sizeof(dsn->url) && dsn_size < (int)sizeof(dsn->public_text);
}

static bool is_network_address(const char *word, size_t size) {
    size_t dots = 0, colons = 0, digits = 0;
    for (size_t i = 0; i < size; i++) {
        dots += word[i] == '.';
        colons += word[i] == ':';
        digits += isdigit((unsigned char)word[i]) != 0;
    }
    return colons >= 2 || (dots >= 3 && digits >= 4);
}

static bool is_sensitive(const char *word, size_t size) {
    size_t run = 0;
    for (size_t i = 0; i < size; i++) {
        bool is_part = isalnum((unsigned char)word[i]) || word[i] == '_' || word[i] == '-';
        run = is_part ? run + 1 : 0;
        if (run >= LONGEST_WORD || word[i] == '@' || (word[i] == ':' && strncmp(word + i, "://", 3) == 0))
            return true;
    }
    return is_network_address(word, size);
}

void ph_scrub(const char *text, char *target, size_t target_bytes) {
    static const char hidden[] = "[hidden]";
    size_t used = 0;
    while (*text && used + 1 < target_bytes) {
        size_t gap = strspn(text, " \t\n"), size = strcspn(text + gap, " \t\n");
        const char *word = text + gap;
        bool is_hidden = is_sensitive(word, size);
        int written = snprintf(target + used, target_bytes - used, "%.*s%.*s", (int)gap, text,
            is_hidden ? (int)strlen(hidden) : (int)size, is_hidden ? hidden : word);
        used += (size_t)written < target_bytes - used ? (size_t)written : target_bytes - used - 1;
        text = word + size;
    }
    target[used] = '\0';
}

/* Names of fields that are left out whole. */
static bool is_private(const char *key) {
    static const char *const parts[] = {"key", "token", "secret", "pass", "mail", "address", "peer", "host",
        "url", "streamid", "path", "session"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcasestr(key, parts[i]))
            return true;
    }
    return false;
}

static json_t *value_of(const struct ph_log_field *field) {
    char text[TEXT_BYTES], name[96];
    switch (field->kind) {
    case PH_LOG_STRING:
        if (!field->value.string)
            return json_null();
        ph_scrub(field->value.string, text, sizeof(text));
        return json_string(text); /* NULL for broken UTF-8: then it is left out */
    case PH_LOG_INTEGER:
        return json_integer(field->value.integer);
    case PH_LOG_REAL:
        return json_real(isfinite(field->value.real) ? field->value.real : 0);
    case PH_LOG_BOOL:
        return json_boolean(field->value.integer);
    case PH_LOG_CODE:
        return json_string(ph_error_name((int)field->value.integer, name, sizeof(name)));
    case PH_LOG_END:
        break;
    }
    return NULL;
}

static json_t *extra_of(const struct ph_log_field *fields) {
    json_t *extra = json_object();
    for (; extra && fields->kind != PH_LOG_END; fields++) {
        json_t *value = is_private(fields->key) ? NULL : value_of(fields);
        if (value && json_object_set_new(extra, fields->key, value) < 0) {
            json_decref(extra);
            return NULL;
        }
    }
    return extra;
}

static void make_id(char id[33]) {
    unsigned char bytes[16];
    ph_random_bytes(bytes, sizeof(bytes));
    ph_hex_write(bytes, sizeof(bytes), id);
}

static void write_time(int64_t at_us, char *text, size_t text_bytes) {
    time_t seconds = (time_t)(at_us / PH_SECOND_US);
    struct tm utc;
    char date[32];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, text_bytes, "%s.%03dZ", date, (int)(at_us / PH_MILLISECOND_US % 1000));
}

static json_t *event_of(const struct ph_error_event *event, const char *id, const char *time) {
    char message[TEXT_BYTES];
    ph_scrub(event->message, message, sizeof(message));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:[s], s:o}", "event_id", id, "timestamp", time,
        "platform", "native", "level", "error", "logger", "porthole", "release", event->release, "logentry",
        "formatted", message, "fingerprint", message, "extra", extra_of(event->fields));
}

char *ph_error_event_write(const struct ph_dsn *dsn, const struct ph_error_event *event) {
    char id[33], time[64], *envelope = NULL;
    make_id(id);
    write_time(event->at_us, time, sizeof(time));
    json_t *head = json_pack("{s:s, s:s, s:s}", "event_id", id, "sent_at", time, "dsn", dsn->public_text);
    json_t *body = event_of(event, id, time);
    char *head_text = head ? json_dumps(head, JSON_COMPACT) : NULL;
    char *body_text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_t *item =
        body_text ? json_pack("{s:s, s:I}", "type", "event", "length", (json_int_t)strlen(body_text)) : NULL;
    char *item_text = item ? json_dumps(item, JSON_COMPACT) : NULL;
    if (head_text && item_text && asprintf(&envelope, "%s\n%s\n%s\n", head_text, item_text, body_text) < 0)
        envelope = NULL;
    free(head_text);
    free(body_text);
    free(item_text);
    json_decref(head);
    json_decref(body);
    json_decref(item);
    return envelope;
}
