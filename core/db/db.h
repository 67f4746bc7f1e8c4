/* A database with one face: SQLite embedded, PostgreSQL on a cluster, the same SQL for both.
 *
 * Everything happens inside a transaction, which has one connection of a small pool for its thread alone:
 *
 *     begin → (prepare → bind … → step … → finish) … → commit | rollback
 *
 * What one statement does is one call of core/db/sql.h.
 *
 * SQL is the subset both take: $1 … parameters, TEXT, BIGINT, SMALLINT, DOUBLE PRECISION, INSERT … ON
 * CONFLICT, RETURNING, and no function that one of them lacks. A parameter has the type of the place it
 * stands at, the same at all its places; where the place does not tell, write CAST($1 AS BIGINT).
 *
 * A database is used from any thread; a transaction belongs to the thread that began it. Waits are bounded:
 * PH_DB_PATIENCE_US for a connection and as long for a lock, then -EAGAIN.
 *
 * What a caller may rely on, on both databases:
 * - PH_DB_READ sees one moment, whatever others commit meanwhile.
 * - PH_DB_WRITE is alone among all transactions that write, of all processes: what it read stays true until
 *   it commits. Code that reads, decides and writes is right without further ado.
 * - ph_db_begin_keyed() is for paths that many walk at once: alone among those of the same key and among
 *   plain PH_DB_WRITE ones, beside those of other keys. It may decide only by rows that belong to its key.
 * - A failed call spoils its transaction: what follows fails with the same code, and nothing of it is kept.
 * - A commit that fails with -EIO may have been kept: the connection was lost before the answer came. Who
 *   must know writes something that can be written twice. */
#ifndef PH_DB_DB_H
#define PH_DB_DB_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/clock.h"
#include "core/base/error.h"

#define PH_DB_PATIENCE_US (3 * PH_SECOND_US)

struct ph_db;
struct ph_db_transaction;
struct ph_db_statement;

enum ph_db_mode {
    PH_DB_READ,    /* a snapshot; writing fails with -EROFS */
    PH_DB_WRITE,   /* alone among those who write */
    PH_DB_MIGRATE, /* alone among migrations of all processes */
};

/* A numbered file of statements, compiled in. Numbers ascend; what was released never changes. */
struct ph_db_migration {
    int64_t number;
    const char *name;
    const char *sql;
};

/* "sqlite:<path>" or "postgresql://…" (libpq's URL). -EINVAL for another scheme, -EACCES, -EIO,
 * PH_INVALID_DATA (no database), -ENOMEM, with a sentence. */
int ph_db_open(struct ph_db **db, const char *url, struct ph_error *error) PH_NODISCARD;
/* No transaction may be open. NULL is fine. */
void ph_db_close(struct ph_db *db);
/* Applies those not yet recorded in schema_migrations, each in its own transaction under the lock of
 * migrations. -EINVAL when the database is newer than the list. */
int ph_db_migrate(struct ph_db *db, const struct ph_db_migration *migrations, size_t count,
    struct ph_error *error) PH_NODISCARD;

/* 0 when all of them have been applied, and no other: for who uses the database and is not to change it.
 * -EINVAL with a sentence. */
int ph_db_check_migrated(struct ph_db *db, const struct ph_db_migration *migrations, size_t count,
    struct ph_error *error) PH_NODISCARD;

/* -EAGAIN when no connection or lock came in time, -EIO when the database does not answer, -ENOMEM. */
int ph_db_begin(struct ph_db *db, enum ph_db_mode mode, struct ph_db_transaction **transaction) PH_NODISCARD;
/* A transaction that writes and decides by what belongs to `key` alone ("session:…"; see above). */
int ph_db_begin_keyed(struct ph_db *db, const char *key, struct ph_db_transaction **transaction) PH_NODISCARD;
/* Ends the transaction on success and on failure: on failure nothing of it is kept. */
int ph_db_commit(struct ph_db_transaction *transaction) PH_NODISCARD;
/* NULL is fine. */
void ph_db_rollback(struct ph_db_transaction *transaction);
/* Ends it by the outcome of its last step: commits when that is no failure, else rolls back. The first
 * failure is the answer. */
