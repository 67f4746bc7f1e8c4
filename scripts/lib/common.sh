# shellcheck shell=bash
# What every script shares: where things are, how to speak, and how a tree is built. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build_root=${BUILD_ROOT:-$root/build}
jobs=${JOBS:-$(nproc)}

say() {
    printf '\033[1m▸ %s\033[0m\n' "$*" >&2
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

usage_error() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 2
}

# A checksum of everything below a folder that people write, so that a step runs again only when its sources changed.
fingerprint() {
    find "$@" \( -name node_modules -o -name dist -o -name .build \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
}

# build_tree <name> <compiler> <targets> [cmake options …]: configures and builds $build_root/<name>. `targets` is a list in one word.
build_tree() {
    local name=$1 compiler=$2 targets=$3 launcher=() quiet=()
    shift 3
    command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    [ -t 2 ] || quiet=(--quiet)
    say "building $name ($compiler)"
    CC=$compiler cmake -S "$root" -B "$build_root/$name" -G Ninja --log-level=WARNING "${launcher[@]}" "$@" >/dev/null
    # shellcheck disable=SC2086 # the targets are words
    ninja -C "$build_root/$name" -j "$jobs" "${quiet[@]}" $targets >&2
}

build_program() {
    build_tree release gcc porthole -DCMAKE_BUILD_TYPE=RelWithDebInfo -DPH_TESTS=OFF
}

# Installs what npm needs in a folder with a lock file, once for each version of the lock.
npm_install() {
    local folder=$1 stamp=$1/node_modules/.installed-from
    if [ "$(cat "$stamp" 2>/dev/null)" != "$(sha256sum <"$folder/package-lock.json")" ]; then
        say "installing the packages of ${folder#"$root"/}"
        (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error >&2)
        sha256sum <"$folder/package-lock.json" >"$stamp"
    fi
}

build_pages() {
    local stamp=$root/web/node_modules/.built-from
    npm_install "$root/web"
    if [ ! -f "$root/web/dist/index.html" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$(fingerprint "$root/web")" ]; then
        say "building the pages"
        (cd "$root/web" && npm run --silent build >&2)
        fingerprint "$root/web" >"$stamp"
    fi
}
