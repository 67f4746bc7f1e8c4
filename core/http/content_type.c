#include "core/http/content_type.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { hash_characters = 8 };

const char *ph_content_type(const char *name) {
    static const char *const types[][2] = {
        {"html", "text/html; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"json", "application/json"},
        {"map", "application/json"},
        {"webmanifest", "application/manifest+json"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"webp", "image/webp"},
        {"ico", "image/x-icon"},
        {"woff2", "font/woff2"},
        {"txt", "text/plain; charset=utf-8"},
        {"wasm", "application/wasm"},
        {"yaml", "application/yaml"},
        {"m3u8", "application/vnd.apple.mpegurl"},
        {"mp4", "video/mp4"},
        {"m4s", "video/mp4"},
        {"vtt", "text/vtt; charset=utf-8"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(dot + 1, types[i][0]) == 0)
            return types[i][1];
    }
    return "application/octet-stream";
}

bool ph_is_hashed_asset(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *dot = strchr(slash ? slash : path, '.');
    if (strncmp(path, "assets/", 7) != 0 || !slash || !dot || dot - slash < hash_characters + 2)
        return false;
    const char *hash = dot - hash_characters;
    for (const char *p = hash; p < dot; p++) {
        if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
            return false;
    }
    return hash[-1] == '-';
}
