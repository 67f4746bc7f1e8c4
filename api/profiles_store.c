#include "api/profiles_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/revocations.h"
#include "core/db/sql.h"
#include "core/media/playback_token.h"

/* Media tokens that are made while the change is on its way end with it. */
static const int64_t underway_ms = 5000;

const char *const ph_mail_kinds[PH_MAIL_KINDS] = {"started", "ended", "recording"};
const char *const ph_languages[PH_LANGUAGES] = {"en", "es", "fr", "de", "tr"};

static void take_profile(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_profile *profile = (struct ph_profile *)rows + index;
    snprintf(profile->subject, sizeof(profile->subject), "%s", ph_db_text(row, 0));
    snprintf(profile->display_name, sizeof(profile->display_name), "%s", ph_db_text(row, 1));
    snprintf(profile->avatar_url, sizeof(profile->avatar_url), "%s", ph_db_text(row, 2));
    profile->changed_ms = ph_db_integer(row, 3);
}

static int read_profile(
    struct ph_db_transaction *transaction, const char *subject, struct ph_profile *profile) {
    return ph_db_found(ph_db_query(transaction,
        PH_SQL("SELECT subject, display_name, avatar_url, changed_ms FROM profiles WHERE subject = $1",
            ph_sql_text(subject)),
        1, take_profile, profile));
}

static void take_guardian(void *rows, size_t index, struct ph_db_statement *row) {
    struct ph_guardian *guardian = (struct ph_guardian *)rows + index;
    snprintf(guardian->subject, sizeof(guardian->subject), "%s", ph_db_text(row, 0));
    snprintf(guardian->mail_address, sizeof(guardian->mail_address), "%s", ph_db_text(row, 1));
    snprintf(guardian->language, sizeof(guardian->language), "%s", ph_db_text(row, 2));
    for (int kind = 0; kind < PH_MAIL_KINDS; kind++)
        guardian->wants[kind] = ph_db_integer(row, 3 + kind) != 0;
}

static int read_guardians(struct ph_db_transaction *transaction, struct ph_profile *profile) {
    int code = ph_db_query(transaction,
        PH_SQL("SELECT subject, mail_address, language, wants_started, wants_ended, wants_recording FROM "
               "guardians WHERE profile = $1 ORDER BY subject",
            ph_sql_text(profile->subject)),
        PH_MOST_GUARDIANS, take_guardian, profile->guardians);
    profile->guardian_count = code > 0 ? (size_t)code : 0;
    return code < 0 ? code : 0;
}

int ph_profile_find(struct ph_db *db, const char *subject, struct ph_profile *profile) {
    struct ph_db_transaction *transaction;
    *profile = (struct ph_profile){0};
    int code = ph_db_begin(db, PH_DB_READ, &transaction);
    if (code < 0)
        return code;
    code = read_profile(transaction, subject, profile);
    if (code == 0)
        code = read_guardians(transaction, profile);
    ph_db_rollback(transaction);
    return code;
}

static int64_t write_profile(struct ph_db_transaction *transaction, const struct ph_profile *profile) {
    return ph_db_change(transaction,
        PH_SQL("INSERT INTO profiles (subject, display_name, avatar_url, changed_ms) VALUES ($1, $2, $3, $4) "
               "ON CONFLICT (subject) DO UPDATE SET display_name = excluded.display_name, avatar_url = "
               "excluded.avatar_url, changed_ms = excluded.changed_ms",
            ph_sql_text(profile->subject), ph_sql_text(profile->display_name),
            ph_sql_text(profile->avatar_url), ph_sql_integer(profile->changed_ms)));
}

static int64_t forget_guardians(struct ph_db_transaction *transaction, const struct ph_profile *profile) {
    return ph_db_change(
        transaction, PH_SQL("DELETE FROM guardians WHERE profile = $1", ph_sql_text(profile->subject)));
}

static int64_t write_guardian(struct ph_db_transaction *transaction, const struct ph_profile *profile,
    const struct ph_guardian *guardian) {
    _Static_assert(PH_MAIL_KINDS == 3, "a column each");
    return ph_db_change(
        transaction, PH_SQL("INSERT INTO guardians (profile, subject, mail_address, language, wants_started, "
                            "wants_ended, wants_recording) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                         ph_sql_text(profile->subject), ph_sql_text(guardian->subject),
                         ph_sql_text(guardian->mail_address), ph_sql_text(guardian->language),
                         ph_sql_integer(guardian->wants[0]), ph_sql_integer(guardian->wants[1]),
                         ph_sql_integer(guardian->wants[2])));
}

static bool is_guardian(const struct ph_profile *profile, const char *subject) {
    for (size_t i = 0; i < profile->guardian_count; i++) {
        if (strcmp(profile->guardians[i].subject, subject) == 0)
            return true;
    }
    return false;
}

/* Ends the access of those who were guardians and will be none. The number of them. */
static int revoke_former(struct ph_db_transaction *transaction, const char *cluster_secret,
    const struct ph_profile *profile, struct ph_profile *former) {
    const struct ph_slice secret = {(const uint8_t *)cluster_secret, strlen(cluster_secret)};
    int count = 0;
    memcpy(former->subject, profile->subject, sizeof(former->subject));
    int code = read_guardians(transaction, former);
    for (size_t i = 0; code == 0 && i < former->guardian_count; i++) {
        char holder[PH_PLAYBACK_HOLDER_BYTES];
        if (is_guardian(profile, former->guardians[i].subject))
            continue;
        ph_playback_holder(secret, former->guardians[i].subject, holder);
        code = ph_revocations_add_of_owner(
            transaction, profile->subject, holder, profile->changed_ms + underway_ms);
        count++;
    }
    return code < 0 ? code : count;
}

static int64_t replace(struct ph_db_transaction *transaction, const struct ph_profile *profile) {
    int64_t answer = write_profile(transaction, profile);
    if (answer >= 0)
        answer = forget_guardians(transaction, profile);
    for (size_t i = 0; answer >= 0 && i < profile->guardian_count; i++)
        answer = write_guardian(transaction, profile, &profile->guardians[i]);
    return answer;
}

int ph_profile_put(
    struct ph_db *db, const char *cluster_secret, const struct ph_profile *profile, bool *has_revoked) {
    struct ph_db_transaction *transaction;
    struct ph_profile *former = calloc(1, sizeof(*former));
    if (!former)
        return -ENOMEM;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        goto out;
    int revoked = revoke_former(transaction, cluster_secret, profile, former);
    int64_t answer = revoked < 0 ? revoked : replace(transaction, profile);
    *has_revoked = revoked > 0;
    code = ph_db_settle(transaction, answer);
out:
    free(former);
    return code;
}
