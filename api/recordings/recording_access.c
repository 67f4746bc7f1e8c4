#include "api/recordings/recordings.h"

/* A recording is private, whatever its session was; a token that is narrowed to the session is good for its
 * recording and what was cut from it. */
bool ph_recording_allows(
    const struct ph_caller *caller, enum ph_action action, const struct ph_recording *recording) {
    struct ph_policy_session place = {.id = *recording->session ? recording->session : recording->id,
        .owner = recording->owner,
        .visibility = PH_VISIBILITY_PRIVATE,
        .is_guarded = recording->is_guarded};
    return ph_policy_allows(caller->role, action, ph_policy_relations(caller, &place));
}

int ph_recording_access(struct ph_db *db, const struct ph_caller *caller, const char *id,
    enum ph_action action, struct ph_recording *recording) {
    if (!*id)
        return -ENOENT;
    int code = ph_recordings_find_for(db, id, caller->subject, recording);
    if (code < 0)
        return code;
    if (!ph_recording_allows(caller, PH_ACTION_RECORDING_VIEW, recording))
        return -ENOENT;
    return ph_recording_allows(caller, action, recording) ? 0 : -EPERM;
}
