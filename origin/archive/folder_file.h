/* Files of a session's folder in the spool, as the archive reads them. */
#ifndef PH_ORIGIN_ARCHIVE_FOLDER_FILE_H
#define PH_ORIGIN_ARCHIVE_FOLDER_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "origin/archive/archive.h"

/* "<dir>/<name>"; -ENAMETOOLONG. */
int ph_archive_path(char path[PH_ARCHIVE_PATH_BYTES], const char *dir, const char *name) PH_NODISCARD;
/* The whole file. -ENOENT, -EFBIG, -ENOMEM or another code of errno. */
int ph_archive_read_file(const char *path, size_t most_bytes, struct ph_bytes **content) PH_NODISCARD;
/* Removes what is in the folder and in those in it, but `keep` (NULL: nothing), then the folder when it is
 * empty. Bytes of the files that went and are named *.m4s or index. */
uint64_t ph_archive_remove_folder(const char *dir, const char *keep);

#endif
