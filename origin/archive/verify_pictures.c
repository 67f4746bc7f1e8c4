/* Poster and storyboard of a recording. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/sha256.h"
#include "origin/archive/verify_private.h"

static const char poster[] = "poster.jpg", cues[] = "storyboard.vtt";

/* A picture whose bytes nobody but the store knows. */
static int expect_some(struct ph_verify_check *check, const char *name) {
    bool is_same = false, is_there = ph_verify_find(check, name);
    int code = is_there ? ph_verify_compare(check, name, NULL, &is_same) : 0;
    if (!code && !is_same)
        ph_verify_report(check, name, is_there ? "has other bytes" : "is missing", false);
    return code;
}

static int expect_picture(struct ph_verify_check *check, const char *name, const char *file,
    const struct ph_manifest_picture *picture) {
    if (!picture->bytes)
        return expect_some(check, name);
    return ph_verify_expect(check, &(struct ph_verify_expected){.name = name,
                                       .file = file,
                                       .content_type = "image/jpeg",
                                       .bytes = picture->bytes,
                                       .hash = picture->hash,
                                       .is_lasting = true});
}

static int put_cues(struct ph_verify_check *check, const struct ph_bytes *text) {
    char key[PH_STORE_KEY_BYTES];
    int code = ph_verify_key(check, cues, key);
    return code ? code
                : ph_store_put(check->verification->store,
                      &(struct ph_store_put){
                          .key = key, .bytes = ph_bytes_slice(text), .content_type = "text/vtt"},
                      NULL);
}

/* They follow from the manifest. */
static int check_cues(struct ph_verify_check *check) {
    struct ph_bytes *text = ph_storyboard_to_vtt(&check->manifest.storyboard, check->manifest.duration_us);
    uint8_t hash[PH_STORE_HASH_BYTES];
    int code = text ? ph_sha256(ph_bytes_slice(text), hash) : -ENOMEM;
    const char *trouble = NULL;
    if (!code)
        code = ph_verify_look(check, cues, ph_bytes_size(text), hash, &trouble);
    if (!code && trouble && check->verification->repair)
        code = put_cues(check, text);
    if (!code && trouble)
        ph_verify_report(check, cues, trouble, check->verification->repair);
    ph_bytes_unref(&text);
    return code;
}

int ph_verify_pictures(struct ph_verify_check *check) {
    char name[PH_VERIFY_NAME_BYTES], file[PH_VERIFY_NAME_BYTES];
    const struct ph_storyboard *board = &check->manifest.storyboard;
    int code = 0;
    if (check->manifest.has_poster)
        code = expect_picture(check, poster, poster, &check->manifest.poster);
    if (!code && board->sheet_count)
        code = check_cues(check);
    for (uint32_t i = 0; i < board->sheet_count && !code; i++) {
        snprintf(name, sizeof(name), "storyboard-%" PRIu32 ".jpg", board->sheets[i].first_tile);
        snprintf(file, sizeof(file), "storyboard/%" PRIu32 ".jpg", board->sheets[i].first_tile);
        code = expect_picture(check, name, file, &board->sheets[i].picture);
    }
    return code;
}

/* Of one that no manifest tells of. */
static int take_poster(struct ph_verify_check *check, struct ph_manifest *manifest) {
    char key[PH_STORE_KEY_BYTES];
    struct ph_bytes *jpeg = NULL;
    int code = ph_verify_key(check, poster, key);
    if (!code)
        code = ph_store_get(check->verification->store, key, 0, UINT64_MAX, &jpeg);
    if (!code)
        code = ph_manifest_set_poster(manifest, ph_bytes_slice(jpeg));
    ph_bytes_unref(&jpeg);
    if (code == -EREMOTE) { /* it is there, whatever its bytes are */
        manifest->has_poster = true;
        return 0;
    }
    return code == -ENOENT || code == -EBADMSG ? 0 : code;
}

int ph_verify_keep_pictures(struct ph_verify_check *check, struct ph_manifest *manifest) {
    if (!check->has_manifest)
        return ph_verify_find(check, poster) ? take_poster(check, manifest) : 0;
    manifest->has_poster = check->manifest.has_poster && ph_verify_find(check, poster);
    manifest->poster = check->manifest.poster;
    manifest->storyboard = check->manifest.storyboard;
    check->manifest.storyboard = (struct ph_storyboard){0};
    if (!manifest->storyboard.sheet_count)
        return 0;
    struct ph_bytes *text = ph_storyboard_to_vtt(&manifest->storyboard, manifest->duration_us);
    int code = text ? put_cues(check, text) : -ENOMEM;
    ph_bytes_unref(&text);
    return code;
}
