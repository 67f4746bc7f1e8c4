#define HASH_NONFATAL_OOM 1
#include "origin/archive/verify.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "origin/archive/verify_objects.h"
#include "origin/session.h"

static const char prefix[] = "recordings";

/* A recording that somebody knows of. */
struct known {
    char id[PH_SESSION_NAME_BYTES];
    bool is_listed; /* the catalogue says that it is ready */
    UT_hash_handle hh;
};

struct survey {
    struct ph_archive_verification *verification;
    struct known *known;
};

static int remember(struct survey *survey, const char *id, bool is_listed) {
    struct known *known;
    const char *wanted = survey->verification->recording;
    if (!ph_session_name_is_valid(id) || (wanted && strcmp(id, wanted) != 0))
        return 0;
    HASH_FIND_STR(survey->known, id, known);
    if (!known) {
        known = calloc(1, sizeof(*known));
        if (!known)
            return -ENOMEM;
        strcpy(known->id, id); /* a valid name fits */
        HASH_ADD_STR(survey->known, id, known);
        if (!known->hh.tbl) {
            free(known);
            return -ENOMEM;
        }
    }
    known->is_listed = known->is_listed || is_listed;
    return 0;
}

static int note_listed(void *opaque, const char *id) {
    return remember(opaque, id, true);
}

/* "recordings/<id>/…" */
static int note_object(void *opaque, const char *key, const struct ph_store_object *object) {
    char id[PH_SESSION_NAME_BYTES] = "";
    const char *begin = key + sizeof(prefix), *end = strchr(begin, '/');
    (void)object;
    if (!end || (size_t)(end - begin) >= sizeof(id))
        return 0;
    memcpy(id, begin, (size_t)(end - begin));
    return remember(opaque, id, false);
}

static int find_spooled(struct survey *survey) {
    struct dirent *entry;
    DIR *folder = opendir(survey->verification->spool);
    int code = 0;
    while (folder && !code && (entry = readdir(folder)))
        code = remember(survey, entry->d_name, false);
    if (folder)
        closedir(folder);
    return code;
}

static int find_all(struct survey *survey) {
    struct ph_archive_verification *verification = survey->verification;
    struct ph_archive_catalogue *catalogue = verification->catalogue;
    char key[PH_STORE_KEY_BYTES];
    int size = snprintf(key, sizeof(key), "%s%s%s", prefix, verification->recording ? "/" : "",
        verification->recording ? verification->recording : "");
    if (size < 0 || (size_t)size >= sizeof(key))
        return -EINVAL;
    int code = find_spooled(survey);
    if (!code)
        code = ph_store_list(verification->store, key, note_object, survey);
    if (!code && catalogue)
        code = catalogue->each_ready(catalogue, verification->recording, note_listed, survey);
    return code;
}

int ph_archive_verify(struct ph_archive_verification *verification) {
    struct survey survey = {.verification = verification};
    struct known *known, *next;
    verification->recordings = verification->objects = 0;
    verification->differences = verification->repaired = verification->unread = verification->gaps = 0;
    verification->foreign = 0;
    int code = find_all(&survey);
    HASH_ITER(hh, survey.known, known, next) {
        if (!code)
            code = ph_verify_recording(verification, known->id, known->is_listed);
    }
    while (survey.known) {
        known = survey.known;
        HASH_DEL(survey.known, known);
        free(known);
    }
    return code;
}
