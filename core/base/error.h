/* Error codes and the text a person reads.
 *
 * Functions return 0 or a negative code: -errno, or one of FFmpeg's AVERROR tags, so that FFmpeg's own
 * codes pass through unchanged. Text for people (struct ph_error) is filled only where a person reads it:
 * settings, the API, a refused publisher. */
#ifndef PH_BASE_ERROR_H
#define PH_BASE_ERROR_H

#include <errno.h>
#include <stddef.h>

#define PH_NODISCARD __attribute__((warn_unused_result))
#define PH_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))

/* End of stream; the same value as AVERROR_EOF. */
#define PH_EOF (-(int)('E' | ('O' << 8) | ('F' << 16) | ((unsigned)' ' << 24)))
/* Bytes from outside break their format; the same value as AVERROR_INVALIDDATA. */
#define PH_INVALID_DATA (-(int)('I' | ('N' << 8) | ('D' << 16) | ((unsigned)'A' << 24)))

struct ph_error {
    char text[384];
};

/* Writes a sentence that says what is wrong and what to do. `error` may be NULL. Always returns `code`, so
 * that a failing function can end with `return ph_error_set(error, -EINVAL, "…")`. */
int ph_error_set(struct ph_error *error, int code, const char *format, ...) PH_PRINTF(3, 4);

/* Text of a code, for logs. Writes into `buffer` and returns it. */
const char *ph_error_name(int code, char *buffer, size_t buffer_bytes);

#endif
