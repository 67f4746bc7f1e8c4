/* SQLite: write-ahead log, one writer and a few readers, each connection used by one thread at a time. */
#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has no table */
#include <uthash.h>

#include "core/db/db_impl.h"

enum { MOST_READERS = 4, MOST_PARAMETERS = 32 };

struct statement {
    struct ph_db_statement base;
    sqlite3_stmt *compiled;
    char *sql;
    bool is_in_use;
    int parameters[MOST_PARAMETERS + 1]; /* SQLite's index of $n; 0 when the text lacks it */
    UT_hash_handle hh;
};

struct connection {
    struct ph_db_connection base;
    sqlite3 *handle;
    struct statement *statements; /* by their text */
};

static int to_code(int result) {
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EAGAIN;
    case SQLITE_CONSTRAINT:
        return result == SQLITE_CONSTRAINT_UNIQUE || result == SQLITE_CONSTRAINT_PRIMARYKEY ? -EEXIST
                                                                                            : -EINVAL;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return PH_INVALID_DATA;
    case SQLITE_IOERR:
        return -EIO;
    default:
        return -EINVAL;
    }
}

static struct connection *from_base(struct ph_db_connection *base) {
    return (struct connection *)base;
}

static void free_statement(struct statement *statement) {
    sqlite3_finalize(statement->compiled);
    free(statement->sql);
    free(statement);
}

static void disconnect(struct ph_db_connection *base) {
    struct connection *connection = from_base(base);
    struct statement *statement, *next;
    HASH_ITER(hh, connection->statements, statement, next) {
        HASH_DEL(connection->statements, statement);
        free_statement(statement);
    }
    sqlite3_close(connection->handle);
    free(connection);
}

static int exec(struct ph_db_connection *base, const char *sql) {
    return to_code(sqlite3_exec(from_base(base)->handle, sql, NULL, NULL, NULL));
}

/* What the database holds is nobody else's: a new file is made for this user alone, and SQLite gives its log
 * the same mode. Whether it worked, opening will tell. */
