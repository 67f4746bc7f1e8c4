/* AWS Signature Version 4: signing a request by its headers, signing and verifying an address by its query.
 * Pure. One encoder (RFC 3986, nothing but the unreserved characters stays) makes what is signed and what is
 * sent, so that the two cannot differ. */
#ifndef PH_STORE_SIGV4_H
#define PH_STORE_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/builder.h"
#include "core/base/error.h"

enum {
    PH_SIGV4_DATE_BYTES = 17, /* 20130524T000000Z and its terminating zero */
    PH_SIGV4_HEX_BYTES = 65,
    PH_SIGV4_MOST_PAIRS = 24, /* of a request's query, and of its signed headers */
    PH_SIGV4_MOST_TTL_S = 604800,
};

/* Borrowed texts. */
struct ph_sigv4_credentials {
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* "" or NULL: none */
    const char *region;
    const char *service; /* "s3" */
};

struct ph_sigv4_pair {
    const char *name;
    const char *value;
};

/* Nothing in it is percent-encoded. */
struct ph_sigv4_request {
    const char *method;
    const char *path; /* begins with a slash */
    const struct ph_sigv4_pair *query;
    size_t query_count;
    const struct ph_sigv4_pair *headers; /* those that are signed; names in small letters */
    size_t header_count;
    const char *payload_hash; /* SHA-256 in hex; by the query it is always unsigned */
};

/* Appends `text` percent-encoded; of a path, slashes stay. */
void ph_sigv4_encode(struct ph_builder *builder, const char *text);
void ph_sigv4_encode_path(struct ph_builder *builder, const char *path);
/* Appends name=value&… in the order and the encoding that is signed. -EINVAL: too many. */
int ph_sigv4_encode_query(
    struct ph_builder *builder, const struct ph_sigv4_pair *query, size_t count) PH_NODISCARD;

void ph_sigv4_date(int64_t utc_us, char date[PH_SIGV4_DATE_BYTES]);

/* Appends the value of the header Authorization. `date` is also that of the header x-amz-date, which has to
 * be among the headers, like host and x-amz-content-sha256. -EINVAL, -ENOMEM. */
int ph_sigv4_sign(const struct ph_sigv4_credentials *credentials, const struct ph_sigv4_request *request,
    const char date[PH_SIGV4_DATE_BYTES], struct ph_builder *authorization) PH_NODISCARD;
/* Appends the whole query of a signed address: the request's own and the scheme's, ending in the signature.
 */
int ph_sigv4_presign(const struct ph_sigv4_credentials *credentials, const struct ph_sigv4_request *request,
    int64_t utc_us, uint32_t ttl_s, struct ph_builder *query) PH_NODISCARD;

/* The query of an address somebody came with, decoded. */
struct ph_sigv4_query {
    struct ph_sigv4_pair pairs[PH_SIGV4_MOST_PAIRS];
    size_t count;
    char *text; /* owned: what the pairs point into */
};
/* `raw` is what follows the question mark. -EINVAL: badly encoded, a zero byte, a name twice, too many;
 * -ENOMEM. Finish it also after a failure. */
int ph_sigv4_query_parse(struct ph_sigv4_query *query, const char *raw) PH_NODISCARD;
void ph_sigv4_query_finish(struct ph_sigv4_query *query);
/* NULL when it is not there. */
const char *ph_sigv4_pair_find(const struct ph_sigv4_pair *pairs, size_t count, const char *name);

/* Whether who came with `request->query` was given it by ph_sigv4_presign() under these credentials, for this
 * method, path and headers (all that were signed: host). 0; -EINVAL: it does not follow the scheme; -EACCES:
 * another signature; -ETIME: it has expired; -ENOMEM. */
int ph_sigv4_verify(const struct ph_sigv4_credentials *credentials, const struct ph_sigv4_request *request,
    int64_t utc_us) PH_NODISCARD;

#endif
