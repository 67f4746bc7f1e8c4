/* Files of a session's folder in the spool, as the archive reads them. */
#ifndef PH_ORIGIN_ARCHIVE_FOLDER_FILE_H
#define PH_ORIGIN_ARCHIVE_FOLDER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/media/track.h"
#include "origin/archive/archive.h"

/* "<dir>/<name>"; -ENAMETOOLONG. */
int ph_archive_path(char path[PH_ARCHIVE_PATH_BYTES], const char *dir, const char *name) PH_NODISCARD;
/* Whether the folder has it, as far as can be seen. */
bool ph_archive_has_file(const char *dir, const char *name);
/* What the folder's publication.json says. As ph_file_load() and ph_publication_from_json(). */
int ph_archive_read_publication(const char *dir, struct ph_publication *publication) PH_NODISCARD;
/* Removes what is in the folder and in those in it, but `keep` (NULL: nothing), then the folder when it is
 * empty. Bytes of the files that went and are named *.m4s or index. */
uint64_t ph_archive_remove_folder(const char *dir, const char *keep);

#endif
