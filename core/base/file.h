/* What has to be durable: bytes in a file, a name in a folder. */
#ifndef PH_BASE_FILE_H
#define PH_BASE_FILE_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

/* All of the bytes, from `offset` on; durable once the file is synced. -errno; -EIO when the disk takes none.
 */
int ph_file_write_at(int fd, struct ph_slice bytes, uint64_t offset) PH_NODISCARD;
/* What was made, renamed or removed in the folder survives a loss of power. -errno. */
int ph_file_sync_folder(const char *path) PH_NODISCARD;

#endif
