#include "api/api.h"

#include <stdlib.h>

#include "api/analytics.h"
#include "api/audit.h"
#include "api/auth.h"
#include "api/dispatch.h"
#include "api/embedded.h"
#include "api/live.h"
#include "api/messenger.h"
#include "api/profiles.h"
#include "api/rate_limits.h"
#include "api/recordings/recording_states.h"
#include "api/recordings/recordings.h"
#include "api/recordings/recordings_keeper.h"
#include "api/recordings/uploads.h"
#include "api/revocations.h"
#include "api/sessions.h"
#include "api/sessions_store.h"
#include "api/stream.h"
#include "api/workers.h"

struct ph_api {
    struct ph_api_options options;
    struct ph_sessions *sessions;
    struct ph_messenger *messenger;
    struct ph_session_feed *feed;
    struct ph_live *live;
    struct ph_recording_observer recording_observer;
    struct ph_rate_limits *limits;
    struct ph_verifier *verifier;
    struct ph_revoker *revoker;
    struct ph_recordings_keeper *keeper;
    struct ph_dispatch *dispatch; /* from the first route on */
    struct ph_sessions_resource resource;
    struct ph_profiles_resource profiles_resource;
    struct ph_stream_resource stream_resource;
    struct ph_audit_resource audit;
    struct ph_workers_resource workers_resource;
    struct ph_recordings_resource recordings_resource;
    struct ph_uploads_resource uploads_resource;
    struct ph_analytics_resource analytics;
    struct ph_http_response *description; /* openapi.yaml */
};

static int create_messenger(struct ph_api *api, struct ph_error *error) {
    const struct ph_api_options *options = &api->options;
    return ph_messenger_create(&api->messenger,
        &(struct ph_messenger_options){.settings = options->settings,
            .db = options->db,
            .clock = options->clock,
            .metrics = options->metrics},
        error);
}

static int create_parts(struct ph_api *api) {
    const struct ph_api_options *options = &api->options;
    int code = ph_sessions_create(&api->sessions, options->db, options->settings->ladder);
    if (code == 0)
        code = ph_revoker_create(&api->revoker, &(struct ph_revoker_options){.db = options->db,
                                                    .clock = options->clock,
                                                    .cluster_secret = options->settings->cluster_secret});
    if (code == 0)
        code = ph_live_create(&api->live, &(struct ph_live_options){.settings = options->settings,
                                              .db = options->db,
                                              .sessions = api->sessions,
                                              .revoker = api->revoker,
                                              .clock = options->clock,
                                              .metrics = options->metrics});
    ph_recording_observer_init(&api->recording_observer);
    if (code == 0)
        ph_sessions_observe(api->sessions, ph_messenger_observer(api->messenger));
    if (code == 0)
        ph_sessions_observe(api->sessions, &api->recording_observer.observer);
    if (code == 0 && options->carries_sessions)
        code = ph_sessions_recover(api->sessions, ph_clock_utc_us(options->clock) / PH_MILLISECOND_US);
    if (code == 0)
        code = ph_session_feed_create(
            &api->feed, &(struct ph_session_feed_options){.sessions = api->sessions,
                            .db = options->db,
                            .metrics = options->metrics,
                            .clock = options->clock,
                            .runtime = options->runtime,
                            .reconnect_window_s = options->settings->reconnect_window_s});
    if (code == 0)
        code = ph_live_start(api->live, api->feed);
    if (code == 0)
        code =
            ph_uploads_resource_init(&api->uploads_resource, options->db, options->clock, options->settings);
    if (code == 0)
        code = ph_recordings_keeper_create(
            &api->keeper, &(struct ph_recordings_keeper_options){.db = options->db,
                              .store = options->store,
                              .runtime = options->runtime,
                              .clock = options->clock,
                              .metrics = options->metrics,
                              .upload_folder = api->uploads_resource.folder,
                              .deep_days = options->settings->archive_deep_days});
    return code < 0 ? code : ph_messenger_start(api->messenger);
}

