#include "origin/vod/wish.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "storyboard-<first tile>.jpg" */
static int parse_sheet(const char *file, uint64_t *number) {
    static const char prefix[] = "storyboard-", suffix[] = ".jpg";
    char exact[64], *end = NULL;
    if (strncmp(file, prefix, sizeof(prefix) - 1) != 0 || !isdigit((unsigned char)file[sizeof(prefix) - 1]))
        return -EINVAL;
    *number = strtoul(file + sizeof(prefix) - 1, &end, 10);
    snprintf(exact, sizeof(exact), "%s%" PRIu64 "%s", prefix, *number, suffix);
    return *number <= UINT32_MAX && strcmp(file, exact) == 0 ? 0 : -EINVAL;
}

static int parse_beside(const char *file, struct ph_vod_wish *wish) {
    if (strcmp(file, "index.m3u8") == 0)
        wish->kind = PH_VOD_MULTIVARIANT;
    else if (strcmp(file, "poster.jpg") == 0)
        wish->kind = PH_VOD_POSTER;
    else if (strcmp(file, "storyboard.vtt") == 0)
        wish->kind = PH_VOD_STORYBOARD;
    else if (parse_sheet(file, &wish->number) == 0)
        wish->kind = PH_VOD_SHEET;
    else
        return -EINVAL;
    return 0;
}

static int parse_of_track(const char *track, const char *file, struct ph_vod_wish *wish) {
    struct ph_media_file media;
    if (strlen(track) >= sizeof(wish->track))
        return -EINVAL;
    strcpy(wish->track, track);
    if (strcmp(file, "iframes.m3u8") == 0) {
        wish->kind = PH_VOD_KEY_FRAMES;
        return 0;
    }
    if (ph_media_file_parse(file, &media) || media.kind == PH_FILE_PART)
        return -EINVAL;
    wish->number = media.position.segment;
    wish->kind = media.kind == PH_FILE_PLAYLIST ? PH_VOD_PLAYLIST
                 : media.kind == PH_FILE_INIT   ? PH_VOD_INIT
                                                : PH_VOD_SEGMENT;
    return 0;
}

int ph_vod_wish_parse(const char *recording, const char *track, const char *file, struct ph_vod_wish *wish) {
    *wish = (struct ph_vod_wish){0};
    if (!ph_session_name_is_valid(recording))
        return -EINVAL;
    strcpy(wish->recording, recording); /* a valid name fits */
    return track ? parse_of_track(track, file, wish) : parse_beside(file, wish);
}

void ph_vod_manifest_key(const char *recording, char key[PH_STORE_KEY_BYTES]) {
    snprintf(key, PH_STORE_KEY_BYTES, "recordings/%s/recording.json", recording);
}
