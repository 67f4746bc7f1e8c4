#include "app/traffic_wiring.h"

#include <string.h>

_Static_assert((int)PH_MOST_TRAFFIC >= (int)PH_ORIGIN_MOST_TRAFFIC, "the origin's fits");
_Static_assert(sizeof(((struct ph_traffic *)0)->session) == sizeof(((struct ph_origin_traffic *)0)->session),
    "the same names");

static size_t take(struct ph_traffic_source *source, struct ph_traffic *list) {
    struct ph_traffic_wiring *wiring = (struct ph_traffic_wiring *)source;
    size_t count = ph_origin_take_traffic(wiring->origin, wiring->taken);
    for (size_t i = 0; i < count; i++) {
        const struct ph_origin_traffic *taken = &wiring->taken[i];
        list[i] = (struct ph_traffic){.playlist_requests = (int64_t)taken->playlist_requests,
            .playlist_bytes = (int64_t)taken->playlist_bytes,
            .media_requests = (int64_t)taken->media_requests,
            .media_bytes = (int64_t)taken->media_bytes,
            .told = (int64_t)taken->told,
            .starved = (int64_t)taken->starved,
            .bitrates = (int64_t)taken->bitrates,
            .bitrates_kbps = (int64_t)taken->bitrates_kbps,
            .throughputs = (int64_t)taken->throughputs,
            .throughputs_kbps = (int64_t)taken->throughputs_kbps};
        memcpy(list[i].session, taken->session, sizeof(list[i].session));
    }
    return count;
}

static void give_back(struct ph_traffic_source *source, const struct ph_traffic *traffic) {
    struct ph_traffic_wiring *wiring = (struct ph_traffic_wiring *)source;
    struct ph_origin_traffic back = {.playlist_requests = (uint64_t)traffic->playlist_requests,
        .playlist_bytes = (uint64_t)traffic->playlist_bytes,
        .media_requests = (uint64_t)traffic->media_requests,
        .media_bytes = (uint64_t)traffic->media_bytes,
        .told = (uint64_t)traffic->told,
        .starved = (uint64_t)traffic->starved,
        .bitrates = (uint64_t)traffic->bitrates,
        .bitrates_kbps = (uint64_t)traffic->bitrates_kbps,
        .throughputs = (uint64_t)traffic->throughputs,
        .throughputs_kbps = (uint64_t)traffic->throughputs_kbps};
    memcpy(back.session, traffic->session, sizeof(back.session));
    ph_origin_give_traffic_back(wiring->origin, &back);
}

void ph_traffic_wiring_init(struct ph_traffic_wiring *wiring, struct ph_origin *origin) {
    wiring->source = (struct ph_traffic_source){take, give_back};
    wiring->origin = origin;
}
