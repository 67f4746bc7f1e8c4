/* The built web pages of this node. */
#ifndef PH_APP_WEB_PAGES_H
#define PH_APP_WEB_PAGES_H

#include "core/base/error.h"
#include "core/http/server.h"

struct ph_web_pages;

/* Loads the pages from `dir`, or, when it is empty, from where they lie beside the binary: installed, or in a
 * build tree. A folder that is not there is no error: the pages then say how to build them. */
int ph_web_pages_add(struct ph_web_pages **pages, const char *dir, const char *frame_origins,
    struct ph_http_server *server, struct ph_error *error) PH_NODISCARD;
/* After the server was destroyed. NULL is fine. */
void ph_web_pages_destroy(struct ph_web_pages *pages);

#endif
