# shellcheck shell=bash
# Docker: used as it is where it answers; else installed and started.

docker_answers() { command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1; }

provide_docker() {
    step docker
    local did="answers"
    if ! docker_answers; then
        if ! command -v dockerd >/dev/null; then
            if command -v docker >/dev/null && docker_socket_refuses_us; then explain_docker_permission; fi
            install_packages Docker docker.io iptables rootlesskit uidmap
            did="installed, answers"
        fi
        docker_answers || start_docker
    fi
    settled "$did: engine $(docker version --format '{{.Server.Version}}')"
}

# Without pgrep: a bare host has no procps.
dockerd_runs() { grep -q -s -x dockerd /proc/[0-9]*/comm; }

docker_socket_refuses_us() { [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; }

explain_docker_permission() {
    fail "Docker is running, but user $(id -un) may not use it" \
        "sudo usermod -aG docker $(id -un)   (this gives the user root's rights; then log in again)" \
        "or run ./x as root, or install Podman, which needs no such group"
}

start_docker() {
    if docker_socket_refuses_us && dockerd_runs; then explain_docker_permission; fi
    need_root "start Docker"
    if [ -d /run/systemd/system ]; then
        doing "systemctl start docker"
        as_root systemctl start docker || fail "systemd could not start Docker" "journalctl -u docker -n 30"
    else
        start_dockerd_without_init
    fi
    local deadline=$((SECONDS + 60))
    until docker_answers; do
        if docker_socket_refuses_us; then explain_docker_permission; fi
        if [ -n "${dockerd_log:-}" ] && ! dockerd_runs; then explain_dockerd_failure; fi
        [ $SECONDS -lt $deadline ] || fail "Docker does not answer after 60 s" "see ${dockerd_log:-journalctl -u docker}"
        sleep 0.2
    done
}

# On a host without an init system (a build machine, a virtual machine that boots straight into a shell) nobody
# starts the daemon. It goes on after ./x has ended, as it would under an init system.
start_dockerd_without_init() {
    dockerd_log=/var/log/buoy-dockerd.log
    doing "starting dockerd (log $dockerd_log, pid /var/run/docker.pid)"
    forget_stale_pid /var/run/docker.pid dockerd
    # dockerd kills what this file names when it gets no answer from it, whatever it is.
    forget_stale_pid /var/run/docker/containerd/containerd.pid containerd
    as_root sh -c "setsid dockerd >'$dockerd_log' 2>&1 </dev/null 9>&- &"
    sleep 0.5
}

# forget_stale_pid FILE NAME: remove a pid file left by a boot or a machine that is gone.
forget_stale_pid() {
    local pid
    [ -f "$1" ] || return 0
    pid=$(as_root cat "$1")
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] || as_root rm -f "$1"
}

explain_dockerd_failure() {
    as_root tail -n 8 "$dockerd_log" | sed 's/^/  | /' >&2
    if as_root grep -q -i 'iptables' "$dockerd_log"; then
        fail "dockerd could not set up its network with iptables" \
            "the kernel may lack nf_tables: try update-alternatives --set iptables /usr/sbin/iptables-legacy" \
            "in a container it needs the capability NET_ADMIN"
    elif as_root grep -q -i 'cgroup' "$dockerd_log"; then
        fail "dockerd found no usable cgroups" "mount them: apt-get install cgroupfs-mount && cgroupfs-mount"
    fi
    fail "dockerd ended at once" "its log is $dockerd_log"
}
