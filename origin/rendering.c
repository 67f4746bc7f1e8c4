#include "origin/rendering.h"

#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

#include "core/http/http_date.h"

static const char playlist_type[] = "application/vnd.apple.mpegurl";
enum { gzip_level = 6, gzip_window_bits = 15 + 16, gzip_memory_level = 8 };

void ph_rendering_init(struct ph_rendering *rendering) {
    *rendering = (struct ph_rendering){0};
    pthread_mutex_init(&rendering->lock, NULL);
}

static void forget(struct ph_rendering *rendering) {
    for (int skip = 0; skip < 2; skip++) {
        ph_http_response_unref(&rendering->rendered[skip].responses[0]);
        ph_http_response_unref(&rendering->rendered[skip].responses[1]);
    }
}

void ph_rendering_finish(struct ph_rendering *rendering) {
    forget(rendering);
    ph_past_text_finish(&rendering->past);
    pthread_mutex_destroy(&rendering->lock);
}

void ph_rendering_set_version(struct ph_rendering *rendering, uint64_t version) {
    if (rendering->version == version)
        return;
    forget(rendering);
    rendering->version = version;
}

struct ph_http_response *ph_rendering_find(struct ph_rendering *rendering, enum ph_skip skip, bool blocking) {
    struct ph_http_response *response = rendering->rendered[skip].responses[blocking];
    return response ? ph_http_response_ref(response) : NULL;
}

/* NULL when out of memory. */
static struct ph_bytes *compress_text(struct ph_slice text) {
    z_stream stream = {0};
    if (deflateInit2(
            &stream, gzip_level, Z_DEFLATED, gzip_window_bits, gzip_memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    uLong bound = deflateBound(&stream, (uLong)text.size);
    struct ph_builder target = {0};
    ph_builder_zeros(&target, bound);
    if (ph_builder_ok(&target)) {
        stream.next_in = (Bytef *)(uintptr_t)text.data;
        stream.avail_in = (uInt)text.size;
        stream.next_out = target.data;
        stream.avail_out = (uInt)bound;
        if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
            target.size = stream.total_out;
        else
            target.failed = true;
    }
    deflateEnd(&stream);
    return ph_builder_finish(&target);
}

/* FNV-1a: two texts of one URL practically never share it, also across restarts. */
static uint64_t hash_of(struct ph_slice text) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ text.data[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Borrows the text and its compressed twin. */
static struct ph_http_response *make_answer(struct ph_bytes *text, struct ph_bytes *compressed,
    enum ph_caching_kind caching, const struct ph_publication *publication) {
    char etag[32];
    snprintf(etag, sizeof(etag), "\"%016" PRIx64 "\"", hash_of(ph_bytes_slice(text)));
    struct ph_http_response *response = ph_http_response_from_bytes(200, playlist_type, text);
    response = ph_caching_apply(response, caching, publication->target_duration_s, publication->is_private);
    if (!response)
        return NULL;
    if (ph_http_response_set_etag(response, etag) || ph_http_response_set_gzip(response, compressed))
        ph_http_response_unref(&response);
    return response;
}

struct ph_http_response *ph_rendering_answer(
    struct ph_bytes *text, enum ph_caching_kind caching, const struct ph_publication *publication) {
    struct ph_http_response *response = NULL;
    struct ph_bytes *compressed = text ? compress_text(ph_bytes_slice(text)) : NULL;
    if (compressed)
        response = make_answer(text, compressed, caching, publication);
    ph_bytes_unref(&compressed);
    ph_bytes_unref(&text);
    return response;
}

/* NULL when out of memory. */
static struct ph_http_response *answer_with_past(const struct ph_past_whole *whole,
    enum ph_caching_kind caching, const struct ph_publication *publication) {
    char etag[32];
    snprintf(etag, sizeof(etag), "\"%08" PRIx32 "-%zx\"", whole->crc32, whole->bytes);
    struct ph_http_response *response =
        ph_http_response_from_chain(200, playlist_type, whole->blocks, whole->block_count);
    response = ph_caching_apply(response, caching, publication->target_duration_s, publication->is_private);
    if (!response)
        return NULL;
    if (ph_http_response_set_etag(response, etag) || ph_http_response_set_gzip(response, whole->compressed))
        ph_http_response_unref(&response);
    return response;
}

/* The whole of a playlist that has a past. */
static void render_with_past(
    struct ph_rendering *rendering, struct ph_rendered *rendered, const struct ph_playlist *playlist) {
    struct ph_past_whole whole;
    if (ph_past_text_join(&rendering->past, playlist, &whole))
        return;
    rendered->responses[0] = answer_with_past(&whole, PH_CACHING_PLAIN, playlist->publication);
    rendered->responses[1] = answer_with_past(&whole, PH_CACHING_BLOCKING, playlist->publication);
    ph_past_whole_finish(&whole);
}

static void render_text(
    struct ph_rendered *rendered, const struct ph_playlist *playlist, struct ph_builder *builder) {
    struct ph_bytes *text = ph_builder_finish(builder);
    struct ph_bytes *compressed = text ? compress_text(ph_bytes_slice(text)) : NULL;
    if (compressed) {
        rendered->responses[0] = make_answer(text, compressed, PH_CACHING_PLAIN, playlist->publication);
        rendered->responses[1] = make_answer(text, compressed, PH_CACHING_BLOCKING, playlist->publication);
    }
    ph_bytes_unref(&compressed);
    ph_bytes_unref(&text);
}

int ph_rendering_render(
    struct ph_rendering *rendering, const struct ph_playlist *playlist, enum ph_skip skip) {
    struct ph_rendered *rendered = &rendering->rendered[skip];
    struct ph_builder builder = {0};
    if (playlist->with_past && ph_past_text_add(&rendering->past, playlist))
        return -ENOMEM;
    bool is_delta = skip == PH_SKIP_SEGMENTS && ph_playlist_write_delta(&builder, playlist);
    if (!is_delta && playlist->with_past) {
        render_with_past(rendering, rendered, playlist);
    } else {
        if (!is_delta)
            ph_playlist_write_media(&builder, playlist, PH_SKIP_NONE);
        render_text(rendered, playlist, &builder);
    }
    bool all = true;
    for (int i = 0; i < 2; i++)
        all = all && rendered->responses[i] && ph_http_response_date(rendered->responses[i]) == 0;
    if (!all) {
        ph_http_response_unref(&rendered->responses[0]);
        ph_http_response_unref(&rendered->responses[1]);
    }
    return rendered->responses[0] ? 0 : -ENOMEM;
}
