#include "app/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "app/addresses.h"
#include "app/clock_wiring.h"
#include "app/control_wiring.h"
#include "app/recording_wiring.h"
#include "app/recording_worker.h"
#include "app/status.h"
#include "app/store_wiring.h"
#include "app/traffic_wiring.h"
#include "app/web_pages.h"
#include "app/worker_wiring.h"
#include "core/base/log.h"
#include "core/http/address.h"
#include "core/http/error_tracker.h"
#include "core/http/server.h"
#include "core/store/store.h"
#include "ingest/webrtc/whip.h"
#include "origin/origin.h"
#include "transcode/supervisor.h"

/* How long ENDLIST is served after the last session was finished, for players that were not waiting at that
 * moment. */
#define LINGER_US (1 * PH_SECOND_US)

struct ph_node {
    const struct ph_settings *settings;
    unsigned roles;
    struct ph_metrics *metrics;
    struct ph_error_tracker *errors; /* NULL without a DSN */
    struct ph_status status;
    struct ph_clock_wiring clock_wiring;
    struct ph_http_server *server;
    struct ph_store_wiring store_wiring; /* without a store in a process that only ingests */
    struct ph_recording_wiring recording_wiring;
    struct ph_origin *origin;
    struct ph_db *db;
    struct ph_api *api;
    struct ph_web_pages *pages;
    struct ph_supervisor *supervisor;
    struct ph_worker_wiring worker_wiring;
    struct ph_worker_reporter *reporter;          /* NULL without a database to report to */
    struct ph_recording_worker *recording_worker; /* NULL without a database or a store */
    struct ph_traffic_wiring traffic_wiring;
    struct ph_traffic_reporter *traffic; /* NULL without a database to report to */
    struct ph_control_wiring wiring;
    struct ph_ingest *ingest;
    struct ph_whip *whip;
    struct ph_webrtc_endpoint *webrtc;
};

static bool has_role(const struct ph_node *node, enum ph_role role) {
    return node->roles & role;
}

