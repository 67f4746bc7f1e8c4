/* Where what is kept lies: objects under keys, in a folder (`file:<path>`) or in an S3 bucket
 * (`s3://bucket/prefix?endpoint=…&region=…`).
 *
 *   phase      begins with          what may be called
 *   open       ph_store_create      everything, from any thread
 *   cancelled  ph_store_cancel      everything; what waits and what comes fails with -ECANCELED
 *   gone       ph_store_destroy     nothing; nobody is in a call
 *
 * Calls block, each with a deadline; a failure that may pass (5xx, SlowDown, a reset) has been tried again
 * with backoff and jitter before it is returned. What they return:
 *
 *   -ENOENT      no such object            -EEXIST   there is one, with other bytes
 *   -EBADMSG     bytes are not those that were announced or asked for
 *   -EREMOTE     in deep archive: to be restored first (ph_store_restore)
 *   -EACCES      the credentials are wrong, or may not do this
 *   -EAGAIN      the store does not answer, or has failed, and may come back
 *   -EINVAL      a key that is none         -ECANCELED  see above */
#ifndef PH_STORE_STORE_H
#define PH_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/metrics.h"

struct ph_store;

enum {
    PH_STORE_KEY_BYTES = 256, /* with its terminating zero */
    PH_STORE_ETAG_BYTES = 80,
    PH_STORE_URL_BYTES = 8192, /* a session token stands in it */
    PH_STORE_HASH_BYTES = 32,
};

struct ph_store_options {
    const char *url;            /* of the archive, as in the settings */
    const char *data_dir;       /* "file:" without a path is <data_dir>/archive */
    const char *public_url;     /* what signed addresses of a folder's objects begin with */
    struct ph_slice secret;     /* signs those addresses; copied */
    const char *storage_class;  /* of what is put; "" for the bucket's own */
    const char *encryption;     /* "", "AES256", "aws:kms" or "aws:kms:<key id>" */
    const char *ca_file;        /* "": the machine's certificates */
    struct ph_clock *clock;     /* NULL: the system's; borrowed */
    struct ph_metrics *metrics; /* borrowed */
};

/* Credentials of S3 come from where AWS's programs look for them (aws_source.h). Waits for nothing of the
 * network. On failure `error` says what to do. */
int ph_store_create(
    struct ph_store **store, const struct ph_store_options *options, struct ph_error *error) PH_NODISCARD;
void ph_store_cancel(struct ph_store *store);
/* NULL is fine. */
void ph_store_destroy(struct ph_store *store);
/* Whether the last call got an answer; otherwise `error` says what is wrong. Never waits. */
bool ph_store_is_well(const struct ph_store *store, struct ph_error *error);
/* The folder's path, or NULL when it is a bucket. */
const char *ph_store_folder(const struct ph_store *store);

/* [A-Za-z0-9._-] and single slashes between; no segment "." or "..", none that begins with ".". */
bool ph_store_key_is_valid(const char *key);

enum ph_store_class {
    PH_STORE_STANDARD,
    PH_STORE_INFREQUENT,
    PH_STORE_DEEP,
    PH_STORE_RESTORING,
    PH_STORE_RESTORED
};

struct ph_store_object {
    uint64_t bytes;
    char etag[PH_STORE_ETAG_BYTES]; /* without quotes; "" when unknown */
    bool has_hash;
    uint8_t hash[PH_STORE_HASH_BYTES]; /* SHA-256 of the bytes, where the store keeps it */
    int64_t modified_ms;               /* UTC */
    enum ph_store_class class;
};

/* What is put: bytes, or where `path` is given that file's. A folder may link the file instead of copying it:
 * it must never change afterwards. */
struct ph_store_put {
    const char *key;
    struct ph_slice bytes;
    const char *path;
    const char *content_type;
    bool if_absent; /* what is there stays: 0 when it has the same bytes, -EEXIST when it has others */
};
/* Durable when it returns 0. `written` may be NULL. */
int ph_store_put(
    struct ph_store *store, const struct ph_store_put *put, struct ph_store_object *written) PH_NODISCARD;
/* `size` bytes from `offset`; UINT64_MAX: to the end. */
int ph_store_get(struct ph_store *store, const char *key, uint64_t offset, uint64_t size,
    struct ph_bytes **bytes) PH_NODISCARD;
int ph_store_head(struct ph_store *store, const char *key, struct ph_store_object *object) PH_NODISCARD;
/* Nothing there is 0 too, as for the one that follows, which removes all below "<prefix>/". */
int ph_store_remove(struct ph_store *store, const char *key) PH_NODISCARD;
int ph_store_remove_all(struct ph_store *store, const char *prefix) PH_NODISCARD;
int ph_store_copy(struct ph_store *store, const char *from, const char *to) PH_NODISCARD;
/* Objects below "<prefix>/", in the order of their keys (bytewise); the visitor returns 0 to go on, else the
 * listing ends and returns that. Hashes are not told. */
