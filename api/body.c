#include "api/body.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/text.h"

/* Names of fields are the peer's: what a pointer cannot show in plain ASCII ends it. */
static void append_name(char *path, size_t path_bytes, const char *name) {
    size_t size = strlen(path);
    if (size + 1 < path_bytes)
        path[size++] = '/';
    for (; *name && (unsigned char)*name >= 0x20 && (unsigned char)*name < 0x7f; name++) {
        bool is_escaped = *name == '~' || *name == '/'; /* RFC 6901, section 3 */
        if (size + 3 > path_bytes)
            break;
        path[size++] = is_escaped ? '~' : *name;
        if (is_escaped)
            path[size++] = *name == '~' ? '0' : '1';
    }
    path[size] = '\0';
}

PH_PRINTF(3, 0)
static void refuse(struct ph_body *body, const char *name, const char *format, va_list arguments) {
    if (body->code < 0)
        return;
    body->code = -EINVAL;
    snprintf(body->fault.field, sizeof(body->fault.field), "%s", body->path);
    if (name)
        append_name(body->fault.field, sizeof(body->fault.field), name);
    vsnprintf(body->fault.text, sizeof(body->fault.text), format, arguments);
}

void ph_body_refuse(struct ph_body *body, const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refuse(body, name, format, arguments);
    va_end(arguments);
}

