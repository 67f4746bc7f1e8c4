/* What those who verify one recording share among themselves. */
#ifndef PH_ORIGIN_ARCHIVE_VERIFY_PRIVATE_H
#define PH_ORIGIN_ARCHIVE_VERIFY_PRIVATE_H

#include "origin/archive/folder_file.h"
#include "origin/archive/verify.h"
#include "origin/recording/manifest.h"
#include "origin/session.h"

enum { PH_VERIFY_NAME_BYTES = 64 };

struct ph_verify_object {
    char name[PH_VERIFY_NAME_BYTES]; /* below the recording */
    uint64_t bytes;
    char etag[PH_STORE_ETAG_BYTES];
};

/* A recording while it is looked at. */
struct ph_verify_check {
    struct ph_archive_verification *verification;
    char id[PH_SESSION_NAME_BYTES];
    char prefix[PH_SESSION_NAME_BYTES + 16];
    char dir[PH_ARCHIVE_PATH_BYTES];  /* in the spool */
    const char *track;                /* whose journal is read */
    struct ph_verify_object *objects; /* by name */
    size_t count, capacity;
    bool has_manifest;
    bool is_cold;                /* the manifest lies in the deep archive */
    const char *mp4_trouble;     /* why the MP4 is to be made again; NULL: it is right */
    struct ph_manifest manifest; /* with has_manifest */
};

/* An object that should be there. */
struct ph_verify_expected {
    const char *name;
    const char *file; /* in the spool's folder; NULL: as its name */
    const char *content_type;
    uint64_t bytes;
    const uint8_t *hash;
    bool is_lasting; /* what the spool has not cannot be made again */
};

void ph_verify_report(struct ph_verify_check *check, const char *object, const char *what, bool repaired);
/* NULL: it is not there. */
const struct ph_verify_object *ph_verify_find(const struct ph_verify_check *check, const char *name);
int ph_verify_key(
    const struct ph_verify_check *check, const char *name, char key[PH_STORE_KEY_BYTES]) PH_NODISCARD;
/* Where bytes are to be compared. `hash` NULL: with what the store keeps. */
int ph_verify_compare(
    struct ph_verify_check *check, const char *name, const uint8_t *hash, bool *is_same) PH_NODISCARD;
/* What is wrong with an object, to be said of it; NULL: nothing. */
int ph_verify_look(struct ph_verify_check *check, const char *name, uint64_t bytes, const uint8_t *hash,
    const char **trouble) PH_NODISCARD;
/* Looks at an object, and where it is to be repaired puts it again from the spool. */
int ph_verify_expect(struct ph_verify_check *check, const struct ph_verify_expected *expected) PH_NODISCARD;

/* Those that the manifest lists. */
int ph_verify_pictures(struct ph_verify_check *check) PH_NODISCARD;
/* Takes those that there are into a manifest that was made anew. */
int ph_verify_keep_pictures(struct ph_verify_check *check, struct ph_manifest *manifest) PH_NODISCARD;

#endif
