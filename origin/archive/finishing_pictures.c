/* The pictures of a recording, from the session's folder into the store, and into its manifest. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/media/storyboard.h"
#include "origin/archive/archive_private.h"

enum { most_picture_bytes = 4 << 20, most_storyboard_index_bytes = 16 << 20 };

/* A picture from the folder, under another name: 0 and its bytes, -ENOENT when there is none. Unless it
 * `replaces`, one that another origin has put stays, and is what the manifest is to tell of. */
static int put_picture(struct ph_archive_session *session, const char *path, const char *name, bool replaces,
    struct ph_bytes **bytes) {
    char key[PH_STORE_KEY_BYTES];
    *bytes = NULL;
    int code = ph_archive_key(key, session, PH_MOST_TRACKS, name);
    if (!code)
        code = ph_file_load(path, most_picture_bytes, bytes);
    if (!code)
        code = ph_archive_put(session, &(struct ph_store_put){.key = key,
                                           .bytes = ph_bytes_slice(*bytes),
                                           .content_type = "image/jpeg",
                                           .if_absent = !replaces});
    if (code)
        ph_bytes_unref(bytes);
    return code == -EEXIST ? ph_store_get(session->archive->options.store, key, 0, UINT64_MAX, bytes) : code;
}

static int put_poster(struct ph_archive_session *session, struct ph_manifest *manifest, bool replaces) {
    char path[PH_ARCHIVE_PATH_BYTES];
    struct ph_bytes *jpeg = NULL;
    int code = ph_archive_path(path, session->dir, PH_ARCHIVE_POSTER);
    if (!code)
        code = put_picture(session, path, PH_ARCHIVE_POSTER, replaces, &jpeg);
    if (!code)
        code = ph_manifest_set_poster(manifest, ph_bytes_slice(jpeg));
    ph_bytes_unref(&jpeg);
    return code == -ENOENT ? 0 : code;
}

static int put_sheet(struct ph_archive_session *session, const char *dir,
    const struct ph_storyboard_sheet *sheet, struct ph_manifest *manifest, bool replaces) {
    char path[PH_ARCHIVE_PATH_BYTES], file[40], name[56];
    struct ph_bytes *jpeg = NULL;
    snprintf(file, sizeof(file), "%" PRIu64 ".jpg", sheet->first_tile);
    snprintf(name, sizeof(name), "storyboard-%s", file);
    int code = ph_archive_path(path, dir, file);
    if (!code)
        code = put_picture(session, path, name, replaces, &jpeg);
    if (!code)
        code = ph_manifest_add_sheet(manifest, sheet, ph_bytes_slice(jpeg));
    ph_bytes_unref(&jpeg);
    return code == -ENOENT || code == -EINVAL ? 0 : code; /* one that does not fit the others */
}

static int put_cues(struct ph_archive_session *session, const struct ph_manifest *manifest) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *text = ph_storyboard_to_vtt(&manifest->storyboard, manifest->duration_us);
    int code = text ? ph_archive_key(key, session, PH_MOST_TRACKS, "storyboard.vtt") : -ENOMEM;
    if (!code)
        code = ph_archive_put(session,
            &(struct ph_store_put){.key = key, .bytes = ph_bytes_slice(text), .content_type = "text/vtt"});
    ph_bytes_unref(&text);
    return code;
}

static int put_storyboard(struct ph_archive_session *session, struct ph_manifest *manifest, bool replaces) {
    char dir[PH_ARCHIVE_PATH_BYTES], path[PH_ARCHIVE_PATH_BYTES];
    struct ph_bytes *index = NULL;
    int code = ph_archive_path(dir, session->dir, "storyboard");
    if (!code)
        code = ph_archive_path(path, dir, "index");
    if (!code)
        code = ph_file_load(path, most_storyboard_index_bytes, &index);
    if (code)
        return code == -ENOENT ? 0 : code;
    struct ph_storyboard_sheet *sheets = calloc(PH_MOST_MANIFEST_SHEETS, sizeof(*sheets));
    size_t count =
        sheets ? ph_storyboard_index_parse(ph_bytes_slice(index), sheets, PH_MOST_MANIFEST_SHEETS) : 0;
    ph_bytes_unref(&index);
    code = sheets ? 0 : -ENOMEM;
    for (size_t i = 0; i < count && !code; i++)
        code = put_sheet(session, dir, &sheets[i], manifest, replaces);
    free(sheets);
    return code || !manifest->storyboard.sheet_count ? code : put_cues(session, manifest);
}

int ph_archive_put_pictures(struct ph_archive_session *session, struct ph_manifest *manifest, bool replaces) {
    int code = put_poster(session, manifest, replaces);
    return code ? code : put_storyboard(session, manifest, replaces);
}
