#include "origin/origin.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/ticker.h"
#include "origin/caching.h"
#include "origin/origin_private.h"

enum { default_spool_mib = 4096 };
static const int64_t default_idle_us = 90 * PH_SECOND_US;
static const int64_t default_keep_ended_us = 300 * PH_SECOND_US;
/* How long an ended session waits for a disk that takes nothing. */
static const int64_t most_unwritten_us = 3600 * PH_SECOND_US;
static const int64_t tick_us = 1 * PH_SECOND_US;
static const int64_t server_drain_us = 1 * PH_SECOND_US; /* what is left for who drains after the origin */

/* A session's recording is watched by its tokens, also right after its end: who was sent away stays out. */
static bool is_revoked(void *opaque, const char *recording, const struct ph_playback_claims *claims) {
    struct ph_origin *origin = opaque;
    bool gone = false;
    struct ph_session *session = ph_origin_sessions_find(origin->sessions, recording, &gone);
    bool is_out = session && ph_access_is_revoked(&session->access, claims);
    ph_session_unref(&session);
    return is_out;
}

static bool is_recording_deleted(void *opaque, const char *recording) {
    struct ph_origin *origin = opaque;
    struct ph_archive_catalogue *catalogue = origin->catalogue;
    return catalogue && catalogue->is_deleted(catalogue, recording) == 1;
}

static int create_vod(struct ph_origin *origin, const struct ph_origin_options *options) {
    return ph_vod_create(&origin->vod, &(struct ph_vod_options){
                                           .store = options->store,
                                           .secret = ph_bytes_slice(origin->secret),
                                           .is_revoked = is_revoked,
                                           .is_deleted = is_recording_deleted,
                                           .opaque = origin,
                                           .clock = origin->clock,
                                           .metrics = options->metrics,
                                       });
}

int ph_origin_create(
    struct ph_origin **out, const struct ph_origin_options *options, struct ph_error *error) {
    struct ph_origin *origin = calloc(1, sizeof(*origin));
    *out = NULL;
    if (!origin)
        return -ENOMEM;
    origin->idle_us = options->idle_us ? options->idle_us : default_idle_us;
    origin->keep_ended_us = options->keep_ended_us ? options->keep_ended_us : default_keep_ended_us;
    origin->catalogue = options->catalogue;
    origin->clock = options->clock ? options->clock : ph_clock_system();
    ph_origin_metrics_init(&origin->metrics, options->metrics);
    int code = 0;
    origin->secret = ph_bytes_copy(options->secret.data, options->secret.size);
    if (!origin->secret)
        code = -ENOMEM;
    if (!code)
        code = ph_origin_sessions_create(&origin->sessions, options->spool_memory_bytes);
    struct ph_spool_options spool = {
        .data_dir = options->data_dir,
        .most_bytes = (uint64_t)(options->spool_most_mib ? options->spool_most_mib : default_spool_mib) << 20,
        .keep_ended_us = origin->keep_ended_us,
        .clock = origin->clock,
        .sessions = origin->sessions,
        .metrics = &origin->metrics,
    };
    if (!code && options->store)
        code = ph_archive_create(&origin->archive,
            &(struct ph_archive_options){
                .store = options->store, .catalogue = options->catalogue, .metrics = options->metrics});
    spool.archive = origin->archive;
    if (!code)
        code = ph_spool_create(&origin->spool, &spool, error);
    if (!code && options->store)
        code = create_vod(origin, options);
    if (code)
        ph_origin_destroy(origin);
    else
        *out = origin;
    return code;
}

int ph_origin_restore(struct ph_origin *origin, struct ph_error *error) {
    return ph_spool_restore(origin->spool, error);
}

int ph_origin_add_routes(struct ph_origin *origin, struct ph_http_server *server) {
    int code = ph_publish_add_routes(origin, server);
    if (!code && origin->vod)
        code = ph_vod_add_routes(origin->vod, server);
    return code ? code : ph_delivery_add_routes(origin, server);
}

/* Only its job ends a file's session, as slow as it may be; whether there is still a job, the archive asks.
 */
static bool is_left_alone(struct ph_origin *origin, const struct ph_session *session) {
    return !origin->archive || ph_archive_is_unwanted(origin->archive, session->id);
}

/* As the catalogue says, which is asked about sessions that have ended. */
static bool is_deleted(struct ph_origin *origin, const struct ph_session *session) {
    return origin->archive && session->publication.is_recorded && !session->publication.take &&
           ph_archive_is_unwanted(origin->archive, session->id);
}

/* What the passing of time does to one session. */
static bool tick_session(
    struct ph_origin *origin, struct ph_session *session, int64_t now_us, size_t held[PH_WAIT_KINDS]) {
    pthread_mutex_lock(&session->lock);
    bool ended = session->ended, end_durable = session->end_durable;
    bool is_idle = !ended && now_us - session->last_put_us > origin->idle_us;
    int64_t keep_us = end_durable ? origin->keep_ended_us : most_unwritten_us;
    bool is_over = session->given_up ? session->cleared : ended && now_us - session->ended_us > keep_us;
    pthread_mutex_unlock(&session->lock);
    is_over = is_over || (end_durable && is_deleted(origin, session));
    if (is_over) {
        pthread_mutex_lock(&session->lock);
        session->retired = true;
        pthread_mutex_unlock(&session->lock);
    }

    if (is_idle && session->publication.take) {
        if (is_left_alone(origin, session)) {
            ph_log_info("nobody works on a file any more; its session is given up",
                ph_str("session", session->id), ph_int("take", session->publication.take));
            ph_session_give_up(session, now_us);
        }
    } else if (is_idle) {
        ph_log_warning("the publisher is silent; session ended", ph_str("session", session->id));
        ph_session_end(session, now_us);
    }
    ph_session_tick(session, now_us, held);
    ph_spool_poke(origin->spool, session);
    if (is_over) {
        ph_log_info("session retired", ph_str("session", session->id));
        ph_origin_sessions_retire(origin->sessions, session, now_us);
    }
    return ended;
}

