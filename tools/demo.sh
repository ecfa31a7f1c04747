# shellcheck shell=bash
# The main job on this machine: real dockings in containers, through the real wrapper, twice each, compared, collected;
# then the same dockings by vina alone, to see that the numbers are the same.

# run_demo [docker|podman]
run_demo() {
    local engine=${1:-} out=target/demo began
    began=$(now_ms)
    alone provide_for_demo

    step build
    doing "cargo build --profile quick (a few minutes the first time)"
    mkdir -p "$out"
    logged "$out/build.log" cargo build --profile quick --locked --bin buoy --bin buoy-wrapper --bin buoy-init \
        --bin buoy-compare --bin buoy-assimilate || fail "the build failed" "its output is in $out/build.log"
    settled "target/quick/buoy, buoy-wrapper and the validators"

    # What an earlier demo left would be taken for finished work.
    rm -rf "$out/results" "$out/plain"
    step dockings
    doing "buoy run examples/vina --slots 2 --engine $engine --out $out/results"
    target/quick/buoy run examples/vina --slots 2 --engine "$engine" --out "$out/results" ||
        fail "buoy run ended with exit status $?" "its results and logs are in $out/results"
    settled "each docking done twice, compared, collected in $out/results"

    step "plain vina"
    examples/vina/plain.sh "$out/plain" "$engine" || fail "plain vina failed" "logs are in $out/plain"
    settled "the same dockings once, by $engine run without Buoy"
    echo
    examples/vina/rank.sh "$out/results" "$out/plain" || fail "scores differ between Buoy and plain vina"
    echo
    echo "the demo took $((($(now_ms) - began) / 1000)) s"
}

# Only what the demo needs: a compiler and one engine. Sets `engine` of the caller.
provide_for_demo() {
    provide_rust
    case ${engine:=$(engine_that_answers)} in
    docker) provide_docker ;;
    podman) provide_podman ;;
    *) fail "unknown engine '$engine'" "known are docker and podman" ;;
    esac
    provide_base_image "$engine"
}

# What is there is good enough. Where there is neither, root gets Docker; a plain user gets Podman, which needs no daemon
# and no group that is as good as root.
engine_that_answers() {
    if docker_answers; then
        echo docker
    elif command -v podman >/dev/null && timeout 20 podman info >/dev/null 2>&1; then
        echo podman
    elif [ "$(id -u)" -eq 0 ]; then
        echo docker
    else
        echo podman
    fi
}