static void make_private(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static int connect_file(
    const char *path, bool for_writing, struct ph_db_connection **result, struct ph_error *error) {
    /* A commit survives the end of the process at once, and the machine's at the next checkpoint. */
    static const char setup[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
                                "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;";
    char reason[64];
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return ph_error_set(error, -ENOMEM, "out of memory");
    connection->base.impl = &ph_db_sqlite;
    if (for_writing)
        make_private(path);
    int code = to_code(sqlite3_open_v2(
        path, &connection->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
    if (code == 0) {
        sqlite3_extended_result_codes(connection->handle, 1);
        sqlite3_busy_timeout(connection->handle, (int)(PH_DB_PATIENCE_US / PH_MILLISECOND_US));
        code = exec(&connection->base, setup);
    }
    if (code == 0 && !for_writing)
        code = exec(&connection->base, "PRAGMA query_only=ON");
    if (code < 0) {
        disconnect(&connection->base);
        return ph_error_set(error, code,
            "database %.200s cannot be opened: %s: check database_url and data_dir", path,
            ph_error_name(code, reason, sizeof(reason)));
    }
    *result = &connection->base;
    return 0;
}

static bool is_alive(struct ph_db_connection *base) {
    (void)base;
    return true;
}

/* There is one writer at a time: every key is alone. */
static int begin(struct ph_db_connection *base, enum ph_db_mode mode, const char *key) {
    (void)key;
    return exec(base, mode == PH_DB_READ ? "BEGIN" : "BEGIN IMMEDIATE");
}

static int commit(struct ph_db_connection *base) {
    return exec(base, "COMMIT");
}

static void rollback(struct ph_db_connection *base) {
    /* SQLite rolls back by itself after some failures; then there is nothing to do. */
    sqlite3 *handle = from_base(base)->handle;
    if (!sqlite3_get_autocommit(handle))
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
}

static int compile(struct connection *connection, const char *sql, struct statement **result) {
    struct statement *statement = calloc(1, sizeof(*statement));
    if (!statement)
        return -ENOMEM;
    statement->base.impl = &ph_db_sqlite;
    statement->sql = strdup(sql);
    int code = statement->sql ? to_code(sqlite3_prepare_v3(connection->handle, sql, -1,
                                    SQLITE_PREPARE_PERSISTENT, &statement->compiled, NULL))
                              : -ENOMEM;
    if (code < 0) {
        free_statement(statement);
        return code;
    }
    for (int i = 1; i <= MOST_PARAMETERS; i++) {
        char name[8];
        snprintf(name, sizeof(name), "$%d", i);
        statement->parameters[i] = sqlite3_bind_parameter_index(statement->compiled, name);
    }
    *result = statement;
    return 0;
}

static int prepare(struct ph_db_connection *base, const char *sql, struct ph_db_statement **result) {
    struct connection *connection = from_base(base);
    struct statement *statement = NULL;
    HASH_FIND_STR(connection->statements, sql, statement);
    if (!statement) {
        int code = compile(connection, sql, &statement);
        if (code < 0)
            return code;
        HASH_ADD_KEYPTR(hh, connection->statements, statement->sql, strlen(statement->sql), statement);
        if (!statement->hh.tbl) {
            free_statement(statement);
            return -ENOMEM;
        }
    }
    assert(!statement->is_in_use);
    statement->is_in_use = true;
    statement->base.code = 0;
    *result = &statement->base;
    return 0;
}

static struct statement *of(struct ph_db_statement *base) {
    return (struct statement *)base;
}

static int parameter(struct statement *statement, int number) {
    assert(number >= 1 && number <= MOST_PARAMETERS);
    return statement->parameters[number];
}

static int bind_text(struct ph_db_statement *base, int number, const char *text) {
    struct statement *statement = of(base);
    return to_code(
        sqlite3_bind_text(statement->compiled, parameter(statement, number), text, -1, SQLITE_TRANSIENT));
}

static int bind_integer(struct ph_db_statement *base, int number, int64_t value) {
    struct statement *statement = of(base);
    return to_code(sqlite3_bind_int64(statement->compiled, parameter(statement, number), value));
}

static int bind_real(struct ph_db_statement *base, int number, double value) {
    struct statement *statement = of(base);
    return to_code(sqlite3_bind_double(statement->compiled, parameter(statement, number), value));
}

static int step(struct ph_db_statement *base) {
    int result = sqlite3_step(of(base)->compiled);
    return result == SQLITE_ROW ? 1 : to_code(result);
}

static const char *text_column(struct ph_db_statement *base, int column) {
    return (const char *)sqlite3_column_text(of(base)->compiled, column);
}

static int64_t integer_column(struct ph_db_statement *base, int column) {
    return sqlite3_column_int64(of(base)->compiled, column);
}

static double real_column(struct ph_db_statement *base, int column) {
    return sqlite3_column_double(of(base)->compiled, column);
}

static int64_t changed_rows(struct ph_db_statement *base) {
    return sqlite3_changes64(sqlite3_db_handle(of(base)->compiled));
}

static void finish(struct ph_db_statement *base) {
    struct statement *statement = of(base);
    sqlite3_reset(statement->compiled);
    sqlite3_clear_bindings(statement->compiled);
    statement->is_in_use = false;
}

const struct ph_db_impl ph_db_sqlite = {
    .scheme = "sqlite:",
    .most_readers = MOST_READERS,
    .most_writers = 1,
    .connect = connect_file,
    .disconnect = disconnect,
    .is_alive = is_alive,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .exec = exec,
    .prepare = prepare,
    .bind_text = bind_text,
    .bind_integer = bind_integer,
    .bind_real = bind_real,
    .step = step,
    .text = text_column,
    .integer = integer_column,
    .real = real_column,
    .changed_rows = changed_rows,
    .finish = finish,
};
