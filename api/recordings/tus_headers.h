/* The headers of tus 1.0.0 (tus.io), a protocol for uploads that go on where they broke off: core, and the
 * extensions creation, creation-with-upload, checksum, expiration and termination. Pure. */
#ifndef PH_API_RECORDINGS_TUS_HEADERS_H
#define PH_API_RECORDINGS_TUS_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/sessions_store.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

enum { PH_TUS_TYPE_BYTES = 64, PH_TUS_METADATA_BYTES = 4096, PH_TUS_MOST_DIGEST_BYTES = 32 };

/* Upload-Length, Upload-Offset: digits alone, 15 at most. */
bool ph_tus_number_parse(const char *text, int64_t *number);

/* Upload-Metadata: "title dGl0bGU=,filename …,filetype …". Other keys are allowed, and left alone; all of it
 * is ASCII that can be seen, so that it can be given back in a header. */
struct ph_tus_metadata {
    char title[PH_TITLE_BYTES];   /* of the title, else of the file's name without its ending; "" for none */
    char type[PH_TUS_TYPE_BYTES]; /* "video/mp4" in lower case; "" without one */
};
/* NULL text: none. -EINVAL with a sentence. */
int ph_tus_metadata_parse(
    const char *text, struct ph_tus_metadata *metadata, struct ph_error *error) PH_NODISCARD;

/* Upload-Checksum: "sha1 <base64>". */
struct ph_tus_checksum {
    const char *algorithm; /* "sha1" or "sha256", as OpenSSL knows it */
    uint8_t digest[PH_TUS_MOST_DIGEST_BYTES];
    size_t digest_size;
};
/* -EINVAL. */
int ph_tus_checksum_parse(const char *text, struct ph_tus_checksum *checksum) PH_NODISCARD;
/* Whether the bytes have it; or -ENOMEM. */
int ph_tus_checksum_holds(const struct ph_tus_checksum *checksum, struct ph_slice bytes) PH_NODISCARD;

/* Whether a file that begins so may be a recording: MP4 (or QuickTime), WebM, Matroska. The first
 * PH_TUS_SNIFFED_BYTES tell. */
enum { PH_TUS_SNIFFED_BYTES = 12 };
bool ph_tus_is_video(struct ph_slice beginning);
/* Whether a media type that a client tells is one of these. */
bool ph_tus_is_video_type(const char *type);

#endif
