#include "tests/unit/support/allocation_failure.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);

/* Allocations until one fails; below zero none fails. Of this thread, so that other threads are left alone.
 */
static _Thread_local long countdown = -1;
static _Thread_local bool has_failed;

static bool fails(void) {
    if (countdown < 0 || countdown-- > 0)
        return false;
    has_failed = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size) {
    return fails() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void ph_test_with_failing_allocations(int (*scenario)(void *opaque), void *opaque) {
    enum { most_allocations = 100000 };
    for (long n = 0; n < most_allocations; n++) {
        countdown = n;
        has_failed = false;
        int code = scenario(opaque);
        countdown = -1;
        if (!has_failed) {
            if (code == 0)
                return;
            fprintf(stderr, "scenario fails with %d although no allocation failed\n", code);
            abort();
        }
    }
    fprintf(stderr, "scenario still allocates after %d rounds\n", most_allocations);
    abort();
}
