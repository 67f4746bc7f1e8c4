#include "core/http/router.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum segment_kind { literal, parameter, rest }; /* in the order in which they win */

struct segment {
    enum segment_kind kind;
    char *text; /* the literal, or the parameter's name */
};

struct route {
    char *method; /* NULL: any */
    void *target;
    size_t segment_count;
    struct segment segments[PH_ROUTER_MOST_SEGMENTS];
};

struct ph_router {
    struct route **routes; /* most specific first */
    size_t count;
};

struct path {
    size_t count;
    char *segments[PH_ROUTER_MOST_SEGMENTS];
};

static void route_destroy(struct route *route) {
    for (size_t i = 0; i < route->segment_count; i++)
        free(route->segments[i].text);
    free(route->method);
    free(route);
}

int ph_router_create(struct ph_router **router) {
    *router = calloc(1, sizeof(**router));
    return *router ? 0 : -ENOMEM;
}

void ph_router_destroy(struct ph_router *router) {
    if (!router)
        return;
    for (size_t i = 0; i < router->count; i++)
        route_destroy(router->routes[i]);
    free(router->routes);
    free(router);
}

static int parse_segment(struct segment *segment, const char *text, size_t size, bool is_last) {
    segment->kind = literal;
    if (size > 0 && text[0] == '{') {
        if (size < 3 || text[size - 1] != '}')
            return -EINVAL;
        segment->kind = parameter;
        text++;
        size -= 2;
        if (size >= 3 && memcmp(text + size - 3, "...", 3) == 0) {
            segment->kind = rest;
            size -= 3;
        }
    }
    if (size == 0 || memchr(text, '{', size) || memchr(text, '}', size) ||
        (segment->kind == rest && !is_last))
        return -EINVAL;
    segment->text = calloc(1, size + 1);
    if (!segment->text)
        return -ENOMEM;
    memcpy(segment->text, text, size);
    return 0;
}

static int parse_pattern(struct route *route, const char *pattern) {
    size_t params = 0;
    if (pattern[0] != '/')
        return -EINVAL;
    for (const char *next = pattern; next[0] == '/' && strcmp(pattern, "/") != 0;) {
        size_t size = strcspn(next + 1, "/");
        if (route->segment_count == PH_ROUTER_MOST_SEGMENTS)
            return -EINVAL;
        struct segment *segment = &route->segments[route->segment_count];
        int code = parse_segment(segment, next + 1, size, next[1 + size] == '\0');
        if (code)
            return code;
        route->segment_count++;
        if (segment->kind != literal && ++params > PH_ROUTER_MOST_PARAMS)
            return -EINVAL;
        next += 1 + size;
    }
    return 0;
}

/* Below zero when `a` is to be tried before `b`; 0 when they match the same paths. */
static int compare(const struct route *a, const struct route *b) {
    for (size_t i = 0; i < a->segment_count && i < b->segment_count; i++) {
        if (a->segments[i].kind != b->segments[i].kind)
            return (int)a->segments[i].kind - (int)b->segments[i].kind;
        int order = a->segments[i].kind == literal ? strcmp(a->segments[i].text, b->segments[i].text) : 0;
        if (order)
            return order;
    }
    return (a->segment_count < b->segment_count) - (a->segment_count > b->segment_count);
}

static bool same_method(const struct route *a, const struct route *b) {
    return a->method && b->method ? strcmp(a->method, b->method) == 0 : a->method == b->method;
}

static int insert(struct ph_router *router, struct route *route) {
    struct route **routes = realloc(router->routes, (router->count + 1) * sizeof(struct route *));
    if (!routes)
        return -ENOMEM;
    router->routes = routes;
    size_t at = 0;
    while (at < router->count && compare(routes[at], route) <= 0) {
        if (compare(routes[at], route) == 0 && same_method(routes[at], route))
            return -EEXIST;
        /* A route for any method comes after those that name theirs. */
        if (compare(routes[at], route) == 0 && !routes[at]->method)
            break;
        at++;
    }
    memmove(routes + at + 1, routes + at, (router->count - at) * sizeof(struct route *));
    routes[at] = route;
    router->count++;
    return 0;
}

