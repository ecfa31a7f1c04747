# shellcheck shell=bash
# Further engines for ENGINES=all: Debian 13's, beside this host's own. They live in a Debian 13 of their own, in a mount
# namespace that nothing else sees, so that the host has neither their programs on its PATH nor one mount more.
#
#   /var/lib/buoy-engines/root    Debian 13, made by debootstrap
#   /var/lib/buoy-engines/data    what the engines store, under the same path inside and outside
#   /var/lib/buoy-engines/run     pid files, logs and sockets, likewise
#   /var/lib/buoy-engines/bin     for each engine a directory that comes first on PATH when it is tested

readonly engines_directory=/var/lib/buoy-engines
readonly further_engines="docker26 docker26-containerd podman5"

provide_further_engines() {
    [ "$(id -u)" -eq 0 ] || fail "ENGINES=all needs root's rights, for namespaces and daemons of its own" \
        "run ./x as root, or leave it out: ./x test"
    step "engines"
    local did="there" engine
    if [ ! -e "$engines_directory/root/etc/buoy-engines" ]; then
        bootstrap_engines
        did="made in $engines_directory (./x remove-engines undoes it)"
    fi
    know_test_user
    start_keeper
    write_engine_programs
    for engine in docker26 docker26-containerd; do start_further_docker "$engine"; done
    settled "$did: $(further_versions)"
    for engine in $further_engines; do provide_further_base_image "$engine"; done
}

# with_engine ENGINE COMMAND...: run with this engine first on PATH, under the name that it has for everybody.
with_engine() {
    local engine=$1
    shift
    env -u DOCKER_HOST -u CONTAINERS_CONF PATH="$engines_directory/bin/$engine:$PATH" "$@"
}

# program_of ENGINE
program_of() { case $1 in docker*) echo docker ;; *) echo podman ;; esac; }

further_versions() {
    echo "Docker $(with_engine docker26 docker version --format '{{.Server.Version}}') with both image stores," \
        "Podman $(with_engine podman5 podman --version | cut -d' ' -f3)"
}

