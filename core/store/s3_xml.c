#include "core/store/s3_xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/builder.h"

enum { most_depth = 12 };

struct walk {
    XML_Parser parser;
    ph_s3_element_visitor *visit;
    void *opaque;
    int code;
    unsigned depth;
    size_t begins[most_depth];
    size_t path_sizes[most_depth + 1]; /* of the path before the element */
    size_t path_size;
    char path[PH_S3_PATH_BYTES];
    size_t text_size;
    char text[PH_S3_TEXT_BYTES];
};

static void stop(struct walk *walk, int code) {
    if (!walk->code)
        walk->code = code;
    XML_StopParser(walk->parser, XML_FALSE);
}

static void call(struct walk *walk, const struct ph_s3_element *element) {
    int code = walk->visit(walk->opaque, element);
    if (code)
        stop(walk, code);
}

static void XMLCALL begin_element(void *opaque, const XML_Char *name, const XML_Char **attributes) {
    struct walk *walk = opaque;
    const char *prefix_end = strchr(name, ':');
    (void)attributes;
    if (walk->code)
        return;
    if (prefix_end)
        name = prefix_end + 1;
    size_t size = strlen(name), slash = walk->depth ? 1 : 0;
    if (walk->depth == most_depth || walk->path_size + slash + size >= sizeof(walk->path)) {
        stop(walk, PH_INVALID_DATA);
        return;
    }
    walk->begins[walk->depth] = (size_t)XML_GetCurrentByteIndex(walk->parser);
    walk->path_sizes[walk->depth] = walk->path_size;
    if (slash)
        walk->path[walk->path_size++] = '/';
    memcpy(walk->path + walk->path_size, name, size + 1);
    walk->path_size += size;
    walk->text_size = 0;
    call(walk, &(struct ph_s3_element){.path = walk->path, .text = "", .begin = walk->begins[walk->depth]});
    walk->depth++;
}

static void XMLCALL end_element(void *opaque, const XML_Char *name) {
    struct walk *walk = opaque;
    (void)name;
    if (walk->code)
        return;
    walk->depth--;
    walk->text[walk->text_size] = '\0';
    size_t end =
        (size_t)XML_GetCurrentByteIndex(walk->parser) + (size_t)XML_GetCurrentByteCount(walk->parser);
    call(walk, &(struct ph_s3_element){walk->path, true, walk->text, walk->begins[walk->depth], end});
    walk->path_size = walk->path_sizes[walk->depth];
    walk->path[walk->path_size] = '\0';
    walk->text_size = 0;
}

static void XMLCALL take_text(void *opaque, const XML_Char *text, int size) {
    struct walk *walk = opaque;
    if (walk->code)
        return;
    if (walk->text_size + (size_t)size >= sizeof(walk->text)) {
        stop(walk, PH_INVALID_DATA);
        return;
    }
    memcpy(walk->text + walk->text_size, text, (size_t)size);
    walk->text_size += (size_t)size;
}

static void XMLCALL refuse_type(
    void *opaque, const XML_Char *name, const XML_Char *system, const XML_Char *public, int has_subset) {
    (void)name, (void)system, (void)public, (void)has_subset;
    stop(opaque, PH_INVALID_DATA);
}

/* Allocations are the C library's own through these, so that a test can let them fail. */
static const XML_Memory_Handling_Suite memory = {malloc, realloc, free};

int ph_s3_xml_walk(struct ph_slice document, ph_s3_element_visitor *visit, void *opaque) {
    if (document.size > INT32_MAX)
        return PH_INVALID_DATA;
    struct walk walk = {.visit = visit, .opaque = opaque};
    walk.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
    if (!walk.parser)
        return -ENOMEM;
    XML_SetUserData(walk.parser, &walk);
    XML_SetElementHandler(walk.parser, begin_element, end_element);
    XML_SetCharacterDataHandler(walk.parser, take_text);
    XML_SetStartDoctypeDeclHandler(walk.parser, refuse_type);
    enum XML_Status status =
        XML_Parse(walk.parser, (const char *)document.data, (int)document.size, XML_TRUE);
    int code = walk.code;
    if (!code && status != XML_STATUS_OK)
        code = XML_GetErrorCode(walk.parser) == XML_ERROR_NO_MEMORY ? -ENOMEM : PH_INVALID_DATA;
    XML_ParserFree(walk.parser);
    return code;
}

void ph_s3_xml_escape(struct ph_builder *builder, const char *text) {
    for (; *text; text++) {
        const char *escape = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&apos;"
                                             : NULL;
        if (escape)
            ph_builder_text(builder, escape);
        else
            ph_builder_append(builder, text, 1);
    }
}
