/* What a node was just handing to an SMTP server when it died.
 *
 * A mail is the server's from the moment its final dot is on the way (RFC 5321 section 6.1, RFC 1047). A
 * process that is killed after that and before it wrote "sent" into the database must not send it again; one
 * that is killed before must. The database is too far away to tell the two apart: a commit and the dot are
 * some hundred microseconds apart or more. So each node keeps a small file mapped into its memory, where a
 * single store marks a mail as given, right before the system call that sends the dot. The kernel keeps the
 * page when the process is killed. Between the store and the system call lie some instructions: a kill that
 * hits exactly there loses the mail, and that is the whole remaining doubt.
 *
 * The page is not flushed to disk: a machine that loses power may send again what the database forgot.
 *
 * A folder holds several such files, one for each process that uses it, locked while the process lives. The
 * file names its owner, which is the lease's owner in the outbox: who finds a file that nobody locks settles
 * its owner's rows. */
#ifndef PH_API_OUTBOX_HANDOVER_H
#define PH_API_OUTBOX_HANDOVER_H

#include "core/base/error.h"
#include "core/base/random.h"

enum { PH_HANDOVER_SLOTS = 8 };

struct ph_handover;

/* Called at opening for each dead owner (or this one's former life): `given` are the ids of the mails whose
 * dot may be on the way. A negative code stops the opening. */
typedef int ph_handover_settle(
    void *opaque, const char *owner, const char (*given)[PH_SESSION_ID_BYTES], size_t count);

/* Takes a file of the folder, or makes one. -EAGAIN when all are taken, -EIO and the like. */
int ph_handover_open(
    struct ph_handover **handover, const char *folder, ph_handover_settle *settle, void *opaque) PH_NODISCARD;
/* NULL is fine. */
void ph_handover_close(struct ph_handover *handover);
/* Who this process is to the outbox. */
const char *ph_handover_owner(const struct ph_handover *handover);
/* A free slot for a mail of this id, or -EAGAIN. One thread a slot. */
int ph_handover_take(struct ph_handover *handover, const char *id) PH_NODISCARD;
/* From here on the mail is the server's. Right before the dot is sent. */
void ph_handover_give(struct ph_handover *handover, int slot);
/* The outbox has its outcome, or it was not given. */
void ph_handover_clear(struct ph_handover *handover, int slot);

#endif
