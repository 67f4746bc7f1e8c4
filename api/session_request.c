#include "api/session_request.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/text.h"

static int refuse(struct ph_body_fault *fault, const char *parent, const char *name, const char *format, ...)
    PH_PRINTF(4, 5);
static int refuse(
    struct ph_body_fault *fault, const char *parent, const char *name, const char *format, ...) {
    va_list arguments;
    snprintf(fault->field, sizeof(fault->field), "%.24s%s%.32s", parent, *parent ? "." : "", name);
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* Cuts no character of a hostile name in two: what is echoed must stay UTF-8. */
static int refuse_unknown(struct ph_body_fault *fault, const char *parent, const char *name) {
    char shown[32];
    size_t size = 0;
    while (
        size < sizeof(shown) - 1 && (unsigned char)name[size] >= 0x20 && (unsigned char)name[size] < 0x7f) {
        shown[size] = name[size];
        size++;
    }
    shown[size] = '\0';
    return refuse(fault, parent, shown, "there is no such field");
}

static int take_text(const json_t *value, const char *parent, const char *name, size_t most_characters,
    char *target, size_t target_bytes, struct ph_body_fault *fault) {
    const char *text = json_string_value(value);
    if (!text)
        return refuse(fault, parent, name, "must be a string");
    if (ph_text_characters(text) > most_characters)
        return refuse(fault, parent, name, "must not be longer than %zu characters", most_characters);
    if (ph_text_has_controls(text))
        return refuse(fault, parent, name, "must not hold control characters");
    snprintf(target, target_bytes, "%s", text);
    return 0;
}

static int take_bool(const json_t *value, const char *name, bool *target, struct ph_body_fault *fault) {
    if (!json_is_boolean(value))
        return refuse(fault, "", name, "must be true or false");
    *target = json_is_true(value);
    return 0;
}

static int take_visibility(const json_t *value, enum ph_visibility *target, struct ph_body_fault *fault) {
    const char *text = json_string_value(value);
    int visibility = text ? ph_visibility_parse(text) : -1;
    if (visibility < 0)
        return refuse(fault, "", "visibility", "must be \"private\", \"unlisted\" or \"public\"");
    *target = (enum ph_visibility)visibility;
    return 0;
}

static int take_metadata(json_t *metadata, struct ph_session_wish *wish, struct ph_body_fault *fault) {
    struct {
        const char *name;
        char *target;
    } fields[] = {{"platform", wish->platform}, {"version", wish->version}, {"device", wish->device}};
    const char *name;
    json_t *value;
    if (!json_is_object(metadata))
        return refuse(fault, "", "metadata", "must be an object");
    json_object_foreach(metadata, name, value) {
        size_t i = 0;
        while (i < 3 && strcmp(fields[i].name, name) != 0)
            i++;
        if (i == 3)
            return refuse_unknown(fault, "metadata", name);
        int code = take_text(
            value, "metadata", name, PH_MOST_METADATA_CHARACTERS, fields[i].target, PH_METADATA_BYTES, fault);
        if (code < 0)
            return code;
    }
    return 0;
}

static int take_field(
    const char *name, json_t *value, struct ph_session_wish *wish, struct ph_body_fault *fault) {
    if (strcmp(name, "title") == 0)
        return take_text(value, "", name, PH_MOST_TITLE_CHARACTERS, wish->title, sizeof(wish->title), fault);
    if (strcmp(name, "visibility") == 0)
        return take_visibility(value, &wish->visibility, fault);
    if (strcmp(name, "record") == 0)
        return take_bool(value, name, &wish->record, fault);
    if (strcmp(name, "encryption") == 0)
        return take_bool(value, name, &wish->encryption, fault);
    if (strcmp(name, "metadata") == 0)
        return take_metadata(value, wish, fault);
    return refuse_unknown(fault, "", name);
}

int ph_session_request_parse(
    struct ph_slice body, struct ph_session_wish *wish, struct ph_body_fault *fault) {
    *wish = (struct ph_session_wish){.visibility = PH_VISIBILITY_PRIVATE, .record = true};
    *fault = (struct ph_body_fault){0};
    if (body.size == 0)
        return 0;
    json_error_t problem;
    json_t *root = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &problem);
    if (!root && json_error_code(&problem) == json_error_out_of_memory)
        return -ENOMEM;
    if (!root)
        return refuse(
            fault, "", "", "the body is no valid JSON: line %d, column %d", problem.line, problem.column);
    const char *name;
    json_t *value;
    int code = json_is_object(root) ? 0 : refuse(fault, "", "", "the body must be a JSON object");
    if (code == 0) {
        json_object_foreach(root, name, value) {
            code = take_field(name, value, wish, fault);
            if (code < 0)
                break;
        }
    }
    json_decref(root);
    return code;
}
