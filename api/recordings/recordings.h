/* The recordings resource: list, one, download, restore, delete, clips. */
#ifndef PH_API_RECORDINGS_RECORDINGS_H
#define PH_API_RECORDINGS_RECORDINGS_H

#include "api/dispatch.h"
#include "api/recordings/recordings_store.h"
#include "core/base/settings.h"
#include "core/store/store.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_recordings_resource {
    const struct ph_settings *settings;
    struct ph_db *db;
    struct ph_store *store; /* NULL: nothing can be downloaded here */
    struct ph_clock *clock;
};

extern const struct ph_api_route ph_recordings_routes[];
extern const size_t ph_recordings_route_count;

/* The way to a recording for every call about one, as ph_access_session() is: 0, -ENOENT when there is none
 * or it is hidden from the caller, -EPERM when the caller may see it and not do this; the database's
 * failures. */
int ph_recording_access(struct ph_db *db, const struct ph_caller *caller, const char *id,
    enum ph_action action, struct ph_recording *recording) PH_NODISCARD;
/* As ph_access_problem(), of a recording. */
struct ph_http_response *ph_recording_problem(const struct ph_caller *caller, int code, const char *detail);
/* Whether the caller may do this to a recording that was found for it. */
bool ph_recording_allows(
    const struct ph_caller *caller, enum ph_action action, const struct ph_recording *recording);

#endif
