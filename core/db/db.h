/* A database with one face: SQLite embedded, PostgreSQL on a cluster, the same SQL for both.
 *
 * Everything happens inside a transaction, which has one connection of a small pool for its thread alone:
 *
 *     begin → (prepare → bind … → step … → finish) … → commit | rollback
 *
 * SQL is the subset both take: $1 … parameters, TEXT, BIGINT, SMALLINT, DOUBLE PRECISION, INSERT … ON
 * CONFLICT, and no function that one of them lacks. A database is used from any thread; a transaction belongs
 * to the thread that began it. Waits are bounded: PH_DB_PATIENCE_US for a connection and as long for a lock,
 * then -EAGAIN. */
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
    PH_DB_WRITE,   /* SQLite: alone among writers */
    PH_DB_MIGRATE, /* alone among migrations of all processes */
};

/* A numbered file of statements, compiled in. Numbers ascend; what was released never changes. */
struct ph_db_migration {
    int64_t number;
    const char *name;
    const char *sql;
};

/* "sqlite:<path>". -EINVAL for another scheme, -EACCES, -EIO, PH_INVALID_DATA (no database), -ENOMEM, with a
 * sentence. */
int ph_db_open(struct ph_db **db, const char *url, struct ph_error *error) PH_NODISCARD;
/* No transaction may be open. NULL is fine. */
void ph_db_close(struct ph_db *db);
/* Applies those not yet recorded in schema_migrations, each in its own transaction under the lock of
 * migrations. -EINVAL when the database is newer than the list. */
int ph_db_migrate(struct ph_db *db, const struct ph_db_migration *migrations, size_t count,
    struct ph_error *error) PH_NODISCARD;

/* -EAGAIN when no connection or lock came in time, -EIO when the database does not answer, -ENOMEM. */
int ph_db_begin(struct ph_db *db, enum ph_db_mode mode, struct ph_db_transaction **transaction) PH_NODISCARD;
/* Ends the transaction on success and on failure: on failure nothing of it is kept. */
int ph_db_commit(struct ph_db_transaction *transaction) PH_NODISCARD;
/* NULL is fine. */
void ph_db_rollback(struct ph_db_transaction *transaction);
/* One or more statements without parameters or answers. */
int ph_db_exec(struct ph_db_transaction *transaction, const char *sql) PH_NODISCARD;

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

#endif
