#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/settings.h"
#include "tests/unit/base/settings_folder.h"

static void forms_are_taken_or_refused(void **state) {
    static const struct {
        const char *key, *text;
        int good;
    } rows[] = {
        {"http_listen", "127.0.0.1:0", 1},
        {"http_listen", "[::1]:8080", 1},
        {"http_listen", "::1:8080", 0},
        {"http_listen", "localhost:8080", 0},
        {"http_listen", "127.0.0.1", 0},
        {"http_listen", "127.0.0.1:", 0},
        {"http_listen", "127.0.0.1:65536", 0},
        {"http_listen", "127.0.0.1:80 ", 1}, /* YAML takes the space away */
        {"http_listen", "1.2.3.400:80", 0},
        {"http_listen", "[::1", 0},
        {"http_listen", ":8080", 0},
        {"webrtc_announce", "203.0.113.9, 2001:db8::1", 1},
        {"webrtc_announce", "203.0.113.9,", 0},
        {"webrtc_announce", "example.org", 0},
        {"public_url", "https://live.example.org:8443/base", 1},
        {"public_url", "http://[::1]:8080", 1},
        {"public_url", "ftp://live.example.org", 0},
        {"public_url", "http://", 0},
        {"public_url", "http://a b", 0},
        {"public_url", "http://host:0", 0},
        {"public_url", "http://host/?q=1", 0},
        {"public_url", "http://user:pass@host", 0},
        {"database_url", "sqlite:/var/lib/p.db", 1},
        {"database_url", "'sqlite:'", 0},
        {"database_url", "postgresql://u:p@db.example.org:5432/porthole", 1},
        {"database_url", "mysql://db", 0},
        {"archive_url", "file:/srv/archive", 1},
        {"archive_url", "s3://bucket/prefix?endpoint=https://s3.example.org", 1},
        {"archive_url", "s3://B/x", 0},
        {"archive_url", "http://bucket", 0},
        {"archive_storage_class", "STANDARD_IA", 1},
        {"archive_storage_class", "DEEP_ARCHIVE", 0},
        {"archive_encryption", "AES256", 1},
        {"archive_encryption", "aws:kms:arn:aws:kms:eu-central-1:1:key/a", 1},
        {"archive_encryption", "'aws:kms:'", 0},
        {"archive_encryption", "aes", 0},
        {"archive_live_days", "0", 1},
        {"archive_live_days", "36501", 0},
        {"archive_upload_days", "366", 0},
        {"smtp_url", "smtp://user:p@mail.example.org:587", 1},
        {"smtp_url", "smtps://mail.example.org", 1},
        {"smtp_url", "smtps://", 0},
        {"smtp_url", "mail.example.org", 0},
        {"cors_origins", "https://app.example.org, http://localhost:3000", 1},
        {"cors_origins", "https://app.example.org/", 0},
        {"cors_origins", "https://APP.example.org", 0},
        {"cors_origins", "*", 0},
        {"trusted_proxies", "10.0.0.0/8,192.0.2.1,2001:db8::/32", 1},
        {"trusted_proxies", "10.0.0.0/33", 0},
        {"trusted_proxies", "10.0.0.0/", 0},
        {"trusted_proxies", "edge.example.org", 0},
        {"country_header", "CF-IPCountry", 1},
        {"country_header", "Country: XX", 0},
        {"turn_urls", "turn:turn.example.org:3478?transport=udp,stun:stun.example.org", 1},
        {"turn_urls", "https://turn.example.org", 0},
        {"turn_urls", "turn:", 0},
        {"smtp_tls", "optional", 1},
        {"smtp_tls", "never", 0},
        {"mail_from", "Our House <a@b.example>", 1},
        {"mail_from", "nobody", 0},
        {"webhook_private_addresses", "yes", 1},
        {"webhook_private_addresses", "true", 0},
        {"sentry_dsn", "https://abc@errors.example.org/42", 1},
        {"sentry_dsn", "https://errors.example.org/42", 0},
        {"sentry_dsn", "https://abc@errors.example.org/x", 0},
        {"jwt_secret", "0123456789abcdef0123456789abcdef", 1},
        {"jwt_secret", "0123456789abcdef0123456789abcde", 0},
        {"ladder", "720p30@2500k", 1},
        {"ladder", "1080p60@6000k, 720p@2500k", 1},
        {"ladder", "1080p30", 0},
        {"ladder", "p30@100k", 0},
        {"ladder", "1080p30@4500k,", 0},
        {"ladder", "1080p30@4500", 0},
        {"preset", "superfast", 1},
        {"preset", "SUPERFAST", 0},
        {"encoder", "h264_nvenc", 1},
        {"encoder", "../x", 0},
        {"worker_listen", "tcp:0.0.0.0:7000", 1},
        {"worker_listen", "tcp:host:7000", 0},
        {"worker_listen", "unix:/run/worker.sock", 1},
        {"worker_listen",
            "unix:/"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            "aaaaaaaaaaaaaaaaaaa",
            0},
        {"workers", "tcp:worker-0.workers:7000,unix:/run/w.sock", 1},
        {"workers", "worker-0:7000", 0},
        {"origins", "http://10.0.0.1:8080,http://10.0.0.2:8080", 1},
        {"origins", "http://a,http://b,http://c,http://d,http://e", 0},
        {"origins", "10.0.0.1:8080", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ph_settings settings;
        struct ph_error error = {""};
        char text[512];
        snprintf(text, sizeof(text), "%s: %s%s%s\n", rows[i].key, rows[i].text[0] == '[' ? "\"" : "",
            rows[i].text, rows[i].text[0] == '[' ? "\"" : "");
        settings_folder_write(settings_path, text, 0600);
        int code = ph_settings_load(&settings, settings_path, &error);
        if (code != (rows[i].good ? 0 : -EINVAL))
            fail_msg("%s gives %d: %s", text, code, error.text);
        if (code == 0)
            ph_settings_finish(&settings);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            forms_are_taken_or_refused, settings_folder_make, settings_folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