/* Whether brackets nest deeper than a reader goes: told before the parser recurses. */
static bool is_too_deep(struct ph_slice bytes) {
    size_t depth = 0;
    bool is_text = false;
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = bytes.data[i];
        if (is_text && c == '\\')
            i++;
        else if (c == '"')
            is_text = !is_text;
        else if (!is_text && (c == '{' || c == '[') && ++depth > PH_MOST_BODY_DEPTH)
            return true;
        else if (!is_text && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

void ph_body_open(struct ph_body *body, struct ph_slice bytes) {
    json_error_t problem;
    *body = (struct ph_body){.depth = 1};
    if (is_too_deep(bytes)) {
        ph_body_refuse(body, NULL, "the body is nested deeper than %d levels", PH_MOST_BODY_DEPTH);
        return;
    }
    body->root = bytes.size
                     ? json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &problem)
                     : json_object();
    body->levels[0].value = body->root;
    if (!body->root && (bytes.size == 0 || json_error_code(&problem) == json_error_out_of_memory))
        body->code = -ENOMEM;
    else if (!body->root)
        ph_body_refuse(
            body, NULL, "the body is no valid JSON: line %d, column %d", problem.line, problem.column);
    else if (!json_is_object(body->root))
        ph_body_refuse(body, NULL, "the body must be a JSON object");
}

static struct ph_body_level *level_of(struct ph_body *body) {
    return &body->levels[body->depth - 1];
}

static void refuse_leftovers(struct ph_body *body) {
    const char *name;
    json_t *value;
    if (body->code < 0)
        return;
    json_object_foreach(level_of(body)->value, name, value) {
        ph_body_refuse(body, name, "there is no such field");
        return;
    }
}

int ph_body_close(struct ph_body *body, struct ph_body_fault *fault) {
    refuse_leftovers(body);
    json_decref(body->root);
    body->root = NULL;
    if (fault)
        *fault = body->fault;
    return body->code;
}

static json_t *peek(struct ph_body *body, const char *name) {
    return body->code < 0 ? NULL : json_object_get(level_of(body)->value, name);
}

/* The field is done with. */
static void taken(struct ph_body *body, const char *name) {
    json_object_del(level_of(body)->value, name);
}

void ph_body_require(struct ph_body *body, const char *name) {
    if (body->code == 0 && !peek(body, name))
        ph_body_refuse(body, name, "is required");
}

/* Refuses a text that breaks a rule. */
static bool text_holds(
    struct ph_body *body, const char *name, const json_t *value, const struct ph_text_rule *rule) {
    const char *text = json_string_value(value);
    size_t characters = text ? ph_text_characters(text) : 0;
    if (!text)
        ph_body_refuse(body, name, "must be a string");
    else if (characters > rule->most)
        ph_body_refuse(body, name, "must not be longer than %zu characters", rule->most);
    else if (characters < rule->least)
        ph_body_refuse(body, name, "must not be shorter than %zu characters", rule->least);
    else if (rule->takes_lines ? ph_text_has_unprintables(text) : ph_text_has_controls(text))
        ph_body_refuse(body, name, "must not hold control characters");
    else if (rule->has_form && !rule->has_form(text))
        ph_body_refuse(body, name, "must be %s", rule->form);
    return body->code == 0;
}

void ph_body_text(
    struct ph_body *body, const char *name, struct ph_text_rule rule, char *target, size_t target_bytes) {
    json_t *value = peek(body, name);
    if (!value || !text_holds(body, name, value, &rule))
        return;
    if (json_string_length(value) >= target_bytes) {
        ph_body_refuse(body, name, "must not be longer than %zu bytes", target_bytes - 1);
        return;
    }
    memcpy(target, json_string_value(value), json_string_length(value) + 1);
    taken(body, name);
}

void ph_body_bool(struct ph_body *body, const char *name, bool *target) {
    json_t *value = peek(body, name);
    if (!value)
        return;
    if (!json_is_boolean(value)) {
        ph_body_refuse(body, name, "must be true or false");
        return;
    }
    *target = json_is_true(value);
    taken(body, name);
}

void ph_body_integer(struct ph_body *body, const char *name, int64_t least, int64_t most, int64_t *target) {
    json_t *value = peek(body, name);
    if (!value)
        return;
    if (!json_is_integer(value) || json_integer_value(value) < least || json_integer_value(value) > most) {
        ph_body_refuse(
            body, name, "must be a whole number from %lld to %lld", (long long)least, (long long)most);
        return;
    }
    *target = json_integer_value(value);
    taken(body, name);
}

void ph_body_choice(
    struct ph_body *body, const char *name, const char *const *choices, size_t count, int *target) {
    char list[128] = "";
    json_t *value = peek(body, name);
    const char *text = json_string_value(value);
    if (!value)
        return;
    for (size_t i = 0; i < count; i++) {
        if (text && strcmp(text, choices[i]) == 0) {
            *target = (int)i;
            taken(body, name);
            return;
        }
        size_t size = strlen(list);
        snprintf(list + size, sizeof(list) - size, "%s\"%s\"",
            i == 0           ? ""
            : i + 1 == count ? " or "
                             : ", ",
            choices[i]);
    }
    ph_body_refuse(body, name, "must be %s", list);
}

/* A level's value is kept by its parent until it is left. */
static bool descend(struct ph_body *body, json_t *value, const char *name) {
    size_t path_size = strlen(body->path);
    if (body->depth == PH_MOST_BODY_DEPTH) {
        ph_body_refuse(body, name, "is nested too deeply");
        return false;
    }
    append_name(body->path, sizeof(body->path), name);
    body->levels[body->depth++] = (struct ph_body_level){.value = value, .path_size = path_size};
    return true;
}

bool ph_body_enter(struct ph_body *body, const char *name) {
    json_t *value = peek(body, name);
    if (value && !json_is_object(value))
        ph_body_refuse(body, name, "must be an object");
    return value && body->code == 0 && descend(body, value, name);
}

/* The emptied value stays with its parent, which must not take it for a field left over. */
static void forget(struct ph_body *body, const json_t *child) {
    const char *name;
    json_t *value;
    if (!json_is_object(level_of(body)->value))
        return;
    json_object_foreach(level_of(body)->value, name, value) {
        if (value == child) {
            taken(body, name);
            return;
        }
    }
}

void ph_body_leave(struct ph_body *body) {
    struct ph_body_level *level = level_of(body);
    if (json_is_object(level->value))
        refuse_leftovers(body);
    body->path[level->path_size] = '\0';
    body->depth--;
    forget(body, level->value);
}

bool ph_body_enter_list(struct ph_body *body, const char *name, size_t most) {
    json_t *value = peek(body, name);
    if (value && !json_is_array(value))
        ph_body_refuse(body, name, "must be an array");
    else if (json_array_size(value) > most)
        ph_body_refuse(body, name, "must not have more than %zu entries", most);
    return value && body->code == 0 && descend(body, value, name);
}

bool ph_body_next(struct ph_body *body) {
    char name[24];
    struct ph_body_level *level = level_of(body);
    if (body->code < 0 || level->index == json_array_size(level->value))
        return false;
    json_t *entry = json_array_get(level->value, level->index);
    snprintf(name, sizeof(name), "%zu", level->index++);
    if (!json_is_object(entry)) {
        ph_body_refuse(body, name, "must be an object");
        return false;
    }
    return descend(body, entry, name);
}

void ph_body_texts(struct ph_body *body, const char *name, size_t most, struct ph_text_rule rule,
    void (*take)(void *opaque, const char *text), void *opaque) {
    if (!ph_body_enter_list(body, name, most))
        return;
    const json_t *list = level_of(body)->value;
    for (size_t i = 0; i < json_array_size(list); i++) {
        char index[24];
        json_t *entry = json_array_get(list, i);
        snprintf(index, sizeof(index), "%zu", i);
        if (!text_holds(body, index, entry, &rule))
            break;
        take(opaque, json_string_value(entry));
    }
    ph_body_leave(body);
}
