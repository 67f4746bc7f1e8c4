/* A recording's MP4 and manifest from what is archived alone: when the spool is lost, and for repair. */
#ifndef PH_ORIGIN_RECORDING_REBUILD_H
#define PH_ORIGIN_RECORDING_REBUILD_H

#include "origin/recording/manifest.h"
#include "origin/recording/recorder.h"

/* Reads publication.json, the init segments and every segment below recordings/<id>/, writes recording.mp4
 * anew and fills the manifest (poster and storyboard: false and none; the caller knows). `manifest` is the
 * caller's to finish on success; writes no recording.json. 0; -ENOENT when there is no publication; -ENODATA
 * without a segment that can be read; PH_INVALID_DATA; those of the store. */
int ph_recorder_rebuild(struct ph_store *store, const char *id, const char *title,
    struct ph_manifest *manifest, struct ph_recorder_result *result) PH_NODISCARD;
/* What is made again, where it may lie elsewhere and take long. */
struct ph_rebuild {
    const char *prefix; /* instead of recordings/<id> */
    const char *id, *title;
    int (*keep_on)(void *opaque); /* asked before each segment; a negative code ends the making */
    void *opaque;
};
int ph_recorder_rebuild_there(struct ph_store *store, const struct ph_rebuild *wanted,
    struct ph_manifest *manifest, struct ph_recorder_result *result) PH_NODISCARD;

#endif
