#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/base/builder.h"
#include "core/store/s3_xml.h"
#include "tests/unit/support/allocation_failure.h"

static struct ph_slice slice(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

static void errors_give_their_code(void **state) {
    (void)state;
    static const struct {
        const char *document, *code;
    } cases[] = {
        {"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>x</Message></Error>", "SlowDown"},
        {"<x:Error xmlns:x='urn:x'><x:Code>NoSuchKey</x:Code></x:Error>", "NoSuchKey"},
        {"\n<Error/>", "Unknown"},
        {"<Error><Code>a\nb: c</Code></Error>", "Unknown"},
        {"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>", ""},
    };
    char code[PH_S3_CODE_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ph_s3_xml_error(slice(cases[i].document), NULL, code) ? fail() : (void)0;
        assert_string_equal(code, cases[i].code);
    }
}

static void document_of_another_kind_is_refused(void **state) {
    char code[PH_S3_CODE_BYTES];
    (void)state;
    const struct ph_slice copied =
        slice("<s:CopyObjectResult xmlns:s='urn:s'><ETag>x</ETag></s:CopyObjectResult>");
    assert_int_equal(ph_s3_xml_error(copied, "CopyObjectResult", code), 0);
    assert_int_equal(ph_s3_xml_error(copied, "DeleteResult", code), PH_INVALID_DATA);
    assert_int_equal(ph_s3_xml_error(slice("<html><Error/></html>"), "Error", code), PH_INVALID_DATA);
    assert_int_equal(ph_s3_xml_error(slice("<Error><Code>SlowDown</Code></Error>"), "DeleteResult", code), 0);
    assert_string_equal(code, "SlowDown");
}

static void what_is_hostile_is_refused(void **state) {
    (void)state;
    static const char *const documents[] = {
        "",
        "<Error>",
        "<Error></Eror>",
        "<!DOCTYPE Error [<!ENTITY a \"aaaa\">]><Error><Code>&a;</Code></Error>",
        "<!DOCTYPE Error SYSTEM \"file:///etc/passwd\"><Error/>",
        "<Error><Code>&a;</Code></Error>",
        "<a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></a></a></a>",
    };
    char code[PH_S3_CODE_BYTES];
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
        assert_int_equal(ph_s3_xml_error(slice(documents[i]), NULL, code), PH_INVALID_DATA);
    struct ph_builder longer = {0};
    ph_builder_text(&longer, "<Error><Code>");
    for (int i = 0; i < PH_S3_TEXT_BYTES; i++)
        ph_builder_text(&longer, "x");
    ph_builder_text(&longer, "</Code></Error>");
    assert_int_equal(
        ph_s3_xml_error((struct ph_slice){longer.data, longer.size}, NULL, code), PH_INVALID_DATA);
    ph_builder_discard(&longer);
}

static void texts_are_found_by_their_path(void **state) {
    (void)state;
    static const char document[] = "<R><A><B>no</B></A><B>2~x&amp;y</B><B>later</B></R>";
    char text[8], small[4];
    assert_int_equal(ph_s3_xml_text(slice(document), "R/B", text, sizeof(text)), 0);
    assert_string_equal(text, "2~x&y");
    assert_int_equal(ph_s3_xml_text(slice(document), "R/B", small, sizeof(small)), -EMSGSIZE);
    assert_int_equal(ph_s3_xml_text(slice(document), "R/C", text, sizeof(text)), -ENOENT);
}

static const char page_document[] =
    "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
    "<Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>t+/=</NextContinuationToken>"
    "<Contents><Key>a%20b%2F%C3%A4</Key><LastModified>2013-05-24T00:00:01.250Z</LastModified>"
    "<ETag>&quot;0123&quot;</ETag><Size>5000000000</Size><StorageClass>DEEP_ARCHIVE</StorageClass></Contents>"
    "<Contents><Key>c+d</Key><Size>0</Size></Contents></ListBucketResult>";

static int gather(void *opaque, const char *key, const struct ph_store_object *object) {
    struct ph_builder *told = opaque;
    ph_builder_format(told, "%s %llu %s %lld %d;", key, (unsigned long long)object->bytes, object->etag,
        (long long)object->modified_ms, object->class);
    return 0;
}

static void pages_are_read(void **state) {
    (void)state;
    struct ph_builder told = {0};
    struct ph_s3_page page = {.visit = gather, .opaque = &told};
    assert_int_equal(ph_s3_xml_page(slice(page_document), &page), 0);
    assert_true(page.is_truncated);
    assert_string_equal(page.next, "t+/=");
    char *text = ph_builder_finish_string(&told);
    assert_string_equal(text, "a b/\xc3\xa4 5000000000 0123 1369353601250 2;c d 0  0 0;");
    free(text);
}

static int stop(void *opaque, const char *key, const struct ph_store_object *object) {
    (void)opaque, (void)key, (void)object;
    return 7;
}

static void broken_pages_are_refused(void **state) {
    (void)state;
    static const char *const documents[] = {
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a%0</Key></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<html/>",
    };
    struct ph_s3_page page = {0};
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
        assert_int_equal(ph_s3_xml_page(slice(documents[i]), &page), PH_INVALID_DATA);
    page.visit = stop;
    assert_int_equal(ph_s3_xml_page(slice(page_document), &page), 7);
}

static void failed_removals_are_counted(void **state) {
    (void)state;
    size_t failures;
    char code[PH_S3_CODE_BYTES];
    assert_int_equal(ph_s3_xml_removed(slice("<DeleteResult/>"), &failures, code), 0);
    assert_int_equal(failures, 0);
    assert_int_equal(
        ph_s3_xml_removed(slice("<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error>"
                                "<Error><Code>InternalError</Code></Error></DeleteResult>"),
            &failures, code),
        0);
    assert_int_equal(failures, 2);
    assert_string_equal(code, "AccessDenied");
}

static int read_page(void *opaque) {
    struct ph_s3_page page = {0};
    (void)opaque;
    return ph_s3_xml_page(slice(page_document), &page);
}

static void failing_allocations_are_survived(void **state) {
    (void)state;
    ph_test_with_failing_allocations(read_page, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_give_their_code),
        cmocka_unit_test(document_of_another_kind_is_refused),
        cmocka_unit_test(what_is_hostile_is_refused),
        cmocka_unit_test(texts_are_found_by_their_path),
        cmocka_unit_test(pages_are_read),
        cmocka_unit_test(broken_pages_are_refused),
        cmocka_unit_test(failed_removals_are_counted),
        cmocka_unit_test(failing_allocations_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
