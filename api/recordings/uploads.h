/* Recordings that a client made itself, uploaded by tus 1.0.0. An upload is one node's, whose disk has it;
 * what is before several nodes has to send its calls to the node that began it. */
#ifndef PH_API_RECORDINGS_UPLOADS_H
#define PH_API_RECORDINGS_UPLOADS_H

#include "api/dispatch.h"
#include "core/store/store.h"

enum { PH_UPLOAD_PIECE_BYTES = 4 * 1024 * 1024, PH_UPLOAD_FOLDER_BYTES = 4096 };

/* The opaque of the actions; everything is borrowed. */
struct ph_uploads_resource {
    struct ph_db *db;
    struct ph_clock *clock;
    char folder[PH_UPLOAD_FOLDER_BYTES]; /* <data_dir>/uploads */
};
/* Makes the folder. */
int ph_uploads_resource_init(struct ph_uploads_resource *resource, struct ph_db *db, struct ph_clock *clock,
    const char *data_dir) PH_NODISCARD;

extern const struct ph_api_route ph_uploads_routes[];
extern const size_t ph_uploads_route_count;

/* Puts the sources of whole uploads that lie here into the store, and forgets what has expired; now and then,
 * from one thread. */
struct ph_uploads_keeping {
    struct ph_db *db; /* all borrowed */
    struct ph_store *store;
    struct ph_clock *clock;
    const char *folder;
};
int ph_uploads_keep(const struct ph_uploads_keeping *keeping) PH_NODISCARD;

#endif
