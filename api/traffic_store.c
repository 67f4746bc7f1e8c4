#include "api/traffic_store.h"

static int add_one(struct ph_db_transaction *transaction, const struct ph_traffic *traffic) {
    struct ph_db_statement *statement;
    int code = ph_db_prepare(transaction,
        "INSERT INTO traffic (session, playlist_requests, playlist_bytes, media_requests, media_bytes) "
        "SELECT id, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT) FROM "
        "sessions WHERE id = $1 ON CONFLICT (session) DO UPDATE SET playlist_requests = "
        "traffic.playlist_requests + excluded.playlist_requests, playlist_bytes = traffic.playlist_bytes + "
        "excluded.playlist_bytes, media_requests = traffic.media_requests + excluded.media_requests, "
        "media_bytes = traffic.media_bytes + excluded.media_bytes",
        &statement);
    if (code < 0)
        return code;
    ph_db_bind_text(statement, 1, traffic->session);
    ph_db_bind_integer(statement, 2, traffic->playlist_requests);
    ph_db_bind_integer(statement, 3, traffic->playlist_bytes);
    ph_db_bind_integer(statement, 4, traffic->media_requests);
    ph_db_bind_integer(statement, 5, traffic->media_bytes);
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
    if (code == 0)
        return ph_db_commit(transaction);
    ph_db_rollback(transaction);
    return code;
}
