#include "app/archive_command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/embedded.h"
#include "app/recording_wiring.h"
#include "app/store_wiring.h"
#include "core/base/metrics.h"
#include "origin/archive/verify.h"

static void print(json_t *line) {
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    if (text)
        printf("%s\n", text);
    free(text);
    json_decref(line);
}

static void print_difference(void *opaque, const struct ph_archive_difference *difference) {
    (void)opaque;
    print(json_pack("{s:s, s:s, s:s, s:b}", "recording", difference->recording, "object", difference->object,
        "difference", difference->what, "repaired", difference->repaired));
}

static void print_sum(const struct ph_archive_verification *verification) {
    print(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "recordings", (json_int_t)verification->recordings,
        "objects", (json_int_t)verification->objects, "differences", (json_int_t)verification->differences,
        "repaired", (json_int_t)verification->repaired, "gaps", (json_int_t)verification->gaps, "foreign",
        (json_int_t)verification->foreign, "unread", (json_int_t)verification->unread));
}

static int verify(struct ph_archive_verification *verification, struct ph_error *error) {
    struct ph_error trouble = {0};
    char reason[128];
    int code = ph_archive_verify(verification);
    print_sum(verification);
    if (code >= 0)
        return 0;
    if (!ph_store_is_well(verification->store, &trouble))
        return ph_error_set(error, code, "the archive could not be verified whole: %s", trouble.text);
    return ph_error_set(error, code, "the archive could not be verified whole: %s",
        ph_error_name(code, reason, sizeof(reason)));
}

/* A database's address without what may be a secret in it: user, password and parameters. */
static void name_database(const char *url, char *name, size_t name_bytes) {
    const char *host = strstr(url, "://");
    if (!host) { /* a file's */
        snprintf(name, name_bytes, "%s", url);
        return;
    }
    host += 3;
    const char *user = memrchr(host, '@', strcspn(host, "/?"));
    const char *rest = user ? user + 1 : host;
    snprintf(name, name_bytes, "%.*s%.*s", (int)(host - url), url, (int)strcspn(rest, "?"), rest);
}

/* The list of recordings: it must be there, and this command does not make it. */
static int open_database(const char *url, struct ph_db **db, struct ph_error *error) {
    struct ph_error why = {0};
    char name[256];
    int code = ph_db_open(db, url, error);
    if (code < 0)
        return code;
    code = ph_db_check_migrated(*db, ph_api_migrations, ph_api_migration_count, &why);
    name_database(url, name, sizeof(name));
    return code < 0 ? ph_error_set(error, code, "%s: %s", name, why.text) : 0;
}

int ph_archive_command_verify(const struct ph_settings *settings, const struct ph_archive_wish *wish,
    bool *is_clean, struct ph_error *error) {
    struct ph_metrics *metrics = NULL;
    struct ph_store_wiring store = {0};
    struct ph_recording_wiring catalogue;
    struct ph_db *db = NULL;
    char spool[512];
    *is_clean = false;
    ph_recording_wiring_init(&catalogue, settings->database_url, ph_clock_system());
    int code = open_database(settings->database_url, &db, error);
    if (!code)
        ph_recording_wiring_set_db(&catalogue, db);
    if (!code)
        code = ph_metrics_create(&metrics);
    if (!code)
        code = ph_store_wiring_create(&store, settings, metrics, error);
    if (!code && snprintf(spool, sizeof(spool), "%s/spool", settings->data_dir) >= (int)sizeof(spool))
        code = ph_error_set(error, -ENAMETOOLONG, "data_dir: the path is too long");
    struct ph_archive_verification verification = {.store = store.store,
        .catalogue = &catalogue.catalogue,
        .spool = spool,
        .recording = wish->session,
        .repair = wish->repair,
        .deep = wish->deep,
        .report = print_difference};
    if (!code)
        code = verify(&verification, error);
    *is_clean = !code && verification.differences == verification.repaired;
    ph_store_wiring_destroy(&store);
    ph_recording_wiring_finish(&catalogue);
    ph_db_close(db);
    ph_metrics_destroy(metrics);
    return code;
}
