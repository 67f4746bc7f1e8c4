/* links: ph_store ph_base */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/store/s3_lifecycle.h"
#include "core/store/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visit(void *opaque, const char *key, const struct ph_store_object *object) {
    size_t *keys = opaque;
    assert(strlen(key) < PH_S3_TEXT_BYTES && strlen(object->etag) < sizeof(object->etag));
    return ++*keys == 2000;
}

/* Rules of others that are written again are the same ones when they are read again. */
static void keep_rules(struct ph_slice document) {
    const struct ph_store_rules wanted = {1, 2, 3, 4, 5};
    struct ph_s3_rule plan[PH_S3_RULES];
    struct ph_s3_lifecycle there, again;
    struct ph_builder written = {0};
    ph_s3_lifecycle_plan(plan, "p/", &wanted, document.size % 2);
    if (ph_s3_lifecycle_read(&there, document, plan) == 0) {
        assert(ph_s3_lifecycle_write(&written, plan, &there));
        int code = ph_s3_lifecycle_read(&again, (struct ph_slice){written.data, written.size}, plan);
        /* A namespace's prefix that was declared above is lost; then it is no XML, which servers refuse. */
        assert(code || (again.other_count == there.other_count && !ph_s3_lifecycle_compare(plan, &again)));
        ph_s3_lifecycle_finish(&again);
    }
    ph_s3_lifecycle_finish(&there);
    ph_builder_discard(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ph_slice document = {data, size};
    char code[PH_S3_CODE_BYTES], text[64];
    size_t keys = 0, failures;
    struct ph_s3_page page = {.visit = visit, .opaque = &keys};
    if (ph_s3_xml_error(document, NULL, code) == 0 || ph_s3_xml_error(document, "DeleteResult", code) == 0)
        assert(strlen(code) < sizeof(code));
    if (ph_s3_xml_page(document, &page) == 0)
        assert(!page.is_truncated || page.next[0]);
    if (ph_s3_xml_removed(document, &failures, code) == 0 ||
        ph_s3_xml_text(document, "InitiateMultipartUploadResult/UploadId", text, sizeof(text)) == 0)
        assert(strlen(code) < sizeof(code) && strlen(text) < sizeof(text));
    keep_rules(document);
    return 0;
}
