#include "origin/vod/recording.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hex.h"
#include "origin/caching.h"
#include "origin/rendering.h"
#include "origin/vod/playlists.h"

typedef void playlist_writer(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication, uint32_t track);

static void write_multivariant(struct ph_builder *builder, const struct ph_manifest *manifest,
    const struct ph_publication *publication, uint32_t track) {
    (void)track;
    ph_vod_write_multivariant(builder, manifest, publication);
}

static int render(struct ph_vod_recording *recording, playlist_writer *writer, uint32_t track,
    struct ph_http_response **answer) {
    struct ph_builder builder = {0};
    writer(&builder, &recording->manifest, &recording->publication, track);
    recording->cost_bytes += builder.size + builder.size / 4; /* with its gzip twin */
    *answer = ph_rendering_answer(ph_builder_finish(&builder), PH_CACHING_RECORDING, &recording->publication);
    return *answer ? 0 : -ENOMEM;
}

static int render_all(struct ph_vod_recording *recording) {
    int code = render(recording, write_multivariant, 0, &recording->multivariant);
    for (uint32_t i = 0; i < recording->publication.track_count && !code; i++) {
        code = render(recording, ph_vod_write_media, i, &recording->media[i]);
        if (!code && recording->publication.tracks[i].kind == PH_TRACK_VIDEO)
            code = render(recording, ph_vod_write_key_frames, i, &recording->key_frames[i]);
        recording->cost_bytes += recording->manifest.tracks[i].count * sizeof(struct ph_manifest_segment);
    }
    return code;
}

/* Whether its times can be told as dates, and its segments be as large as they say. */
static bool is_sane(const struct ph_manifest *manifest) {
    const int64_t most_s = 400000000;
    const uint64_t most_bytes = UINT64_C(1) << 40;
    for (uint32_t i = 0; i < manifest->publication.track_count; i++) {
        const struct ph_manifest_track *track = &manifest->tracks[i];
        uint32_t timescale = manifest->publication.tracks[i].timescale;
        for (uint32_t j = 0; j < track->count; j++) {
            const struct ph_manifest_segment *segment = &track->segments[j];
            if (segment->start_ticks / timescale > most_s || segment->bytes > most_bytes ||
                segment->key_bytes > segment->bytes)
                return false;
        }
    }
    return true;
}

int ph_vod_recording_create(struct ph_vod_recording **out, const char *id, struct ph_slice json) {
    struct ph_vod_recording *recording = calloc(1, sizeof(*recording));
    *out = NULL;
    if (!recording)
        return -ENOMEM;
    int code = ph_manifest_from_json(json, &recording->manifest, NULL);
    if (code) {
        free(recording);
        return code == -ENOMEM ? code : PH_INVALID_DATA;
    }
    if (strcmp(recording->manifest.id, id) != 0 || !is_sane(&recording->manifest))
        code = PH_INVALID_DATA;
    recording->publication = ph_vod_publication(&recording->manifest);
    recording->cost_bytes = sizeof(*recording);
    if (!code)
        code = render_all(recording);
    if (code)
        ph_vod_recording_destroy(recording);
    else
        *out = recording;
    return code;
}

void ph_vod_recording_destroy(struct ph_vod_recording *recording) {
    if (!recording)
        return;
    ph_http_response_unref(&recording->multivariant);
    for (uint32_t i = 0; i < PH_MOST_TRACKS; i++) {
        ph_http_response_unref(&recording->media[i]);
        ph_http_response_unref(&recording->key_frames[i]);
    }
    ph_manifest_finish(&recording->manifest);
    free(recording);
}

