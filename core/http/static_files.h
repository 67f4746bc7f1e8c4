/* The web pages: a folder of built files, loaded into memory at start and served from there. What is not in
 * the folder at start does not exist, so no path of a request ever reaches the file system. */
#ifndef PH_HTTP_STATIC_FILES_H
#define PH_HTTP_STATIC_FILES_H

#include "core/base/error.h"
#include "core/http/server.h"

struct ph_http_static;

/* An address that shows a page of the folder. */
struct ph_http_page {
    const char *pattern; /* as in a route: "/watch/{session}"; NULL after the last */
    const char *file;    /* "index.html", when NULL */
};

/* Loads the folder: regular files, no links, names without a leading dot; `x.gz` beside `x` is its compressed
 * twin. A missing folder is no error: its pages then answer 503 and say what to run. -ENOMEM; -EMSGSIZE when
 * the folder is too large to be one of built pages; -errno of a file that cannot be read; with a sentence in
 * `error`. `frame_origins`: who may show the pages in a frame beside themselves, comma-separated. */
int ph_http_static_load(struct ph_http_static **files, const char *dir, const char *frame_origins,
    struct ph_error *error) PH_NODISCARD;
/* Adds the routes of the files and of the pages (borrowed for the call). Before the server starts; the files
 * must outlive it. */
int ph_http_static_add(struct ph_http_static *files, struct ph_http_server *server,
    const struct ph_http_page *pages) PH_NODISCARD;
/* After the server was destroyed. NULL is fine. */
void ph_http_static_destroy(struct ph_http_static *files);

#endif
