#include "core/base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct ph_slice text(const char *bytes) {
    return (struct ph_slice){(const uint8_t *)bytes, strlen(bytes)};
}

static void bytes_land_where_they_belong(void **state) {
    (void)state;
    char path[] = "/tmp/ph-file-XXXXXX", read_back[16] = "";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ph_file_write_at(fd, text("a castle"), 0), 0);
    assert_int_equal(ph_file_write_at(fd, text("tower"), 2), 0);
    assert_int_equal(ph_file_write_at(fd, text(""), 100), 0);
    assert_int_equal(pread(fd, read_back, sizeof(read_back), 0), 8);
    assert_string_equal(read_back, "a towere");
    close(fd);
    assert_int_equal(ph_file_write_at(fd, text("x"), 0), -EBADF);
    unlink(path);
}

static void file_comes_back_whole(void **state) {
    (void)state;
    char path[] = "/tmp/ph-file-XXXXXX";
    struct ph_bytes *content = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ph_file_load(path, 100, &content), 0);
    assert_int_equal(ph_bytes_size(content), 0);
    ph_bytes_unref(&content);
    assert_int_equal(ph_file_write(fd, text("a castle")), 0);
    assert_int_equal(ph_file_write(fd, text(" by the sea")), 0);
    assert_int_equal(ph_file_load(path, 19, &content), 0);
    assert_memory_equal(ph_bytes_data(content), "a castle by the sea", 19);
    ph_bytes_unref(&content);
    assert_int_equal(ph_file_load(path, 18, &content), -EFBIG);
    assert_null(content);
    close(fd);
    unlink(path);
    assert_int_equal(ph_file_load(path, 100, &content), -ENOENT);
    assert_int_equal(ph_file_write(fd, text("x")), -EBADF);
}

static void folder_that_is_none_cannot_be_synced(void **state) {
    (void)state;
    assert_int_equal(ph_file_sync_folder("/tmp"), 0);
    assert_int_equal(ph_file_sync_folder("/tmp/ph-there-is-no-such-folder"), -ENOENT);
    assert_int_equal(ph_file_sync_folder("/etc/passwd"), -ENOTDIR);
}

static int count_entries(DIR *folder) {
    int count = 0;
    while (readdir(folder))
        count++;
    return count;
}

static void an_open_folder_is_read_from_its_beginning(void **state) {
    char path[] = "/tmp/ph-file-test-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(path));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(mkdirat(fd, "below", 0700), 0);
    assert_int_equal(symlinkat("below", fd, "link"), 0);
    for (int i = 0; i < 2; i++) {
        DIR *folder = ph_file_open_folder(fd, ".");
        assert_non_null(folder);
        assert_int_equal(count_entries(folder), 4);
        closedir(folder);
    }
    DIR *below = ph_file_open_folder(fd, "below");
    assert_non_null(below);
    assert_int_equal(count_entries(below), 2);
    closedir(below);
    assert_null(ph_file_open_folder(fd, "link"));
    assert_true(errno == ELOOP || errno == ENOTDIR);
    assert_null(ph_file_open_folder(fd, "nothing"));
    assert_int_equal(errno, ENOENT);
    unlinkat(fd, "link", 0);
    unlinkat(fd, "below", AT_REMOVEDIR);
    close(fd);
    rmdir(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_land_where_they_belong),
        cmocka_unit_test(file_comes_back_whole),
        cmocka_unit_test(folder_that_is_none_cannot_be_synced),
        cmocka_unit_test(an_open_folder_is_read_from_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
