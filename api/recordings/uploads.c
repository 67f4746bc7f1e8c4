#include "api/recordings/uploads.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/access.h"
#include "api/problem.h"
#include "api/recordings/tus_headers.h"
#include "api/recordings/upload_body.h"
#include "api/recordings/upload_file.h"
#include "api/recordings/uploads_store.h"
#include "core/base/log.h"
#include "core/http/http_date.h"

#define STRING(value) #value
#define TEXT(value) STRING(value)
#define MOST_BYTES 500000000
_Static_assert(MOST_BYTES == PH_MOST_UPLOAD_BYTES, "the header tells the limit");

static const char version[] = "1.0.0";

int ph_uploads_resource_init(struct ph_uploads_resource *resource, struct ph_db *db, struct ph_clock *clock,
    const struct ph_settings *settings) {
    *resource = (struct ph_uploads_resource){.db = db, .clock = clock, .name = settings->node_name};
    if (*resource->name)
        snprintf(resource->node, sizeof(resource->node), "%s", resource->name);
    else if (gethostname(resource->node, sizeof(resource->node) - 1) < 0)
        resource->node[0] = '\0';
    int size = snprintf(resource->folder, sizeof(resource->folder), "%s/uploads", settings->data_dir);
    return size >= (int)sizeof(resource->folder) ? -ENAMETOOLONG : ph_upload_folder_make(resource->folder);
}

static struct ph_http_response *with_number(
    struct ph_http_response *response, const char *name, int64_t number) {
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, number);
    return ph_upload_with(response, name, text);
}

/* What every answer tells. */
static struct ph_http_response *mark(struct ph_http_response *response) {
    return ph_upload_with(response, "Tus-Resumable", version);
}

static struct ph_http_response *describe(struct ph_http_response *response) {
    response = ph_upload_with(response, "Tus-Version", version);
    response = ph_upload_with(
        response, "Tus-Extension", "creation,creation-with-upload,checksum,expiration,termination");
    response = ph_upload_with(response, "Tus-Checksum-Algorithm", "sha1,sha256");
    return ph_upload_with(response, "Tus-Max-Size", TEXT(MOST_BYTES));
}

/* How far it is. */
static struct ph_http_response *tell(unsigned status, const struct ph_upload *upload) {
    char date[PH_HTTP_DATE_BYTES];
    ph_http_date(upload->expires_ms / 1000, date);
    struct ph_http_response *response = ph_http_response_create(status);
    response = with_number(response, "Upload-Offset", upload->received);
    return ph_upload_with(response, "Upload-Expires", date);
}

static struct ph_http_response *check_version(const struct ph_api_call *call) {
    const char *spoken = ph_api_call_header(call, "Tus-Resumable");
    if (spoken && strcmp(spoken, version) == 0)
        return NULL;
    return ph_upload_with(
        ph_problem(412, NULL, "uploads speak tus 1.0.0: say so in Tus-Resumable"), "Tus-Version", version);
}

static bool may_upload(const struct ph_caller *caller) {
    struct ph_policy_session own = {.id = "", .owner = caller->subject, .visibility = PH_VISIBILITY_PRIVATE};
    return ph_policy_allows(caller->role, PH_ACTION_RECORDING_UPLOAD, ph_policy_relations(caller, &own));
}

/* Whether the body would go beyond the end. */
static bool told_more(const struct ph_api_call *call, int64_t offset, const struct ph_upload *upload) {
    return call->body_announced != UINT64_MAX && call->body_announced > (uint64_t)(upload->bytes - offset);
}

/* What is to be uploaded, by the headers. NULL, or the refusal. */
static struct ph_http_response *read_wish(const struct ph_api_call *call, struct ph_upload *upload) {
    struct ph_tus_metadata metadata;
    struct ph_error error = {""};
    *upload = (struct ph_upload){.received = 0};
    if (!ph_tus_number_parse(ph_api_call_header(call, "Upload-Length"), &upload->bytes) || upload->bytes == 0)
        return ph_problem(400, "Upload-Length", "must tell how many bytes there are");
    if (upload->bytes > PH_MOST_UPLOAD_BYTES)
        return ph_upload_with(ph_problem(413, "Upload-Length", "an upload has 500 MB at most"),
            "Tus-Max-Size", TEXT(MOST_BYTES));
    if (ph_tus_metadata_parse(ph_api_call_header(call, "Upload-Metadata"), &metadata, &error) < 0)
        return ph_problem(400, "Upload-Metadata", error.text);
    if (*metadata.type && !ph_tus_is_video_type(metadata.type))
        return ph_problem(415, NULL, "recordings are uploaded as MP4, WebM or Matroska");
    if (told_more(call, 0, upload))
        return ph_problem(400, NULL, "this is more than Upload-Length told");
    if (call->body_announced > 0 && !ph_upload_is_chunk(call))
        return ph_problem(415, NULL, "the body must be application/offset+octet-stream");
    const char *told = ph_api_call_header(call, "Upload-Metadata");
    snprintf(upload->metadata, sizeof(upload->metadata), "%s", told ? told : "");
    memcpy(upload->title, metadata.title, sizeof(upload->title));
    snprintf(upload->owner, sizeof(upload->owner), "%s", call->caller.subject);
    return NULL;
}

