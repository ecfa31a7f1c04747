# shellcheck shell=bash
# What a person sees: one line per step with what was found or done and how long it took; failures with a remedy.

step_name=
step_start=

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# step NAME: begin a step; `settled TEXT` ends it with its line.
step() {
    step_name=$1
    step_start=$(now_ms)
}

settled() {
    local ms=$(($(now_ms) - step_start))
    printf '%-12s %-58s %4d.%d s\n' "$step_name" "$1" $((ms / 1000)) $((ms % 1000 / 100))
}

# doing TEXT: announce something that takes long before it is begun.
doing() { printf '%-12s %s ...\n' "$step_name" "$1"; }

# fail WHAT [WHAT TO DO...]: the end of the run.
fail() {
    printf '\n%s: %s\n' "${step_name:-x}" "$1" >&2
    shift
    local line
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# logged FILE COMMAND...: run with its output in FILE; the last lines are shown only if it fails.
logged() {
    local log=$1
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 15 "$log" | sed 's/^/  | /' >&2
        return 1
    fi
}

cache_directory() {
    local directory=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/buoy
    mkdir -p "$directory"
    echo "$directory"
}

# alone FUNCTION: one set-up at a time for this user; a second one waits and then finds everything done.
# A daemon started inside must close descriptor 9, or it would hold the lock for its whole life.
alone() {
    local lock
    lock=$(cache_directory)/setup.lock
    exec 9>>"$lock"
    if ! flock -n 9; then
        echo "another ./x is setting up this host; waiting for it"
        flock 9
    fi
    "$@"
    exec 9>&-
}