static void tick(void *opaque) {
    static struct ph_session *list[PH_MOST_SESSIONS];
    struct ph_origin *origin = opaque;
    struct ph_origin_metrics *metrics = &origin->metrics;
    int64_t now_us = ph_clock_monotonic_us(origin->clock);
    size_t held[PH_WAIT_KINDS] = {0}, ended = 0;
    size_t count = ph_origin_sessions_list(origin->sessions, list);
    for (size_t i = 0; i < count; i++) {
        ended += tick_session(origin, list[i], now_us, held);
        ph_session_unref(&list[i]);
    }
    ph_origin_sessions_forget(origin->sessions, now_us);
    ph_spool_watch(origin->spool);
    ph_metric_set(metrics->spool_reserve, (double)ph_origin_sessions_reserved(origin->sessions));
    ph_metric_set(metrics->sessions_live, (double)(count - ended));
    ph_metric_set(metrics->sessions_ended, (double)ended);
    ph_metric_set(metrics->held_parts, (double)held[PH_WAIT_PART]);
    ph_metric_set(metrics->held_publishers, (double)held[PH_WAIT_DURABLE]);
    size_t playlists = held[PH_WAIT_MULTIVARIANT] + held[PH_WAIT_PAST_MULTIVARIANT];
    for (int kind = PH_WAIT_PLAYLIST_BLOCKING; kind < PH_WAIT_PART; kind++)
        playlists += held[kind];
    ph_metric_set(metrics->held_playlists, (double)playlists);
    if (origin->archive)
        ph_archive_measure(origin->archive);
}

int ph_origin_start(struct ph_origin *origin) {
    int code = ph_spool_start(origin->spool);
    if (!code && origin->vod)
        code = ph_vod_start(origin->vod);
    if (!code && origin->archive)
        code = ph_archive_start(origin->archive);
    if (code)
        return code;
    return ph_ticker_start(&origin->ticker, &(struct ph_ticker_options){.name = "origin-tick",
                                                .first_us = tick_us,
                                                .period_us = tick_us,
                                                .tick = tick,
                                                .opaque = origin});
}

/* Viewers learn by the same 503 as after three targets without news. */
static void release_held(struct ph_origin *origin) {
    struct ph_session **list = calloc(PH_MOST_SESSIONS, sizeof(struct ph_session *));
    struct ph_http_response *failure = ph_caching_failure(503, PH_CACHING_PLAIN, 1, "the origin is stopping");
    size_t count = list ? ph_origin_sessions_list(origin->sessions, list) : 0;
    for (size_t i = 0; i < count; i++) {
        ph_session_release_all(list[i], failure);
        ph_session_unref(&list[i]);
    }
    ph_http_response_unref(&failure);
    free(list);
}

void ph_origin_drain(struct ph_origin *origin, int64_t deadline_us) {
    atomic_store(&origin->draining, true);
    ph_ticker_stop(&origin->ticker);
    ph_spool_drain(origin->spool, deadline_us);
    if (origin->vod)
        ph_vod_drain(origin->vod);
    release_held(origin);
    if (origin->archive)
        ph_archive_drain(origin->archive, deadline_us - server_drain_us);
}

void ph_origin_destroy(struct ph_origin *origin) {
    if (!origin)
        return;
    ph_ticker_stop(&origin->ticker);
    ph_vod_destroy(origin->vod);
    ph_spool_destroy(origin->spool);
    ph_archive_destroy(origin->archive);
    ph_origin_sessions_destroy(origin->sessions);
    ph_bytes_unref(&origin->secret);
    free(origin);
}

bool ph_origin_health(void *opaque, char *text, size_t text_bytes) {
    const struct ph_origin *origin = opaque;
    double fill = ph_spool_fill(origin->spool);
    enum ph_spool_state state = ph_spool_state(origin->spool);
    const char *loss = ph_spool_is_losing(origin->spool) ? "; recordings are losing segments" : "";
    if (state == PH_SPOOL_FAILS)
        snprintf(text, text_bytes, "the spool cannot write: free space or check the disk%s", loss);
    else if (state == PH_SPOOL_STANDS_STILL)
        snprintf(text, text_bytes, "the disk stands still: check it%s", loss);
    else if (fill >= PH_SPOOL_ALARMING_FILL)
        snprintf(text, text_bytes,
            "the spool is %.0f%% full: the archive's store does not take what is written", 100 * fill);
    else
        snprintf(text, text_bytes, "ok");
    return state == PH_SPOOL_WELL;
}

void ph_origin_forget_recording(struct ph_origin *origin, const char *recording) {
    if (origin->vod)
        ph_vod_forget(origin->vod, recording);
    if (origin->archive)
        ph_archive_doubt(origin->archive, recording);
}

int ph_origin_end_session(struct ph_origin *origin, const char *id) {
    bool gone;
    struct ph_session *session = ph_origin_sessions_find(origin->sessions, id, &gone);
    if (!session)
        return -ENOENT;
    ph_session_end(session, ph_clock_monotonic_us(origin->clock));
    ph_spool_poke(origin->spool, session);
    ph_session_unref(&session);
    return 0;
}