static int create_limits(struct ph_api *api) {
    const struct ph_api_options *options = &api->options;
    struct ph_rate_limits_options limits = {
        .db = options->db, .metrics = options->metrics, .clock = options->clock};
    int code = ph_rate_rules_parse(options->settings->rate_limits, &limits.rules);
    return code < 0 ? code : ph_rate_limits_create(&api->limits, &limits);
}

static int create_verifier(struct ph_api *api, struct ph_error *error) {
    const struct ph_settings *settings = api->options.settings;
    if (*settings->jwks_file)
        return ph_verifier_jwks_create(&api->verifier, settings->jwks_file, settings->jwt_secret, error);
    int code = ph_verifier_hs256_create(&api->verifier, settings->jwt_secret);
    return code < 0 ? ph_error_set(error, code, "out of memory") : 0;
}

int ph_api_create(struct ph_api **result, const struct ph_api_options *options, struct ph_error *error) {
    char reason[64];
    int code = ph_db_migrate(options->db, ph_api_migrations, ph_api_migration_count, error);
    if (code < 0)
        return code;
    struct ph_api *api = calloc(1, sizeof(*api));
    if (!api)
        return ph_error_set(error, -ENOMEM, "out of memory");
    api->options = *options;
    code = create_messenger(api, error);
    if (code < 0) {
        ph_api_destroy(api);
        return code;
    }
    code = create_parts(api);
    if (code == 0)
        code = create_limits(api);
    if (code < 0) {
        ph_api_destroy(api);
        return ph_error_set(
            error, code, "the API cannot start: %s", ph_error_name(code, reason, sizeof(reason)));
    }
    code = create_verifier(api, error);
    if (code < 0) {
        ph_api_destroy(api);
        return code;
    }
    api->resource = (struct ph_sessions_resource){.settings = options->settings,
        .db = options->db,
        .sessions = api->sessions,
        .feed = api->feed,
        .clock = options->clock,
        .runtime = options->runtime,
        .started = ph_metrics_counter(
            options->metrics, "porthole_api_sessions_started_total", "Sessions started by streamers", NULL),
        .srt_port = options->srt_port};
    api->stream_resource = (struct ph_stream_resource){
        .settings = options->settings, .sessions = api->sessions, .clock = options->clock};
    api->profiles_resource = (struct ph_profiles_resource){.db = options->db,
        .clock = options->clock,
        .cluster_secret = options->settings->cluster_secret,
        .revoker = api->revoker};
    api->audit = (struct ph_audit_resource){.db = options->db,
        .clock = options->clock,
        .lost = ph_metrics_counter(options->metrics, "porthole_api_audit_lost_total",
            "Entries of the audit log that the database did not take", NULL)};
    api->analytics =
        (struct ph_analytics_resource){.db = options->db, .sessions = api->sessions, .clock = options->clock};
    api->workers_resource = (struct ph_workers_resource){.db = options->db, .clock = options->clock};
    api->recordings_resource = (struct ph_recordings_resource){
        .settings = options->settings, .db = options->db, .store = options->store, .clock = options->clock};
    *result = api;
    return 0;
}

static void describe(struct ph_http_request *request, void *opaque) {
    struct ph_api *api = opaque;
    ph_http_respond(request, api->description);
}

static int add_description(struct ph_api *api, struct ph_http_server *server) {
    api->description = ph_http_response_from_text(200, "application/yaml", ph_api_description);
    if (!api->description)
        return -ENOMEM;
    int code = ph_http_response_add_header(api->description, "Cache-Control", "no-store");
    if (code < 0)
        return code;
    return ph_http_server_add_route(server, &(struct ph_http_route){.method = "GET",
                                                .pattern = "/api/openapi.yaml",
                                                .kind = "api",
                                                .handler = describe,
                                                .opaque = api});
}

