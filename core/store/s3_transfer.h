/* One exchange on libcurl: the request's settings, and what comes back. Of the thread that prepares it until
 * it is handed to the engine's, then of that one until it is done. */
#ifndef PH_STORE_S3_TRANSFER_H
#define PH_STORE_S3_TRANSFER_H

#include <curl/curl.h>

#include "core/store/s3_engine.h"

/* Sets the easy handle up. `headers` is the caller's to free once the transfer is over, also after -ENOMEM.
 */
int ph_s3_transfer_prepare(CURL *easy, struct ph_s3_exchange *exchange, const char *ca_file,
    struct curl_slist **headers) PH_NODISCARD;
/* What perform returns for it. */
int ph_s3_transfer_code(CURL *easy, const struct ph_s3_exchange *exchange, CURLcode result);

#endif
