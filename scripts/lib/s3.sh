#!/usr/bin/env bash
# An S3 server of a test's own: radosgw before one monitor and one store that keeps all in memory, in a folder (of a short path)
# and on free ports of 127.0.0.1. A day of its lifecycle rules is a second.
#
# With S3_TOKENS=1 it has session tokens too (STS), which are sealed by token-key; it then tells wrong secrets as AccessDenied.
# Objects may be encrypted by aws:kms:test-key.
# What a client needs lies in the folder: url, endpoint, access-key, secret-key.
set -euo pipefail

usage="usage: s3.sh init <folder> [port]   makes the cluster and a user
       s3.sh run <folder>           the gateway, in the foreground
       s3.sh bucket <folder>        makes the bucket 'porthole' as soon as the gateway serves
       s3.sh start <folder> [port]  all of it, with the gateway in the background
       s3.sh lifecycle <folder>     enforces the lifecycle rules once
       s3.sh stop <folder>          ends all of it and removes the folder"
[ $# -ge 2 ] || {
    echo "$usage" >&2
    exit 2
}
command=$1 folder=$2 port=${3:-0}
export CEPH_CONF=$folder/ceph.conf CEPH_ARGS="--no-mon-config"

fail() {
    echo "s3.sh: $1" >&2
    exit 1
}

is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The first of 40 ports in a row that nobody seems to use, below those of tests/e2e/lib/ports.js and those that the kernel gives to clients.
# They are this server's as long as its folder is there: it takes seconds until it listens on all that it needs.
free_ports() {
    local taken=${TMPDIR:-/tmp}/ph-s3-ports-$UID first next tries lock
    mkdir -p "$taken"
    exec {lock}>"$taken/lock"
    flock "$lock"
    for ((tries = 0; tries < 500; tries++)); do
        first=$((10000 + 40 * (RANDOM % 250)))
        [ ! -e "$taken/$first" ] || continue
        for next in 0 1 2 3; do
            is_free $((first + next)) || continue 2
        done
        ln -sfn "$(realpath "$folder")" "$taken/$first"
        echo "$first"
        return
    done
    fail "no free ports"
}

