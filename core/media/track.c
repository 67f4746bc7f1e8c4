#include "core/media/track.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Which object of the document a field belongs to, for messages: "tracks[1].", or "" at the top. */
struct place {
    json_t *object;
    char prefix[40];
    struct ph_error *error;
};

struct range {
    int64_t least;
    int64_t most;
};

enum { most_rate_num = 1000000, most_fps = 240 };

static const struct range epoch_range = {0, INT64_C(4102444800000000)}; /* the year 2100 */
static const struct range part_target_range = {20000, 5000000};

int ph_part_position_compare(struct ph_part_position a, struct ph_part_position b) {
    if (a.segment != b.segment)
        return a.segment < b.segment ? -1 : 1;
    return (a.part > b.part) - (a.part < b.part);
}

/* A decimal number without sign or leading zeros, up to `most`. Moves the text past it. */
static int take_number(const char **text, uint64_t most, uint64_t *number) {
    const char *p = *text;
    if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
        return -EINVAL;
    uint64_t value = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (uint64_t)(*p - '0');
        if (value > most)
            return -EINVAL;
    }
    *number = value;
    *text = p;
    return 0;
}

int ph_media_file_parse(const char *name, struct ph_media_file *file) {
    *file = (struct ph_media_file){.kind = PH_FILE_PLAYLIST};
    if (strcmp(name, "index.m3u8") == 0)
        return 0;
    file->kind = PH_FILE_INIT;
    if (strcmp(name, "init.mp4") == 0)
        return 0;

    uint64_t part = 0;
    int code = take_number(&name, UINT64_C(1) << 53, &file->position.segment);
    if (code)
        return code;
    file->kind = PH_FILE_SEGMENT;
    if (strcmp(name, ".m4s") == 0)
        return 0;
    if (*name++ != '.')
        return -EINVAL;
    code = take_number(&name, UINT32_MAX, &part);
    if (code)
        return code;
    file->kind = PH_FILE_PART;
    file->position.part = (uint32_t)part;
    return strcmp(name, ".m4s") == 0 ? 0 : -EINVAL;
}

static int wrong(const struct place *place, const char *key, const char *wanted) {
    return ph_error_set(place->error, -EINVAL, "%s%s: %s", place->prefix, key, wanted);
}

static int read_integer(const struct place *place, const char *key, struct range range, int64_t *value) {
    json_t *node = json_object_get(place->object, key);
    if (!json_is_integer(node))
        return wrong(place, key, "a whole number is needed");
    *value = json_integer_value(node);
    if (*value < range.least || *value > range.most)
        return ph_error_set(place->error, -EINVAL, "%s%s: %lld is outside %lld to %lld", place->prefix, key,
            (long long)*value, (long long)range.least, (long long)range.most);
    return 0;
}

static int read_u32(const struct place *place, const char *key, struct range range, uint32_t *value) {
    int64_t number = 0;
    int code = read_integer(place, key, range, &number);
    if (!code)
        *value = (uint32_t)number;
    return code;
}

/* False when absent. */
/* Leaves the value alone when it is not given. */
static int read_optional_bool(const struct place *place, const char *key, bool *value) {
    json_t *node = json_object_get(place->object, key);
    if (node && !json_is_boolean(node))
        return wrong(place, key, "true or false is needed");
    if (node)
        *value = json_is_true(node);
    return 0;
}

/* A text of 1 to `capacity` - 1 characters, each of them one of `allowed`. */
static int read_text(
    const struct place *place, const char *key, const char *allowed, char *target, size_t capacity) {
    json_t *node = json_object_get(place->object, key);
    if (!json_is_string(node))
        return wrong(place, key, "a text is needed");
    size_t size = json_string_length(node);
    const char *text = json_string_value(node);
    if (size == 0 || size >= capacity || strspn(text, allowed) != size)
        return ph_error_set(place->error, -EINVAL, "%s%s: 1 to %zu characters of %s are needed",
            place->prefix, key, capacity - 1, allowed);
    memcpy(target, text, size + 1);
    return 0;
}

