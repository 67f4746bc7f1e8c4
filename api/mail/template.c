#include "api/mail/template.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { MOST_DEPTH = 4 };

static const struct ph_template_value *find(
    const struct ph_template_value *values, const char *name, size_t size) {
    for (; values->name; values++) {
        if (strlen(values->name) == size && strncmp(values->name, name, size) == 0)
            return values;
    }
    return NULL;
}

static void put_html(struct ph_builder *builder, char c) {
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (entities[i].character == c) {
            ph_builder_text(builder, entities[i].entity);
            return;
        }
    }
    ph_builder_append(builder, &c, 1);
}

static void put_value(struct ph_builder *builder, enum ph_template_kind kind, const char *text) {
    for (; *text; text++) {
        char c = *text;
        if (((unsigned char)c < 0x20 && c != '\n') || c == 0x7f)
            c = ' ';
        if (kind == PH_TEMPLATE_HTML)
            put_html(builder, c);
        else
            ph_builder_append(builder, &c, 1);
    }
}

static bool is_web_link(const char *text) {
    return strncasecmp(text, "https://", 8) == 0 || strncasecmp(text, "http://", 7) == 0;
}

/* A section that is open, and whether what stands in it is kept. */
struct section {
    const char *name;
    size_t size;
    bool is_kept;
};

struct rendering {
    struct ph_builder *builder;
    enum ph_template_kind kind;
    const struct ph_template_value *values;
    struct section sections[MOST_DEPTH];
    size_t depth;
};

static bool is_kept(const struct rendering *rendering) {
    return rendering->depth == 0 || rendering->sections[rendering->depth - 1].is_kept;
}

static int open_section(struct rendering *rendering, const char *name, size_t size) {
    const struct ph_template_value *value = find(rendering->values, name, size);
    if (!value || rendering->depth == MOST_DEPTH)
        return -EINVAL;
    bool kept = is_kept(rendering) && value->text && *value->text;
    rendering->sections[rendering->depth++] = (struct section){name, size, kept};
    return 0;
}

static int close_section(struct rendering *rendering, const char *name, size_t size) {
    if (rendering->depth == 0)
        return -EINVAL;
    const struct section *section = &rendering->sections[--rendering->depth];
    return section->size == size && strncmp(section->name, name, size) == 0 ? 0 : -EINVAL;
}

static int put_hole(struct rendering *rendering, const char *name, size_t size) {
    bool is_link = size > 5 && strncmp(name, "link:", 5) == 0;
    const struct ph_template_value *value =
        is_link ? find(rendering->values, name + 5, size - 5) : find(rendering->values, name, size);
    if (!value)
        return -EINVAL;
    const char *text = value->text ? value->text : "";
    if (is_link && !is_web_link(text))
        text = "#";
    if (is_kept(rendering))
        put_value(rendering->builder, rendering->kind, text);
    return 0;
}

static int put_tag(struct rendering *rendering, const char *tag, size_t size) {
    if (size > 1 && *tag == '#')
        return open_section(rendering, tag + 1, size - 1);
    if (size > 1 && *tag == '/')
        return close_section(rendering, tag + 1, size - 1);
    return put_hole(rendering, tag, size);
}

int ph_template_render(struct ph_builder *builder, enum ph_template_kind kind, const char *text,
    const struct ph_template_value *values) {
    struct rendering rendering = {.builder = builder, .kind = kind, .values = values};
    for (;;) {
        const char *tag = strstr(text, "{{");
        size_t size = tag ? (size_t)(tag - text) : strlen(text);
        if (is_kept(&rendering))
            ph_builder_append(builder, text, size);
        if (!tag)
            break;
        const char *end = strstr(tag, "}}");
        int code = end ? put_tag(&rendering, tag + 2, (size_t)(end - tag) - 2) : -EINVAL;
        if (code < 0)
            return code;
        text = end + 2;
        /* A section's tag that stands alone leaves no empty line behind. */
        if ((tag[2] == '#' || tag[2] == '/') && *text == '\n')
            text++;
    }
    if (rendering.depth > 0)
        return -EINVAL;
    return ph_builder_ok(builder) ? 0 : -ENOMEM;
}

int ph_sentence_fill(const char *sentence, const struct ph_template_value *values, char **text) {
    struct ph_builder builder = {0};
    while (*sentence) {
        size_t size = strcspn(sentence, "{");
        ph_builder_append(&builder, sentence, size);
        sentence += size;
        if (!*sentence)
            break;
        size = strcspn(sentence, "}");
        const struct ph_template_value *value = sentence[size] ? find(values, sentence + 1, size - 1) : NULL;
        if (!value) {
            ph_builder_discard(&builder);
            return -EINVAL;
        }
        ph_builder_text(&builder, value->text ? value->text : "");
        sentence += size + 1;
    }
    *text = ph_builder_finish_string(&builder);
    return *text ? 0 : -ENOMEM;
}
