#include <string.h>

#include "core/base/clock.h"
#include "core/store/s3_call.h"

/* Servers allow a quarter of an hour. */
static const int64_t most_skew_us = 10 * 60 * PH_SECOND_US;

/* What S3's codes come to, where the status alone does not say it. */
static const struct {
    const char *code;
    int result;
    bool may_pass;
} codes[] = {
    {"NoSuchBucket", -EAGAIN, false},
    {"NoSuchKey", -ENOENT, false},
    {"NoSuchUpload", -ENOENT, false},
    {"NoSuchLifecycleConfiguration", -ENOENT, false},
    {"InvalidObjectState", -EREMOTE, false},
    {"RestoreAlreadyInProgress", -EALREADY, false},
    {"BadDigest", -EBADMSG, false},
    {"InvalidDigest", -EBADMSG, false},
    {"XAmzContentSHA256Mismatch", -EBADMSG, false},
    {"XAmzContentChecksumMismatch", -EBADMSG, false},
    {"EntityTooSmall", -EBADMSG, false},
    {"InvalidPart", -EBADMSG, false},
    {"InvalidPartOrder", -EBADMSG, false},
    {"NotImplemented", -ENOSYS, false},
    {"IncompleteBody", -EAGAIN, true},
    {"RequestTimeout", -EAGAIN, true},
    {"RequestTimeTooSkewed", -EACCES, true}, /* and its clock is ours: it was long on its way */
    {"SlowDown", -EAGAIN, true},
    {"ServiceUnavailable", -EAGAIN, true},
    {"InternalError", -EAGAIN, true},
    {"OperationAborted", -EAGAIN, true},
    {"ConditionalRequestConflict", -EAGAIN, true},
};

/* What says so is the server's clock, which it tells: the answer to HEAD has no body, so no code. */
static bool is_skew(const struct ph_s3_call *call, int64_t signed_us) {
    if (call->status != 403 || call->answered.date_us < 0)
        return false;
    int64_t skew_us = call->answered.date_us - signed_us;
    bool may_tell = !*call->code || strcmp(call->code, "RequestTimeTooSkewed") == 0;
    return may_tell && (skew_us > most_skew_us || skew_us < -most_skew_us);
}

/* A portal does that; a bucket of another region tells its own. */
static bool is_sent_elsewhere(const struct ph_s3_call *call) {
    return call->status / 100 == 3 && !*call->code && !*call->answered.region;
}

struct ph_s3_verdict ph_s3_judge(const struct ph_s3_call *call, int64_t signed_us) {
    if (is_skew(call, signed_us))
        return (struct ph_s3_verdict){.code = -EACCES, .learned_clock = true};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(call->code, codes[i].code) == 0)
            return (struct ph_s3_verdict){.code = codes[i].result, .may_pass = codes[i].may_pass};
    }
    switch (call->status) {
    case 404:
        /* Without a code, where a body could tell it, this is of something that stands before the bucket. */
        if (strcmp(call->method, "HEAD") != 0)
            return (struct ph_s3_verdict){.code = -EAGAIN, .may_pass = true};
        return (struct ph_s3_verdict){.code = -ENOENT};
    case 409:
        return (struct ph_s3_verdict){.code = -EAGAIN, .may_pass = true};
    case 412:
        return (struct ph_s3_verdict){.code = -EEXIST};
    case 416:
        return (struct ph_s3_verdict){.code = -ERANGE};
    case 501:
        return (struct ph_s3_verdict){.code = -ENOSYS};
    case 408:
    case 429:
        return (struct ph_s3_verdict){.code = -EAGAIN, .may_pass = true};
    default: /* 2xx: the error came late, or it is not the bucket's */
        if (call->status >= 500 || call->status < 300 || is_sent_elsewhere(call))
            return (struct ph_s3_verdict){.code = -EAGAIN, .may_pass = true};
        return (struct ph_s3_verdict){.code = -EACCES};
    }
}

/* The answer to HEAD has no code; and a server may say no more of a token that has expired than that it is
 * refused (radosgw does). */
bool ph_s3_keys_may_be_old(const struct ph_s3_call *call, const struct ph_aws_keys *keys) {
    static const char *const about_keys[] = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired",
        "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity"};
    for (size_t i = 0; i < sizeof(about_keys) / sizeof(about_keys[0]); i++) {
        if (strcmp(call->code, about_keys[i]) == 0)
            return true;
    }
    return call->status == 403 &&
           (!*call->code || (strcmp(call->code, "AccessDenied") == 0 && *keys->session_token));
}

const char *ph_s3_explain(
    const struct ph_store_s3 *s3, const struct ph_s3_call *call, int code, struct ph_error *sentence) {
    const char *bucket = s3->place.bucket, *why = *call->code ? call->code : "no reason";
    bool are_fixed = ph_aws_credentials_are_fixed(s3->credentials);
    if (strcmp(call->code, "NoSuchBucket") == 0)
        ph_error_set(sentence, 0, "there is no bucket %s at %s: make it, or correct archive_url", bucket,
            s3->place.host);
    else if (*call->answered.region && strcmp(call->answered.region, s3->place.region) != 0 &&
             call->status >= 300)
        ph_error_set(sentence, 0, "the bucket %s is in the region %s: add region=%s to archive_url", bucket,
            call->answered.region, call->answered.region);
    else if (strcmp(call->code, "SignatureDoesNotMatch") == 0)
        ph_error_set(sentence, 0, "%s refuses the signature: %s is wrong", s3->place.host,
            are_fixed ? "AWS_SECRET_ACCESS_KEY" : "the secret key that it was given");
    else if (strcmp(call->code, "InvalidAccessKeyId") == 0)
        ph_error_set(sentence, 0, "%s does not know the key %s", s3->place.host,
            are_fixed ? "in AWS_ACCESS_KEY_ID" : "that it was given");
    else if (are_fixed && strcmp(call->code, "ExpiredToken") == 0)
        ph_error_set(sentence, 0,
            "what AWS_SESSION_TOKEN holds has expired: take credentials from where they are renewed "
            "(docs/archive.md)");
    else if (code == -EACCES || (code == -ENOSYS && !call->tells_unsupported))
        ph_error_set(sentence, 0,
            "%s refuses %s in the bucket %s (%u %s): check the credentials and what they may do",
            s3->place.host, call->operation, bucket, call->status, why);
    else if (!*call->code && call->status < 400)
        ph_error_set(sentence, 0, "what answers %s at %s is no S3 server (%u)", call->operation,
            s3->place.host, call->status);
    else if (code == -EAGAIN)
        ph_error_set(sentence, 0, "%s cannot do %s just now (%u %s)", s3->place.host, call->operation,
            call->status, why);
    else
        return NULL;
    return sentence->text;
}
