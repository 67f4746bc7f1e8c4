/* Other origins that carry the same session put the same segments under the same keys, and make the same
 * recording. What one of them missed, another may have: nobody makes a recording poorer than the one that is
 * there. */
#ifndef PH_ORIGIN_ARCHIVE_SIBLINGS_H
#define PH_ORIGIN_ARCHIVE_SIBLINGS_H

#include "origin/archive/archive_private.h"

enum ph_siblings_view {
    PH_SIBLINGS_HAVE_NO_MORE, /* than we */
    PH_SIBLINGS_HAVE_MORE, /* segments in the store that we lack: a recording is made of all that is there */
    PH_SIBLINGS_ARE_DONE,  /* their recording is there and lacks nothing of ours */
};

struct ph_siblings {
    enum ph_siblings_view view;
    bool has_manifest;         /* there is one in the store */
    struct ph_manifest theirs; /* with PH_SIBLINGS_ARE_DONE */
};

/* For who is about to make the recording of what `ours` lists. Finish it also after a failure. */
int ph_archive_look_at_siblings(struct ph_archive_session *session, const struct ph_manifest *ours,
    struct ph_siblings *siblings) PH_NODISCARD;
void ph_siblings_finish(struct ph_siblings *siblings);

/* What is told of a recording with this manifest. `id` is borrowed. */
void ph_recording_facts_of(
    const struct ph_manifest *manifest, const char *id, struct ph_recording_facts *facts);

#endif
