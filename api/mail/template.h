/* Text with holes. What is put into a hole is escaped for where it stands, always: a template has no way to
 * put a value in as it is. So a name that looks like markup stays a name.
 *
 *   {{name}}               the value; in HTML escaped for text and for quoted attributes
 *   {{link:name}}          a value that must be an http:// or https:// URL, else "#": for href and src
 *   {{#name}} … {{/name}}  kept when the value is neither absent nor empty; may nest
 *
 * In PH_TEMPLATE_TEXT and PH_TEMPLATE_HTML control characters of a value but the line feed become spaces. */
#ifndef PH_API_MAIL_TEMPLATE_H
#define PH_API_MAIL_TEMPLATE_H

#include "core/base/builder.h"

enum ph_template_kind { PH_TEMPLATE_TEXT, PH_TEMPLATE_HTML };

/* A list ends with {NULL}. */
struct ph_template_value {
    const char *name;
    const char *text; /* UTF-8; NULL is absent */
};

/* -EINVAL for a template that is malformed or names a value that is not in the list. */
int ph_template_render(struct ph_builder *builder, enum ph_template_kind kind, const char *text,
    const struct ph_template_value *values) PH_NODISCARD;
/* Fills "{name}" of a sentence in a catalogue, as text: malloc'ed. -EINVAL, -ENOMEM. */
int ph_sentence_fill(const char *sentence, const struct ph_template_value *values, char **text) PH_NODISCARD;

#endif
