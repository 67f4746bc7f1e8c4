/* Files whole, and what has to be durable: bytes in a file, a name in a folder. */
#ifndef PH_BASE_FILE_H
#define PH_BASE_FILE_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

/* The whole file; NULL on failure. -EFBIG when it is larger, -EIO when it ends early, -ENOMEM, -errno. */
int ph_file_load(const char *path, size_t most_bytes, struct ph_bytes **content) PH_NODISCARD;
/* All of the bytes, to where the descriptor stands. -errno; -EIO when none is taken. */
int ph_file_write(int fd, struct ph_slice bytes) PH_NODISCARD;
/* All of the bytes, from `offset` on; durable once the file is synced. -errno; -EIO when the disk takes none.
 */
int ph_file_write_at(int fd, struct ph_slice bytes, uint64_t offset) PH_NODISCARD;
/* What was made, renamed or removed in the folder survives a loss of power. -errno. */
int ph_file_sync_folder(const char *path) PH_NODISCARD;
/* The folder `name` in the one that is open, "." for that itself: it is read from its beginning, whoever else
 * reads it. NULL with errno; the caller closes it. */
DIR *ph_file_open_folder(int folder_fd, const char *name) PH_NODISCARD;

#endif
