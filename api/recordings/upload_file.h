/* What has arrived of an upload, as a file of this node. */
#ifndef PH_API_RECORDINGS_UPLOAD_FILE_H
#define PH_API_RECORDINGS_UPLOAD_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "api/recordings/tus_headers.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

/* Makes the folder. */
int ph_upload_folder_make(const char *folder) PH_NODISCARD;
/* An empty file, durable; open and locked as by the next. */
int ph_upload_file_create(const char *folder, const char *id, int *fd) PH_NODISCARD;
/* The descriptor is the caller's; while it is open nobody else writes: -EBUSY. -ENOENT when it is not here.
 */
int ph_upload_file_open(const char *folder, const char *id, int *fd) PH_NODISCARD;
/* Puts bytes behind the first `received`; durable when it returns 0. What lay behind them, by somebody who
 * died, is gone. -ENOENT when there are fewer. */
int ph_upload_file_append(int fd, int64_t received, struct ph_slice bytes) PH_NODISCARD;
/* Whether the file's bytes from `first` to `end` have the checksum: 1, 0, or -ENOMEM, -EIO, -errno. */
int ph_upload_file_holds(
    int fd, int64_t first, int64_t end, const struct ph_tus_checksum *checksum) PH_NODISCARD;
/* Reads the first bytes; how many. */
int ph_upload_file_begin(int fd, uint8_t *beginning, size_t size) PH_NODISCARD;
/* Nothing there is fine. */
void ph_upload_file_remove(const char *folder, const char *id);
/* Removes files that nobody has touched since `before_ms` (UTC). */
void ph_upload_folder_sweep(const char *folder, int64_t before_ms);

#endif
