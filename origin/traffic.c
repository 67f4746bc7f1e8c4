/* What viewers were sent, by session, for whoever keeps account of it. */
#include <stdlib.h>
#include <string.h>

#include "origin/origin_private.h"

_Static_assert((int)PH_ORIGIN_MOST_TRAFFIC >= (int)PH_MOST_SESSIONS, "every session has its place");
_Static_assert(sizeof(((struct ph_origin_traffic *)0)->session) == PH_SESSION_NAME_BYTES, "a name fits");

static uint64_t take(_Atomic(uint64_t) *sum) {
    return atomic_exchange_explicit(sum, 0, memory_order_relaxed);
}

static void give(_Atomic(uint64_t) *sum, uint64_t value) {
    atomic_fetch_add_explicit(sum, value, memory_order_relaxed);
}

size_t ph_origin_take_traffic(struct ph_origin *origin, struct ph_origin_traffic *traffic) {
    struct ph_session **list = calloc(PH_MOST_SESSIONS, sizeof(struct ph_session *));
    size_t sessions = list ? ph_origin_sessions_list(origin->sessions, list) : 0, count = 0;
    for (size_t i = 0; i < sessions; i++) {
        struct ph_http_tally_sums playlists = ph_http_tally_take(list[i]->playlists_sent);
        struct ph_http_tally_sums media = ph_http_tally_take(list[i]->media_sent);
        if (playlists.requests || media.requests) {
            struct ph_origin_traffic *one = &traffic[count++];
            *one = (struct ph_origin_traffic){.playlist_requests = playlists.requests,
                .playlist_bytes = playlists.body_bytes,
                .media_requests = media.requests,
                .media_bytes = media.body_bytes,
                .told = take(&list[i]->told.requests),
                .starved = take(&list[i]->told.starved),
                .bitrates = take(&list[i]->told.bitrates),
                .bitrates_kbps = take(&list[i]->told.bitrates_kbps),
                .throughputs = take(&list[i]->told.throughputs),
                .throughputs_kbps = take(&list[i]->told.throughputs_kbps)};
            memcpy(one->session, list[i]->id, sizeof(one->session));
        }
        ph_session_unref(&list[i]);
    }
    free(list);
    return count;
}

void ph_origin_give_traffic_back(struct ph_origin *origin, const struct ph_origin_traffic *traffic) {
    bool gone;
    struct ph_session *session = ph_origin_sessions_find(origin->sessions, traffic->session, &gone);
    if (!session)
        return;
    ph_http_tally_add(session->playlists_sent,
        (struct ph_http_tally_sums){traffic->playlist_requests, traffic->playlist_bytes});
    ph_http_tally_add(
        session->media_sent, (struct ph_http_tally_sums){traffic->media_requests, traffic->media_bytes});
    give(&session->told.requests, traffic->told);
    give(&session->told.starved, traffic->starved);
    give(&session->told.bitrates, traffic->bitrates);
    give(&session->told.bitrates_kbps, traffic->bitrates_kbps);
    give(&session->told.throughputs, traffic->throughputs);
    give(&session->told.throughputs_kbps, traffic->throughputs_kbps);
    ph_session_unref(&session);
}
