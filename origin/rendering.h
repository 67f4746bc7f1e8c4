/* The rendered playlists of one track: each version is rendered once, compressed once, and shared by every
 * viewer. */
#ifndef PH_ORIGIN_RENDERING_H
#define PH_ORIGIN_RENDERING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/http/response.h"
#include "origin/caching.h"
#include "origin/past_text.h"
#include "origin/playlist.h"

/* One text and its answers: [0] for plain requests, [1] for blocking ones, which differ in Cache-Control
 * only. */
struct ph_rendered {
    struct ph_http_response *responses[2];
};

/* Lock order: rendering.lock before ph_session.lock. */
struct ph_rendering {
    pthread_mutex_t lock;
    uint64_t version;               /* guarded by lock: of what is kept below */
    struct ph_rendered rendered[2]; /* guarded by lock: by enum ph_skip */
    struct ph_past_text past;       /* guarded by lock: of a playlist that has one */
};

void ph_rendering_init(struct ph_rendering *rendering);
void ph_rendering_finish(struct ph_rendering *rendering);

/* With the lock held. Forgets what was rendered of other versions. */
void ph_rendering_set_version(struct ph_rendering *rendering, uint64_t version);
/* With the lock held. A reference on the answer, or NULL when this version is not rendered. */
struct ph_http_response *ph_rendering_find(struct ph_rendering *rendering, enum ph_skip skip, bool blocking);
/* With the lock held. Renders the snapshot as the current version. 0 or -ENOMEM. */
int ph_rendering_render(
    struct ph_rendering *rendering, const struct ph_playlist *playlist, enum ph_skip skip) PH_NODISCARD;

/* The answer that carries a playlist: content type, strong ETag from the text, gzip twin, caching. Takes the
 * text over. NULL when out of memory or when `text` is NULL. */
struct ph_http_response *ph_rendering_answer(
    struct ph_bytes *text, enum ph_caching_kind caching, const struct ph_publication *publication);

#endif
