/* links: ph_origin ph_recording ph_store ph_http ph_media ph_base */
#include <stdlib.h>
#include <string.h>

#include "origin/vod/wish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines of recording, track and file, as they stand in a URL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[256] = "";
    struct ph_vod_wish wish;
    memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
    char *rest = text, *recording = strsep(&rest, "\n");
    char *track = rest ? strsep(&rest, "\n") : NULL, *file = rest ? rest : "";
    bool beside = !track || !*track;
    if (ph_vod_wish_parse(recording, beside ? NULL : track, file, &wish) == 0 &&
        (strlen(wish.recording) == 0 || strcmp(wish.recording, recording) != 0 ||
            beside != (wish.kind == PH_VOD_MULTIVARIANT || wish.kind >= PH_VOD_POSTER)))
        abort();
    return 0;
}
