/* Taking apart the text of an SDP, as views into it: nothing here copies unless it says so, or reads past the
 * view it was given. */
#ifndef PH_INGEST_WEBRTC_SDP_TEXT_H
#define PH_INGEST_WEBRTC_SDP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/cursor.h"

/* The next line that is not empty, without its end (CRLF, LF or CR); false at the end of the text. */
bool ph_sdp_line(struct ph_cursor *text, struct ph_slice *line);
/* Takes what stands before `separator` off `rest`, and the separator; all of it when there is none. */
struct ph_slice ph_sdp_until(struct ph_slice *rest, char separator);
/* Takes the next word, between spaces; empty at the end. */
struct ph_slice ph_sdp_word(struct ph_slice *rest);
/* Without spaces at either end. */
struct ph_slice ph_sdp_trim(struct ph_slice text);

bool ph_sdp_is(struct ph_slice text, const char *expected);
bool ph_sdp_is_caseless(struct ph_slice text, const char *expected);
bool ph_sdp_starts(struct ph_slice text, const char *start);
/* Digits alone, at most `most`. */
bool ph_sdp_number(struct ph_slice text, uint32_t most, uint32_t *number);
/* Copies 1 to `target_bytes` - 1 characters from 0x21 to 0x7E and a NUL; else false, and `target` is "". */
bool ph_sdp_copy_token(struct ph_slice text, char *target, size_t target_bytes);
/* The value of a format parameter, "name=value;…" (RFC 8866 section 6.15); empty when it is not there. */
struct ph_slice ph_sdp_parameter(struct ph_slice fmtp, const char *name);
/* A token of letters, digits, '+' and '/': ICE's characters (RFC 8839 section 5.4). */
bool ph_sdp_is_ice_text(struct ph_slice text);

#endif
