/* An uploaded file as packets of one picture and one sound: MP4, WebM or Matroska, whichever its first bytes
 * say, by libavformat. Strangers wrote it: only these two parsers ever see it, nothing it names is opened,
 * and it is read whole before a part of it is used (ph_file_survey), so that what is broken is known at once.
 *
 * Lifetime: open → survey → read … → close. Of one thread. The descriptor is borrowed. */
#ifndef PH_TRANSCODE_FILE_READER_H
#define PH_TRANSCODE_FILE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>

#include "core/media/source_link.h"
#include "core/media/track.h"
#include "transcode/display.h"

enum { PH_MOST_FILE_HOURS = 6 };

struct ph_file;

struct ph_file_facts {
    int64_t duration_us; /* from the first picture to the end of the last */
    uint64_t pictures;
    AVRational rate; /* of the pictures: what the file says, or their mean */
    struct ph_display display;
};

/* 0; -EINVAL with what is wrong with the file in `reason`; -ENOMEM or -errno. */
int ph_file_open(struct ph_file **file, int fd, struct ph_link_reason *reason) PH_NODISCARD;
/* An init segment of ours with a segment behind it, of a picture or a sound; not to be surveyed: its times
 * stay. */
int ph_file_open_piece(struct ph_file **file, int fd) PH_NODISCARD;
/* Reads all of it, then stands at its beginning again. As ph_file_open. */
int ph_file_survey(
    struct ph_file *file, struct ph_file_facts *facts, struct ph_link_reason *reason) PH_NODISCARD;
/* Of the stream; NULL when there is no sound. Borrowed. */
const AVCodecParameters *ph_file_parameters(const struct ph_file *file, enum ph_track_kind kind);
/* The next packet, in the order of decoding, both streams mixed. Its pts counts 90 kHz from the beginning of
 * the recording, and so does its dts. 0, PH_EOF, -ENOMEM or PH_INVALID_DATA. */
int ph_file_read(struct ph_file *file, AVPacket *packet, enum ph_track_kind *kind) PH_NODISCARD;
/* NULL is fine. */
void ph_file_close(struct ph_file *file);

#endif
