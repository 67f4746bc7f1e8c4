/* The address of an archive in a bucket: s3://bucket/prefix?endpoint=&region=&style=. Pure. */
#ifndef PH_STORE_S3_URL_H
#define PH_STORE_S3_URL_H

#include <stdbool.h>

#include "core/base/error.h"

enum { PH_S3_BUCKET_BYTES = 64, PH_S3_HOST_BYTES = 256, PH_S3_PREFIX_BYTES = 256, PH_S3_REGION_BYTES = 32 };

struct ph_s3_place {
    bool is_secure;
    char host[PH_S3_HOST_BYTES]; /* with its port when that is not the scheme's, and with the bucket when that
                                    belongs in front: as in the header Host */
    bool is_path_style;          /* the bucket is the path's first segment */
    char bucket[PH_S3_BUCKET_BYTES];
    char prefix[PH_S3_PREFIX_BYTES]; /* "" or ends with a slash */
    char region[PH_S3_REGION_BYTES];
};

/* Without an endpoint it is Amazon's, by the region (us-east-1 when none is given) and with the bucket in the
 * host's name; with one, the bucket is in the path. style=path or style=virtual says otherwise. -EINVAL with
 * a sentence in `error`. */
int ph_s3_url_parse(struct ph_s3_place *place, const char *url, struct ph_error *error) PH_NODISCARD;

#endif
