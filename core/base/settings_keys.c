#include "core/base/settings_keys.h"

#include "core/base/settings.h"

#define TEXT(member, text, check, description)                                                               \
    {                                                                                                        \
        .name = #member, .offset = offsetof(struct ph_settings, member), .fallback = (text),                 \
        .has_form = ph_form_is_##check, .form = (description)                                                \
    }
#define PLACE(member, prefix, file_name, check, description)                                                 \
    {                                                                                                        \
        .name = #member, .offset = offsetof(struct ph_settings, member), .is_secret = true,                  \
        .scheme = (prefix), .name_in_data_dir = (file_name), .has_form = ph_form_is_##check,                 \
        .form = (description)                                                                                \
    }
#define SECRET(member, text, check, description)                                                             \
    {                                                                                                        \
        .name = #member, .offset = offsetof(struct ph_settings, member), .is_secret = true,                  \
        .fallback = (text), .has_form = ph_form_is_##check, .form = (description)                            \
    }
#define NUMBER(member, text, low, high)                                                                      \
    {                                                                                                        \
        .name = #member, .offset = offsetof(struct ph_settings, member), .is_number = true,                  \
        .fallback = (text), .lowest = (low), .highest = (high)                                               \
    }

static const char listen_form[] = "a numeric address and a port, for instance 0.0.0.0:8080 or [::]:8080";
static const char secret_form[] = "32 to 512 characters without spaces";

const struct ph_setting_key ph_setting_keys[PH_SETTING_COUNT] = {
    TEXT(data_dir, "./data", path, "the path of a folder, 512 bytes at most"),
    TEXT(http_listen, "0.0.0.0:8080", listen, listen_form),
    TEXT(srt_listen, "0.0.0.0:9000", listen, listen_form),
    NUMBER(srt_latency_ms, "120", 20, 8000),
    TEXT(webrtc_listen, "0.0.0.0:8000", listen, listen_form),
    TEXT(webrtc_announce, "", addresses, "numeric addresses, comma-separated, for instance 203.0.113.9"),
    TEXT(public_url, "http://localhost:8080", public_url,
        "an http:// or https:// URL of host and optional port and path, without query"),
    TEXT(node_name, "", node_name, "63 letters, digits, dots, hyphens and underscores at most"),
    PLACE(database_url, "sqlite:", "porthole.db", database, "sqlite:<path> or postgresql://…"),
    PLACE(archive_url, "file:", "archive", archive,
        "file:<path> or s3://<bucket>/<prefix>?endpoint=…&region=…"),
    TEXT(archive_storage_class, "", storage_class,
        "STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR or REDUCED_REDUNDANCY"),
    TEXT(archive_encryption, "", encryption, "AES256, aws:kms or aws:kms:<key id>"),
    NUMBER(archive_live_days, "30", 0, 36500),
    NUMBER(archive_infrequent_days, "30", 0, 36500),
    NUMBER(archive_deep_days, "180", 0, 36500),
    NUMBER(archive_upload_days, "7", 0, 365),
    NUMBER(archive_multipart_days, "1", 0, 365),
    SECRET(smtp_url, "", smtp, "smtp://… or smtps://… with a host"),
    TEXT(smtp_tls, "required", smtp_tls, "required, or optional: without TLS when the relay offers none"),
    TEXT(mail_from, "", mail_from, "an address, or a name and an address: Porthole <no-reply@example.org>"),
    TEXT(ca_file, "", path, "the path of a file with certificates (PEM)"),
    TEXT(webhook_private_addresses, "no", yes_or_no, "yes or no"),
    SECRET(sentry_dsn, "", dsn, "https://<key>@<host>/<project>"),
    SECRET(jwt_secret, "", secret, secret_form),
    TEXT(jwks_file, "", any, "a path"),
    SECRET(api_key, "", secret, secret_form),
    TEXT(cors_origins, "", web_origins,
        "up to 16 origins, comma-separated, for instance https://app.example.org"),
    TEXT(trusted_proxies, "", networks,
        "numeric addresses or networks, comma-separated, for instance 10.0.0.0/8"),
    TEXT(rate_limits, "", rate_limits,
        "off, or limits, comma-separated, each <class>=<count>/<seconds>, of the classes calls, anonymous, "
        "failures, starts, tokens and chat"),
    TEXT(country_header, "", header, "a header's name, for instance CF-IPCountry"),
    TEXT(turn_urls, "", ice_servers,
        "turn:, turns: or stun: addresses, comma-separated, for instance turn:turn.example.org:3478"),
    SECRET(turn_secret, "", secret, secret_form),
    TEXT(ladder, "1080p30@4500k,720p30@2500k", ladder,
        "renditions, comma-separated, each <height>p<fps>@<kbit/s>k, for instance "
        "1080p30@4500k,720p30@2500k"),
    TEXT(preset, "auto", preset, "auto or an x264 preset: ultrafast, superfast, veryfast, … placebo"),
    TEXT(encoder, "libx264", encoder, "an encoder's name: libx264, h264_nvenc, h264_vaapi, h264_qsv"),
    NUMBER(part_ms, "200", 100, 1000),
    NUMBER(segment_ms, "2000", 500, 10000),
    NUMBER(reconnect_window_s, "60", 1, 3600),
    NUMBER(most_sessions, "0", 0, 10000),
    NUMBER(publish_idle_s, "90", 2, 3600),
    NUMBER(job_silence_s, "180", 2, 86400),
    NUMBER(spool_most_mib, "4096", 64, 1048576),
    NUMBER(spool_memory_mib, "256", 0, 1048576),
    PLACE(worker_listen, "unix:", "worker.sock", worker_listen,
        "unix:<path of 107 bytes at most> or tcp:<numeric address>:<port>"),
    TEXT(workers, "", workers, "unix:<path> or tcp:<host>:<port>, comma-separated"),
    TEXT(origins, "", origins, "1 to 4 http:// or https:// URLs, comma-separated"),
    SECRET(cluster_secret, "", secret, secret_form),
    TEXT(web_dir, "", any, "a path"),
    TEXT(log_level, "info", log_level, "error, warning, info or debug"),
};
