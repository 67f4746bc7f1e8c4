#include "origin/vod/failure.h"

#include "core/base/error.h"
#include "origin/caching.h"

enum { target_s = 1 };

struct ph_http_response *ph_vod_failure(int code) {
    if (code == -ENOENT)
        return ph_caching_failure(404, PH_CACHING_MEDIA, target_s, "there is no such recording or file");
    if (code == -EREMOTE)
        return ph_caching_denial(
            409, "the recording lies in the deep archive: it has to be restored before it can be played");
    struct ph_http_response *response =
        ph_caching_denial(503, "the archive does not answer: try again in a moment");
    if (response && ph_http_response_add_header(response, "Retry-After", "2"))
        ph_http_response_unref(&response);
    return response;
}
