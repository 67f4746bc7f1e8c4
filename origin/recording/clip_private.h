/* What a clip's files share among themselves. */
#ifndef PH_ORIGIN_RECORDING_CLIP_PRIVATE_H
#define PH_ORIGIN_RECORDING_CLIP_PRIVATE_H

#include "origin/recording/clip.h"
#include "origin/recording/recorder.h"

struct ph_clip_making {
    struct ph_store *store;
    const struct ph_clip *clip;
    char source[PH_STORE_KEY_BYTES]; /* "recordings/<source>" */
    char work[PH_STORE_KEY_BYTES];   /* where this take makes it: "uploads/<id>/take-<n>" */
    char place[PH_STORE_KEY_BYTES];  /* where it goes then: "recordings/<id>" */
    struct ph_publication publication;
    int64_t from_us, to_us; /* session time */
    bool is_over;           /* the source grows no more */
    uint32_t segments;      /* made so far */
};

/* "<prefix>/<track>/<name>"; either may be "". */
int ph_clip_key(
    char key[PH_STORE_KEY_BYTES], const char *prefix, const char *track, const char *name) PH_NODISCARD;
int ph_clip_get(struct ph_clip_making *making, const char *prefix, const char *track, const char *name,
    struct ph_bytes **bytes) PH_NODISCARD;
/* Below where this take works. */
int ph_clip_put(struct ph_clip_making *making, const char *track, const char *name, struct ph_slice bytes,
    const char *type) PH_NODISCARD;

/* The MP4 of the segments below a prefix, as ph_recorder_rebuild(). */
int ph_clip_rebuild(struct ph_clip_making *making, const char *prefix, struct ph_manifest *manifest,
    struct ph_recorder_result *result) PH_NODISCARD;

/* Draws poster and storyboard of what the manifest lists, puts them and notes them in it. What cannot be
 * drawn is left out. */
int ph_clip_draw(struct ph_clip_making *making, struct ph_manifest *manifest) PH_NODISCARD;

/* Which take's objects are the clip's: 0, or -ENOENT: that is open. */
int ph_clip_find_take(struct ph_clip_making *making, uint32_t *take) PH_NODISCARD;
/* This take has made it whole: it is the one, or else another is, which is told. */
int ph_clip_settle_take(struct ph_clip_making *making, uint32_t *take) PH_NODISCARD;
/* Puts what that take made where it belongs, the manifest last. */
int ph_clip_publish(struct ph_clip_making *making, uint32_t take, struct ph_manifest *manifest) PH_NODISCARD;
/* The manifest below a prefix, to be finished. -ENOENT. */
int ph_clip_load_manifest(
    struct ph_clip_making *making, const char *prefix, struct ph_manifest *manifest) PH_NODISCARD;

#endif