int ph_router_add(struct ph_router *router, const char *method, const char *pattern, void *target) {
    struct route *route = calloc(1, sizeof(*route));
    if (!route)
        return -ENOMEM;
    route->target = target;
    route->method = method ? strdup(method) : NULL;
    int code = method && !route->method ? -ENOMEM : parse_pattern(route, pattern);
    if (!code)
        code = insert(router, route);
    if (code)
        route_destroy(route);
    return code;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int ph_percent_decode(char *target, const char *source, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (source[i] != '%') {
            *target++ = source[i];
            continue;
        }
        int high = i + 2 < size ? hex_digit(source[i + 1]) : -1;
        int low = i + 2 < size ? hex_digit(source[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return -EINVAL;
        *target++ = (char)(high * 16 + low);
        i += 2;
    }
    *target = '\0';
    return 0;
}

/* A decoded segment that could mean something else to a file system or a log. */
static bool is_treacherous(const char *segment) {
    if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
        return true;
    for (const char *p = segment; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
            return true;
    }
    return false;
}

static enum ph_router_verdict split(
    struct path *path, const char *text, char *buffer, size_t buffer_bytes, size_t *used) {
    path->count = 0;
    *used = 0;
    if (text[0] != '/')
        return PH_ROUTER_BAD_PATH;
    if (strlen(text) + 1 > buffer_bytes)
        return PH_ROUTER_TOO_LONG;
    if (text[1] == '\0')
        return PH_ROUTER_FOUND;
    for (const char *next = text; next[0] == '/';) {
        size_t size = strcspn(next + 1, "/");
        char *segment = buffer + *used;
        if (path->count == PH_ROUTER_MOST_SEGMENTS)
            return PH_ROUTER_NOT_FOUND;
        if (ph_percent_decode(segment, next + 1, size) || is_treacherous(segment))
            return PH_ROUTER_BAD_PATH;
        path->segments[path->count++] = segment;
        *used += strlen(segment) + 1;
        next += 1 + size;
    }
    return PH_ROUTER_FOUND;
}

static bool matches(const struct route *route, const struct path *path) {
    for (size_t i = 0; i < route->segment_count; i++) {
        const struct segment *segment = &route->segments[i];
        if (segment->kind == rest)
            return true;
        if (i == path->count || path->segments[i][0] == '\0')
            return false;
        if (segment->kind == literal && strcmp(segment->text, path->segments[i]) != 0)
            return false;
    }
    return route->segment_count == path->count;
}

static bool takes_method(const struct route *route, const char *method) {
    if (!route->method || strcmp(route->method, method) == 0)
        return true;
    return strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0;
}

/* Joins the segments from `first` on with slashes: they lie in a row, each ended by a NUL. */
static const char *join(const struct path *path, size_t first) {
    if (first >= path->count)
        return "";
    for (size_t i = first; i + 1 < path->count; i++)
        path->segments[i][strlen(path->segments[i])] = '/';
    return path->segments[first];
}

static void take_params(struct ph_router_match *match, const struct route *route, const struct path *path) {
    for (size_t i = 0; i < route->segment_count; i++) {
        const struct segment *segment = &route->segments[i];
        if (segment->kind == literal)
            continue;
        struct ph_router_param *param = &match->params[match->param_count++];
        param->name = segment->text;
        param->value = segment->kind == rest ? join(path, i) : path->segments[i];
    }
}

static void allow(struct ph_router_match *match, const char *method) {
    size_t size = strlen(match->allow);
    if (strstr(match->allow, method) || size + strlen(method) + 3 > sizeof(match->allow))
        return;
    if (size)
        strcat(match->allow, ", ");
    strcat(match->allow, method);
}

struct ph_router_match ph_router_find(const struct ph_router *router, const char *method, const char *text,
    char *buffer, size_t buffer_bytes, size_t *used) {
    struct ph_router_match match;
    struct path path;
    match.target = NULL;
    match.param_count = 0;
    match.allow[0] = '\0';
    match.verdict = split(&path, text, buffer, buffer_bytes, used);
    if (match.verdict != PH_ROUTER_FOUND)
        return match;
    match.verdict = PH_ROUTER_NOT_FOUND;
    for (size_t i = 0; i < router->count; i++) {
        const struct route *route = router->routes[i];
        if (!matches(route, &path))
            continue;
        if (takes_method(route, method)) {
            match.verdict = PH_ROUTER_FOUND;
            match.target = route->target;
            take_params(&match, route, &path);
            return match;
        }
        match.verdict = PH_ROUTER_WRONG_METHOD;
        if (!match.target)
            match.target = route->target;
        allow(&match, route->method);
        if (strcmp(route->method, "GET") == 0)
            allow(&match, "HEAD");
    }
    if (match.verdict == PH_ROUTER_WRONG_METHOD)
        allow(&match, "OPTIONS");
    return match;
}
