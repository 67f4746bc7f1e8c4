/* Writes films for tests: pictures of the test's own making, and a tone. */
#ifndef PH_TEST_FILE_WRITER_H
#define PH_TEST_FILE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct film {
    const char *container; /* "mp4", "matroska", "webm" */
    const char *picture;   /* a libavcodec encoder's name; NULL: none */
    const char *sound;     /* likewise */
    int width, height, frames;
    int rate;
    const char *flags; /* of the muxer's movflags; NULL: none */
    int b_frames;
    const int32_t *matrix; /* how it is to be turned for display, nine numbers; NULL: not */
    int aspect[2];         /* of a pixel, as the container says; zeros: not */
};

/* The descriptor of a file without a name, to be closed. */
int film_make(const struct film *film);

#endif
