/* What viewers of recordings ask for: GET /vod/… Always by a playback token of the recording. */
#include "origin/caching.h"
#include "origin/vod/failure.h"
#include "origin/vod/vod.h"

/* Takes the answer over. */
static void respond(struct ph_http_request *request, struct ph_http_response *answer) {
    ph_http_respond(request, answer);
    ph_http_response_unref(&answer);
}

/* Answers when not. Before anything else is looked at: who has no token learns nothing. */
static bool is_let_in(struct ph_vod *vod, struct ph_http_request *request) {
    enum ph_access_verdict verdict = ph_vod_judge(
        vod, ph_http_request_param(request, "recording"), ph_http_request_query(request, "token"));
    if (verdict == PH_ACCESS_GRANTED)
        return true;
    respond(request, ph_caching_denial(verdict == PH_ACCESS_MISSING ? 401 : 403, ph_access_reason(verdict)));
    return false;
}

static void serve(struct ph_vod *vod, struct ph_http_request *request, const char *track, const char *file) {
    struct ph_vod_wish wish;
    if (!is_let_in(vod, request))
        return;
    if (ph_vod_wish_parse(ph_http_request_param(request, "recording"), track, file, &wish))
        respond(request, ph_vod_failure(-ENOENT));
    else
        ph_vod_answer(vod, request, &wish);
}

static void get_beside(struct ph_http_request *request, void *opaque) {
    serve(opaque, request, NULL, ph_http_request_param(request, "file"));
}

static void get_of_track(struct ph_http_request *request, void *opaque) {
    serve(opaque, request, ph_http_request_param(request, "track"), ph_http_request_param(request, "file"));
}

int ph_vod_add_routes(struct ph_vod *vod, struct ph_http_server *server) {
    const struct ph_http_route beside = {.method = "GET",
        .pattern = "/vod/{recording}/{file}",
        .kind = "vod",
        .handler = get_beside,
        .opaque = vod,
        .cors = true};
    struct ph_http_route of_track = beside;
    of_track.pattern = "/vod/{recording}/{track}/{file}";
    of_track.handler = get_of_track;
    int code = ph_http_server_add_route(server, &beside);
    return code ? code : ph_http_server_add_route(server, &of_track);
}