int ph_api_add_routes(struct ph_api *api, struct ph_http_server *server) {
    int code = add_description(api, server);
    if (code == 0)
        code =
            ph_dispatch_create(&api->dispatch, &(struct ph_dispatch_options){.verifier = api->verifier,
                                                   .clock = api->options.clock,
                                                   .metrics = api->options.metrics,
                                                   .limits = api->limits,
                                                   .trusted_proxies = api->options.settings->trusted_proxies,
                                                   .api_key = api->options.settings->api_key,
                                                   .public_url = api->options.settings->public_url,
                                                   .cors_origins = api->options.settings->cors_origins,
                                                   .done = ph_audit_note,
                                                   .done_opaque = &api->audit});
    if (code == 0)
        code = ph_dispatch_add_routes(
            api->dispatch, server, ph_sessions_routes, ph_sessions_route_count, &api->resource);
    if (code == 0)
        code = ph_dispatch_add_routes(
            api->dispatch, server, ph_profiles_routes, ph_profiles_route_count, &api->profiles_resource);
    if (code == 0)
        code = ph_dispatch_add_routes(
            api->dispatch, server, ph_stream_routes, ph_stream_route_count, &api->stream_resource);
    if (code == 0)
        code =
            ph_dispatch_add_routes(api->dispatch, server, ph_audit_routes, ph_audit_route_count, &api->audit);
    if (code == 0)
        code = ph_dispatch_add_routes(
            api->dispatch, server, ph_analytics_routes, ph_analytics_route_count, &api->analytics);
    if (code == 0)
        code = ph_dispatch_add_routes(
            api->dispatch, server, ph_workers_routes, ph_workers_route_count, &api->workers_resource);
    if (code == 0)
        code = ph_dispatch_add_routes(api->dispatch, server, ph_recordings_routes, ph_recordings_route_count,
            &api->recordings_resource);
    if (code == 0)
        code = ph_dispatch_add_routes(
            api->dispatch, server, ph_uploads_routes, ph_uploads_route_count, &api->uploads_resource);
    if (code == 0)
        code = ph_live_add_routes(api->live, api->dispatch, server);
    if (code == 0)
        code = ph_messenger_add_routes(api->messenger, api->dispatch, server);
    return code;
}

void ph_api_stop(struct ph_api *api) {
    ph_dispatch_destroy(api->dispatch);
    api->dispatch = NULL;
    ph_revoker_stop(api->revoker);
    ph_recordings_keeper_stop(api->keeper);
    ph_session_feed_stop(api->feed);
    ph_live_stop(api->live);
    ph_messenger_stop(api->messenger);
}

void ph_api_destroy(struct ph_api *api) {
    if (!api)
        return;
    ph_dispatch_destroy(api->dispatch);
    ph_rate_limits_destroy(api->limits);
    ph_recordings_keeper_destroy(api->keeper);
    if (api->feed)
        ph_session_feed_stop(api->feed);
    ph_live_destroy(api->live); /* the feed's sessions are observed by it */
    ph_session_feed_destroy(api->feed);
    ph_messenger_destroy(api->messenger);
    ph_sessions_destroy(api->sessions);
    ph_verifier_destroy(api->verifier);
    ph_revoker_destroy(api->revoker);
    ph_http_response_unref(&api->description);
    free(api);
}

int ph_api_start(struct ph_api *api, const char *origins) {
    int code = ph_revoker_start(api->revoker, origins);
    return code < 0 ? code : ph_recordings_keeper_start(api->keeper);
}

void ph_api_reload(struct ph_api *api) {
    ph_verifier_reload(api->verifier);
}

struct ph_session_feed *ph_api_feed(struct ph_api *api) {
    return api->feed;
}

int ph_api_health(struct ph_api *api, struct ph_error *error) {
    if (ph_session_feed_is_healthy(api->feed))
        return 0;
    return ph_error_set(error, -EAGAIN, "the database does not answer");
}
