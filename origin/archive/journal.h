/* The archive's journal of a track, `<track>/archived` in the spool: one line of text for each segment that
 * is in the store, appended and synced.
 *
 *   segment start duration bytes flags keyBytes sha256 check\n
 *
 * Numbers are decimal, `sha256` and `check` (CRC-32 over the line up to it) hexadecimal. A torn tail does not
 * match and is cut off before the next line. */
#ifndef PH_ORIGIN_ARCHIVE_JOURNAL_H
#define PH_ORIGIN_ARCHIVE_JOURNAL_H

#include "core/base/builder.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "origin/recording/manifest.h"

/* Pure. */
void ph_journal_line_write(struct ph_builder *builder, const struct ph_manifest_segment *segment);
/* The first line of the text, and how long it is with its newline. PH_INVALID_DATA when it is torn or no
 * line of a journal. */
int ph_journal_line_parse(
    struct ph_slice text, struct ph_manifest_segment *segment, size_t *consumed) PH_NODISCARD;

/* Appends the line to the journal in the track's folder and syncs it. A failure leaves nothing half written
 * that a line follows. */
int ph_journal_append(const char *track_dir, const struct ph_manifest_segment *segment) PH_NODISCARD;
/* Calls `visit` for each line. 0, also when there is no journal; else a code of errno, or what the visitor
 * returned. The journal's owner cuts a torn tail off; others only look. */
int ph_journal_read(const char *track_dir,
    int (*visit)(void *opaque, const struct ph_manifest_segment *segment), void *opaque) PH_NODISCARD;
int ph_journal_peek(const char *track_dir,
    int (*visit)(void *opaque, const struct ph_manifest_segment *segment), void *opaque) PH_NODISCARD;

#endif