#define DIGITS "0123456789"
#define LOWER_CASE "abcdefghijklmnopqrstuvwxyz"
#define UPPER_CASE "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int read_rate(const struct place *place, const char *key, struct ph_rational *rate) {
    json_t *node = json_object_get(place->object, key);
    json_t *num = json_object_get(node, "num"), *den = json_object_get(node, "den");
    if (!json_is_integer(num) || !json_is_integer(den))
        return wrong(place, key, "{\"num\": frames, \"den\": seconds} in whole numbers is needed");
    int64_t n = json_integer_value(num), d = json_integer_value(den);
    if (n < 1 || n > most_rate_num || d < 1 || d > most_rate_num || n < d || n > most_fps * d)
        return wrong(place, key, "the rate must lie between 1 and 240 frames a second");
    *rate = (struct ph_rational){(int32_t)n, (int32_t)d};
    return 0;
}

static int read_video(const struct place *place, struct ph_track *track) {
    int code = read_u32(place, "width", (struct range){2, 16384}, &track->width);
    if (!code)
        code = read_u32(place, "height", (struct range){2, 16384}, &track->height);
    if (!code)
        code = read_rate(place, "rate", &track->rate);
    return code;
}

static int read_audio(const struct place *place, struct ph_track *track) {
    int code = read_u32(place, "channels", (struct range){1, 8}, &track->channels);
    if (!code)
        code = read_text(
            place, "language", LOWER_CASE UPPER_CASE DIGITS "-", track->language, sizeof(track->language));
    return code;
}

static int read_kind(const struct place *place, enum ph_track_kind *kind) {
    const char *text = json_string_value(json_object_get(place->object, "kind"));
    if (text && strcmp(text, "video") == 0)
        *kind = PH_TRACK_VIDEO;
    else if (text && strcmp(text, "audio") == 0)
        *kind = PH_TRACK_AUDIO;
    else
        return wrong(place, "kind", "\"video\" or \"audio\" is needed");
    return 0;
}

static int read_track(const struct place *place, struct ph_track *track) {
    const struct range bandwidths = {1, 1000000000};
    if (!json_is_object(place->object))
        return wrong(place, "", "an object is needed");
    int code = read_text(place, "name", LOWER_CASE DIGITS, track->name, sizeof(track->name));
    if (!code && strcmp(track->name, "storyboard") == 0)
        code = wrong(place, "name", "the storyboard has this name");
    if (!code)
        code = read_kind(place, &track->kind);
    if (!code)
        code = read_text(
            place, "codecs", LOWER_CASE UPPER_CASE DIGITS ".", track->codecs, sizeof(track->codecs));
    if (!code)
        code = read_u32(place, "timescale", (struct range){1, 10000000}, &track->timescale);
    if (!code)
        code = read_u32(place, "bandwidth", bandwidths, &track->bandwidth);
    if (!code)
        code = read_u32(
            place, "average_bandwidth", (struct range){1, track->bandwidth}, &track->average_bandwidth);
    if (code)
        return code;
    return track->kind == PH_TRACK_VIDEO ? read_video(place, track) : read_audio(place, track);
}

static int read_tracks(json_t *root, struct ph_publication *publication, struct ph_error *error) {
    json_t *nodes = json_object_get(root, "tracks");
    size_t count = json_array_size(nodes);
    if (count < 1 || count > PH_MOST_TRACKS)
        return ph_error_set(error, -EINVAL, "tracks: an array of 1 to %d tracks is needed", PH_MOST_TRACKS);
    for (size_t i = 0; i < count; i++) {
        struct place place = {.object = json_array_get(nodes, i), .error = error};
        snprintf(place.prefix, sizeof(place.prefix), "tracks[%zu].", i);
        int code = read_track(&place, &publication->tracks[i]);
        if (code)
            return code;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(publication->tracks[i].name, publication->tracks[j].name) == 0)
                return wrong(&place, "name", "two tracks have this name");
        }
    }
    publication->track_count = (uint32_t)count;
    return 0;
}

