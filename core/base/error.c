#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ph_error_set(struct ph_error *error, int code, const char *format, ...) {
    if (!error)
        return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return code;
}

const char *ph_error_name(int code, char *buffer, size_t buffer_bytes) {
    if (code == PH_EOF)
        snprintf(buffer, buffer_bytes, "end of stream");
    else if (code == PH_INVALID_DATA)
        snprintf(buffer, buffer_bytes, "invalid data");
    else
        snprintf(
            buffer, buffer_bytes, "%s", strerrordesc_np(-code) ? strerrordesc_np(-code) : "unknown error");
    return buffer;
}
