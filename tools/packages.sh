# shellcheck shell=bash
# Root's rights and Debian's packages.

# need_root PURPOSE: to be called before output is redirected, so that its message is seen.
need_root() {
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        fail "needs root's rights to $1" "run ./x as root, or install sudo"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages WHAT PACKAGE...: with apt where there is one; elsewhere says what to install.
install_packages() {
    local what=$1
    shift
    if ! command -v apt-get >/dev/null; then
        fail "$what is missing, and this system has no apt-get" \
            "install it yourself, then run ./x again; Debian's names are: $*"
    fi
    need_root "install $*"
    doing "installing $*"
    # A fresh system has no package lists, an old one has stale ones: refresh only then.
    apt_get install "$@" || { apt_get update && apt_get install "$@"; } || {
        tail -n 15 "$(apt_log)" | sed 's/^/  | /' >&2
        fail "apt-get could not install $what: $*" "its output is in $(apt_log)"
    }
}

apt_log() { echo "$(cache_directory)/apt.log"; }

apt_get() {
    local options=(-q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
    [ "$1" = update ] || options+=(-y --no-install-recommends)
    as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" "$@" >"$(apt_log)" 2>&1 </dev/null
}