int ph_db_settle(struct ph_db_transaction *transaction, int64_t outcome) PH_NODISCARD;
/* One or more statements without parameters or answers. */
int ph_db_exec(struct ph_db_transaction *transaction, const char *sql) PH_NODISCARD;

/* What the database's own clock says, which all of its clients share, and how long the answer took. -ENOSYS
 * where that is this machine's; otherwise as ph_db_begin() and ph_db_step(). */
int ph_db_ask_time(struct ph_db *db, int64_t *utc_us, int64_t *round_trip_us) PH_NODISCARD;

/* A statement of this transaction, which must be finished before the transaction ends. The same text is
 * prepared once for a connection and must not be prepared again before it is finished. */
int ph_db_prepare(
    struct ph_db_transaction *transaction, const char *sql, struct ph_db_statement **statement) PH_NODISCARD;
/* Parameter `number` counts from 1. Values are copied. A failure is kept and comes back from step. */
void ph_db_bind_text(struct ph_db_statement *statement, int number, const char *text); /* NULL: SQL's null */
void ph_db_bind_integer(struct ph_db_statement *statement, int number, int64_t value);
void ph_db_bind_real(struct ph_db_statement *statement, int number, double value);
void ph_db_bind_null(struct ph_db_statement *statement, int number);
/* 1 when a row stands ready, 0 after the last. -EEXIST for a key that is taken, -EINVAL for another broken
 * constraint or SQL, -EAGAIN, -EROFS, -ENOSPC, -EIO, -ENOMEM. */
int ph_db_step(struct ph_db_statement *statement) PH_NODISCARD;
/* Columns count from 0. Text lives until the next step or finish; "" for SQL's null, which ph_db_is_null()
 * tells. */
const char *ph_db_text(struct ph_db_statement *statement, int column);
int64_t ph_db_integer(struct ph_db_statement *statement, int column);
double ph_db_real(struct ph_db_statement *statement, int column);
int ph_db_is_null(struct ph_db_statement *statement, int column);
/* NULL is fine. */
void ph_db_finish(struct ph_db_statement *statement);
/* Steps a statement that gives no rows, and finishes it. The number of rows it changed, or the error. */
int64_t ph_db_run(struct ph_db_statement *statement) PH_NODISCARD;

/* Notifications: short texts from who committed to who listens. On PostgreSQL they reach every process of the
 * cluster, on SQLite this one.
 *
 * A channel is 1 to 32 of a-z and _. Notifications of one channel arrive in the order of their commits, on
 * one thread of the database's, after the commit. They say where to look, not what is true: a listener is
 * told with payload NULL that some may have been missed, once when it begins to listen, and whenever a
 * connection was lost or it was too slow; then it reads the tables. */
enum { PH_DB_MOST_NOTIFICATION_BYTES = 7900, PH_DB_CHANNEL_BYTES = 33 };

struct ph_db_listener;
/* Shares its thread with all listeners: does little, never waits for a lock that is held while calling
 * ph_db_unlisten(), and does not call ph_db_listen() or ph_db_unlisten(). */
typedef void ph_db_notified(void *opaque, const char *payload);

/* Sent if and when the transaction commits; the same text twice in one transaction may be sent once. -EINVAL
 * for a payload that is too long. */
int ph_db_notify(
    struct ph_db_transaction *transaction, const char *channel, const char *payload) PH_NODISCARD;
/* The first call, with NULL, means: from here on nothing is missed unsaid. The database is waited for until
 * that is so, for PH_DB_PATIENCE_US at most; when it does not answer, the call comes once it does. */
int ph_db_listen(struct ph_db *db, const char *channel, ph_db_notified *notified, void *opaque,
    struct ph_db_listener **listener) PH_NODISCARD;
/* Once it returns the listener is not called. Before ph_db_close(). NULL is fine. */
void ph_db_unlisten(struct ph_db_listener *listener);

#endif
