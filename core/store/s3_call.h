/* One call to the bucket: signed, sent, judged, and tried again with full jitter when its failure may pass.
 */
#ifndef PH_STORE_S3_CALL_H
#define PH_STORE_S3_CALL_H

#include "core/store/s3_xml.h"
#include "core/store/store_s3.h"

enum { PH_S3_MOST_QUERY = 8, PH_S3_MOST_HEADERS = 12 };

struct ph_s3_digest {
    uint8_t sha256[PH_STORE_HASH_BYTES];
    uint8_t md5[16];
};

/* What a call asks. Texts are borrowed. */
struct ph_s3_call {
    const char *operation; /* as the metrics name it */
    const char *method;
    const char *key; /* below the store's prefix; NULL: the bucket itself */
    struct ph_sigv4_pair query[PH_S3_MOST_QUERY];
    size_t query_count;
    struct ph_sigv4_pair headers[PH_S3_MOST_HEADERS]; /* names in small letters */
    size_t header_count;
    struct ph_slice body;
    bool has_file; /* instead of `body` */
    int file;
    uint64_t file_bytes;
    const struct ph_s3_digest *digest; /* of the body; NULL: of nothing */
    bool has_md5;                      /* sends Content-MD5 */
    struct ph_s3_sink *sink;           /* takes the object; a try after a break goes on where it ended */
    uint64_t offset;                   /* of the sink's first byte in the object */
    uint64_t size;                     /* of what is asked for; UINT64_MAX: to the end */
    bool tells_tag;                    /* 2xx tells the object's tag */
    const char *root;                  /* of the document in 2xx, if no <Error> is there; NULL: of none */
    bool is_slow;                      /* the server may think about it for minutes */
    bool tells_unsupported;            /* -ENOSYS instead of -EACCES */
    /* Kept between tries: which object the sink's bytes are of. */
    char sink_etag[PH_STORE_ETAG_BYTES];
    /* What came of it; `answer` is owned: ph_s3_call_finish(). */
    unsigned status;
    struct ph_s3_headers answered;
    struct ph_builder answer;
    char code[PH_S3_CODE_BYTES]; /* S3's, of a failure; "" */
};

void ph_s3_call_add_query(struct ph_s3_call *call, const char *name, const char *value);
void ph_s3_call_add_header(struct ph_s3_call *call, const char *name, const char *value);
/* 0 for 2xx; otherwise as store.h says, and for those who ask for it: -ERANGE (416), -EALREADY (a restore
 * goes on), -ENOSYS (the server cannot do this). */
int ph_s3_call(struct ph_store_s3 *s3, struct ph_s3_call *call) PH_NODISCARD;
void ph_s3_call_finish(struct ph_s3_call *call);
/* Waits until then. False: cancelled. */
bool ph_s3_pause_until(struct ph_store_s3 *s3, int64_t until_us);

/* Headers of all that makes an object: its type (NULL: none), storage class and encryption. */
void ph_store_s3_add_kept(struct ph_store_s3 *s3, struct ph_s3_call *call, const char *content_type);

/* -ENOMEM, or of a file -errno. */
int ph_s3_digest_bytes(struct ph_slice bytes, struct ph_s3_digest *digest) PH_NODISCARD;
int ph_s3_digest_file(int file, uint64_t bytes, struct ph_s3_digest *digest) PH_NODISCARD;

/* s3_address.c: the path of a key as it is signed (malloc'ed; NULL: no memory), and the address of a path. */
char *ph_s3_address_path(const struct ph_store_s3 *s3, const char *key);
void ph_s3_address_append(const struct ph_store_s3 *s3, struct ph_builder *url, const char *path);

/* s3_judge.c: what an answer that is no 2xx, or an <Error> in one, comes to. */
struct ph_s3_verdict {
    int code;
    bool may_pass;       /* another try may help */
    bool learned_clock;  /* the same, and signed with the right time it will */
    bool has_other_keys; /* the same, and signed with these it may */
};
struct ph_s3_verdict ph_s3_judge(const struct ph_s3_call *call, int64_t signed_us);
/* Whether these keys may be what is refused, so that others would help. */
bool ph_s3_keys_may_be_old(const struct ph_s3_call *call, const struct ph_aws_keys *keys);
/* A sentence about an answer that is nobody's fault but the settings', or NULL. */
const char *ph_s3_explain(
    const struct ph_store_s3 *s3, const struct ph_s3_call *call, int code, struct ph_error *sentence);

#endif
