/* Compares what should be in the archive's store with what is: the spool's journals, the manifests and the
 * catalogue against the objects; and mends what can be mended. May run beside the node: what a node is still
 * working on is left to it. */
#ifndef PH_ORIGIN_ARCHIVE_VERIFY_H
#define PH_ORIGIN_ARCHIVE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/store/store.h"
#include "origin/archive/catalogue.h"

struct ph_archive_difference {
    const char *recording;
    const char *object; /* its name below the recording; "": the recording as a whole */
    const char *what;   /* a sentence's end: "is missing" */
    bool repaired;
};

struct ph_archive_verification {
    struct ph_store *store;
    struct ph_archive_catalogue *catalogue; /* NULL: nobody keeps a list */
    const char *spool;                      /* the spool's folder */
    const char *recording;                  /* NULL: all */
    bool repair;
    bool deep; /* reads the bytes and compares their hashes too, not sizes alone */
    void (*report)(void *opaque, const struct ph_archive_difference *difference);
    void *opaque;

    /* What it came to. */
    uint64_t recordings, objects;
    uint64_t differences, repaired;
    uint64_t gaps;    /* segments that were lost before they were archived: reported, and no difference */
    uint64_t foreign; /* what others put among the recordings: reported, and no difference */
    uint64_t unread;  /* deep: objects in the deep archive, which were not read */
};

/* 0 when everything was looked at, whatever was found; else a code, and what follows was not looked at. */
int ph_archive_verify(struct ph_archive_verification *verification) PH_NODISCARD;

#endif
