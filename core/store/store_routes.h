/* Where signed addresses of a folder's objects lead: GET /archive/{key} with the query of SigV4. */
#ifndef PH_STORE_STORE_ROUTES_H
#define PH_STORE_STORE_ROUTES_H

#include "core/http/server.h"
#include "core/store/store.h"

/* Nothing for a bucket, which answers itself. The store outlives the server. */
int ph_store_add_routes(struct ph_store *store, struct ph_http_server *server) PH_NODISCARD;

#endif