/* The promises of the playlist's head hold for the grid: no part above PART-TARGET, no segment that rounds to
 * more than EXT-X-TARGETDURATION (RFC 8216bis 4.4.3.1, 4.4.3.7). */
static int check_targets(const struct ph_publication *publication, struct ph_error *error) {
    int64_t num = publication->grid_rate.num, den = publication->grid_rate.den;
    int64_t part_frames = publication->frames_per_part;
    int64_t segment_frames = part_frames * publication->parts_per_segment;
    if (part_frames * den * 1000000 > publication->part_target_us * num)
        return ph_error_set(error, -EINVAL, "part_target_us: a part of the grid lasts longer");
    if (segment_frames * den * 2 >= (2 * (int64_t)publication->target_duration_s + 1) * num)
        return ph_error_set(error, -EINVAL, "target_duration_s: a segment of the grid lasts longer");
    return 0;
}

static int read_publication(json_t *root, struct ph_publication *publication, struct ph_error *error) {
    const struct place top = {.object = root, .error = error};
    if (!json_is_object(root))
        return ph_error_set(error, -EINVAL, "the publication must be a JSON object");
    int code = read_integer(&top, "epoch_utc_us", epoch_range, &publication->epoch_utc_us);
    if (!code)
        code = read_rate(&top, "grid_rate", &publication->grid_rate);
    if (!code)
        code = read_u32(&top, "frames_per_part", (struct range){1, 240}, &publication->frames_per_part);
    if (!code)
        code = read_u32(&top, "parts_per_segment", (struct range){1, 100}, &publication->parts_per_segment);
    if (!code)
        code = read_u32(&top, "part_target_us", part_target_range, &publication->part_target_us);
    if (!code)
        code = read_u32(&top, "target_duration_s", (struct range){1, 30}, &publication->target_duration_s);
    if (!code)
        code = read_optional_bool(&top, "is_private", &publication->is_private);
    if (!code)
        code = read_optional_bool(&top, "is_recorded", &publication->is_recorded);
    if (!code && json_object_get(root, "take"))
        code = read_u32(&top, "take", (struct range){1, INT32_MAX}, &publication->take);
    if (!code)
        code = check_targets(publication, error);
    return code ? code : read_tracks(root, publication, error);
}

/* NULL and a code with a sentence when the text is no JSON. */
static json_t *load(const char *text, size_t size, int *code, struct ph_error *error) {
    json_error_t reason;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason);
    if (root)
        *code = 0;
    else if (json_error_code(&reason) == json_error_out_of_memory)
        *code = -ENOMEM;
    else
        *code =
            ph_error_set(error, -EINVAL, "line %d, column %d: %s", reason.line, reason.column, reason.text);
    return root;
}

int ph_publication_from_json(
    const char *text, size_t size, struct ph_publication *publication, struct ph_error *error) {
    int code = 0;
    *publication = (struct ph_publication){.is_recorded = true};
    json_t *root = load(text, size, &code, error);
    if (!code)
        code = read_publication(root, publication, error);
    json_decref(root);
    return code;
}

/* Gives the value away to the object, also when it is NULL: then the failure is kept in `ok`. */
static void put(json_t *object, const char *key, json_t *value, bool *ok) {
    if (json_object_set_new(object, key, value))
        *ok = false;
}

static json_t *rate_node(struct ph_rational rate) {
    return json_pack("{s:i,s:i}", "num", (int)rate.num, "den", (int)rate.den);
}

static json_t *track_node(const struct ph_track *track, bool *ok) {
    bool is_video = track->kind == PH_TRACK_VIDEO;
    json_t *node = json_object();
    put(node, "name", json_string(track->name), ok);
    put(node, "kind", json_string(is_video ? "video" : "audio"), ok);
    put(node, "codecs", json_string(track->codecs), ok);
    put(node, "timescale", json_integer(track->timescale), ok);
    put(node, "bandwidth", json_integer(track->bandwidth), ok);
    put(node, "average_bandwidth", json_integer(track->average_bandwidth), ok);
    if (is_video) {
        put(node, "width", json_integer(track->width), ok);
        put(node, "height", json_integer(track->height), ok);
        put(node, "rate", rate_node(track->rate), ok);
    } else {
        put(node, "channels", json_integer(track->channels), ok);
        put(node, "language", json_string(track->language), ok);
    }
    return node;
}

