/* The source link's JSON messages. */
#include "core/media/source_link.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

enum {
    most_json_bytes = 512 * 1024,
    most_text_bytes = 1024,
    most_sdp_bytes = 64 * 1024,
    most_state_bytes = 64 * 1024,
    most_state_base64_bytes = (most_state_bytes + 2) / 3 * 4,
};

/* The object in `text`, which the caller owns; NULL when it is none. */
static json_t *object_load(struct ph_slice text) {
    if (!text.size || text.size > most_json_bytes)
        return NULL;
    json_t *object = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* Takes the object over. NULL when it is NULL or memory is out. */
static char *object_dump(json_t *object) {
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

/* A malloc'ed copy of a string member of at most `most` bytes. */
static int string_get(const json_t *object, const char *key, size_t most, char **target) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || json_string_length(value) > most)
        return PH_INVALID_DATA;
    *target = strdup(json_string_value(value));
    return *target ? 0 : -ENOMEM;
}

static int number_get(const json_t *object, const char *key, json_int_t most, json_int_t *target) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > most)
        return PH_INVALID_DATA;
    *target = json_integer_value(value);
    return 0;
}

static int u32_get(const json_t *object, const char *key, uint32_t *target) {
    json_int_t value = 0;
    int code = number_get(object, key, UINT32_MAX, &value);
    *target = (uint32_t)value;
    return code;
}

static int u64_get(const json_t *object, const char *key, uint64_t *target) {
    json_int_t value = 0;
    int code = number_get(object, key, INT64_MAX, &value);
    *target = (uint64_t)value;
    return code;
}

static int time_get(const json_t *object, const char *key, int64_t *target) {
    json_int_t value = 0;
    int code = number_get(object, key, INT64_C(1) << 60, &value);
    *target = value;
    return code;
}

static int real_get(const json_t *object, const char *key, double *target) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value) || !isfinite(json_number_value(value)))
        return PH_INVALID_DATA;
    *target = json_number_value(value);
    return 0;
}

/* A checkpoint's state as base64; null when there is none. A new reference, or NULL when memory is out. */
static json_t *state_to_json(const struct ph_bytes *state) {
    if (!state)
        return json_null();
    size_t size = ph_bytes_size(state);
    if (size > most_state_bytes)
        return NULL;
    unsigned char *text = malloc(most_state_base64_bytes + 1);
    if (!text)
        return NULL;
    int length = EVP_EncodeBlock(text, ph_bytes_data(state), (int)size);
    json_t *value = json_stringn((const char *)text, (size_t)length);
    free(text);
    return value;
}

static int state_get(const json_t *object, const char *key, struct ph_bytes **state) {
    const json_t *value = json_object_get(object, key);
    if (json_is_null(value))
        return 0;
    size_t size = json_is_string(value) ? json_string_length(value) : 1;
    if (size % 4 || size > most_state_base64_bytes)
        return PH_INVALID_DATA;
    const char *text = json_string_value(value);
    struct ph_bytes *decoded = ph_bytes_create(size / 4 * 3);
    if (!decoded)
        return -ENOMEM;
    size_t padding = size ? (size_t)(text[size - 1] == '=') + (size_t)(text[size - 2] == '=') : 0;
    int length = EVP_DecodeBlock(ph_bytes_writable(decoded), (const unsigned char *)text, (int)size);
    if (length < 0 || (size_t)length != size / 4 * 3) {
        ph_bytes_unref(&decoded);
        return PH_INVALID_DATA;
    }
    *state = ph_bytes_copy(ph_bytes_data(decoded), (size_t)length - padding);
    ph_bytes_unref(&decoded);
    return *state ? 0 : -ENOMEM;
}

static json_t *origins_to_json(const struct ph_link_hello *hello) {
    json_t *origins = json_array();
    for (int i = 0; i < PH_LINK_MOST_ORIGINS && hello->origins[i]; i++) {
        if (json_array_append_new(origins, json_string(hello->origins[i]))) {
            json_decref(origins);
            return NULL;
        }
    }
    return origins;
}

static int origins_get(const json_t *object, struct ph_link_hello *hello) {
    const json_t *origins = json_object_get(object, "origins");
    size_t count = json_array_size(origins);
    if (!count || count > PH_LINK_MOST_ORIGINS)
        return PH_INVALID_DATA;
    for (size_t i = 0; i < count; i++) {
        const json_t *origin = json_array_get(origins, i);
        if (!json_is_string(origin) || json_string_length(origin) > most_text_bytes)
            return PH_INVALID_DATA;
        hello->origins[i] = strdup(json_string_value(origin));
        if (!hello->origins[i])
            return -ENOMEM;
    }
    return 0;
}

