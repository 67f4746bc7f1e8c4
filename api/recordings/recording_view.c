#include "api/recordings/recording_view.h"

#include <stdio.h>

static json_t *number_or_null(int64_t number) {
    return number > 0 ? json_integer(number) : json_null();
}

static const char *text_or_none(const char *text) {
    return *text ? text : NULL;
}

bool ph_recording_is_open(const struct ph_recording *recording) {
    return recording->state == PH_RECORDING_READY && !ph_recording_is_cold(recording);
}

static json_t *clip_view(const struct ph_recording *recording) {
    if (recording->kind != PH_RECORDING_CLIP)
        return json_null();
    return json_pack("{s:s, s:I, s:I}", "recordingId", recording->source, "fromMs",
        (json_int_t)recording->from_ms, "toMs", (json_int_t)recording->to_ms);
}

/* The reference of an object beside the playlists, which its ticket lets in to. */
static json_t *picture_view(const char *id, const char *name, const char *token) {
    char url[64 + PH_SESSION_ID_BYTES + PH_PLAYBACK_TOKEN_BYTES];
    snprintf(url, sizeof(url), "/vod/%s/%s?token=%s", id, name, token);
    return json_string(url);
}

/* What only those may have who may play it. */
static json_t *media_view(const struct ph_recording *recording, const struct ph_recording_ticket *ticket) {
    char hls[64], page[64], download[80];
    if (!ticket || !ph_recording_is_open(recording))
        return json_pack("{s:n, s:n, s:n, s:n}", "posterUrl", "storyboardUrl", "playback", "download");
    snprintf(hls, sizeof(hls), "/vod/%s/index.m3u8", recording->id);
    snprintf(page, sizeof(page), "/recordings?recording=%s", recording->id);
    snprintf(download, sizeof(download), "/api/recordings/%s/download", recording->id);
    json_t *poster =
        recording->has_poster ? picture_view(recording->id, "poster.jpg", ticket->token) : json_null();
    json_t *storyboard = recording->has_storyboard
                             ? picture_view(recording->id, "storyboard.vtt", ticket->token)
                             : json_null();
    return json_pack("{s:o, s:o, s:{s:s, s:s, s:s, s:I}, s:s}", "posterUrl", poster, "storyboardUrl",
        storyboard, "playback", "hls", hls, "page", page, "token", ticket->token, "expiresAt",
        (json_int_t)ticket->expires_ms, "download", download);
}

json_t *ph_recording_view(const struct ph_recording *recording, const struct ph_recording_ticket *ticket) {
    json_t *view = json_pack("{s:s, s:s?, s:s, s:s, s:s, s:s, s:s?, s:o, s:I, s:I, s:o, s:o, s:I, s:o, s:s}",
        "id", recording->id, "sessionId", text_or_none(recording->session), "owner", recording->owner,
        "title", recording->title, "kind", ph_recording_kind_name(recording->kind), "state",
        ph_recording_state_name(recording->state), "reason", text_or_none(recording->reason), "clipOf",
        clip_view(recording), "durationMs", (json_int_t)recording->duration_ms, "bytes",
        (json_int_t)recording->bytes, "width", number_or_null(recording->width), "height",
        number_or_null(recording->height), "createdAt", (json_int_t)recording->created_ms, "readyAt",
        number_or_null(recording->ready_ms), "storage", ph_recording_storage_name(recording->storage));
    json_t *media = media_view(recording, ticket);
    int code = view && media ? json_object_update_missing(view, media) : -1;
    json_decref(media);
    if (code < 0) {
        json_decref(view);
        return NULL;
    }
    return view;
}

json_t *ph_recording_brief_view(const struct ph_recording *recording) {
    return json_pack("{s:s, s:s, s:I}", "id", recording->id, "state",
        ph_recording_state_name(recording->state), "durationMs", (json_int_t)recording->duration_ms);
}
