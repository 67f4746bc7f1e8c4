#include "api/session_view.h"

#include <stdio.h>
#include <string.h>

static json_t *time_or_null(int64_t time_ms) {
    return time_ms > 0 ? json_integer(time_ms) : json_null();
}

static json_t *text_or_null(const char *text) {
    return *text ? json_string(text) : json_null();
}

/* "1080p30@4500k,720p30@2500k" as an array. */
static json_t *ladder_view(const char *ladder) {
    json_t *list = json_array();
    for (const char *next = ladder; list && *next;) {
        next += strspn(next, ", ");
        size_t size = strcspn(next, ", ");
        if (size > 0 && json_array_append_new(list, json_stringn(next, size)) < 0) {
            json_decref(list);
            return NULL;
        }
        next += size;
    }
    return list;
}

json_t *ph_session_health_view(const struct ph_session_health *health) {
    if (!health || !health->has_stats)
        return json_null();
    const struct ph_link_stats *stats = &health->stats;
    return json_pack("{s:I, s:s, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:i, s:i, s:i}", "at",
        (json_int_t)health->stats_ms, "protocol", health->protocol, "bitrate", stats->bitrate_in, "fps",
        stats->source_fps, "speed", stats->speed, "delayMs", stats->delay_ms, "framesOut",
        (json_int_t)stats->frames_out, "framesDropped", (json_int_t)stats->frames_dropped, "framesRepeated",
        (json_int_t)stats->frames_repeated, "width", (int)stats->source_width, "height",
        (int)stats->source_height, "effort", (int)stats->effort);
}

json_t *ph_session_view(
    const struct ph_session *session, const struct ph_session_health *health, const char *playback_token) {
    char hls[80], page[64], thumbnail[80];
    snprintf(hls, sizeof(hls), "/live/%s/index.m3u8", session->id);
    snprintf(page, sizeof(page), "/watch/%s", session->id);
    snprintf(thumbnail, sizeof(thumbnail), "/live/%s/thumb.jpg", session->id);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:{s:s, s:s, s:s?}}",
        "sessionId", session->id, "title", session->title, "state", ph_session_state_name(session->state),
        "visibility", ph_visibility_name(session->visibility), "createdAt", time_or_null(session->created_ms),
        "startedAt", time_or_null(session->started_ms), "endedAt", time_or_null(session->ended_ms), "reason",
        text_or_null(session->reason), "ladder", ladder_view(session->ladder), "health",
        ph_session_health_view(health), "viewers", (json_int_t)session->viewers, "thumbnail", thumbnail,
        "playback", "hls", hls, "page", page, "token", playback_token);
}

/* As a browser's RTCPeerConnection takes them. */
static json_t *ice_servers_view(const struct ph_ice_server *servers, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        json_t *server = *servers[i].username
                             ? json_pack("{s:[s], s:s, s:s}", "urls", servers[i].url, "username",
                                   servers[i].username, "credential", servers[i].password)
                             : json_pack("{s:[s]}", "urls", servers[i].url);
        if (json_array_append_new(list, server) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *ph_session_welcome_view(const struct ph_session_welcome *welcome) {
    const struct ph_session_birth *birth = welcome->birth;
    char srt[320], whip[4200], hls[4200], page[4200];
    snprintf(srt, sizeof(srt), "srt://%s:%u", welcome->srt_host, welcome->srt_port);
    snprintf(whip, sizeof(whip), "%s/whip", welcome->public_url);
    snprintf(hls, sizeof(hls), "%s/live/%s/index.m3u8", welcome->public_url, birth->id);
    snprintf(page, sizeof(page), "%s/watch/%s", welcome->public_url, birth->id);
    return json_pack("{s:s, s:s, s:{s:{s:s, s:s, s:o}, s:{s:s}}, s:{s:s, s:s, s:s}, s:o}", "sessionId",
        birth->id, "streamKey", birth->stream_key, "ingest", "srt", "url", srt, "streamid", birth->stream_key,
        "passphrase", text_or_null(birth->passphrase), "whip", "url", whip, "playback", "hls", hls, "page",
        page, "token", welcome->viewer_token, "iceServers",
        ice_servers_view(welcome->ice_servers, welcome->ice_server_count));
}

bool ph_url_host(const char *url, char *host, size_t host_bytes) {
    const char *start = strstr(url, "://");
    if (!start)
        return false;
    start += 3;
    size_t size = *start == '[' ? strcspn(start, "]") + 1 : strcspn(start, ":/");
    if (size == 0 || size >= host_bytes)
        return false;
    memcpy(host, start, size);
    host[size] = '\0';
    return true;
}
