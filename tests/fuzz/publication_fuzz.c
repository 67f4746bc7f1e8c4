/* links: ph_media ph_base */
#include <stdlib.h>
#include <string.h>

#include "core/media/track.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is written and read as the same. */
static void read_again(const struct ph_publication *publication) {
    struct ph_publication again;
    char *text = ph_publication_to_json(publication);
    if (!text)
        return;
    if (ph_publication_from_json(text, strlen(text), &again, NULL) ||
        memcmp(&again, publication, sizeof(again)) != 0)
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_publication publication;
    struct ph_track_standing standings[PH_MOST_TRACKS];
    struct ph_error error;
    uint32_t count;
    if (ph_publication_from_json((const char *)data, size, &publication, &error) == 0)
        read_again(&publication);
    if (ph_standings_from_json((const char *)data, size, standings, &count, &error) == 0 &&
        count > PH_MOST_TRACKS)
        abort();
    return 0;
}
