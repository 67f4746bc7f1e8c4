/* Recordings that a client made itself, uploaded by tus 1.0.0. An upload is one node's, whose disk has it.
 * Where nodes have names its address tells the node's, by which what is before them sends its calls there;
 * another node answers 503, so that a client tries again. */
#ifndef PH_API_RECORDINGS_UPLOADS_H
#define PH_API_RECORDINGS_UPLOADS_H

#include "api/dispatch.h"
#include "api/recordings/uploads_store.h"
#include "core/base/settings.h"
#include "core/store/store.h"

enum { PH_UPLOAD_PIECE_BYTES = 4 * 1024 * 1024, PH_UPLOAD_FOLDER_BYTES = 4096 };

/* The opaque of the actions; everything is borrowed. */
struct ph_uploads_resource {
    struct ph_db *db;
    struct ph_clock *clock;
    char folder[PH_UPLOAD_FOLDER_BYTES]; /* <data_dir>/uploads */
    const char *name;                    /* of the node, for addresses; "" when it has none */
    char node[PH_NODE_NAME_BYTES];       /* the same in rows, else the machine's */
};
/* Makes the folder; borrows the settings. */
int ph_uploads_resource_init(struct ph_uploads_resource *resource, struct ph_db *db, struct ph_clock *clock,
    const struct ph_settings *settings) PH_NODISCARD;

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
