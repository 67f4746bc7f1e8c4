#include "core/store/s3_lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/s3_xml.h"

/* What was deleted or replaced is gone as soon as a bucket's rules can do it. */
enum { version_days = 1 };

static void name_rule(struct ph_s3_rule *rule, const char *prefix, const char *folder, const char *what) {
    snprintf(rule->id, sizeof(rule->id), "porthole %s%s%s", prefix, folder, what);
    snprintf(rule->prefix, sizeof(rule->prefix), "%s%s/", prefix, folder);
}

void ph_s3_lifecycle_plan(struct ph_s3_rule rules[PH_S3_RULES], const char *prefix,
    const struct ph_store_rules *wanted, bool has_versions) {
    static const char *const folders[PH_S3_FOLDERS] = {"live", "recordings", "uploads"};
    struct ph_s3_rule *versions = rules + PH_S3_FOLDERS;
    memset(rules, 0, PH_S3_RULES * sizeof(rules[0]));
    rules[0].expire_days = wanted->live_expire_days;
    rules[1].colder_days = wanted->recordings_colder_days;
    rules[1].deep_days = wanted->recordings_deep_days;
    rules[2].expire_days = wanted->uploads_expire_days;
    for (size_t i = 0; i < PH_S3_FOLDERS; i++) {
        name_rule(&rules[i], prefix, folders[i], "");
        rules[i].abort_days = wanted->abort_multipart_days;
        rules[i].is_wanted =
            rules[i].expire_days || rules[i].colder_days || rules[i].deep_days || rules[i].abort_days;
        /* Of its own: S3 takes markers and days of expiry in one rule for a mistake. */
        name_rule(&versions[i], prefix, folders[i], " versions");
        versions[i].version_days = version_days;
        versions[i].removes_markers = true;
        versions[i].is_wanted = has_versions;
    }
    name_rule(&rules[PH_S3_RULES - 1], prefix, "multipart", "");
}

struct reading {
    struct ph_s3_lifecycle *lifecycle;
    struct ph_slice document;
    const struct ph_s3_rule *plan;
    struct ph_s3_rule rule; /* the one that is being read */
    bool is_enabled;
    uint32_t transition_days;
    char transition_class[32];
};

static const char rule_path[] = "LifecycleConfiguration/Rule";