static struct ph_http_response *begin(struct ph_uploads_resource *resource, struct ph_upload *upload) {
    memcpy(upload->node, resource->node, sizeof(upload->node));
    int fd, code = ph_uploads_begin(resource->db, upload, ph_uploads_now_ms(resource));
    if (code == -EDQUOT)
        return ph_problem(
            409, NULL, "three uploads of one subject may go on at once; finish or end one first");
    if (code < 0)
        return ph_upload_refuse(code);
    code = ph_upload_file_create(resource->folder, upload->id, &fd);
    if (code < 0) {
        ph_upload_drop(resource, upload);
        return ph_upload_refuse(code);
    }
    close(fd);
    return NULL;
}

/* Before the body comes. NULL, with the upload's id in the call's note, or the refusal. */
static struct ph_http_response *create_first(
    struct ph_uploads_resource *resource, const struct ph_api_call *call) {
    struct ph_upload upload;
    struct ph_http_response *no = check_version(call);
    if (!no && !may_upload(&call->caller))
        no = ph_access_problem(&call->caller, -EPERM, "uploading takes a streamer's token");
    if (!no)
        no = read_wish(call, &upload);
    if (!no)
        no = ph_upload_check_sum(call);
    if (!no)
        no = begin(resource, &upload);
    if (!no)
        memcpy(call->note, upload.id, sizeof(upload.id));
    return no;
}

/* What comes with the creation. Whoever is refused, or gone, never learns where the upload is: it ends. */
static struct ph_http_response *create_body(
    struct ph_uploads_resource *resource, const struct ph_api_call *call) {
    struct ph_upload upload = {.id = ""};
    char location[40 + PH_NODE_NAME_BYTES];
    memcpy(upload.id, call->note, sizeof(upload.id));
    if (!*upload.id)
        return ph_upload_refuse(-ENOMEM);
    struct ph_http_response *no =
        call->phase == PH_HTTP_CUT ? NULL : ph_upload_body_take(resource, call, &upload, 0);
    if (no || call->phase == PH_HTTP_CUT)
        ph_upload_drop(resource, &upload);
    if (no || call->phase != PH_HTTP_LAST)
        return no;
    ph_api_call_made(call, upload.id);
    snprintf(location, sizeof(location), "upload/%s%s%s", upload.id, *resource->name ? "?node=" : "",
        resource->name);
    return ph_upload_with(tell(201, &upload), "Location", location);
}

static struct ph_http_response *create(void *opaque, const struct ph_api_call *call) {
    return call->phase == PH_HTTP_HEAD ? create_first(opaque, call) : create_body(opaque, call);
}

/* One that is the caller's. */
static int find(
    struct ph_uploads_resource *resource, const struct ph_api_call *call, struct ph_upload *upload) {
    if (!*call->id || !may_upload(&call->caller))
        return -ENOENT;
    int code = ph_uploads_find(resource->db, call->id, ph_uploads_now_ms(resource), upload);
    return code == 0 && strcmp(upload->owner, call->caller.subject) != 0 ? -ENOENT : code;
}

static struct ph_http_response *look(void *opaque, const struct ph_api_call *call) {
    struct ph_upload upload = {.id = ""};
    struct ph_http_response *response = check_version(call);
    int code = response ? 0 : find(opaque, call, &upload);
    if (response || code < 0)
        return response ? response : ph_upload_refuse(code);
    response = with_number(tell(200, &upload), "Upload-Length", upload.bytes);
    return *upload.metadata ? ph_upload_with(response, "Upload-Metadata", upload.metadata) : response;
}

/* Its disk may have what this one has not. */
static bool is_of_another(const struct ph_uploads_resource *resource, const struct ph_upload *upload) {
    return *upload->node && strcmp(upload->node, resource->node) != 0;
}