/* Takes over the document. */
static char *dump(json_t *root, bool ok) {
    char *text = ok ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

char *ph_publication_to_json(const struct ph_publication *publication) {
    bool ok = true;
    json_t *root = json_object();
    put(root, "epoch_utc_us", json_integer(publication->epoch_utc_us), &ok);
    put(root, "grid_rate", rate_node(publication->grid_rate), &ok);
    put(root, "frames_per_part", json_integer(publication->frames_per_part), &ok);
    put(root, "parts_per_segment", json_integer(publication->parts_per_segment), &ok);
    put(root, "part_target_us", json_integer(publication->part_target_us), &ok);
    put(root, "target_duration_s", json_integer(publication->target_duration_s), &ok);
    put(root, "is_private", json_boolean(publication->is_private), &ok);
    put(root, "is_recorded", json_boolean(publication->is_recorded), &ok);
    if (publication->take)
        put(root, "take", json_integer(publication->take), &ok);
    json_t *tracks = json_array();
    for (uint32_t i = 0; i < publication->track_count; i++) {
        if (json_array_append_new(tracks, track_node(&publication->tracks[i], &ok)))
            ok = false;
    }
    put(root, "tracks", tracks, &ok);
    return dump(root, ok);
}

char *ph_standings_to_json(const struct ph_track_standing *standings, uint32_t count) {
    bool ok = true;
    json_t *root = json_object(), *tracks = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct ph_track_standing *standing = &standings[i];
        json_t *node = json_pack("{s:s,s:{s:I,s:I},s:I,s:b}", "name", standing->name, "next", "segment",
            (json_int_t)standing->next.segment, "part", (json_int_t)standing->next.part, "durable",
            (json_int_t)standing->durable_segment, "init", (int)standing->has_init);
        if (json_array_append_new(tracks, node))
            ok = false;
    }
    put(root, "tracks", tracks, &ok);
    return dump(root, ok);
}

static int read_standing(const struct place *place, struct ph_track_standing *standing) {
    const struct range segments = {0, INT64_C(1) << 53};
    json_t *init = json_object_get(place->object, "init");
    struct place next = {.object = json_object_get(place->object, "next"), .error = place->error};
    memcpy(next.prefix, place->prefix, sizeof(next.prefix));
    int64_t segment = 0, durable = 0;
    int code = read_text(place, "name", LOWER_CASE DIGITS, standing->name, sizeof(standing->name));
    if (!code)
        code = read_integer(&next, "segment", segments, &segment);
    if (!code)
        code = read_u32(&next, "part", (struct range){0, UINT32_MAX}, &standing->next.part);
    if (!code)
        code = read_integer(place, "durable", segments, &durable);
    if (!code && !json_is_boolean(init))
        code = wrong(place, "init", "true or false is needed");
    standing->next.segment = (uint64_t)segment;
    standing->durable_segment = (uint64_t)durable;
    standing->has_init = json_is_true(init);
    return code;
}

int ph_standings_from_json(const char *text, size_t size, struct ph_track_standing *standings,
    uint32_t *count, struct ph_error *error) {
    int code = 0;
    *count = 0;
    json_t *root = load(text, size, &code, error);
    json_t *nodes = json_object_get(root, "tracks");
    size_t node_count = json_array_size(nodes);
    if (!code && (!json_is_array(nodes) || node_count > PH_MOST_TRACKS))
        code =
            ph_error_set(error, -EINVAL, "tracks: an array of at most %d tracks is needed", PH_MOST_TRACKS);
    for (size_t i = 0; i < node_count && !code; i++) {
        struct place place = {.object = json_array_get(nodes, i), .error = error};
        snprintf(place.prefix, sizeof(place.prefix), "tracks[%zu].", i);
        code = read_standing(&place, &standings[i]);
        if (!code)
            *count = (uint32_t)i + 1;
    }
    json_decref(root);
    return code;
}
