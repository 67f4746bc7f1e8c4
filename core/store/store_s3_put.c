#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/hex.h"
#include "core/store/s3_call.h"

/* What is put twice, once in a process, to learn what the server can do. */
static const uint64_t most_probe_bytes = 256 * 1024;

/* Headers of all that makes an object. */
void ph_store_s3_add_kept(struct ph_store_s3 *s3, struct ph_s3_call *call, const char *content_type) {
    if (content_type)
        ph_s3_call_add_header(call, "content-type", content_type);
    if (*s3->storage_class)
        ph_s3_call_add_header(call, "x-amz-storage-class", s3->storage_class);
    if (*s3->encryption)
        ph_s3_call_add_header(call, "x-amz-server-side-encryption", s3->encryption);
    if (*s3->encryption_key)
        ph_s3_call_add_header(call, "x-amz-server-side-encryption-aws-kms-key-id", s3->encryption_key);
}

/* What is put, once it is open and its hashes are known. */
struct source {
    const struct ph_store_put *put;
    int file; /* -1: bytes */
    uint64_t bytes;
    struct ph_s3_digest digest;
    char hash[PH_SIGV4_HEX_BYTES];
};

static int open_source(struct source *source, const struct ph_store_put *put) {
    struct stat status;
    *source = (struct source){.put = put, .file = -1, .bytes = put->bytes.size};
    int code;
    if (put->path) {
        source->file = open(put->path, O_RDONLY | O_CLOEXEC);
        if (source->file < 0 || fstat(source->file, &status) < 0)
            return -errno;
        source->bytes = (uint64_t)status.st_size;
        code = ph_s3_digest_file(source->file, source->bytes, &source->digest);
    } else {
        code = ph_s3_digest_bytes(put->bytes, &source->digest);
    }
    ph_hex_write(source->digest.sha256, sizeof(source->digest.sha256), source->hash);
    return code;
}

static void close_source(struct source *source) {
    if (source->file >= 0)
        close(source->file);
}

static int put_once(
    struct ph_store_s3 *s3, struct source *source, bool if_absent, struct ph_store_object *written) {
    const struct ph_store_put *put = source->put;
    struct ph_s3_call call = {.operation = "put",
        .method = "PUT",
        .key = put->key,
        .body = put->path ? (struct ph_slice){0} : put->bytes,
        .has_file = put->path != NULL,
        .file = source->file,
        .file_bytes = source->bytes,
        .digest = &source->digest,
        .has_md5 = true,
        .tells_tag = true,
        .tells_unsupported = if_absent};
    ph_store_s3_add_kept(s3, &call, put->content_type);
    ph_s3_call_add_header(&call, "x-amz-meta-sha256", source->hash);
    if (if_absent)
        ph_s3_call_add_header(&call, "if-none-match", "*");
    int code = ph_s3_call(s3, &call);
    if (!code) {
        written->bytes = source->bytes;
        memcpy(written->etag, call.answered.etag, sizeof(written->etag));
        written->has_hash = true;
        memcpy(written->hash, source->digest.sha256, sizeof(written->hash));
        written->modified_ms = call.answered.date_us < 0 ? 0 : call.answered.date_us / PH_MILLISECOND_US;
        written->class = ph_s3_class_parse(s3->storage_class);
    }
    ph_s3_call_finish(&call);
    return code;
}

/* Of an object without our hash, its tag says the same when it is the MD5 of its bytes. */
static bool is_same(const struct source *source, const struct ph_store_object *object) {
    char md5[33];
    if (object->bytes != source->bytes)
        return false;
    if (object->has_hash)
        return memcmp(object->hash, source->digest.sha256, sizeof(object->hash)) == 0;
    ph_hex_write(source->digest.md5, sizeof(source->digest.md5), md5);
    return strcmp(object->etag, md5) == 0;
}