int ph_link_hello_write(struct ph_builder *builder, const struct ph_link_hello *hello) {
    json_t *object = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I}",
        "version", PH_LINK_VERSION, "session", hello->session, "ladder", hello->ladder, "preset",
        hello->preset, "encoder", hello->encoder, "origins", origins_to_json(hello), "publish_token",
        hello->publish_token, "is_private", hello->is_private, "is_recorded", hello->is_recorded, "take",
        (json_int_t)hello->take, "part_ms", (json_int_t)hello->part_ms, "segment_ms",
        (json_int_t)hello->segment_ms, "reconnect_window_ms", (json_int_t)hello->reconnect_window_ms,
        "epoch_time_us", (json_int_t)hello->epoch_time_us, "epoch_utc_us", (json_int_t)hello->epoch_utc_us,
        "durable_state", state_to_json(hello->durable_state), "published_state",
        state_to_json(hello->published_state), "durable_replay_from", (json_int_t)hello->durable_replay_from,
        "published_replay_from", (json_int_t)hello->published_replay_from);
    char *text = object_dump(object);
    if (!text)
        return -ENOMEM;
    ph_link_frame_write(builder, PH_LINK_HELLO, text, strlen(text));
    free(text);
    return ph_builder_ok(builder) ? 0 : -ENOMEM;
}

static int hello_strings_get(const json_t *object, struct ph_link_hello *hello) {
    const struct {
        const char *key;
        char **target;
    } members[] = {{"session", &hello->session}, {"ladder", &hello->ladder}, {"preset", &hello->preset},
        {"encoder", &hello->encoder}, {"publish_token", &hello->publish_token}};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        int code = string_get(object, members[i].key, most_text_bytes, members[i].target);
        if (code)
            return code;
    }
    return origins_get(object, hello);
}

static int hello_numbers_get(const json_t *object, struct ph_link_hello *hello) {
    bool invalid = u32_get(object, "part_ms", &hello->part_ms) ||
                   u32_get(object, "segment_ms", &hello->segment_ms) ||
                   u32_get(object, "reconnect_window_ms", &hello->reconnect_window_ms) ||
                   time_get(object, "epoch_time_us", &hello->epoch_time_us) ||
                   time_get(object, "epoch_utc_us", &hello->epoch_utc_us) ||
                   u64_get(object, "durable_replay_from", &hello->durable_replay_from) ||
                   u64_get(object, "published_replay_from", &hello->published_replay_from);
    return invalid ? PH_INVALID_DATA : 0;
}

int ph_link_hello_parse(const struct ph_link_frame *frame, struct ph_link_hello *hello) {
    *hello = (struct ph_link_hello){0};
    json_t *object = frame->type == PH_LINK_HELLO ? object_load(frame->payload) : NULL;
    uint32_t version = 0;
    int code = object ? u32_get(object, "version", &version) : PH_INVALID_DATA;
    if (!code && version != PH_LINK_VERSION)
        code = PH_INVALID_DATA;
    if (!code)
        code = hello_strings_get(object, hello);
    if (!code)
        code = hello_numbers_get(object, hello);
    if (!code && json_object_get(object, "take"))
        code = u32_get(object, "take", &hello->take);
    if (!code)
        hello->is_private = json_is_true(json_object_get(object, "is_private"));
    hello->is_recorded = !json_is_false(json_object_get(object, "is_recorded"));
    if (!code)
        code = state_get(object, "durable_state", &hello->durable_state);
    if (!code)
        code = state_get(object, "published_state", &hello->published_state);
    json_decref(object);
    if (code)
        ph_link_hello_finish(hello);
    return code;
}

void ph_link_hello_finish(struct ph_link_hello *hello) {
    free(hello->session);
    free(hello->ladder);
    free(hello->preset);
    free(hello->encoder);
    free(hello->publish_token);
    for (int i = 0; i < PH_LINK_MOST_ORIGINS; i++)
        free(hello->origins[i]);
    ph_bytes_unref(&hello->durable_state);
    ph_bytes_unref(&hello->published_state);
    *hello = (struct ph_link_hello){0};
}

char *ph_link_connection_to_json(const struct ph_link_connection *connection) {
    return object_dump(json_pack("{s:I, s:s, s:s?}", "number", (json_int_t)connection->number, "kind",
        connection->kind, "sdp", connection->sdp));
}

int ph_link_connection_from_json(struct ph_slice text, struct ph_link_connection *connection) {
    *connection = (struct ph_link_connection){0};
    json_t *object = object_load(text);
    int code = object ? u64_get(object, "number", &connection->number) : PH_INVALID_DATA;
    if (!code)
        code = string_get(object, "kind", 16, &connection->kind);
    bool rtp = !code && strcmp(connection->kind, "rtp") == 0;
    if (!code && !rtp && strcmp(connection->kind, "mpegts") != 0)
        code = PH_INVALID_DATA;
    if (rtp)
        code = string_get(object, "sdp", most_sdp_bytes, &connection->sdp);
    json_decref(object);
    if (code)
        ph_link_connection_finish(connection);
    return code;
}

void ph_link_connection_finish(struct ph_link_connection *connection) {
    free(connection->kind);
    free(connection->sdp);
    *connection = (struct ph_link_connection){0};
}

