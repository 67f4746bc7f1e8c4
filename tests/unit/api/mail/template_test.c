#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/mail/template.h"
#include "tests/unit/support/allocation_failure.h"

static char *render(enum ph_template_kind kind, const char *text, const struct ph_template_value *values) {
    struct ph_builder builder = {0};
    assert_int_equal(ph_template_render(&builder, kind, text, values), 0);
    return ph_builder_finish_string(&builder);
}

static void check(enum ph_template_kind kind, const char *text, const char *value, const char *expected) {
    const struct ph_template_value values[] = {{"x", value}, {"none", NULL}, {NULL, NULL}};
    char *made = render(kind, text, values);
    assert_string_equal(made, expected);
    free(made);
}

static void values_are_escaped_where_they_stand(void **state) {
    (void)state;
    check(PH_TEMPLATE_HTML, "<p>{{x}}</p>", "<script>alert('1' & \"2\")</script>",
        "<p>&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;</p>");
    check(PH_TEMPLATE_HTML, "<a title=\"{{x}}\">", "\" onmouseover=\"x",
        "<a title=\"&quot; onmouseover=&quot;x\">");
    check(PH_TEMPLATE_TEXT, "{{x}}", "<b>&\"'", "<b>&\"'");
    check(PH_TEMPLATE_TEXT, "{{x}}!",
        "a\r\tb\x01"
        "c\x7f"
        "d\ne",
        "a  b c d\ne!");
    check(PH_TEMPLATE_HTML, "{{x}}", "Zoë 🎮", "Zoë 🎮");
    check(PH_TEMPLATE_HTML, "{{x}}", "{{x}} {{/x}}", "{{x}} {{/x}}");
}

static void links_lead_to_the_web_alone(void **state) {
    (void)state;
    check(PH_TEMPLATE_HTML, "{{link:x}}", "https://a/b?c=1&d=\"", "https://a/b?c=1&amp;d=&quot;");
    check(PH_TEMPLATE_HTML, "{{link:x}}", "HTTP://a", "HTTP://a");
    check(PH_TEMPLATE_HTML, "{{link:x}}", "javascript:alert(1)", "#");
    check(PH_TEMPLATE_HTML, "{{link:x}}", " https://a", "#");
    check(PH_TEMPLATE_HTML, "{{link:x}}", "", "#");
}

static void sections_stay_when_their_value_is_there(void **state) {
    (void)state;
    check(PH_TEMPLATE_TEXT, "a{{#x}}[{{x}}]{{/x}}b", "v", "a[v]b");
    check(PH_TEMPLATE_TEXT, "a{{#x}}[{{x}}]{{/x}}b", "", "ab");
    check(PH_TEMPLATE_TEXT, "a{{#none}}x{{#x}}{{x}}{{/x}}{{/none}}b", "v", "ab");
    check(PH_TEMPLATE_TEXT, "a\n{{#x}}\nv\n{{/x}}\nb", "v", "a\nv\nb");
}

static void malformed_templates_are_refused(void **state) {
    static const char *const wrong[] = {"{{y}}", "{{x", "{{#x}}", "{{/x}}", "{{#x}}{{#none}}{{/x}}{{/none}}",
        "{{}}", "{{#x}}{{#x}}{{#x}}{{#x}}{{#x}}", "{{link:}}"};
    const struct ph_template_value values[] = {{"x", "v"}, {"none", NULL}, {NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ph_builder builder = {0};
        if (ph_template_render(&builder, PH_TEMPLATE_TEXT, wrong[i], values) != -EINVAL)
            fail_msg("taken: %s", wrong[i]);
        ph_builder_discard(&builder);
    }
}

static int fill(void *opaque) {
    const struct ph_template_value values[] = {{"name", "Zoë {duration}"}, {"duration", "1 h"}, {NULL, NULL}};
    char *text = NULL;
    (void)opaque;
    int code = ph_sentence_fill("{name}: {duration}.", values, &text);
    if (code == 0)
        assert_string_equal(text, "Zoë {duration}: 1 h.");
    free(text);
    return code;
}

static void sentences_are_filled_once(void **state) {
    const struct ph_template_value values[] = {{"name", NULL}, {NULL, NULL}};
    char *text = NULL;
    (void)state;
    ph_test_with_failing_allocations(fill, NULL);
    assert_int_equal(ph_sentence_fill("{nobody}", values, &text), -EINVAL);
    assert_int_equal(ph_sentence_fill("{name", values, &text), -EINVAL);
    assert_int_equal(ph_sentence_fill("<{name}>", values, &text), 0);
    assert_string_equal(text, "<>");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_escaped_where_they_stand),
        cmocka_unit_test(links_lead_to_the_web_alone),
        cmocka_unit_test(sections_stay_when_their_value_is_there),
        cmocka_unit_test(malformed_templates_are_refused),
        cmocka_unit_test(sentences_are_filled_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
