# shellcheck shell=bash
# Podman, for the tests: used as it is where it can run a container; else with settings of our own (tools/podman).

own_podman_settings() { echo "${repository:?}/tools/podman/containers.conf"; }

provide_podman() {
    step podman
    local did="runs containers"
    if ! command -v podman >/dev/null; then
        install_packages Podman podman crun runc uidmap slirp4netns fuse-overlayfs catatonit
        did="installed, $did"
    fi
    provide_busybox
    if podman_runs; then
        :
    elif [ -z "${CONTAINERS_CONF:-}" ] && CONTAINERS_CONF=$(own_podman_settings) podman_runs; then
        CONTAINERS_CONF=$(own_podman_settings)
        export CONTAINERS_CONF
        did="$did with CONTAINERS_CONF=tools/podman/containers.conf"
    else
        podman_runs show || true
        fail "podman cannot run a container" "see the message above" "or leave it out: ENGINES=docker ./x ..."
    fi
    settled "$did ($(podman --version | cut -d' ' -f3))"
}

# The cheapest proof: a container from a directory with one static program, so that no image is needed.
podman_runs() {
    local root status=0
    root=$(mktemp -d)
    mkdir -p "$root/bin"
    cp "$(static_busybox)" "$root/bin/busybox"
    if [ "${1:-}" = show ]; then
        timeout 60 podman run --rm --network none --rootfs "$root" /bin/busybox true >&2 || status=1
    else
        timeout 60 podman run --rm --network none --rootfs "$root" /bin/busybox true >/dev/null 2>&1 || status=1
    fi
    rm -rf "$root"
    return $status
}

# Test images are FROM scratch with this one file.
static_busybox() { command -v busybox; }

provide_busybox() {
    if ! static_busybox >/dev/null || ldd "$(static_busybox)" >/dev/null 2>&1; then
        install_packages "a static busybox" busybox-static
    fi
}

# Rootless Podman is what most volunteers have. Root's tests run it as a user of their own; a plain user's tests are
# rootless as they are.
provide_test_user() {
    local name=buoy-test
    [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || return 0
    step "test user"
    if id "$name" >/dev/null 2>&1; then
        settled "$name is there"
        return
    fi
    command -v newuidmap >/dev/null || install_packages "rootless Podman" uidmap slirp4netns fuse-overlayfs catatonit
    if ! useradd --create-home --shell /bin/sh "$name" >/dev/null 2>&1; then
        settled "can't be made; tests of rootless Podman are left out"
        return
    fi
    grep -q "^$name:" /etc/subuid || usermod --add-subuids 200000-265535 --add-subgids 200000-265535 "$name"
    settled "made $name, for tests of rootless Podman (userdel --remove $name undoes it)"
}