/* False: no number of days that we would write. */
static bool parse_days(const char *text, uint32_t *days) {
    size_t digits = strspn(text, "0123456789");
    *days = 0;
    if (!digits || digits > 9 || text[digits])
        return false;
    *days = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

static void copy(char *target, size_t target_bytes, const char *text, bool *is_odd) {
    if (strlen(text) >= target_bytes)
        *is_odd = true;
    snprintf(target, target_bytes, "%s", text);
}

static void end_transition(struct reading *reading) {
    struct ph_s3_rule *rule = &reading->rule;
    if (strcmp(reading->transition_class, "STANDARD_IA") == 0)
        rule->colder_days = reading->transition_days;
    else if (strcmp(reading->transition_class, "DEEP_ARCHIVE") == 0)
        rule->deep_days = reading->transition_days;
    else
        rule->is_odd = true;
}

static void take_element(struct reading *reading, const char *name, const char *text) {
    struct ph_s3_rule *rule = &reading->rule;
    bool ok = true;
    if (strcmp(name, "ID") == 0)
        copy(rule->id, sizeof(rule->id), text, &rule->is_odd);
    else if (strcmp(name, "Prefix") == 0 || strcmp(name, "Filter/Prefix") == 0)
        copy(rule->prefix, sizeof(rule->prefix), text, &rule->is_odd);
    else if (strcmp(name, "Status") == 0)
        reading->is_enabled = strcmp(text, "Enabled") == 0;
    else if (strcmp(name, "Expiration/Days") == 0)
        ok = parse_days(text, &rule->expire_days);
    else if (strcmp(name, "Transition/Days") == 0)
        ok = parse_days(text, &reading->transition_days);
    else if (strcmp(name, "Transition/StorageClass") == 0)
        copy(reading->transition_class, sizeof(reading->transition_class), text, &rule->is_odd);
    else if (strcmp(name, "Transition") == 0)
        end_transition(reading);
    else if (strcmp(name, "AbortIncompleteMultipartUpload/DaysAfterInitiation") == 0)
        ok = parse_days(text, &rule->abort_days);
    else if (strcmp(name, "NoncurrentVersionExpiration/NoncurrentDays") == 0)
        ok = parse_days(text, &rule->version_days);
    else if (strcmp(name, "Expiration/ExpiredObjectDeleteMarker") == 0)
        rule->removes_markers = strcmp(text, "true") == 0;
    else
        ok = strcmp(name, "Filter") == 0 || strcmp(name, "Expiration") == 0 ||
             strcmp(name, "AbortIncompleteMultipartUpload") == 0 ||
             strcmp(name, "NoncurrentVersionExpiration") == 0;
    if (!ok)
        rule->is_odd = true;
}

static void end_rule(struct reading *reading, const struct ph_s3_element *element) {
    struct ph_s3_lifecycle *lifecycle = reading->lifecycle;
    reading->rule.is_odd = reading->rule.is_odd || !reading->is_enabled;
    reading->rule.is_wanted = true;
    for (size_t i = 0; i < PH_S3_RULES; i++) {
        if (strcmp(reading->rule.id, reading->plan[i].id) == 0) {
            lifecycle->ours[i] = reading->rule;
            return;
        }
    }
    ph_builder_append(
        &lifecycle->others, reading->document.data + element->begin, element->end - element->begin);
    lifecycle->other_count++;
}

static int read_element(void *opaque, const struct ph_s3_element *element) {
    struct reading *reading = opaque;
    size_t size = sizeof(rule_path) - 1;
    if (strncmp(element->path, "LifecycleConfiguration", 22) != 0)
        return PH_INVALID_DATA;
    if (strncmp(element->path, rule_path, size) != 0)
        return 0;
    const char *rest = element->path + size;
    if (!*rest && !element->is_end) {
        reading->rule = (struct ph_s3_rule){0};
        reading->is_enabled = false;
    } else if (!*rest) {
        end_rule(reading, element);
    } else if (*rest == '/' && element->is_end) {
        take_element(reading, rest + 1, element->text);
    } else if (strcmp(rest, "/Transition") == 0) {
        reading->transition_days = 0;
        reading->transition_class[0] = '\0';
    }
    return 0;
}

int ph_s3_lifecycle_read(
    struct ph_s3_lifecycle *lifecycle, struct ph_slice document, const struct ph_s3_rule plan[PH_S3_RULES]) {
    struct reading reading = {.lifecycle = lifecycle, .document = document, .plan = plan};
    *lifecycle = (struct ph_s3_lifecycle){0};
    int code = ph_s3_xml_walk(document, read_element, &reading);
    return !code && !ph_builder_ok(&lifecycle->others) ? -ENOMEM : code;
}

void ph_s3_lifecycle_finish(struct ph_s3_lifecycle *lifecycle) {
    ph_builder_discard(&lifecycle->others);
}

static void write_transition(struct ph_builder *builder, uint32_t days, const char *class) {
    if (days)
        ph_builder_format(
            builder, "<Transition><Days>%u</Days><StorageClass>%s</StorageClass></Transition>", days, class);
}

static void write_rule(struct ph_builder *builder, const struct ph_s3_rule *rule) {
    ph_builder_text(builder, "<Rule><ID>");
    ph_s3_xml_escape(builder, rule->id);
    ph_builder_text(builder, "</ID><Filter><Prefix>");
    ph_s3_xml_escape(builder, rule->prefix);
    ph_builder_text(builder, "</Prefix></Filter><Status>Enabled</Status>");
    write_transition(builder, rule->colder_days, "STANDARD_IA");
    write_transition(builder, rule->deep_days, "DEEP_ARCHIVE");
    if (rule->expire_days)
        ph_builder_format(builder, "<Expiration><Days>%u</Days></Expiration>", rule->expire_days);
    if (rule->removes_markers)
        ph_builder_text(
            builder, "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>");
    if (rule->version_days)
        ph_builder_format(builder,
            "<NoncurrentVersionExpiration><NoncurrentDays>%u</NoncurrentDays></NoncurrentVersionExpiration>",
            rule->version_days);
    if (rule->abort_days)
        ph_builder_format(builder,
            "<AbortIncompleteMultipartUpload><DaysAfterInitiation>%u</DaysAfterInitiation>"
            "</AbortIncompleteMultipartUpload>",
            rule->abort_days);
    ph_builder_text(builder, "</Rule>");
}

bool ph_s3_lifecycle_write(struct ph_builder *builder, const struct ph_s3_rule plan[PH_S3_RULES],
    const struct ph_s3_lifecycle *there) {
    bool is_empty = there->other_count == 0;
    ph_builder_text(builder, "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    ph_builder_append(builder, there->others.data, there->others.size);
    for (size_t i = 0; i < PH_S3_RULES; i++) {
        if (plan[i].is_wanted)
            write_rule(builder, &plan[i]);
        is_empty = is_empty && !plan[i].is_wanted;
    }
    ph_builder_text(builder, "</LifecycleConfiguration>");
    return !is_empty;
}

static bool is_same(const struct ph_s3_rule *wanted, const struct ph_s3_rule *there) {
    if (!wanted->is_wanted || !there->is_wanted)
        return wanted->is_wanted == there->is_wanted;
    return !there->is_odd && strcmp(wanted->prefix, there->prefix) == 0 &&
           wanted->expire_days == there->expire_days && wanted->colder_days == there->colder_days &&
           wanted->deep_days == there->deep_days && wanted->abort_days == there->abort_days &&
           wanted->version_days == there->version_days && wanted->removes_markers == there->removes_markers;
}

const struct ph_s3_rule *ph_s3_lifecycle_compare(
    const struct ph_s3_rule plan[PH_S3_RULES], const struct ph_s3_lifecycle *there) {
    for (size_t i = 0; i < PH_S3_RULES; i++) {
        if (!is_same(&plan[i], &there->ours[i]))
            return &plan[i];
    }
    return NULL;
}
