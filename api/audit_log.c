#include "api/audit_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/random.h"
#include "core/db/sql.h"

static int64_t insert(struct ph_db_transaction *transaction, const struct ph_audit_entry *entry) {
    return ph_db_change(transaction,
        PH_SQL(
            "INSERT INTO audit_log (id, at_ms, actor, role, action, target) VALUES ($1, $2, $3, $4, $5, $6)",
            ph_sql_text(entry->id), ph_sql_integer(entry->at_ms), ph_sql_text(entry->actor),
            ph_sql_text(entry->role), ph_sql_text(entry->action), ph_sql_text(entry->target)));
}

/* Ids sort as they were made, also those of one millisecond: the time in 13 characters, then chance. */
static void make_id(char id[PH_SESSION_ID_BYTES]) {
    static const char ascending[] = "234567abcdefghijklmnopqrstuvwxyz";
    enum { TIME_CHARACTERS = 13 };
    uint64_t time_us = (uint64_t)ph_utc_now_us();
    ph_random_id(id, PH_SESSION_ID_CHARACTERS);
    for (int i = TIME_CHARACTERS - 1; i >= 0; i--) {
        id[i] = ascending[time_us & 31];
        time_us >>= 5;
    }
}

static struct ph_audit_entry entry_of(
    const struct ph_caller *caller, const char *action, const char *target, int64_t at_ms) {
    struct ph_audit_entry entry = {.at_ms = at_ms};
    make_id(entry.id);
    snprintf(entry.actor, sizeof(entry.actor), "%s", caller->subject);
    snprintf(entry.role, sizeof(entry.role), "%s", ph_caller_role_name(caller->role));
    snprintf(entry.action, sizeof(entry.action), "%s", action);
    snprintf(entry.target, sizeof(entry.target), "%s", target);
    return entry;
}

int ph_audit_log_write(
    struct ph_db *db, const struct ph_caller *caller, const char *action, const char *target, int64_t at_ms) {
    struct ph_db_transaction *transaction;
    struct ph_audit_entry entry = entry_of(caller, action, target, at_ms);
    int code = ph_db_begin_keyed(db, entry.id, &transaction);
    return code < 0 ? code : ph_db_settle(transaction, insert(transaction, &entry));
}

int ph_audit_log_write_in(struct ph_db_transaction *transaction, const struct ph_caller *caller,
    const char *action, const char *target, int64_t at_ms) {
    struct ph_audit_entry entry = entry_of(caller, action, target, at_ms);
    int64_t changed = insert(transaction, &entry);
    return changed < 0 ? (int)changed : 0;
}

static void read_row(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_audit_entry *entry = (struct ph_audit_entry *)rows + index;
    snprintf(entry->id, sizeof(entry->id), "%s", ph_db_text(row, 0));
    entry->at_ms = ph_db_integer(row, 1);
    snprintf(entry->actor, sizeof(entry->actor), "%s", ph_db_text(row, 2));
    snprintf(entry->role, sizeof(entry->role), "%s", ph_db_text(row, 3));
    snprintf(entry->action, sizeof(entry->action), "%s", ph_db_text(row, 4));
    snprintf(entry->target, sizeof(entry->target), "%s", ph_db_text(row, 5));
}

int ph_audit_log_read(struct ph_db *db, const struct ph_audit_filter *filter, int64_t before_ms,
    const char *before_id, size_t most, struct ph_audit_entry **list, size_t *count) {
    *list = NULL;
    *count = 0;
    struct ph_audit_entry *rows = calloc(most, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    int code = ph_db_read(db,
        PH_SQL("SELECT id, at_ms, actor, role, action, target FROM audit_log WHERE ($1 = '' OR actor = $1) "
               "AND ($2 = '' OR action = $2) AND ($3 = '' OR target = $3) AND (at_ms < $4 OR (at_ms = $4 AND "
               "id < $5)) ORDER BY at_ms DESC, id DESC LIMIT $6",
            ph_sql_text(filter->actor), ph_sql_text(filter->action), ph_sql_text(filter->target),
            ph_sql_integer(before_ms), ph_sql_text(before_id), ph_sql_integer((int64_t)most)),
        most, read_row, rows);
    if (code <= 0) {
        free(rows);
        return code;
    }
    *list = rows;
    *count = (size_t)code;
    return 0;
}

int ph_audit_log_prune(struct ph_db *db, int64_t before_ms) {
    int64_t changed = ph_db_write_keyed(
        db, "audit_log", PH_SQL("DELETE FROM audit_log WHERE at_ms < $1", ph_sql_integer(before_ms)));
    return changed < 0 ? (int)changed : 0;
}
