# shellcheck shell=bash
# Root's rights and Debian's packages.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root's rights for: $*" "run ./x as root, or install sudo"
    fi
}

# install_packages WHAT-FOR PACKAGE...: with apt where there is one; elsewhere says what to install.
install_packages() {
    local purpose=$1 log
    shift
    if ! command -v apt-get >/dev/null; then
        fail "$purpose is missing, and this system has no apt-get" \
            "install it yourself, then run ./x again; Debian's names are: $*"
    fi
    doing "installing $*"
    log=$(cache_directory)/apt.log
    # A fresh system has no package lists, an old one has stale ones: refresh only then.
    apt_get "$log" install "$@" || {
        apt_get "$log" update || fail "apt-get update failed" "its output is in $log"
        apt_get "$log" install "$@" || fail "apt-get could not install $purpose: $*" "its output is in $log"
    }
}

apt_get() {
    local log=$1 verb=$2
    shift 2
    local options=(-q -y --no-install-recommends -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
    [ "$verb" = install ] || options=(-q -o Acquire::Retries=3)
    if [ "$verb" = install ] && ! apt-cache show "$@" >/dev/null 2>&1; then return 1; fi
    logged "$log" as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" "$verb" "$@"
}