/* Clients of tus try again after a 503, and then ask how far it is; a 421 they take for the end. */
static struct ph_http_response *refuse_wrong_node(void) {
    return ph_upload_with(
        ph_problem(503, NULL,
            "another node has this upload: call the address that its creation gave, with its ?node="),
        "Retry-After", "1");
}

/* Before the body comes. NULL, or the refusal. */
static struct ph_http_response *patch_first(
    struct ph_uploads_resource *resource, const struct ph_api_call *call, int64_t offset) {
    struct ph_upload upload = {.id = ""};
    int fd, code = find(resource, call, &upload);
    if (code < 0)
        return ph_upload_refuse(code);
    if (!ph_upload_is_chunk(call))
        return ph_problem(415, NULL, "the body must be application/offset+octet-stream");
    if (offset < 0)
        return ph_problem(400, "Upload-Offset", "must tell where the bytes belong");
    if (upload.received >= upload.bytes) /* its file may have gone into the store */
        return offset == upload.received && !told_more(call, offset, &upload) ? tell(204, &upload)
                                                                              : ph_upload_elsewhere(&upload);
    code = ph_upload_file_open(resource->folder, upload.id, &fd);
    if (code == -ENOENT && is_of_another(resource, &upload))
        return refuse_wrong_node();
    if (code < 0)
        return ph_upload_refuse(code);
    close(fd);
    if (offset != upload.received)
        return ph_upload_elsewhere(&upload);
    if (told_more(call, offset, &upload))
        return ph_problem(400, NULL, "this is more than Upload-Length told");
    return ph_upload_check_sum(call);
}

static struct ph_http_response *patch(void *opaque, const struct ph_api_call *call) {
    struct ph_upload upload = {.id = ""};
    int64_t offset;
    if (!ph_tus_number_parse(ph_api_call_header(call, "Upload-Offset"), &offset))
        offset = -1;
    memcpy(upload.id, call->id, sizeof(upload.id));
    struct ph_http_response *response = check_version(call);
    if (!response && call->phase == PH_HTTP_HEAD)
        response = patch_first(opaque, call, offset);
    else if (!response)
        response = ph_upload_body_take(opaque, call, &upload, offset);
    if (!response && call->phase == PH_HTTP_LAST)
        response = tell(204, &upload);
    return response;
}

static struct ph_http_response *terminate(void *opaque, const struct ph_api_call *call) {
    struct ph_uploads_resource *resource = opaque;
    struct ph_upload upload = {.id = ""};
    struct ph_http_response *response = check_version(call);
    int code = response ? 0 : find(resource, call, &upload);
    if (!response && code == 0)
        code = ph_upload_end(resource, &upload);
    if (response)
        return response;
    if (code == -EEXIST)
        return ph_problem(409, NULL, "this upload is whole: delete the recording");
    return code < 0 ? ph_upload_refuse(code) : ph_http_response_create(204);
}

#define TUS "Tus-Resumable", "Content-Type", "Upload-Checksum"
const struct ph_api_route ph_uploads_routes[] = {
    {"POST", "/api/recordings/upload", "recordings.upload", .action = create,
        .wants = {.headers = {TUS, "Upload-Length", "Upload-Metadata"}}, .most_body_bytes = MOST_BYTES,
        .piece_bytes = PH_UPLOAD_PIECE_BYTES, .rate = PH_RATE_STARTS, .is_audited = true, .is_guarded = true,
        .describe = describe, .mark = mark},
    {"GET", "/api/recordings/upload/{id}", "recordings.upload_look", .action = look,
        .wants = {.headers = {TUS}}, .describe = describe, .mark = mark},
    {"PATCH", "/api/recordings/upload/{id}", "recordings.upload_chunk", .action = patch,
        .wants = {.headers = {TUS, "Upload-Offset"}}, .most_body_bytes = MOST_BYTES,
        .piece_bytes = PH_UPLOAD_PIECE_BYTES, .is_guarded = true, .mark = mark},
    {"DELETE", "/api/recordings/upload/{id}", "recordings.upload_end", .action = terminate,
        .wants = {.headers = {TUS}}, .is_audited = true, .mark = mark},
    {"POST", "/api/recordings/upload/{id}", "recordings.upload_override", .is_override = true,
        .most_body_bytes = MOST_BYTES, .piece_bytes = PH_UPLOAD_PIECE_BYTES, .is_guarded = true,
        .mark = mark},
};
const size_t ph_uploads_route_count = sizeof(ph_uploads_routes) / sizeof(ph_uploads_routes[0]);
