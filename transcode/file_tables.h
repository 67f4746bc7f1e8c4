/* A first look at a file's tables, before libavformat makes streams of them: a few bytes of each box or
 * element, however large it is. */
#ifndef PH_TRANSCODE_FILE_TABLES_H
#define PH_TRANSCODE_FILE_TABLES_H

#include "core/base/error.h"

/* Whether the tables of an MP4 end before the file does: of those that are cut, the demuxer takes what is
 * left. 0, PH_INVALID_DATA, or -E2BIG when they list more than `most_tracks`. */
int ph_mp4_tables_check(int fd, unsigned most_tracks) PH_NODISCARD;
/* 0, or -E2BIG when a Matroska's or a WebM's list more than `most_tracks`. */
int ph_matroska_tables_check(int fd, unsigned most_tracks) PH_NODISCARD;

#endif
