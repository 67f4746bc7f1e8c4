/* A request's headers as libcurl takes them. */
#ifndef PH_HTTP_CURL_HEADERS_H
#define PH_HTTP_CURL_HEADERS_H

#include <curl/curl.h>

#include "core/base/error.h"

/* Appends `headers` ("Name: value", NULL after the last; NULL for none), and of the names in `without`
 * ("Name:", NULL after the last), which libcurl would add by itself, those that are not among them: it leaves
 * them out. -ENOMEM; the caller frees the list, also on failure. */
int ph_curl_headers(
    struct curl_slist **list, const char *const *headers, const char *const *without) PH_NODISCARD;

#endif
