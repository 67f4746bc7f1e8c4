/* RFC 6266: a Content-Disposition that names a download (pure). */
#ifndef PH_STORE_DISPOSITION_H
#define PH_STORE_DISPOSITION_H

#include "core/base/error.h"

enum { PH_DISPOSITION_BYTES = 1024 };

/* `attachment` with the name as any client reads it, and where that is not the whole name also in UTF-8
 * (RFC 8187). Slashes, control characters and what is no UTF-8 become underscores; a name longer than 240
 * bytes loses its middle, not its ending. */
void ph_disposition(const char *filename, char header[PH_DISPOSITION_BYTES]);

#endif
