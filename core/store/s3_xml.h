/* XML from an S3 server: hostile like all that comes from outside. Depth, texts and names are bounded,
 * document types and with them entities are refused. Pure. Everything returns 0, a visitor's code,
 * PH_INVALID_DATA or -ENOMEM. */
#ifndef PH_STORE_S3_XML_H
#define PH_STORE_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/store/store.h"

enum { PH_S3_PATH_BYTES = 256, PH_S3_TEXT_BYTES = 2048, PH_S3_CODE_BYTES = 64 };

/* An element begins or ends. Borrowed. */
struct ph_s3_element {
    const char *path; /* Root/Child/Grandchild, without namespaces */
    bool is_end;
    const char *text; /* its own, at its end; "" when it has elements in it */
    size_t begin;     /* where it stands in the document, with its tags; `end` at its end alone */
    size_t end;
};
typedef int ph_s3_element_visitor(void *opaque, const struct ph_s3_element *element);
int ph_s3_xml_walk(struct ph_slice document, ph_s3_element_visitor *visit, void *opaque) PH_NODISCARD;

/* Appends `text` as what stands between two tags. */
struct ph_builder;
void ph_s3_xml_escape(struct ph_builder *builder, const char *text);

/* An <Error>: its code, letters and digits alone; "" when the document is something else, which has to be a
 * <`root`> (NULL: anything). */
int ph_s3_xml_error(struct ph_slice document, const char *root, char code[PH_S3_CODE_BYTES]) PH_NODISCARD;
/* The text of the element at `path`; -ENOENT: there is none, -EMSGSIZE: it is longer. */
int ph_s3_xml_text(struct ph_slice document, const char *path, char *text, size_t text_bytes) PH_NODISCARD;

/* A page of ListObjectsV2 with encoding-type=url. */
struct ph_s3_page {
    /* Called for each object, with its key decoded; may be NULL. Returns 0 to go on. */
    int (*visit)(void *opaque, const char *key, const struct ph_store_object *object);
    void *opaque;
    bool is_truncated;
    char next[PH_S3_TEXT_BYTES]; /* continuation token; "" at the end */
};
int ph_s3_xml_page(struct ph_slice document, struct ph_s3_page *page) PH_NODISCARD;

/* The answer to DeleteObjects: how many could not be removed, and the first one's code. */
int ph_s3_xml_removed(struct ph_slice document, size_t *failures, char code[PH_S3_CODE_BYTES]) PH_NODISCARD;

#endif
