# Reads C files and reports every include that breaks the order of layers.

function folder(path) {
    if (path ~ /^core\//) {
        match(path, /^core\/[^\/]+/)
        return substr(path, 1, RLENGTH)
    }
    sub(/\/.*/, "", path)
    return path
}

BEGIN {
    allowed["core/base"] = " core/base "
    allowed["core/media"] = allowed["core/base"] "core/media "
    allowed["core/http"] = allowed["core/media"] "core/http "
    allowed["core/db"] = allowed["core/media"] "core/db "
    allowed["core/store"] = allowed["core/http"] "core/store "
    core = allowed["core/media"] "core/http core/db core/store "
    split("ingest transcode origin api", features)
    all = core
    for (i in features) {
        allowed[features[i]] = core features[i] " "
        all = all features[i] " "
    }
    allowed["app"] = all "app "
    allowed["tests"] = all "app tests "
}

FNR == 1 {
    from = folder(FILENAME)
    if (!(from in allowed)) {
        print FILENAME ": the folder " from " is in no layer; add it to scripts/lint.d/layers.awk"
        bad = 1
    }
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    if (index(quoted[2], "/") == 0) {
        print FILENAME ":" FNR ": includes are written from the top of the tree: \"" quoted[2] "\""
        bad = 1
    } else if (index(allowed[from], " " folder(quoted[2]) " ") == 0) {
        print FILENAME ":" FNR ": " from " may not include " quoted[2]
        bad = 1
    }
}

END { exit bad }
