/* One statement with its parameters, as one call:
 *
 *     int64_t changed = ph_db_change(transaction,
 *         PH_SQL("UPDATE doors SET colour = $2 WHERE id = $1", ph_sql_text(id), ph_sql_text(colour)));
 *
 * What transactions may rely on and what codes mean is said in db.h. A failure of any step is the call's
 * answer and has spoilt the transaction; a transaction of the call's own is over in any case. */
#ifndef PH_DB_SQL_H
#define PH_DB_SQL_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/db/db.h"

enum ph_sql_kind { PH_SQL_END, PH_SQL_TEXT, PH_SQL_INTEGER, PH_SQL_REAL };

/* A parameter. Texts are borrowed until the call is over. */
struct ph_sql_value {
    enum ph_sql_kind kind;
    union {
        const char *text;
        int64_t integer;
        double real;
    } as;
};

/* NULL is SQL's null. */
static inline struct ph_sql_value ph_sql_text(const char *text) {
    return (struct ph_sql_value){.kind = PH_SQL_TEXT, .as.text = text};
}
static inline struct ph_sql_value ph_sql_integer(int64_t integer) {
    return (struct ph_sql_value){.kind = PH_SQL_INTEGER, .as.integer = integer};
}
static inline struct ph_sql_value ph_sql_real(double real) {
    return (struct ph_sql_value){.kind = PH_SQL_REAL, .as.real = real};
}
static inline struct ph_sql_value ph_sql_null(void) {
    return ph_sql_text(NULL);
}

struct ph_sql {
    const char *text;
    const struct ph_sql_value *values; /* $1 first; ends with one of kind PH_SQL_END */
};
/* A struct ph_sql * that lives as long as the block it stands in. */
#define PH_SQL(statement, ...)                                                                               \
    (&(const struct ph_sql){.text = (statement),                                                             \
        .values = (const struct ph_sql_value[]){__VA_ARGS__ __VA_OPT__(, ){.kind = PH_SQL_END}}})

/* Takes a row, counted from 0; `rows` is the reader's own, for instance the array it fills. */
typedef void ph_sql_take(void *rows, size_t index, struct ph_db_statement *row);

/* Of a statement that gives no rows: how many it changed. */
int64_t ph_db_change(struct ph_db_transaction *transaction, const struct ph_sql *sql) PH_NODISCARD;
/* Gives up to `most` rows to `take` (NULL: they are only counted). How many it were. */
int ph_db_query(struct ph_db_transaction *transaction, const struct ph_sql *sql, size_t most,
    ph_sql_take *take, void *rows) PH_NODISCARD;
/* The first column of the first row, an integer that is never below 0; -ENOENT without a row. */
int64_t ph_db_number(struct ph_db_transaction *transaction, const struct ph_sql *sql) PH_NODISCARD;

/* The same, each in a transaction of its own: PH_DB_READ, PH_DB_WRITE, and that of ph_db_begin_keyed(). */
int ph_db_read(
    struct ph_db *db, const struct ph_sql *sql, size_t most, ph_sql_take *take, void *rows) PH_NODISCARD;
int64_t ph_db_write(struct ph_db *db, const struct ph_sql *sql) PH_NODISCARD;
int64_t ph_db_write_keyed(struct ph_db *db, const char *key, const struct ph_sql *sql) PH_NODISCARD;

/* For who looks for the one row of a key: 0 when there were any, -ENOENT for none, or the failure. */
static inline int ph_db_found(int64_t rows) {
    return rows == 0 ? -ENOENT : rows < 0 ? (int)rows : 0;
}

#endif
