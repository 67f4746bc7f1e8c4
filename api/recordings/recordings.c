#include "api/recordings/recordings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/page.h"
#include "api/playback.h"
#include "api/problem.h"
#include "api/recordings/recording_clips.h"
#include "api/recordings/recording_file_name.h"
#include "api/recordings/recording_removal.h"
#include "api/recordings/recording_storage.h"
#include "api/recordings/recording_view.h"
#include "api/text.h"
#include "core/base/log.h"

enum { DOWNLOAD_S = 600 };

static int64_t now_ms(const struct ph_recordings_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
}

struct ph_http_response *ph_recording_problem(const struct ph_caller *caller, int code, const char *detail) {
    if (code == -ENOENT)
        return ph_problem(404, NULL, "there is no such recording, or it is not yours to see");
    return ph_access_problem(caller, code, detail);
}

static json_t *view_for(const struct ph_recordings_resource *resource, const struct ph_caller *caller,
    const struct ph_recording *recording) {
    struct ph_recording_ticket ticket;
    if (!ph_recording_is_open(recording) ||
        !ph_recording_allows(caller, PH_ACTION_RECORDING_DOWNLOAD, recording))
        return ph_recording_view(recording, NULL);
    ticket.expires_ms = 1000 * ph_playback_grant(resource->settings->cluster_secret, caller, recording->id,
                                   "", now_ms(resource) / 1000, ticket.token);
    return ph_recording_view(recording, &ticket);
}

/* The one that is asked for, as `action` needs it; else the refusal. A deleted one is gone. */
static struct ph_http_response *find(struct ph_recordings_resource *resource, const struct ph_api_call *call,
    enum ph_action action, const char *refusal, struct ph_recording *recording) {
    int code = ph_recording_access(resource->db, &call->caller, call->id, action, recording);
    if (code < 0)
        return ph_recording_problem(&call->caller, code, refusal);
    return recording->state == PH_RECORDING_DELETED ? ph_problem(410, NULL, "this recording was deleted")
                                                    : NULL;
}

static json_t *page_view(struct ph_recordings_resource *resource, const struct ph_caller *caller,
    const struct ph_recording *list, size_t count, bool has_more) {
    char cursor[PH_PAGE_CURSOR_BYTES] = "";
    json_t *entries = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        if (json_array_append_new(entries, view_for(resource, caller, &list[i])) < 0) {
            json_decref(entries);
            return NULL;
        }
    }
    if (!entries)
        return NULL;
    if (has_more)
        ph_page_cursor_print(list[count - 1].created_ms, list[count - 1].id, cursor);
    return json_pack("{s:o, s:s?}", "recordings", entries, "next", has_more ? cursor : NULL);
}

static struct ph_http_response *page(
    struct ph_recordings_resource *resource, const struct ph_api_call *call, const char *session) {
    char after[PH_SESSION_ID_BYTES] = "";
    struct ph_recordings_filter filter = {.session = session, .after_ms = INT64_MAX, .after_id = after};
    size_t limit, count;
    struct ph_recording *list;
    if (call->caller.role == PH_CALLER_ANONYMOUS)
        return ph_problem_unauthorized("recordings are for their owner and guardians");
    const char *cursor = ph_api_call_query(call, "cursor");
    if (cursor && !ph_page_cursor_parse(cursor, &filter.after_ms, after))
        return ph_problem(400, "cursor", "must be the \"next\" of an earlier answer");
    if (!ph_page_limit_parse(ph_api_call_query(call, "limit"), &limit))
        return ph_problem(400, "limit", "must be a whole number from 1 to 100");
    int code = ph_recordings_list(resource->db, &call->caller, &filter, limit + 1, &list, &count);
    if (code < 0)
        return ph_problem_of_code(code);
    bool has_more = count > limit;
    json_t *body = page_view(resource, &call->caller, list, has_more ? limit : count, has_more);
    free(list);
    return ph_answer_json(200, body);
}

static struct ph_http_response *list_all(void *opaque, const struct ph_api_call *call) {
    const char *session = ph_api_call_query(call, "session");
    if (session && !ph_text_is_session_id(session))
        return ph_problem(400, "session", "must be a session's id");
    return page(opaque, call, session ? session : "");
}

/* Of no session there are none. */
static struct ph_http_response *list_of_session(void *opaque, const struct ph_api_call *call) {
    return *call->id ? page(opaque, call, call->id) : ph_recording_problem(&call->caller, -ENOENT, "");
}

static struct ph_http_response *get(void *opaque, const struct ph_api_call *call) {
    struct ph_recordings_resource *resource = opaque;
    struct ph_recording recording;
    struct ph_http_response *no = find(resource, call, PH_ACTION_RECORDING_VIEW, "", &recording);
    return no ? no : ph_answer_json(200, view_for(resource, &call->caller, &recording));
}

/* The audit log has it from the transaction that does it. */
static struct ph_http_response *delete (void *opaque, const struct ph_api_call *call) {
    struct ph_recordings_resource *resource = opaque;
    struct ph_recording recording;
    int code =
        ph_recording_access(resource->db, &call->caller, call->id, PH_ACTION_RECORDING_DELETE, &recording);
    if (code == 0)
        code = ph_recordings_delete(resource->db, call->id, &call->caller, now_ms(resource));
    if (code == -EBUSY)
        return ph_problem(409, NULL, "its session is live; end it first");
    if (code < 0)
        return ph_recording_problem(
            &call->caller, code, "a recording is deleted by its owner or an administrator");
    if (code == 1)
        ph_log_info("recording is deleted", ph_str("recording", call->id),
            ph_str("role", ph_caller_role_name(call->caller.role)));
    return ph_http_response_create(204);
}

