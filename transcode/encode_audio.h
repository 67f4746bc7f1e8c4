/* The audio track: AAC-LC, 48 kHz, stereo, cut into parts.
 *
 * The encoder's packets run two frames behind its input: the packet whose decoding yields grid frame m comes
 * out when frame m + 2 goes in, and is timed at m. So what is presented is right without an edit list. To go
 * on in the middle, the encoder hears the two frames before the first wanted one, and their packets are
 * thrown away: the overlap with what an earlier worker published is whole, and the sound continuous to the
 * sample. */
#ifndef PH_TRANSCODE_ENCODE_AUDIO_H
#define PH_TRANSCODE_ENCODE_AUDIO_H

#include "transcode/encode_video.h"

enum { PH_AUDIO_LEAD_IN_FRAMES = 2 };

struct ph_audio_track_options {
    struct ph_grid_plan grid;
    int64_t first_frame; /* first wanted; begins a part */
    ph_part_taker *take; /* called from within push and finish */
    void *opaque;
};

/* Belongs to one thread: it encodes within push (0.2 ms a frame). */
struct ph_audio_track;

int ph_audio_track_create(
    struct ph_audio_track **track, const struct ph_audio_track_options *options) PH_NODISCARD;
void ph_audio_track_destroy(struct ph_audio_track *track);
const struct ph_track_timing *ph_audio_track_timing(const struct ph_audio_track *track);
const char *ph_audio_track_codecs(const struct ph_audio_track *track);
struct ph_bytes *ph_audio_track_init_segment(const struct ph_audio_track *track);

/* Frames before the lead-in are passed over. 0 or a negative code, the taker's among them. */
int ph_audio_track_push(struct ph_audio_track *track, const struct ph_grid_audio *audio) PH_NODISCARD;
/* The session is over: what is still in the encoder comes out, up to the end of part `end`. */
int ph_audio_track_finish(struct ph_audio_track *track, struct ph_part_position end) PH_NODISCARD;

#endif