static int find_track(const struct ph_vod_recording *recording, const char *name) {
    for (uint32_t i = 0; i < recording->publication.track_count; i++) {
        if (strcmp(recording->publication.tracks[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

/* Half of the hash says enough: nobody looks for two files with one. */
static void tag_by_hash(struct ph_vod_object *object, const uint8_t hash[PH_STORE_HASH_BYTES]) {
    char digits[PH_STORE_HASH_BYTES + 1];
    ph_hex_write(hash, PH_STORE_HASH_BYTES / 2, digits);
    snprintf(object->etag, sizeof(object->etag), "\"%s\"", digits);
}

static int resolve_segment(
    const struct ph_manifest_track *track, const struct ph_vod_wish *wish, struct ph_vod_object *object) {
    if (!track->count || wish->number < track->segments[0].number)
        return -ENOENT;
    uint64_t place = wish->number - track->segments[0].number; /* they rise by one */
    if (place >= track->count || !track->segments[place].bytes)
        return -ENOENT;
    object->bytes = track->segments[place].bytes;
    tag_by_hash(object, track->segments[place].hash);
    snprintf(object->key, sizeof(object->key), "recordings/%s/%s/%" PRIu64 ".m4s", wish->recording,
        wish->track, wish->number);
    return 0;
}

static int resolve_in_track(const struct ph_vod_recording *recording, const struct ph_vod_wish *wish,
    struct ph_http_response **answer, struct ph_vod_object *object) {
    int index = find_track(recording, wish->track);
    if (index < 0)
        return -ENOENT;
    const struct ph_manifest_track *track = &recording->manifest.tracks[index];
    object->content_type = ph_caching_media_type(recording->publication.tracks[index].kind);
    switch (wish->kind) {
    case PH_VOD_PLAYLIST:
        *answer = recording->media[index];
        return 0;
    case PH_VOD_KEY_FRAMES:
        *answer = recording->key_frames[index];
        return *answer ? 0 : -ENOENT;
    case PH_VOD_SEGMENT:
        return resolve_segment(track, wish, object);
    default:
        break;
    }
    if (!track->init_bytes)
        return -ENOENT;
    object->bytes = track->init_bytes;
    tag_by_hash(object, track->init_hash);
    snprintf(object->key, sizeof(object->key), "recordings/%s/%s/init.mp4", wish->recording, wish->track);
    return 0;
}

static bool has_sheet(const struct ph_storyboard *storyboard, uint64_t first_tile) {
    for (uint32_t i = 0; i < storyboard->sheet_count; i++) {
        if (storyboard->sheets[i].first_tile == first_tile)
            return true;
    }
    return false;
}

static int resolve_picture(
    const struct ph_manifest *manifest, const struct ph_vod_wish *wish, struct ph_vod_object *object) {
    bool is_there = manifest->storyboard.sheet_count;
    char file[64] = "storyboard.vtt";
    if (wish->kind == PH_VOD_POSTER) {
        is_there = manifest->has_poster;
        strcpy(file, "poster.jpg");
    } else if (wish->kind == PH_VOD_SHEET) {
        is_there = has_sheet(&manifest->storyboard, wish->number);
        snprintf(file, sizeof(file), "storyboard-%" PRIu64 ".jpg", wish->number);
    }
    snprintf(object->key, sizeof(object->key), "recordings/%s/%s", wish->recording, file);
    object->content_type = wish->kind == PH_VOD_STORYBOARD ? "text/vtt" : "image/jpeg";
    return is_there ? 0 : -ENOENT;
}

int ph_vod_recording_resolve(const struct ph_vod_recording *recording, const struct ph_vod_wish *wish,
    struct ph_http_response **answer, struct ph_vod_object *object) {
    *answer = NULL;
    *object = (struct ph_vod_object){.bytes = UINT64_MAX, .is_private = true};
    int code = 0;
    if (wish->kind == PH_VOD_MULTIVARIANT)
        *answer = recording->multivariant;
    else if (wish->kind >= PH_VOD_POSTER)
        code = resolve_picture(&recording->manifest, wish, object);
    else
        code = resolve_in_track(recording, wish, answer, object);
    strcpy(object->name, object->key);
    return code;
}
