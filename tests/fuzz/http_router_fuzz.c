/* links: ph_http ph_base */
/* A method, a NUL and a path against the routes of a real server. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/router.h"

static struct ph_router *make_router(void) {
    static const char *const patterns[] = {"/", "/live/{session}/index.m3u8",
        "/live/{session}/{track}/{file}", "/live/{session}/{track}/index.m3u8", "/assets/{path...}",
        "/api/sessions/{id}/viewers/{viewer}", "/whip"};
    struct ph_router *router = NULL;
    if (ph_router_create(&router))
        abort();
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (ph_router_add(router, i % 3 == 2 ? "PUT" : "GET", patterns[i], router))
            abort();
    }
    return router;
}

static void check(const struct ph_router_match *match, const char *buffer, size_t buffer_bytes) {
    for (size_t i = 0; i < match->param_count; i++) {
        const char *value = match->params[i].value;
        size_t size = strlen(value);
        if (size > 0 && (value < buffer || value + size >= buffer + buffer_bytes))
            abort();
        if (strcmp(value, "..") == 0 || strstr(value, "/../") || strncmp(value, "../", 3) == 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct ph_router *router;
    if (!router)
        router = make_router();
    enum { buffer_bytes = 128 };
    char *buffer = malloc(buffer_bytes);
    char *text = calloc(1, size + 2);
    if (!buffer || !text)
        abort();
    if (size)
        memcpy(text, bytes, size);
    size_t used = 0;
    const char *path = text + strlen(text) + 1 <= text + size ? text + strlen(text) + 1 : "/";
    struct ph_router_match match = ph_router_find(router, text, path, buffer, buffer_bytes, &used);
    if (used > buffer_bytes)
        abort();
    check(&match, buffer, buffer_bytes);
    free(text);
    free(buffer);
    return 0;
}
