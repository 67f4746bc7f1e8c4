#include "app/status.h"

#include <jansson.h>
#include <stdlib.h>

void ph_status_init(struct ph_status *status, struct ph_metrics *metrics) {
    *status = (struct ph_status){.metrics = metrics};
    atomic_init(&status->feature_count, 0);
    atomic_init(&status->ready, false);
    atomic_init(&status->draining, false);
}

void ph_status_add_feature(struct ph_status *status, const struct ph_feature *feature) {
    unsigned count = atomic_load(&status->feature_count);
    if (count == PH_MOST_FEATURES)
        return;
    status->features[count] = *feature;
    atomic_store(&status->feature_count, count + 1);
}

/* Answers with a JSON object that is not to be cached; takes over `object`. */
static void respond_json(struct ph_http_request *request, unsigned http_status, json_t *object) {
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    struct ph_http_response *response =
        ph_http_response_from_text(http_status, "application/json", text ? text : "{}");
    free(text);
    if (response && ph_http_response_add_header(response, "Cache-Control", "no-store"))
        ph_http_response_unref(&response);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static void get_health(struct ph_http_request *request, void *opaque) {
    struct ph_status *status = opaque;
    json_t *features = json_object();
    bool well = true;
    unsigned count = atomic_load(&status->feature_count);
    for (unsigned i = 0; i < count; i++) {
        const struct ph_feature *feature = &status->features[i];
        char text[256] = "";
        bool good = feature->check(feature->opaque, text, sizeof(text));
        well = well && good;
        json_object_set_new(features, feature->name,
            json_pack("{s:s, s:s*}", "status", good ? "ok" : "failing", "detail", *text ? text : NULL));
    }
    respond_json(request, well ? 200 : 503,
        json_pack("{s:s, s:s, s:o}", "status", well ? "ok" : "failing", "version", PH_VERSION, "features",
            features));
}

static void get_ready(struct ph_http_request *request, void *opaque) {
    struct ph_status *status = opaque;
    bool draining = atomic_load(&status->draining);
    bool ready = atomic_load(&status->ready) && !draining;
    respond_json(request, ready ? 200 : 503,
        json_pack("{s:b, s:s}", "ready", ready, "state",
            draining ? "draining"
            : ready  ? "serving"
                     : "starting"));
}

static void get_metrics(struct ph_http_request *request, void *opaque) {
    struct ph_status *status = opaque;
    struct ph_builder builder = {0};
    ph_metrics_render(status->metrics, &builder);
    struct ph_bytes *body = ph_builder_finish(&builder);
    struct ph_http_response *response =
        body ? ph_http_response_from_bytes(200, "text/plain; version=0.0.4; charset=utf-8", body) : NULL;
    ph_bytes_unref(&body);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

int ph_status_add_routes(struct ph_status *status, struct ph_http_server *server) {
    static const struct {
        const char *pattern;
        ph_http_handler *handler;
    } routes[] = {{"/health", get_health}, {"/ready", get_ready}, {"/metrics", get_metrics}};
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        int code = ph_http_server_add_route(server, &(struct ph_http_route){.method = "GET",
                                                        .pattern = routes[i].pattern,
                                                        .kind = "status",
                                                        .handler = routes[i].handler,
                                                        .opaque = status});
        if (code)
            return code;
    }
    return 0;
}
