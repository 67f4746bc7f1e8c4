#include "core/http/curl_headers.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool append(struct curl_slist **list, const char *line) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer;
}

static bool has(const char *const *headers, const char *name) {
    while (headers && *headers && strncasecmp(*headers, name, strlen(name)) != 0)
        headers++;
    return headers && *headers;
}

int ph_curl_headers(struct curl_slist **list, const char *const *headers, const char *const *without) {
    bool ok = true;
    for (const char *const *name = without; ok && *name; name++)
        ok = has(headers, *name) || append(list, *name);
    for (const char *const *header = headers; ok && header && *header; header++)
        ok = append(list, *header);
    return ok ? 0 : -ENOMEM;
}
