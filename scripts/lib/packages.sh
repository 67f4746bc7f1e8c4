# shellcheck shell=bash
# Debian packages, and how they are installed. Sourced after common.sh.
# shellcheck disable=SC2034 # the lists are used by who sources this

packages_to_run=(
    build-essential cmake ninja-build pkg-config ca-certificates curl
    libavcodec-dev libavformat-dev libavutil-dev libswscale-dev libswresample-dev libx264-dev
    libsrt-gnutls-dev libsrtp2-dev libssl-dev libmicrohttpd-dev libcurl4-openssl-dev zlib1g-dev
    libjansson-dev libcyaml-dev libyaml-dev libjwt-dev libsqlite3-dev libpq-dev libexpat1-dev libseccomp-dev uthash-dev
    ffmpeg fonts-dejavu-core
)
packages_to_test=(
    libcmocka-dev clang lld clang-format clang-tidy libclang-rt-dev llvm shellcheck ccache python3
    srt-tools chromium firefox-esr coturn nginx postgresql radosgw ceph-mon ceph-osd ceph-common rclone wrk iproute2 nftables procps
)

# The machine's own Node will do when it is 18 or newer and has npm; else Debian's is installed.
has_node() {
    command -v node >/dev/null && command -v npm >/dev/null &&
        node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)'
}

missing_packages() {
    local package
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            printf '%s\n' "$package"
        fi
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "packages have to be installed: run this as root, or install sudo"
    fi
}

# Debian starts a service as soon as it is installed. Where no policy for that exists, one is put in place for the
# length of the installation: nothing is started, and nothing that runs is restarted.
install_packages() {
    local policy=/usr/sbin/policy-rc.d placed=
    say "installing $*"
    as_root apt-get update -qq || die "apt-get update failed: is the network up, and are /etc/apt/sources.list* right?"
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
        placed=yes
    fi
    local code=0
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 || code=$?
    [ -z "$placed" ] || as_root rm -f $policy
    [ $code = 0 ] || die "apt-get could not install: $*"
}

ensure_packages() {
    local wanted=("$@") missing
    has_node || wanted+=(nodejs npm)
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    has_node || die "Node 18 or newer is needed; $(command -v node) is $(node --version 2>/dev/null || echo missing)"
}
