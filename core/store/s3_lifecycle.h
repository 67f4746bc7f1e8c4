/* A bucket's lifecycle configuration: our rules in it, and those of others, which stay as they are. Pure. */
#ifndef PH_STORE_S3_LIFECYCLE_H
#define PH_STORE_S3_LIFECYCLE_H

#include <stdbool.h>

#include "core/base/builder.h"
#include "core/store/store.h"

/* Of each of our folders what ages in it, and what becomes of its older versions; and one that older releases
 * wrote, which is never wanted. */
enum { PH_S3_FOLDERS = 3, PH_S3_RULES = 2 * PH_S3_FOLDERS + 1 };
enum { PH_S3_RULE_ID_BYTES = 300, PH_S3_RULE_PREFIX_BYTES = 300 };

/* Days are 0 where nothing happens. */
struct ph_s3_rule {
    char id[PH_S3_RULE_ID_BYTES];
    char prefix[PH_S3_RULE_PREFIX_BYTES];
    uint32_t expire_days;
    uint32_t colder_days; /* to STANDARD_IA */
    uint32_t deep_days;   /* to DEEP_ARCHIVE */
    uint32_t abort_days;
    uint32_t version_days; /* until a version that is not current is removed */
    bool removes_markers;  /* of deleted objects that have no version left */
    bool is_wanted;        /* with a day in it; of one read: it is there */
    bool is_odd;           /* of one read: disabled, or with something else in it */
};

/* The rules wanted in a bucket under `prefix` ("" or with a slash at its end), which nothing outside our
 * folders falls under. `has_versions`: the bucket keeps what is deleted or replaced as an older version. */
void ph_s3_lifecycle_plan(struct ph_s3_rule rules[PH_S3_RULES], const char *prefix,
    const struct ph_store_rules *wanted, bool has_versions);

struct ph_s3_lifecycle {
    struct ph_s3_rule ours[PH_S3_RULES]; /* in the plan's places */
    struct ph_builder others;            /* their text; ph_s3_lifecycle_finish() discards it */
    size_t other_count;
};
/* PH_INVALID_DATA, -ENOMEM. Finish it also after a failure. */
int ph_s3_lifecycle_read(struct ph_s3_lifecycle *lifecycle, struct ph_slice document,
    const struct ph_s3_rule plan[PH_S3_RULES]) PH_NODISCARD;
void ph_s3_lifecycle_finish(struct ph_s3_lifecycle *lifecycle);
/* Appends the configuration with the plan's rules and the others. False: it would be empty. */
bool ph_s3_lifecycle_write(struct ph_builder *builder, const struct ph_s3_rule plan[PH_S3_RULES],
    const struct ph_s3_lifecycle *there);
/* The first rule of the plan that is not there as it is wanted; NULL: all are. */
const struct ph_s3_rule *ph_s3_lifecycle_compare(
    const struct ph_s3_rule plan[PH_S3_RULES], const struct ph_s3_lifecycle *there);

#endif