# Debian 13's store looks for its classes below the folder it was started in.
classes_folder() {
    local folder
    for folder in /usr/lib/*/rados-classes; do
        [ ! -d "$folder" ] || echo "$folder"
    done
}

# Ports of the monitor: $1 and the next; of the store: from $1 + 4 on.
write_conf() {
    local first=$1
    cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon initial members = a
mon host = [v2:127.0.0.1:$first,v1:127.0.0.1:$((first + 1))]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = $folder/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
run dir = $folder/run
admin socket = $folder/run/\$name.\$pid.asok
pid file = $folder/run/\$name.pid
log file = $folder/log/\$name.log
mon cluster log file = $folder/log/cluster.log
crash dir = $folder/log
ms bind ipv6 = false
ms bind port min = $((first + 4))
ms bind port max = $((first + 39))
osd class dir = $(classes_folder)
osd class load list = *
osd class default list = *
[mon.a]
paxos propose interval = 0.05
paxos min wait = 0.01
mon tick interval = 1
mon data = $folder/mon
mon data avail crit = 1
mon data avail warn = 2
[osd.0]
osd data = $folder/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd max object name len = 256
[client.rgw]
rgw data = $folder/rgw
rgw frontends = beast endpoint=127.0.0.1:$port
rgw dns name = localhost
rgw enable lc threads = false
rgw lc debug interval = 1
rgw lc max objs = 1
rgw gc max objs = 1
rgw lifecycle work time = 00:00-24:00
rgw restore debug interval = 1
rgw gc obj min wait = 1
rgw gc processor period = 2
rgw thread pool size = 32
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = test-key=$(head -c 32 /dev/urandom | base64)
rgw enable usage log = false
CONF
    [ "${S3_TOKENS:-}" != 1 ] || cat >>"$CEPH_CONF" <<CONF
rgw s3 auth use sts = true
rgw sts key = $(cat "$folder/token-key")
CONF
}

write_keys() {
    local tool=(ceph-authtool "$folder/keyring" --gen-key)
    ceph-authtool -C "$folder/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
    "${tool[@]}" -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
    "${tool[@]}" -n client.rgw --cap mon 'allow rwx' --cap osd 'allow rwx' >/dev/null
    "${tool[@]}" -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' >/dev/null
}

# Pools made here, together, cost one round of the monitor; those that the gateway makes cost one each.
make_pools() {
    local pool
    for pool in .rgw.root default.rgw.log default.rgw.control default.rgw.meta default.rgw.buckets.index \
        default.rgw.buckets.data default.rgw.buckets.non-ec default.rgw.ia.data default.rgw.deep.data; do
        echo "osd pool create $pool 1 1 --yes-i-really-mean-it"
        echo "osd pool application enable $pool rgw"
    done | ceph --connect-timeout 20 >"$folder/log/pools" 2>&1 || true
}

as_gateway() {
    radosgw-admin -n client.rgw "$@" >"$folder/log/admin" 2>&1 || fail "radosgw-admin $1 $2: $(tail -n 3 "$folder/log/admin")"
}

make_user() {
    local class pool
    as_gateway user create --uid=porthole --display-name=porthole --access-key="$access_key" --secret-key="$secret_key" \
        --caps='user-policy=*'
    for class in STANDARD_IA:ia DEEP_ARCHIVE:deep; do
        pool=default.rgw.${class#*:}.data class=${class%:*}
        as_gateway zonegroup placement add --rgw-zonegroup default --placement-id default-placement --storage-class "$class"
        as_gateway zone placement add --rgw-zone default --placement-id default-placement --storage-class "$class" \
            --data-pool "$pool"
    done
}

hex_of() {
    od -An -v -tx1 | tr -d ' \n'
}

# The bytes of $2 under the key $1 ("key:…" or "hexkey:…"), in hex.
keyed_hash() {
    printf '%s' "$2" | openssl dgst -sha256 -mac HMAC -macopt "$1" -binary | hex_of
}

# One signed PUT of nothing: the bucket.
make_bucket() {
    local endpoint host access_key secret_key
    local date day key request hash=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    endpoint=$(cat "$folder/endpoint") access_key=$(cat "$folder/access-key") secret_key=$(cat "$folder/secret-key")
    host=${endpoint#http://}
    await_gateway "$endpoint"
    date=$(date -u +%Y%m%dT%H%M%SZ) day=${date%T*}
    request=$(printf 'PUT\n/porthole\n\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n\n%s\n%s' "$host" "$hash" \
        "$date" "host;x-amz-content-sha256;x-amz-date" "$hash" | openssl dgst -sha256 -binary | hex_of)
    key=$(keyed_hash "key:AWS4$secret_key" "$day")
    key=$(keyed_hash "hexkey:$key" us-east-1)
    key=$(keyed_hash "hexkey:$key" s3)
    key=$(keyed_hash "hexkey:$key" aws4_request)
    key=$(keyed_hash "hexkey:$key" "$(printf 'AWS4-HMAC-SHA256\n%s\n%s/us-east-1/s3/aws4_request\n%s' "$date" "$day" "$request")")
    curl -sS -f -o /dev/null -X PUT "$endpoint/porthole" -H "x-amz-date: $date" -H "x-amz-content-sha256: $hash" \
        -H "Authorization: AWS4-HMAC-SHA256 Credential=$access_key/$day/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=$key"
}

await_gateway() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        ! curl -s -o /dev/null "$1/" || return 0
        sleep 0.05
    done
    fail "the gateway does not answer: $(tail -n 5 "$folder/log/client.rgw.log")"
}

end() {
    local file=$folder/run/$1.pid pid tries
    [ -s "$file" ] || return 0
    pid=$(cat "$file")
    kill -KILL "$pid" 2>/dev/null || return 0
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    rm -f "$file"
}

init() {
    local first fsid access_key secret_key osd
    for program in ceph-mon ceph-osd radosgw; do
        command -v "$program" >/dev/null || fail "there is no $program; scripts/setup --tests installs it"
    done
    mkdir -p "$folder"/{mon,osd,rgw,run,log}
    first=$(free_ports)
    [ "$port" != 0 ] || port=$((first + 2))
    fsid=$(cat /proc/sys/kernel/random/uuid)
    access_key=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
    secret_key=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
    od -An -N8 -tx1 /dev/urandom | tr -d ' \n' >"$folder/token-key"
    write_conf "$first"
    write_keys
    monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$first,v1:127.0.0.1:$((first + 1))]" "$folder/monmap" >/dev/null
    ceph-mon -i a --mkfs --monmap "$folder/monmap" --keyring "$folder/keyring"
    ceph-mon -i a
    osd=$(cat /proc/sys/kernel/random/uuid)
    timeout 30 ceph osd new "$osd" 0 >/dev/null
    ceph-osd -i 0 --mkfs --osd-uuid "$osd" >"$folder/log/osd.mkfs" 2>&1
    ceph-osd -i 0 >"$folder/log/osd.start" 2>&1
    make_pools
    make_user
    echo "http://127.0.0.1:$port" >"$folder/endpoint"
    echo "s3://porthole?endpoint=http://127.0.0.1:$port&region=us-east-1" >"$folder/url"
    echo "$access_key" >"$folder/access-key"
    echo "$secret_key" >"$folder/secret-key"
}

stop() {
    end client.rgw
    end osd.0
    end mon.a
    rm -rf "$folder"
}

case $command in
init) init ;;
run) exec radosgw -f -n client.rgw ;;
bucket) make_bucket ;;
start)
    stop
    init
    radosgw -n client.rgw
    make_bucket
    ;;
lifecycle) radosgw-admin -n client.rgw lc process ;;
stop) stop ;;
*)
    echo "$usage" >&2
    exit 2
    ;;
esac
