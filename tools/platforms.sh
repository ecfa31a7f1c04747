# shellcheck shell=bash
# The life of a job with the wrappers that volunteers get: built for every platform, and run as far as this host can.

# The tests of a job from its start to its end, and of everything that a client asks of it meanwhile.
LIFE_OF_A_JOB="running:: client_requests:: client_settings:: refusals:: archives:: old_hosts::"

# test_platforms: after the tests on this host, since it needs the engines and the base image.
test_platforms() {
    local directory
    alone provide_emulator
    DIST=$(target_directory)/tested
    run_dist --wrapper
    # Not below the target directory: a test's plain user has to reach it.
    directory=$(mktemp -d)
    chmod 755 "$directory"
    # shellcheck disable=SC2064
    trap "rm -rf '$directory'" EXIT

    echo
    echo "a system without libraries, x86_64-pc-linux-gnu:"
    bare_root "$directory/root" >"$directory/in-bare-root"
    # Debian's podman starts programs of its own by their paths, which such a system does not have.
    life_of_a_job "$directory/in-bare-root" "${LIFE_OF_A_JOB//::/::docker::}"

    echo
    echo "emulated, aarch64-unknown-linux-gnu:"
    install -m 755 "$DIST/aarch64-unknown-linux-gnu/buoy-wrapper" "$directory/buoy-wrapper-aarch64"
    cat >"$directory/emulated" <<SCRIPT
#!/bin/sh
exec $(command -v qemu-aarch64-static) $directory/buoy-wrapper-aarch64 "\$@"
SCRIPT
    life_of_a_job "$directory/emulated" "$LIFE_OF_A_JOB faults:: daemon::"
}

# life_of_a_job WRAPPER NAMES: the tests start this program in place of the wrapper that Cargo has built.
life_of_a_job() {
    local names
    read -ra names <<<"$2"
    chmod 755 "$1"
    # shellcheck disable=SC2046 # words
    # With the whole workspace's features, as these programs were built before.
    BUOY_TEST_WRAPPER=$1 env $(test_runner) --workspace --test integration -- "${names[@]}"
}

provide_emulator() {
    step emulator
    command -v qemu-aarch64-static >/dev/null || install_packages "an emulator of ARM64" qemu-user-static
    settled "$(qemu-aarch64-static --version | head -n1)"
}

# bare_root DIRECTORY: makes the root directory of a system that has a shell, and no library at all, with the wrapper; prints a
# script that runs it there, in a mount namespace that ends with it. Docker's program is this host's, with its libraries.
bare_root() {
    local root=$1 link docker loader
    mkdir -p "$root"/{bin,usr/bin,host,tmp,run,var,proc,sys,dev,etc}
    # Debian's busybox-static, which the tests' images are made of, too.
    install -m 755 /bin/busybox "$root/bin/busybox"
    for link in sh env cat sleep; do ln -s busybox "$root/bin/$link"; done
    install -m 755 "$DIST/x86_64-pc-linux-gnu/buoy-wrapper" "$root/bin/buoy-wrapper"
    docker=$(readlink -f "$(command -v docker)")
    loader=$(readelf -lW "$docker" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    {
        echo '#!/bin/sh'
        if [ -n "$loader" ]; then
            printf 'exec /host%s --library-path /host/lib/x86_64-linux-gnu:/host/usr/lib/x86_64-linux-gnu /host%s "$@"\n' \
                "$loader" "$docker"
        else
            printf 'exec /host%s "$@"\n' "$docker"
        fi
    } >"$root/usr/bin/docker"
    chmod 755 "$root/usr/bin/docker"
    cat <<SCRIPT
#!/bin/sh
# The slot of a job is below /tmp, Docker's socket in /run, and what the wrapper measures in the others.
exec unshare --mount sh -c '
    for directory in tmp run var proc sys dev; do mount --rbind /\$directory $root/\$directory; done
    mount --bind / $root/host
    exec chroot $root /bin/sh -c "cd \"\\\$0\" && exec /bin/buoy-wrapper \"\\\$@\"" "\$@"
' sh "\$PWD" "\$@"
SCRIPT
}
