#include "api/traffic_store.h"

#include "core/db/sql.h"

#define SUM(column) column " = traffic." column " + excluded." column
#define SUMS_OF_REQUESTS                                                                                     \
    SUM("playlist_requests") ", " SUM("media_requests") ", " SUM("told") ", " SUM("starved")
#define SUMS_OF_BYTES SUM("playlist_bytes") ", " SUM("media_bytes")
#define SUMS_OF_FIGURES                                                                                      \
    SUM("bitrates") ", " SUM("bitrates_kbps") ", " SUM("throughputs") ", " SUM("throughputs_kbps")

static int add_one(struct ph_db_transaction *transaction, const struct ph_traffic *traffic) {
    int64_t added = ph_db_change(transaction,
        PH_SQL(
            "INSERT INTO traffic (session, playlist_requests, playlist_bytes, media_requests, media_bytes, "
            "told, starved, bitrates, bitrates_kbps, throughputs, throughputs_kbps) SELECT id, CAST($2 AS "
            "BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT), "
            "CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT), CAST($11 AS "
            "BIGINT) FROM sessions WHERE id = $1 ON CONFLICT (session) DO UPDATE SET " SUMS_OF_REQUESTS
            ", " SUMS_OF_BYTES ", " SUMS_OF_FIGURES,
            ph_sql_text(traffic->session), ph_sql_integer(traffic->playlist_requests),
            ph_sql_integer(traffic->playlist_bytes), ph_sql_integer(traffic->media_requests),
            ph_sql_integer(traffic->media_bytes), ph_sql_integer(traffic->told),
            ph_sql_integer(traffic->starved), ph_sql_integer(traffic->bitrates),
            ph_sql_integer(traffic->bitrates_kbps), ph_sql_integer(traffic->throughputs),
            ph_sql_integer(traffic->throughputs_kbps)));
    return added < 0 ? (int)added : 0;
}

/* Origins add one after the other, each every few seconds; nobody else waits for them. */
int ph_traffic_add(struct ph_db *db, const struct ph_traffic *list, size_t count) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin_keyed(db, "traffic", &transaction);
    if (code < 0)
        return code;
    for (size_t i = 0; i < count && code == 0; i++)
        code = add_one(transaction, &list[i]);
    return ph_db_settle(transaction, code);
}
