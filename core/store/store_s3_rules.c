#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/s3_call.h"
#include "core/store/s3_lifecycle.h"

enum { most_readings = 5 };
static const int64_t reading_pause_us = 500 * PH_MILLISECOND_US;

/* A bucket that has ever had versions keeps them, also while that is suspended. 0 or 1, or a negative code.
 */
static int ask_for_versions(struct ph_store_s3 *s3) {
    char status[16];
    struct ph_s3_call call = {.operation = "get_versioning",
        .method = "GET",
        .root = "VersioningConfiguration",
        .tells_unsupported = true};
    ph_s3_call_add_query(&call, "versioning", "");
    int code = ph_s3_call(s3, &call);
    if (!code)
        code = ph_s3_xml_text((struct ph_slice){call.answer.data, call.answer.size},
            "VersioningConfiguration/Status", status, sizeof(status));
    ph_s3_call_finish(&call);
    if (code == PH_INVALID_DATA || code == -EMSGSIZE)
        return -EAGAIN;
    return code == 0 ? 1 : code == -ENOSYS || code == -ENOENT ? 0 : code;
}

static void tell_of_versions(struct ph_store_s3 *s3) {
    if (!s3->has_told_of_versions)
        ph_log_warning(
            "the bucket keeps versions: what is deleted can still be read by its version until the "
            "bucket's rules remove it, a day or two later",
            ph_str("bucket", s3->place.bucket));
    s3->has_told_of_versions = true;
}

/* A bucket without rules has none of anybody's. */
static int read_rules(
    struct ph_store_s3 *s3, const struct ph_s3_rule plan[PH_S3_RULES], struct ph_s3_lifecycle *there) {
    struct ph_s3_call call = {
        .operation = "get_lifecycle", .method = "GET", .root = "LifecycleConfiguration"};
    ph_s3_call_add_query(&call, "lifecycle", "");
    *there = (struct ph_s3_lifecycle){0};
    int code = ph_s3_call(s3, &call);
    if (code == -ENOENT)
        code = 0;
    else if (!code)
        code = ph_s3_lifecycle_read(there, (struct ph_slice){call.answer.data, call.answer.size}, plan);
    ph_s3_call_finish(&call);
    return code;
}

static int write_rules(struct ph_store_s3 *s3, const struct ph_s3_rule plan[PH_S3_RULES],
    const struct ph_s3_lifecycle *there, char refusal[PH_S3_CODE_BYTES]) {
    struct ph_builder body = {0};
    struct ph_s3_digest digest;
    struct ph_s3_call call = {.operation = "put_lifecycle", .method = "DELETE"};
    ph_s3_call_add_query(&call, "lifecycle", "");
    int code = 0;
    if (ph_s3_lifecycle_write(&body, plan, there)) {
        call.method = "PUT";
        call.body = (struct ph_slice){body.data, body.size};
        call.digest = &digest;
        call.has_md5 = true;
        code = ph_builder_ok(&body) ? ph_s3_digest_bytes(call.body, &digest) : -ENOMEM;
    }
    if (!code)
        code = ph_s3_call(s3, &call);
    memcpy(refusal, call.code, PH_S3_CODE_BYTES);
    ph_s3_call_finish(&call);
    ph_builder_discard(&body);
    return code;
}

/* What was written may not be what is read a moment later. NULL in `drift`: it is. */
static int read_back(struct ph_store_s3 *s3, const struct ph_s3_rule plan[PH_S3_RULES], size_t other_count,
    const struct ph_s3_rule **drift, bool *has_lost_others) {
    for (unsigned readings = 1;; readings++) {
        struct ph_s3_lifecycle there;
        int code = read_rules(s3, plan, &there);
        *drift = code ? NULL : ph_s3_lifecycle_compare(plan, &there);
        *has_lost_others = !code && there.other_count != other_count;
        ph_s3_lifecycle_finish(&there);
        if (code || (!*drift && !*has_lost_others) || readings == most_readings)
            return code;
        if (!ph_s3_pause_until(s3, ph_now_us() + reading_pause_us))
            return -ECANCELED;
    }
}

static int explain(
    struct ph_store_s3 *s3, int code, const char *what, const char *refusal, struct ph_error *error) {
    char name[64];
    if (code == PH_INVALID_DATA)
        code = -EAGAIN;
    return ph_error_set(error, code, "the bucket %s: its lifecycle rules cannot be %s: %s%s",
        s3->place.bucket, what, *refusal ? refusal : ph_error_name(code, name, sizeof(name)),
        code == -EACCES
            ? "; the credentials need s3:GetLifecycleConfiguration and s3:PutLifecycleConfiguration"
            : "");
}

static int put_in_force(
    struct ph_store_s3 *s3, const struct ph_s3_rule plan[PH_S3_RULES], struct ph_error *error) {
    struct ph_s3_lifecycle there;
    char refusal[PH_S3_CODE_BYTES] = "";
    const struct ph_s3_rule *drift;
    bool has_lost_others;
    int code = read_rules(s3, plan, &there);
    size_t other_count = there.other_count;
    bool is_done = !code && !ph_s3_lifecycle_compare(plan, &there);
    if (!code && !is_done)
        code = write_rules(s3, plan, &there, refusal);
    ph_s3_lifecycle_finish(&there);
    if (code < 0)
        return explain(s3, code, *refusal ? "written" : "read", refusal, error);
    if (is_done)
        return 0;
    code = read_back(s3, plan, other_count, &drift, &has_lost_others);
    if (code < 0)
        return explain(s3, code, "read back", "", error);
    if (drift)
        return ph_error_set(error, -EBADMSG,
            "the bucket %s did not keep the lifecycle rule '%s' as it was written: see what else writes its "
            "rules, and what its server supports",
            s3->place.bucket, drift->id);
    return has_lost_others
               ? ph_error_set(error, -EBADMSG,
                     "the bucket %s has other lifecycle rules than before: see what else writes them",
                     s3->place.bucket)
               : 0;
}

int ph_store_s3_apply_rules(
    struct ph_store *store, const struct ph_store_rules *rules, struct ph_error *error) {
    struct ph_store_s3 *s3 = ph_store_s3_of(store);
    struct ph_s3_rule plan[PH_S3_RULES];
    int versions = ask_for_versions(s3);
    if (versions < 0 && versions != -EACCES)
        return explain(s3, versions, "read", "", error);
    if (versions == 1)
        tell_of_versions(s3);
    /* Who may not ask puts the rules for versions too: where there are none they do nothing. */
    ph_s3_lifecycle_plan(plan, s3->place.prefix, rules, versions != 0);
    int code = put_in_force(s3, plan, error);
    /* Who may not see to rules may do all that matters: whether the store is well is told by something else.
     */
    if (code == -EACCES && ph_store_s3_look(s3) == -ECANCELED)
        return -ECANCELED;
    return code;
}
