/* What a file's name says (pure). */
#ifndef PH_HTTP_CONTENT_TYPE_H
#define PH_HTTP_CONTENT_TYPE_H

#include <stdbool.h>

/* The media type by the name's ending; application/octet-stream for what is unknown. */
const char *ph_content_type(const char *name);
/* Whether the name carries a hash of its content, "assets/index-BkT3x9aQ.js": then the content never changes.
 */
bool ph_is_hashed_asset(const char *path);

#endif
