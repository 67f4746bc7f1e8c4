/* Pages of lists, newest first: how many entries a caller asks for, and after which it goes on. */
#ifndef PH_API_PAGE_H
#define PH_API_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/random.h"

enum { PH_USUAL_PAGE = 50, PH_MOST_PAGE = 100, PH_PAGE_CURSOR_BYTES = 64 };

/* "<time>.<id>" of the last entry before: its time in ms and its id. */
bool ph_page_cursor_parse(const char *text, int64_t *time_ms, char id[PH_SESSION_ID_BYTES]);
void ph_page_cursor_print(int64_t time_ms, const char *id, char text[PH_PAGE_CURSOR_BYTES]);
/* 1 to PH_MOST_PAGE; PH_USUAL_PAGE for NULL. */
bool ph_page_limit_parse(const char *text, size_t *limit);

#endif
