/* Logs: one JSON object a line on stderr, `ts` (UTC, RFC 3339), `level`, `msg`, then the fields.
 *
 * A message says what happened to whom in a fixed sentence; what varies goes into fields:
 *     ph_log_info("publisher accepted", ph_str("session", id), ph_int("latency_ms", latency));
 * Never pass a secret, key, token or mail address. Thread-safe; one write(2) a line, by the
 * thread of log_writer.h where it was started. */
#ifndef PH_BASE_LOG_H
#define PH_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum ph_log_level { PH_LOG_ERROR, PH_LOG_WARNING, PH_LOG_INFO, PH_LOG_DEBUG };

enum ph_log_field_kind { PH_LOG_END, PH_LOG_STRING, PH_LOG_INTEGER, PH_LOG_REAL, PH_LOG_BOOL, PH_LOG_CODE };

struct ph_log_field {
    const char *key;
    enum ph_log_field_kind kind;
    union {
        const char *string;
        int64_t integer;
        double real;
    } value;
};

static inline struct ph_log_field ph_str(const char *key, const char *value) {
    return (struct ph_log_field){.key = key, .kind = PH_LOG_STRING, .value.string = value};
}
static inline struct ph_log_field ph_int(const char *key, int64_t value) {
    return (struct ph_log_field){.key = key, .kind = PH_LOG_INTEGER, .value.integer = value};
}
static inline struct ph_log_field ph_real(const char *key, double value) {
    return (struct ph_log_field){.key = key, .kind = PH_LOG_REAL, .value.real = value};
}
static inline struct ph_log_field ph_bool(const char *key, bool value) {
    return (struct ph_log_field){.key = key, .kind = PH_LOG_BOOL, .value.integer = value};
}
/* A code of the AVERROR family, printed as its text under the key "error". */
static inline struct ph_log_field ph_code(int code) {
    return (struct ph_log_field){.key = "error", .kind = PH_LOG_CODE, .value.integer = code};
}

/* Lines above `level` are not written. The default is PH_LOG_INFO. */
void ph_log_set_level(enum ph_log_level level);
/* "error", "warning", "info" or "debug"; -EINVAL for anything else. */
int ph_log_level_parse(const char *name, enum ph_log_level *level);
/* Adds `"role": name` to every line of this process; NULL removes it. Borrows the string for ever. */
void ph_log_set_role(const char *name);
/* Hears of every line of level error, whatever the threshold, on the thread that logs it: must be quick, and
 * log nothing. NULL for none; while another thread may log, the observer and its opaque must stay. */
typedef void ph_log_observer(void *opaque, const char *message, const struct ph_log_field *fields);
void ph_log_observe_errors(ph_log_observer *observer, void *opaque);
/* Ends with a field of kind PH_LOG_END. Use the macros below. */
void ph_log_write(enum ph_log_level level, const char *message, const struct ph_log_field *fields);

#define PH_LOG_AT(level, message, ...)                                                                       \
    ph_log_write(                                                                                            \
        level, message, (const struct ph_log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = PH_LOG_END}})
#define ph_log_error(...) PH_LOG_AT(PH_LOG_ERROR, __VA_ARGS__)
#define ph_log_warning(...) PH_LOG_AT(PH_LOG_WARNING, __VA_ARGS__)
#define ph_log_info(...) PH_LOG_AT(PH_LOG_INFO, __VA_ARGS__)
#define ph_log_debug(...) PH_LOG_AT(PH_LOG_DEBUG, __VA_ARGS__)

#endif