# Takes about a minute. The mark is the last thing that is written.
bootstrap_engines() {
    local root=$engines_directory/root log=$engines_directory/debootstrap.log site
    doing "making a Debian 13 with its Docker and Podman in $root"
    command -v debootstrap >/dev/null || install_packages debootstrap debootstrap
    stop_further_engines
    rm -rf --one-file-system "$root"
    mkdir -p "$engines_directory"
    # The mirror that this host takes its own packages from, if that says.
    # shellcheck disable=SC2016 # the names are apt's
    site=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/ bookworm$//p' | sort -u | head -n 1)
    # shellcheck disable=SC2086 # no site, no argument
    logged "$log" debootstrap --variant=minbase \
        --include=docker.io,docker-cli,podman,crun,runc,iptables,nftables,catatonit,netavark,aardvark-dns,uidmap,ca-certificates \
        trixie "$root" $site || fail "debootstrap failed" "its output is in $log"
    rm -rf "$root"/var/cache/apt/archives/*.deb
    mkdir -p "$root/etc/containers" "$root/etc/docker" "$root$engines_directory/data" "$root$engines_directory/run"
    # The same settings as for this host's Podman, with a store of its own.
    cp "$(own_podman_settings)" "$root/etc/containers/containers.conf"
    printf '[storage]\ndriver = "overlay"\nrunroot = "/run/podman5"\ngraphroot = "%s/data/podman5"\n' \
        "$engines_directory" >"$root/etc/containers/storage.conf"
    echo '{}' >"$root/etc/docker/docker26.json"
    echo '{ "features": { "containerd-snapshotter": true } }' >"$root/etc/docker/docker26-containerd.json"
    : >"$root/etc/buoy-engines"
}

# A daemon that maps users looks up whose subordinate ids to take in its own files.
know_test_user() {
    local root=$engines_directory/root file
    id buoy-test >/dev/null 2>&1 || return 0
    for file in passwd group subuid subgid; do
        grep -q '^buoy-test:' "$root/etc/$file" 2>/dev/null ||
            grep '^buoy-test:' "/etc/$file" >>"$root/etc/$file" || true
    done
}

# A process that does nothing but keep the namespaces. Inside, Debian 13 is the root; /tmp, where tests work, is this host's.
start_keeper() {
    local base=$engines_directory
    ! keeper_runs || return 0
    mkdir -p "$base/run" "$base/data"
    # shellcheck disable=SC2016 # for the shell inside
    setsid unshare --mount --propagation private --net sh -c '
        set -e
        base=$1 root=$1/root
        mount --rbind "$root" "$root"
        for directory in proc sys dev tmp; do mount --rbind "/$directory" "$root/$directory"; done
        mount -t tmpfs -o mode=755 tmpfs "$root/run"
        for directory in data run; do mount --bind "$base/$directory" "$root$base/$directory"; done
        ip link set lo up 2>/dev/null || true
        cd "$root"
        pivot_root . mnt
        umount --lazy /mnt
        echo $$ >"$base/run/keeper.pid"
        exec sleep infinity' sh "$base" >"$base/run/keeper.log" 2>&1 </dev/null 9>&- &
    wait_for "the namespace of Debian 13" "$base/run/keeper.log" keeper_runs
}

keeper_pid() { cat "$engines_directory/run/keeper.pid" 2>/dev/null; }

# The pid may be another process's by now, after a boot.
keeper_runs() {
    local pid
    pid=$(keeper_pid) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sleep ] && [ -e "/proc/$pid/root/etc/buoy-engines" ]
}

# wait_for WHAT LOG COMMAND...
wait_for() {
    local what=$1 log=$2 deadline=$((SECONDS + 60))
    shift 2
    until "$@"; do
        if [ $SECONDS -ge $deadline ]; then
            tail -n 8 "$log" | sed 's/^/  | /' >&2
            fail "$what does not come up" "its log is $log"
        fi
        sleep 0.1
    done
}

# The programs of the engines as the tests call them. Docker's command line runs on this host, with the libraries that it was
# made for, so that an ordinary user can use it too.
write_engine_programs() {
    local base=$engines_directory root=$engines_directory/root engine loader directory
    loader=$(find "$root/usr/lib64" "$root/usr/lib" -maxdepth 2 -name 'ld-linux*' 2>/dev/null | head -n 1)
    directory=$(dirname "$(find "$root/usr/lib" -name libc.so.6 | head -n 1)")
    for engine in docker26 docker26-containerd; do
        engine_program "$engine" docker <<PROGRAM
: "\${DOCKER_HOST:=unix://$base/run/$engine.sock}"
export DOCKER_HOST
exec $loader --library-path $directory $root/usr/bin/docker "\$@"
PROGRAM
        engine_program "$engine" dockerd <<PROGRAM
exec nsenter --target "\$(cat $base/run/keeper.pid)" --mount /usr/sbin/dockerd --config-file=/etc/docker/$engine.json "\$@"
PROGRAM
    done
    engine_program podman5 podman <<PROGRAM
unset CONTAINERS_CONF
exec nsenter --target "\$(cat $base/run/keeper.pid)" --mount --net podman "\$@"
PROGRAM
}

# engine_program ENGINE NAME: the rest of the script comes on standard input.
engine_program() {
    local file=$engines_directory/bin/$1/$2
    mkdir -p "$(dirname "$file")"
    { echo '#!/bin/sh' && cat; } >"$file"
    chmod 755 "$file"
}

further_docker_answers() { with_engine "$1" timeout 20 docker info >/dev/null 2>&1; }

# Each daemon has a network of its own: a bridge on this host would be another change of it.
start_further_docker() {
    local engine=$1 base=$engines_directory
    ! further_docker_answers "$engine" || return 0
    forget_stale_pid "$base/run/$engine.pid" dockerd
    forget_stale_pid "$base/run/$engine/containerd/containerd.pid" containerd
    setsid unshare --net "$base/bin/$engine/dockerd" --data-root "$base/data/$engine" --exec-root "$base/run/$engine" \
        --pidfile "$base/run/$engine.pid" --host "unix://$base/run/$engine.sock" --iptables=false --ip6tables=false \
        --group docker >"$base/run/$engine.log" 2>&1 </dev/null 9>&- &
    wait_for "$engine" "$base/run/$engine.log" further_docker_answers "$engine"
}

provide_further_base_image() {
    local engine=$1 program image=${base_image:?}
    program=$(program_of "$engine")
    step "base image"
    if with_engine "$engine" "$program" image inspect "$image" >/dev/null 2>&1; then
        settled "$engine has $image"
        return
    fi
    docker save "$image" | with_engine "$engine" "$program" load -q >/dev/null ||
        fail "$engine could not load $image"
    [ "$program" = docker ] || with_engine "$engine" podman tag "$image" "docker.io/library/$image"
    settled "$engine: copied from Docker"
}

# What runs of them. A daemon ends its containers first.
stop_further_engines() {
    local engine pid
    if keeper_runs && [ -x "$engines_directory/bin/podman5/podman" ]; then
        with_engine podman5 podman rm --all --force --time 0 >/dev/null 2>&1 || true
    fi
    for engine in docker26 docker26-containerd; do
        pid=$(cat "$engines_directory/run/$engine.pid" 2>/dev/null) || continue
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || continue
        kill "$pid"
        wait_for "the end of $engine" "$engines_directory/run/$engine.log" sh -c "! [ -e /proc/$pid ]"
    done
    ! keeper_runs || kill "$(keeper_pid)"
}

remove_further_engines() {
    need_root "remove $engines_directory"
    step "engines"
    stop_further_engines
    # A namespace goes with its last process, and its mounts with it.
    rm -rf --one-file-system "$engines_directory"
    settled "$engines_directory is removed"
}
