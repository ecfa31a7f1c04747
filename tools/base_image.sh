# shellcheck shell=bash
# debian:bookworm-slim, which the examples are built from: pulled where a registry answers, else made from Debian's
# packages by debootstrap. Cached as a tarball, since each engine has an image store of its own.

readonly base_image=debian:bookworm-slim

# provide_base_image ENGINE
provide_base_image() {
    local engine=$1 tarball
    step "base image"
    if "$engine" image inspect "$base_image" >/dev/null 2>&1; then
        settled "$engine has $base_image"
    elif [ "$engine" = podman ] && docker_answers && docker image inspect "$base_image" >/dev/null 2>&1; then
        docker save "$base_image" | podman load -q >/dev/null || fail "podman could not load $base_image"
        podman tag "$base_image" "docker.io/library/$base_image"
        settled "podman: copied from Docker"
    elif timeout 120 "$engine" pull -q "docker.io/library/$base_image" >/dev/null 2>&1; then
        settled "$engine: pulled $base_image"
    else
        tarball=$(cache_directory)/debian-bookworm-minbase.tar
        [ -f "$tarball" ] || bootstrap_debian "$tarball"
        import_tarball "$engine" "$tarball"
        settled "$engine: no registry answers, imported what debootstrap made"
    fi
}

import_tarball() {
    local name=$base_image
    # So that podman resolves `FROM debian:bookworm-slim` without asking a registry.
    [ "$1" != podman ] || name=docker.io/library/$base_image
    "$1" import --change 'CMD ["bash"]' --message "debootstrap --variant=minbase bookworm" "$2" "$name" \
        >/dev/null || fail "$1 could not import $2"
}

# host_sources RELEASE: where this host takes packages of that release from, updates included, as lines of a sources.list.
# Nothing on a host of another release; debootstrap's own line stays then.
host_sources() {
    # shellcheck disable=SC2016 # the names are apt's
    apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        grep -E " $1(-updates|-security)? main$" | sort -u || true
}

# bootstrap_debian TARBALL: takes about 30 s. The target file appears only when it is whole.
bootstrap_debian() (
    need_root "run debootstrap, since no registry answers"
    doing "no registry answers; making $base_image with debootstrap"
    command -v debootstrap >/dev/null || install_packages debootstrap debootstrap
    log=$(cache_directory)/debootstrap.log
    work=$(mktemp -d)
    # debootstrap mounts /proc there, and may be interrupted.
    trap 'as_root umount -q "$work/root/proc" || true; as_root rm -rf --one-file-system "$work"' EXIT
    logged "$log" as_root debootstrap --variant=minbase bookworm "$work/root" ||
        fail "debootstrap failed" "its output is in $log"
    # As the -slim image does: no documentation, no package files, and security updates on offer.
    as_root sh -c "cd '$work/root' && rm -rf var/cache/apt/* var/lib/apt/lists/* usr/share/doc/* usr/share/man/* \
        usr/share/info/* usr/share/locale/* var/log/*.log && mkdir -p var/cache/apt/archives/partial"
    host_sources bookworm >"$work/sources.list"
    [ ! -s "$work/sources.list" ] || as_root cp "$work/sources.list" "$work/root/etc/apt/sources.list"
    as_root tar -C "$work/root" --one-file-system -c . >"$1.part"
    mv "$1.part" "$1"
)
