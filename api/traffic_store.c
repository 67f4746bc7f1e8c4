#include "api/traffic_store.h"

#define SUM(column) column " = traffic." column " + excluded." column
#define SUMS_OF_REQUESTS                                                                                     \
    SUM("playlist_requests") ", " SUM("media_requests") ", " SUM("told") ", " SUM("starved")
#define SUMS_OF_BYTES SUM("playlist_bytes") ", " SUM("media_bytes")
#define SUMS_OF_FIGURES                                                                                      \
    SUM("bitrates") ", " SUM("bitrates_kbps") ", " SUM("throughputs") ", " SUM("throughputs_kbps")

static int add_one(struct ph_db_transaction *transaction, const struct ph_traffic *traffic) {
    const int64_t sums[] = {traffic->playlist_requests, traffic->playlist_bytes, traffic->media_requests,
        traffic->media_bytes, traffic->told, traffic->starved, traffic->bitrates, traffic->bitrates_kbps,
        traffic->throughputs, traffic->throughputs_kbps};
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "INSERT INTO traffic (session, playlist_requests, playlist_bytes, media_requests, media_bytes, told, "
        "starved, bitrates, bitrates_kbps, throughputs, throughputs_kbps) SELECT id, CAST($2 AS BIGINT), "
        "CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT), CAST($7 AS BIGINT), "
        "CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT), CAST($11 AS BIGINT) FROM sessions "
        "WHERE id = $1 ON CONFLICT (session) DO UPDATE SET " SUMS_OF_REQUESTS ", " SUMS_OF_BYTES
        ", " SUMS_OF_FIGURES,
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, traffic->session);
    for (int i = 0; i < (int)(sizeof(sums) / sizeof(sums[0])); i++)
        ph_db_bind_integer(statement, 2 + i, sums[i]);
    int64_t added = ph_db_run(statement);
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
