/* The picture of a session in lists: a JPEG about 640 wide, at first and then every five seconds, made by a
 * thread of low priority and put to every origin. A failed try is not repeated, but for the
 * last: the next picture comes soon.
 *
 * Lifetime: create → offer … → finish → destroy, or destroy at any point. */
#ifndef PH_TRANSCODE_THUMBNAIL_H
#define PH_TRANSCODE_THUMBNAIL_H

#include <stdint.h>

#include <libavutil/frame.h>

#include "core/base/bytes.h"
#include "transcode/publisher_origin.h"

struct ph_thumbnailer;

/* Borrows `origins` for its life. */
int ph_thumbnailer_create(
    struct ph_thumbnailer **thumbnailer, const struct ph_origin *origins, uint32_t origin_count) PH_NODISCARD;
/* Every picture may be offered; takes a reference on those that are due. `time_us` is the picture's on the
 * grid. Never blocks. */
void ph_thumbnailer_offer(struct ph_thumbnailer *thumbnailer, const AVFrame *picture, int64_t time_us);
/* Waits until what was offered was put, and tried once more when it was missed: the last picture is the
 * recording's poster. Or until the deadline. */
void ph_thumbnailer_finish(struct ph_thumbnailer *thumbnailer, int64_t deadline_us);
/* NULL is fine. */
void ph_thumbnailer_destroy(struct ph_thumbnailer *thumbnailer);

/* A JPEG of the picture, 640 along the longer side or as large as the picture. NULL when it cannot be made.
 */
struct ph_bytes *ph_thumbnail_make(const AVFrame *picture);

#endif
