# shellcheck shell=bash
# Measures what Buoy promises; the measurements are in wrapper/benches/bars, submit-cli/benches/submit and
# validators/benches/validate.

# run_bench [NAME...] [--engine docker|podman]
# run_bench submit [NAME...]
# run_bench validate [NAME...]
run_bench() {
    local engine='' word previous=''
    case ${1:-} in
    submit | validate)
        local what=$1 package=validators
        [ "$what" != submit ] || package=submit-cli
        shift
        provide_rust
        cargo bench --locked --quiet --package "$package" --bench "$what" -- "$@"
        return
        ;;
    esac
    for word in "$@"; do
        [ "$previous" != --engine ] || engine=$word
        previous=$word
    done
    alone provide_for_bench
    # Submitters' programs; the wrapper is measured as volunteers get it.
    cargo build --release --locked --quiet -p submit-cli -p validators --bins || fail "the build failed"
    cargo bench --profile volunteer --locked --quiet -p wrapper --bench bars -- --engine "$engine" "$@"
}

# A compiler and one engine. Sets `engine` of the caller.
provide_for_bench() {
    provide_rust
    case ${engine:=$(engine_that_answers)} in
    docker) provide_docker ;;
    podman) provide_podman ;;
    *) fail "unknown engine '$engine'" "known are docker and podman" ;;
    esac
}