const int64_t ph_link_encode_bounds_us[PH_LINK_ENCODE_BOUNDS] = {
    2000, 4000, 7000, 10000, 15000, 20000, 30000, 50000, 100000, 250000};

static json_t *encode_times_pack(const struct ph_link_encode_times *encode) {
    json_t *frames = json_array();
    for (int i = 0; i <= PH_LINK_ENCODE_BOUNDS; i++) {
        if (json_array_append_new(frames, json_integer((json_int_t)encode->frames[i])) < 0) {
            json_decref(frames);
            return NULL;
        }
    }
    return json_pack("{s:I, s:o}", "total_us", (json_int_t)encode->total_us, "frames", frames);
}

static int encode_times_get(const json_t *object, struct ph_link_encode_times *encode) {
    const json_t *times = json_object_get(object, "encode");
    const json_t *frames = json_object_get(times, "frames");
    if (u64_get(times, "total_us", &encode->total_us) || json_array_size(frames) != PH_LINK_ENCODE_BOUNDS + 1)
        return PH_INVALID_DATA;
    for (size_t i = 0; i <= PH_LINK_ENCODE_BOUNDS; i++) {
        json_int_t count = json_integer_value(json_array_get(frames, i));
        if (count < 0)
            return PH_INVALID_DATA;
        encode->frames[i] = (uint64_t)count;
    }
    return 0;
}

static double finite_or_zero(double value) {
    return isfinite(value) ? value : 0;
}

char *ph_link_stats_to_json(const struct ph_link_stats *stats) {
    return object_dump(json_pack("{s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o}", "speed",
        finite_or_zero(stats->speed), "source_fps", finite_or_zero(stats->source_fps), "delay_ms",
        finite_or_zero(stats->delay_ms), "effort", (json_int_t)stats->effort, "frames_in",
        (json_int_t)stats->frames_in, "frames_out", (json_int_t)stats->frames_out, "frames_dropped",
        (json_int_t)stats->frames_dropped, "frames_repeated", (json_int_t)stats->frames_repeated,
        "source_width", (json_int_t)stats->source_width, "source_height", (json_int_t)stats->source_height,
        "bitrate_in", finite_or_zero(stats->bitrate_in), "encode", encode_times_pack(&stats->encode)));
}

int ph_link_stats_from_json(struct ph_slice text, struct ph_link_stats *stats) {
    *stats = (struct ph_link_stats){0};
    struct ph_link_stats read = {0};
    json_t *object = object_load(text);
    bool invalid = !object || real_get(object, "speed", &read.speed) ||
                   real_get(object, "source_fps", &read.source_fps) ||
                   real_get(object, "delay_ms", &read.delay_ms) || u32_get(object, "effort", &read.effort) ||
                   u64_get(object, "frames_in", &read.frames_in) ||
                   u64_get(object, "frames_out", &read.frames_out) ||
                   u64_get(object, "frames_dropped", &read.frames_dropped) ||
                   u64_get(object, "frames_repeated", &read.frames_repeated) ||
                   u32_get(object, "source_width", &read.source_width) ||
                   u32_get(object, "source_height", &read.source_height) ||
                   real_get(object, "bitrate_in", &read.bitrate_in) || encode_times_get(object, &read.encode);
    json_decref(object);
    if (invalid)
        return PH_INVALID_DATA;
    *stats = read;
    return 0;
}

static const char *code_key(enum ph_link_type type) {
    return type == PH_LINK_REFUSE ? "reason" : "code";
}

int ph_link_reason_write(
    struct ph_builder *builder, enum ph_link_type type, const struct ph_link_reason *reason) {
    char *text = object_dump(json_pack("{s:s, s:s}", code_key(type), reason->code, "text", reason->text));
    if (!text)
        return -ENOMEM;
    ph_link_frame_write(builder, type, text, strlen(text));
    free(text);
    return ph_builder_ok(builder) ? 0 : -ENOMEM;
}

/* Copies a string member, cut between two characters when it is longer than the room. */
static int text_copy(const json_t *object, const char *key, char *target, size_t room) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return PH_INVALID_DATA;
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    if (size >= room) {
        size = room - 1;
        while (size && ((unsigned char)text[size] & 0xC0) == 0x80)
            size--;
    }
    memcpy(target, text, size);
    target[size] = '\0';
    return 0;
}

int ph_link_reason_parse(const struct ph_link_frame *frame, struct ph_link_reason *reason) {
    *reason = (struct ph_link_reason){0};
    bool carries_reason = frame->type == PH_LINK_REFUSE || frame->type == PH_LINK_FAILED;
    json_t *object = carries_reason ? object_load(frame->payload) : NULL;
    struct ph_link_reason read = {0};
    bool invalid = !object || text_copy(object, code_key(frame->type), read.code, sizeof(read.code)) ||
                   text_copy(object, "text", read.text, sizeof(read.text));
    json_decref(object);
    if (invalid)
        return PH_INVALID_DATA;
    *reason = read;
    return 0;
}
