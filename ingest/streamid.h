/* The streamid of an SRT caller, in the syntax of SRT's access-control guideline.
 *
 * A plain text is the stream key itself. "#!::m=publish,s=<key>" is a list of key=value pairs: `s` carries
 * the stream key, `m` the mode (publish when not given: this listener takes nothing else), `t` the type
 * (stream); `r`, `u`, `h` and keys of one's own are allowed and ignored. */
#ifndef PH_INGEST_STREAMID_H
#define PH_INGEST_STREAMID_H

#include "core/base/error.h"

enum { PH_STREAM_KEY_MOST_CHARACTERS = 128, PH_STREAMID_MOST_CHARACTERS = 512 };

/* Copies the stream key: 1 to 128 characters of [A-Za-z0-9._~-]. 0, or the SRT reject code that tells the
 * caller what is wrong: 1400 malformed, 1401 no key, 1405 mode other than publish, 1415 type other than
 * stream. */
int ph_streamid_parse(const char *streamid, char key[PH_STREAM_KEY_MOST_CHARACTERS + 1]) PH_NODISCARD;

#endif
