#include "app/web_pages.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/http/static_files.h"

struct ph_web_pages {
    struct ph_http_static *files;
};

/* Finds the folder from where the binary is. Leaves the first place's name when there is none, for the
 * message. */
static void find_beside_binary(char *dir, size_t dir_bytes) {
    static const char *const places[] = {"../share/porthole/web", "../../../web/dist"};
    char binary[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", binary, sizeof(binary) - 1);
    binary[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(binary, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = sizeof(places) / sizeof(places[0]); i-- > 0;) {
        snprintf(dir, dir_bytes, "%s/%s", binary, places[i]);
        if (access(dir, R_OK) == 0)
            return;
    }
}

int ph_web_pages_add(struct ph_web_pages **out, const char *dir, const char *frame_origins,
    struct ph_http_server *server, struct ph_error *error) {
    static const struct ph_http_page pages[] = {{"/", NULL}, {"/watch/{session}", "watch.html"},
        {"/publish", "publish.html"}, {"/recordings", "recordings.html"}, {NULL, NULL}};
    *out = NULL;
    char found[PATH_MAX + 64];
    if (!*dir) {
        find_beside_binary(found, sizeof(found));
        dir = found;
    }
    struct ph_web_pages *web = calloc(1, sizeof(*web));
    if (!web)
        return -ENOMEM;
    int code = ph_http_static_load(&web->files, dir, frame_origins, error);
    if (!code)
        code = ph_http_static_add(web->files, server, pages);
    if (code) {
        ph_web_pages_destroy(web);
        return code;
    }
    *out = web;
    return 0;
}

void ph_web_pages_destroy(struct ph_web_pages *web) {
    if (!web)
        return;
    ph_http_static_destroy(web->files);
    free(web);
}
