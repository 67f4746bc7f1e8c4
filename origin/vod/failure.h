/* What viewers of recordings are told when there is nothing for them. */
#ifndef PH_ORIGIN_VOD_FAILURE_H
#define PH_ORIGIN_VOD_FAILURE_H

#include "core/http/response.h"

/* Of a store's code (core/store/store.h): 404, 409 for what lies in the deep archive, 503 with Retry-After.
 * NULL when out of memory. */
struct ph_http_response *ph_vod_failure(int code);

#endif
