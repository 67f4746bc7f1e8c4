/* Settings: one YAML file, each key also an environment variable PORTHOLE_<KEY>, which wins. */
#ifndef PH_BASE_SETTINGS_H
#define PH_BASE_SETTINGS_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

/* Strings are malloc'ed and owned by the struct; none is NULL unless said. Keys of the file are the members'
 * names. */
struct ph_settings {
    char *data_dir;
    char *http_listen;
    char *srt_listen;
    uint32_t srt_latency_ms; /* 120; 20 … 8000 */
    char *webrtc_listen;
    char *webrtc_announce; /* "" when not given */
    char *public_url;      /* without a trailing slash */
    char *node_name;       /* what a balancer knows this node by; "" when not given */
    char *database_url;
    char *archive_url;
    char *archive_storage_class;      /* "": the bucket's own */
    char *archive_encryption;         /* "", "AES256", "aws:kms" or "aws:kms:<key id>" */
    uint32_t archive_live_days;       /* 30; days: 0 for never */
    uint32_t archive_infrequent_days; /* 30 */
    uint32_t archive_deep_days;       /* 180 */
    uint32_t archive_upload_days;     /* 7 */
    uint32_t archive_multipart_days;  /* 1 */
    char *smtp_url;                   /* "" when not given */
    char *smtp_tls;                   /* "required" or "optional" */
    char *mail_from;                  /* "" when not given */
    char *ca_file;                    /* "": the machine's certificates */
    char *webhook_private_addresses;  /* "yes" or "no" */
    char *sentry_dsn;                 /* "" when not given */
    char *jwt_secret;                 /* made at first start when not given */
    char *jwks_file;                  /* "" when not given */
    char *api_key;                    /* of the app that embeds Porthole; "" when not given */
    char *cors_origins;               /* comma-separated; "" when not given */
    char *trusted_proxies;            /* addresses and networks, comma-separated; "" when not given */
    char *rate_limits;                /* "<class>=<count>/<seconds>", comma-separated; "off" */
    char *country_header;             /* of the CDN, with the viewer's country; "" when not given */
    char *turn_urls;                  /* comma-separated; "" when not given */
    char *turn_secret;                /* "" when not given */
    char *ladder;
    char *preset;
    char *encoder; /* "libx264" */
    uint32_t part_ms;
    uint32_t segment_ms;
    uint32_t reconnect_window_s; /* 60 */
    uint32_t most_sessions;      /* 0: by measured speed */
    uint32_t publish_idle_s;     /* 90 */
    uint32_t job_silence_s;      /* 180 */
    uint32_t spool_most_mib;     /* 4096 */
    uint32_t spool_memory_mib;   /* 256 */
    char *worker_listen;         /* "unix:<data_dir>/worker.sock", or "tcp:0.0.0.0:7000" */
    char *workers;        /* where ingest finds workers, comma-separated; "" means this process's own */
    char *origins;        /* base URLs workers publish to, comma-separated; "" means this process's own */
    char *cluster_secret; /* made at first start when not given */
    char *web_dir;        /* the built pages; "" finds them beside the binary */
    char *log_level;
};

/* Defaults, then `file` (NULL: porthole.yaml in the working folder if it exists), then the environment.
 * Checks every range. -EINVAL with a sentence that names file, line, key and the allowed range; -ENOENT,
 * -ENOMEM. On failure the struct is empty. Makes neither folders nor secrets. */
int ph_settings_load(struct ph_settings *settings, const char *file, struct ph_error *error) PH_NODISCARD;
/* Makes the data folder (0700) and the secrets not given (files of mode 0600), and fills them in. */
int ph_settings_prepare(struct ph_settings *settings, struct ph_error *error) PH_NODISCARD;
void ph_settings_finish(struct ph_settings *settings);

#endif
