/* What viewers were sent, summed up in the database by session. */
#ifndef PH_API_TRAFFIC_STORE_H
#define PH_API_TRAFFIC_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/db/db.h"

struct ph_traffic {
    char session[65]; /* an origin's name for it, which may be no session's id */
    int64_t playlist_requests, playlist_bytes;
    int64_t media_requests, media_bytes;
    /* What players told with their requests (CMCD): how many told, after how many a buffer had run dry, and
     * counts and sums of the figures. */
    int64_t told, starved;
    int64_t bitrates, bitrates_kbps;
    int64_t throughputs, throughputs_kbps;
};

/* Adds all of it or, on failure, nothing; after -EIO it may have been added. What is of no session that the
 * database knows is left out. */
int ph_traffic_add(struct ph_db *db, const struct ph_traffic *list, size_t count) PH_NODISCARD;

#endif