/* Why it cannot be downloaded; NULL when it can. */
static struct ph_http_response *refuse_download(const struct ph_recording *recording) {
    char restore[64];
    if (recording->state == PH_RECORDING_FAILED)
        return ph_problem(409, NULL, "this recording failed: see its reason");
    if (recording->state != PH_RECORDING_READY)
        return ph_problem(409, NULL, "this recording is not ready yet");
    snprintf(restore, sizeof(restore), "/api/recordings/%s/restore", recording->id);
    if (ph_recording_is_cold(recording))
        return ph_problem_linking(409,
            recording->storage == PH_STORAGE_RESTORING
                ? "this recording is being brought back from the archive, which takes up to two days"
                : "this recording lies in the deep archive; ask for it by a POST to `restore`",
            "restore", restore);
    return NULL;
}

static struct ph_http_response *redirect(
    struct ph_recordings_resource *resource, const struct ph_recording *recording, bool wants_json) {
    char key[PH_STORE_KEY_BYTES], name[PH_RECORDING_FILE_NAME_BYTES], url[PH_STORE_URL_BYTES];
    uint32_t granted_s;
    snprintf(key, sizeof(key), "recordings/%s/recording.mp4", recording->id);
    ph_recording_file_name(recording->title, recording->created_ms, name);
    if (!resource->store)
        return ph_problem_of_code(-EAGAIN);
    int code = ph_store_sign(resource->store,
        &(struct ph_store_link){.key = key,
            .filename = name,
            .content_type = "video/mp4",
            .ttl_s = DOWNLOAD_S,
            .granted_s = &granted_s},
        url);
    if (code < 0)
        return ph_problem_of_code(code);
    if (wants_json)
        return ph_answer_json(200, json_pack("{s:s, s:s, s:I}", "url", url, "filename", name, "expiresAt",
                                       (json_int_t)now_ms(resource) + (json_int_t)granted_s * 1000));
    struct ph_http_response *response = ph_http_response_create(302);
    if (response && ph_http_response_add_header(response, "Location", url) < 0)
        ph_http_response_unref(&response);
    return response;
}

/* Signing asks nothing of the network: where the recording lies is known from the keeper's looks. */
static struct ph_http_response *download(void *opaque, const struct ph_api_call *call) {
    struct ph_recordings_resource *resource = opaque;
    struct ph_recording recording;
    const char *accept = ph_api_call_header(call, "Accept");
    struct ph_http_response *no = find(resource, call, PH_ACTION_RECORDING_DOWNLOAD,
        "a recording is downloaded by its owner and guardians", &recording);
    if (!no)
        no = refuse_download(&recording);
    return no ? no : redirect(resource, &recording, accept && strstr(accept, "application/json"));
}

static struct ph_http_response *restore(void *opaque, const struct ph_api_call *call) {
    struct ph_recordings_resource *resource = opaque;
    struct ph_recording recording;
    struct ph_http_response *no = find(resource, call, PH_ACTION_RECORDING_DOWNLOAD,
        "a recording is restored by its owner and guardians", &recording);
    if (no)
        return no;
    if (recording.state != PH_RECORDING_READY)
        return ph_problem(409, NULL, "this recording is not ready");
    int code = ph_recording_storage_restore(resource->db, recording.id, now_ms(resource));
    if (code == 0)
        code = ph_recordings_find_for(resource->db, call->id, call->caller.subject, &recording);
    return code < 0 ? ph_recording_problem(&call->caller, code, "")
                    : ph_answer_json(202, view_for(resource, &call->caller, &recording));
}

static struct ph_http_response *clip(void *opaque, const struct ph_api_call *call) {
    struct ph_recordings_resource *resource = opaque;
    struct ph_recording source, made;
    struct ph_http_response *no = find(resource, call, PH_ACTION_RECORDING_CLIP,
        "clips are made by the recording's owner and guardians", &source);
    if (!no)
        no = ph_recording_clip(resource->db, call, &source, now_ms(resource), &made);
    if (no)
        return no;
    ph_api_call_made(call, made.id);
    ph_log_info("clip is to be made", ph_str("recording", made.id), ph_str("source", source.id));
    made.is_guarded = source.is_guarded;
    return ph_answer_json(201, view_for(resource, &call->caller, &made));
}

#define PAGE "cursor", "limit"
const struct ph_api_route ph_recordings_routes[] = {
    {"GET", "/api/recordings", "recordings.list", .action = list_all,
        .wants = {.queries = {PAGE, "session"}}},
    {"GET", "/api/recordings/session/{id}", "recordings.list", .action = list_of_session,
        .wants = {.queries = {PAGE}}},
    {"GET", "/api/recordings/{id}", "recordings.get", .action = get},
    {"DELETE", "/api/recordings/{id}", "recordings.delete", .action = delete},
    {"GET", "/api/recordings/{id}/download", "recordings.download", .action = download,
        .wants = {.headers = {"Accept"}}},
    {"POST", "/api/recordings/{id}/restore", "recordings.restore", .action = restore, .rate = PH_RATE_STARTS,
        .is_audited = true},
    {"POST", "/api/recordings/{id}/clips", "recordings.clip", .action = clip, .rate = PH_RATE_STARTS,
        .is_audited = true},
};
const size_t ph_recordings_route_count = sizeof(ph_recordings_routes) / sizeof(ph_recordings_routes[0]);