/* 0: there, the same; -EEXIST: there, another; -ENOENT. */
static int compare(struct ph_store_s3 *s3, struct source *source, struct ph_store_object *written) {
    struct ph_store_object there = {0};
    int code = ph_store_s3_head(&s3->base, source->put->key, &there);
    if (code < 0)
        return code;
    if (!is_same(source, &there))
        return -EEXIST;
    *written = there;
    return 0;
}

/* The object is there, with these bytes. Putting them again tells, without harm, whether the condition is
 * heeded; from then on nothing has to be asked before. */
static void probe_condition(struct ph_store_s3 *s3, struct source *source) {
    struct ph_store_object ignored = {0};
    if (source->bytes > most_probe_bytes)
        return;
    int code = put_once(s3, source, true, &ignored);
    if (code == 0 || code == -EEXIST)
        atomic_store(&s3->condition, code == -EEXIST ? PH_S3_CONDITION_HEEDED : PH_S3_CONDITION_IGNORED);
}

static int put_under_condition(
    struct ph_store_s3 *s3, struct source *source, struct ph_store_object *written) {
    int code = put_once(s3, source, true, written);
    if (code != -EEXIST)
        return code;
    atomic_store(&s3->condition, PH_S3_CONDITION_HEEDED);
    code = compare(s3, source, written); /* an own try may have been made, and its answer lost */
    return code == -ENOENT ? -EAGAIN : code;
}

/* Where the server does not heed the condition, or is not known to: threads of this process do not come
 * between each other, and no other process puts under the same keys. */
static int put_after_look(
    struct ph_store_s3 *s3, struct source *source, int condition, struct ph_store_object *written) {
    int code = compare(s3, source, written);
    if (code != -ENOENT)
        return code;
    if (condition == PH_S3_CONDITION_UNKNOWN) {
        code = put_under_condition(s3, source, written);
        if (!code && atomic_load(&s3->condition) == PH_S3_CONDITION_UNKNOWN)
            probe_condition(s3, source);
        if (code != -ENOSYS)
            return code;
        atomic_store(&s3->condition, PH_S3_CONDITION_IGNORED);
    }
    return put_once(s3, source, false, written);
}

static pthread_mutex_t *lock_of(struct ph_store_s3 *s3, const char *key) {
    unsigned hash = 0;
    for (; *key; key++)
        hash = hash * 31 + (unsigned char)*key;
    return &s3->put_locks[hash % PH_S3_PUT_LOCKS];
}

static int put_if_absent(struct ph_store_s3 *s3, struct source *source, struct ph_store_object *written) {
    int condition = atomic_load(&s3->condition);
    if (condition == PH_S3_CONDITION_HEEDED)
        return put_under_condition(s3, source, written);
    pthread_mutex_t *lock = lock_of(s3, source->put->key);
    pthread_mutex_lock(lock);
    int code = put_after_look(s3, source, condition, written);
    pthread_mutex_unlock(lock);
    return code;
}

int ph_store_s3_put(struct ph_store *store, const struct ph_store_put *put, struct ph_store_object *written) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    struct source source;
    int code = open_source(&source, put);
    if (!code)
        code = put->if_absent ? put_if_absent(s3, &source, written) : put_once(s3, &source, false, written);
    close_source(&source);
    return code;
}

int ph_store_s3_copy(struct ph_store *store, const char *from, const char *to) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    struct ph_builder source = {0};
    ph_builder_format(&source, "/%s/%s", s3->place.bucket, s3->place.prefix);
    ph_sigv4_encode_path(&source, from);
    char *text = ph_builder_finish_string(&source);
    if (!text)
        return -ENOMEM;
    struct ph_s3_call call = {
        .operation = "copy", .method = "PUT", .key = to, .root = "CopyObjectResult", .is_slow = true};
    ph_s3_call_add_header(&call, "x-amz-copy-source", text);
    ph_store_s3_add_kept(s3, &call, NULL);
    int code = ph_s3_call(s3, &call);
    ph_s3_call_finish(&call);
    free(text);
    return code;
}
