/* links: ph_base */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_settings settings;
    struct ph_error error = {""};
    char path[64];
    int fd = memfd_create("settings", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int code = ph_settings_load(&settings, path, &error);
    assert(code == 0 || (code < 0 && error.text[0]));
    if (code == 0)
        assert(settings.segment_ms >= 2 * settings.part_ms && settings.ladder[0]);
    ph_settings_finish(&settings);
    close(fd);
    return 0;
}