typedef int ph_store_visitor(void *opaque, const char *key, const struct ph_store_object *object);
int ph_store_list(
    struct ph_store *store, const char *prefix, ph_store_visitor *visit, void *opaque) PH_NODISCARD;
/* The same from the first key on that comes after `after`; "": all. */
int ph_store_list_after(struct ph_store *store, const char *prefix, const char *after,
    ph_store_visitor *visit, void *opaque) PH_NODISCARD;
/* Asks that an object of the deep archive be readable for some days. 0 when asked already. */
int ph_store_restore(struct ph_store *store, const char *key, uint32_t days) PH_NODISCARD;

/* An address that lets its holder GET the object (with Range) until it expires, under SigV4's query scheme.
 */
struct ph_store_link {
    const char *key;
    const char *filename;     /* Content-Disposition: attachment; any UTF-8 text; NULL: none */
    const char *content_type; /* NULL: the object's */
    uint32_t ttl_s;           /* 1 … 604800 */
    uint32_t *granted_s;      /* NULL, or told how long it holds: less where the credentials expire before */
};
int ph_store_sign(
    struct ph_store *store, const struct ph_store_link *link, char url[PH_STORE_URL_BYTES]) PH_NODISCARD;

/* One large object that grows: parts follow each other from number 2 on, the front (part 1) comes last.
 *
 * begin or resume → append … → finish or abort → free. Of one thread. A part may be appended again with the
 * same number, bytes and place: so a process that died goes on after the last part that it noted. */
struct ph_composition;

enum { PH_COMPOSITION_TOKEN_BYTES = 256, PH_RECEIPT_BYTES = 80 };

/* What a part is known by at the end; the caller keeps it. */
struct ph_receipt {
    uint32_t number; /* 2 … 10000 */
    uint64_t bytes;
    char etag[PH_RECEIPT_BYTES];
};

/* `token` is what resume needs in another process. */
int ph_composition_begin(struct ph_store *store, const char *key, const char *content_type,
    struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]) PH_NODISCARD;
/* -ENOENT when it is gone (aborted, finished, or expired). */
int ph_composition_resume(struct ph_store *store, const char *key, const char *token,
    struct ph_composition **composition) PH_NODISCARD;
/* Every part but the last is to be as large; the front at least `front` when there are parts. A folder has no
 * such bounds: part_bytes 4 MiB, front 0. */
void ph_composition_bounds(const struct ph_composition *composition, uint64_t *part_bytes, uint64_t *front);
/* `offset`: of the part's first byte after the front. Durable when it returns 0. */
int ph_composition_append(struct ph_composition *composition, uint32_t number, uint64_t offset,
    struct ph_slice bytes, struct ph_receipt *receipt) PH_NODISCARD;
/* Tells how large the front will at least be, and is told how large it must be made when it were finished
 * next: the same, or more where a place in front is reserved (then it is padded by the caller). Call while it
 * grows, and right before the end. */
int ph_composition_reserve(
    struct ph_composition *composition, uint64_t needed, uint64_t *front_bytes) PH_NODISCARD;
/* `front` has the size told last. The object is there, whole and durable, when it returns 0; finishing again
 * after a crash in between is fine. */
int ph_composition_finish(struct ph_composition *composition, struct ph_slice front,
    const struct ph_receipt *receipts, size_t count) PH_NODISCARD;
/* Nothing remains of it. */
int ph_composition_abort(struct ph_composition *composition) PH_NODISCARD;
/* Forgets it here; what was appended stays and can be resumed. NULL is fine. */
void ph_composition_free(struct ph_composition *composition);

/* What may happen to objects as they age. 0 days: never. */
struct ph_store_rules {
    uint32_t live_expire_days;       /* below "live/" */
    uint32_t recordings_colder_days; /* below "recordings/", to STANDARD_IA */
    uint32_t recordings_deep_days;   /* to DEEP_ARCHIVE */
    uint32_t uploads_expire_days;    /* below "uploads/" */
    uint32_t abort_multipart_days;
};
/* Puts the rules on the bucket (leaving rules of others alone) and reads them back; a folder's are kept for
 * its janitor. -EBADMSG with a sentence in `error` when what is read back differs (drift). */
int ph_store_apply_rules(
    struct ph_store *store, const struct ph_store_rules *rules, struct ph_error *error) PH_NODISCARD;
/* Enforces the rules where nobody else does (a folder's); now and then, from one thread. How many objects
 * went, or a negative code. */
int ph_store_sweep(struct ph_store *store) PH_NODISCARD;

#endif