static struct ph_slice secret_of(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

static bool check_api(void *opaque, char *text, size_t text_bytes) {
    struct ph_error error = {0};
    if (ph_api_health(opaque, &error) == 0)
        return true;
    snprintf(text, text_bytes, "%s", error.text);
    return false;
}

static bool check_ingest(void *opaque, char *text, size_t text_bytes) {
    snprintf(text, text_bytes, "%zu sessions", ph_ingest_sessions(opaque, NULL, 0));
    return true;
}

static int create_error_tracker(struct ph_node *node, struct ph_error *error) {
    if (!*node->settings->sentry_dsn)
        return 0;
    int code = ph_error_tracker_create(
        &node->errors, &(struct ph_error_tracker_options){.dsn = node->settings->sentry_dsn,
                           .release = "porthole@" PH_VERSION,
                           .authorities = node->settings->ca_file,
                           .metrics = node->metrics});
    return code < 0 ? ph_error_set(error, code, "errors cannot be reported: check sentry_dsn") : 0;
}

static int create_server(struct ph_node *node, struct ph_error *error) {
    struct ph_http_server_options options = {.listen = node->settings->http_listen, .metrics = node->metrics};
    int code = ph_http_server_create(&node->server, &options, error);
    if (code)
        return code;
    return ph_status_add_routes(&node->status, node->server);
}

static int create_store(struct ph_node *node, struct ph_error *error) {
    int code = ph_store_wiring_create(&node->store_wiring, node->settings, node->metrics, error);
    return code ? code : ph_store_wiring_add_routes(&node->store_wiring, &node->status, node->server);
}

static int create_origin(struct ph_node *node, struct ph_error *error) {
    struct ph_origin_options options = {
        .data_dir = node->settings->data_dir,
        .secret = secret_of(node->settings->cluster_secret),
        .spool_most_mib = node->settings->spool_most_mib,
        .spool_memory_bytes = (uint64_t)node->settings->spool_memory_mib << 20,
        .idle_us = (int64_t)node->settings->publish_idle_s * PH_SECOND_US,
        .store = node->store_wiring.store,
        .catalogue = &node->recording_wiring.catalogue,
        .metrics = node->metrics,
    };
    ph_recording_wiring_init(&node->recording_wiring, node->settings->database_url, ph_clock_system());
    int code = ph_origin_create(&node->origin, &options, error);
    ph_control_wiring_set_origin(&node->wiring, node->origin);
    if (!code)
        code = ph_origin_restore(node->origin, error);
    if (!code)
        code = ph_origin_add_routes(node->origin, node->server);
    ph_status_add_feature(&node->status, &(struct ph_feature){"origin", ph_origin_health, node->origin});
    return code;
}

static int open_db(struct ph_node *node, struct ph_error *error) {
    int code = ph_db_open(&node->db, node->settings->database_url, error);
    if (!code)
        ph_clock_wiring_use_db(&node->clock_wiring, node->db);
    return code;
}

static int create_api(struct ph_node *node, struct ph_error *error) {
    int code = open_db(node, error);
    if (code)
        return code;
    struct ph_api_options options = {
        .settings = node->settings,
        .db = node->db,
        .metrics = node->metrics,
        .clock = ph_clock_system(),
        .runtime = &node->wiring.runtime,
        .store = node->store_wiring.store,
        /* SQLite is one machine's: there is no other ingest. */
        .carries_sessions =
            has_role(node, PH_ROLE_INGEST) && strncmp(node->settings->database_url, "sqlite:", 7) == 0,
    };
    code = ph_api_create(&node->api, &options, error);
    if (code)
        return code;
    ph_control_wiring_set_feed(&node->wiring, ph_api_feed(node->api));
    ph_status_add_feature(&node->status, &(struct ph_feature){"database", check_api, node->api});
    if (!has_role(node, PH_ROLE_API))
        return 0;
    code = ph_api_add_routes(node->api, node->server);
    return code ? code
                : ph_web_pages_add(&node->pages, node->settings->web_dir, node->settings->cors_origins,
                      node->server, error);
}

static int create_supervisor(struct ph_node *node, struct ph_error *error) {
    struct ph_supervisor_options options = {
        .listen = node->settings->worker_listen,
        .secret = secret_of(node->settings->cluster_secret),
        .encoder = node->settings->encoder,
        .most_sessions = node->settings->most_sessions,
        .metrics = node->metrics,
    };
    int code = ph_supervisor_create(&node->supervisor, &options, error);
    if (!code)
        ph_status_add_feature(
            &node->status, &(struct ph_feature){"worker", ph_supervisor_health, node->supervisor});
    return code;
}

/* What only reports to the database does not wait for it: a worker or an origin alone works without one that
 * is away when it starts. */
static bool opens_db(struct ph_node *node, const char *unreported) {
    struct ph_error error = {0};
    if (node->db || open_db(node, &error) == 0)
        return true;
    ph_log_warning("the control plane is not told", ph_str("of", unreported), ph_str("reason", error.text));
    return false;
}

/* Tells the control plane what this node's origin sent. */
static int create_traffic_reporter(struct ph_node *node) {
    if (!opens_db(node, "what was sent"))
        return 0;
    ph_traffic_wiring_init(&node->traffic_wiring, node->origin);
    return ph_traffic_reporter_create(&node->traffic,
        &(struct ph_traffic_reporter_options){.db = node->db, .source = &node->traffic_wiring.source});
}

/* Tells the control plane of this node's worker. */
static int create_reporter(struct ph_node *node) {
    char name[PH_WORKER_NAME_BYTES] = "";
    if (!opens_db(node, "its worker"))
        return 0;
    if (gethostname(name, sizeof(name) - 1) < 0)
        snprintf(name, sizeof(name), "worker");
    ph_worker_wiring_init(&node->worker_wiring, node->supervisor);
    return ph_worker_reporter_create(&node->reporter,
        &(struct ph_worker_reporter_options){
            .db = node->db, .clock = ph_clock_system(), .source = &node->worker_wiring.source, .name = name});
}

static void find_addresses(const struct ph_node *node, struct ph_addresses *addresses) {
    ph_addresses_find(
        addresses, node->settings, ph_http_server_port(node->server), has_role(node, PH_ROLE_ORIGIN));
}

/* Makes clips and uploads when nothing live needs the room. */
static int create_recording_worker(struct ph_node *node) {
    struct ph_addresses addresses;
    if (!node->db || !node->store_wiring.store)
        return 0;
    find_addresses(node, &addresses);
    if (!addresses.origins) {
        ph_log_warning(
            "uploads and clips are left to other workers: origins does not say where this one publishes to");
        return 0;
    }
    struct ph_recording_worker_options options = {.db = node->db,
        .store = node->store_wiring.store,
        .supervisor = node->supervisor,
        .clock = ph_clock_system(),
        .settings = node->settings,
        .metrics = node->metrics,
        .origins = addresses.origins};
    return ph_recording_worker_create(&node->recording_worker, &options);
}

static int start_api(struct ph_node *node) {
    struct ph_addresses addresses;
    find_addresses(node, &addresses);
    return ph_api_start(node->api, addresses.origins ? addresses.origins : addresses.own_origin);
}

static int create_ingest(struct ph_node *node, struct ph_error *error) {
    const struct ph_settings *settings = node->settings;
    struct ph_addresses addresses;
    find_addresses(node, &addresses);
    if (!addresses.origins)
        return ph_error_set(error, -EINVAL,
            "a node that takes publishers has to know where their sessions go: add the role origin, or name "
            "the origins, PORTHOLE_ORIGINS=http://<host>:<port>");
    struct ph_ingest_options options = {
        .srt_listen = settings->srt_listen,
        .srt_latency_ms = settings->srt_latency_ms,
        .relays =
            {
                .control = &node->wiring.control,
                .metrics = node->metrics,
                .publish_secret = secret_of(settings->cluster_secret),
                .cluster_secret = secret_of(settings->cluster_secret),
                .workers = addresses.workers,
                .origins = addresses.origins,
                .ladder = settings->ladder,
                .preset = settings->preset,
                .encoder = settings->encoder,
                .part_ms = settings->part_ms,
                .segment_ms = settings->segment_ms,
                .reconnect_window_s = settings->reconnect_window_s,
                .has_capacity = node->supervisor && !*settings->workers ? ph_supervisor_has_capacity : NULL,
                .capacity_opaque = node->supervisor,
            },
    };
    int code = ph_ingest_create(&node->ingest, &options, error);
    if (code)
        return code;
    ph_control_wiring_set_ingest(&node->wiring, node->ingest);
    ph_status_add_feature(&node->status, &(struct ph_feature){"ingest", check_ingest, node->ingest});
    return 0;
}

/* Its routes are known before the server starts; publishers are taken once ingest runs. */
static int create_whip(struct ph_node *node) {
    const struct ph_settings *settings = node->settings;
    struct ph_whip_options options = {.metrics = node->metrics,
        .ladder = settings->ladder,
        .turn_urls = settings->turn_urls,
        .turn_secret = settings->turn_secret};
    int code = ph_whip_create(&node->whip, &options);
    return code ? code : ph_whip_add_routes(node->whip, node->server);
}

static int start_webrtc(struct ph_node *node, struct ph_error *error) {
    struct ph_webrtc_options options = {
        .listen = node->settings->webrtc_listen,
        .announce = node->settings->webrtc_announce,
        .relays = ph_ingest_relays(node->ingest),
    };
    int code = ph_webrtc_endpoint_create(&node->webrtc, &options, error);
    if (!code)
        code = ph_webrtc_endpoint_start(node->webrtc, error);
    if (code)
        return code;
    ph_whip_attach(node->whip, options.relays, node->webrtc);
    ph_status_add_feature(
        &node->status, &(struct ph_feature){"webrtc", ph_webrtc_endpoint_health, node->webrtc});
    return 0;
}

int ph_node_create(
    struct ph_node **out, const struct ph_settings *settings, unsigned roles, struct ph_error *error) {
    *out = NULL;
    struct ph_node *node = calloc(1, sizeof(*node));
    if (!node)
        return ph_error_set(error, -ENOMEM, "out of memory");
    node->settings = settings;
    node->roles = roles;
    ph_control_wiring_init(&node->wiring);
    int code = ph_metrics_create(&node->metrics);
    ph_status_init(&node->status, node->metrics);
    if (!code)
        ph_clock_wiring_init(&node->clock_wiring, node->metrics);
    if (!code)
        code = create_error_tracker(node, error);
    if (!code)
        code = create_server(node, error);
    if (!code && roles & (PH_ROLE_ORIGIN | PH_ROLE_API | PH_ROLE_WORKER))
        code = create_store(node, error);
    if (!code && has_role(node, PH_ROLE_ORIGIN))
        code = create_origin(node, error);
    if (!code && roles & (PH_ROLE_API | PH_ROLE_INGEST))
        code = create_api(node, error);
    if (!code && has_role(node, PH_ROLE_WORKER))
        code = create_supervisor(node, error);
    if (!code && has_role(node, PH_ROLE_INGEST))
        code = create_whip(node);
    if (code) {
        ph_node_destroy(node);
        return code;
    }
    *out = node;
    return 0;
}

/* The HTTP server first: workers publish to it. Ingest last: it needs all the others; it is made here because
 * the port that workers publish to is known only now. */
int ph_node_start(struct ph_node *node, struct ph_error *error) {
    if (node->origin && opens_db(node, "what is recorded"))
        ph_recording_wiring_set_db(&node->recording_wiring, node->db);
    int code = node->origin ? ph_origin_start(node->origin) : 0;
    if (!code)
        code = ph_http_server_start(node->server, error);
    if (!code && has_role(node, PH_ROLE_API))
        code = start_api(node);
    if (!code && node->roles & (PH_ROLE_ORIGIN | PH_ROLE_API))
        code = ph_store_wiring_start(&node->store_wiring);
    if (!code && node->supervisor)
        code = ph_supervisor_start(node->supervisor);
    if (!code && node->supervisor)
        code = create_reporter(node);
    if (!code && node->supervisor)
        code = create_recording_worker(node);
    if (!code && node->origin)
        code = create_traffic_reporter(node);
    if (!code && has_role(node, PH_ROLE_INGEST))
        code = create_ingest(node, error);
    if (!code && node->ingest)
        code = ph_ingest_start(node->ingest, error);
    if (!code && node->ingest)
        code = start_webrtc(node, error);
    if (!code)
        code = ph_clock_wiring_start(&node->clock_wiring);
    if (code) {
        if (error && !*error->text)
            ph_error_set(error, code, "the node could not be started: %s", strerrordesc_np(-code));
        return code;
    }
    atomic_store(&node->status.ready, true);
    ph_log_info("ready", ph_str("http", node->settings->http_listen),
        ph_str("srt", node->ingest ? node->settings->srt_listen : NULL),
        ph_bool("ingest", node->ingest != NULL), ph_bool("worker", node->supervisor != NULL),
        ph_bool("origin", node->origin != NULL), ph_bool("api", has_role(node, PH_ROLE_API)));
    return 0;
}

static void linger(int64_t deadline_us) {
    int64_t end_us = ph_now_us() + LINGER_US;
    if (end_us > deadline_us)
        end_us = deadline_us;
    struct timespec end = {end_us / PH_SECOND_US, end_us % PH_SECOND_US * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) {
    }
}

void ph_node_reload(struct ph_node *node) {
    if (node->api)
        ph_api_reload(node->api);
}

void ph_node_drain(struct ph_node *node, int64_t deadline_us) {
    atomic_store(&node->status.draining, true);
    ph_recording_worker_destroy(node->recording_worker);
    node->recording_worker = NULL;
    size_t sessions = node->ingest ? ph_ingest_sessions(node->ingest, NULL, 0) : 0;
    if (node->ingest && ph_ingest_drain(node->ingest, deadline_us - 3 * PH_SECOND_US) < 0)
        ph_log_warning("some sessions were not finished in time; their last parts may be missing");
    if (node->supervisor)
        ph_supervisor_drain(node->supervisor, deadline_us - 2 * PH_SECOND_US);
    if (sessions && node->origin)
        linger(deadline_us);
    if (node->origin)
        ph_origin_drain(node->origin, deadline_us);
    ph_http_server_drain(node->server, deadline_us);
    ph_store_wiring_stop(&node->store_wiring);
    if (node->api)
        ph_api_stop(node->api);
}

void ph_node_destroy(struct ph_node *node) {
    if (!node)
        return;
    ph_store_wiring_stop(&node->store_wiring);
    if (node->api)
        ph_api_stop(node->api);
    ph_whip_stop(node->whip);
    ph_http_server_destroy(node->server); /* who is still connected may ask how the others are */
    ph_webrtc_endpoint_destroy(node->webrtc);
    ph_ingest_destroy(node->ingest);
    ph_recording_worker_destroy(node->recording_worker);
    ph_worker_reporter_destroy(node->reporter);
    ph_supervisor_destroy(node->supervisor);
    ph_traffic_reporter_destroy(node->traffic);
    ph_whip_destroy(node->whip);
    ph_web_pages_destroy(node->pages);
    ph_api_destroy(node->api);
    ph_origin_destroy(node->origin);
    ph_recording_wiring_finish(&node->recording_wiring);
    ph_clock_wiring_stop(&node->clock_wiring);
    ph_db_close(node->db);
    ph_store_wiring_destroy(&node->store_wiring);
    ph_error_tracker_destroy(node->errors);
    ph_metrics_destroy(node->metrics);
    free(node);
}
