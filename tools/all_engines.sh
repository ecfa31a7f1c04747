# shellcheck shell=bash
# What ENGINES=all tests beside the default set: the whole table of inputs on this host's engines, then that and the tests of
# wrapper and buoy that run containers on each further engine.

# Minutes that all of this may take.
readonly all_engines_minutes=90

# test_on_all_engines [ARGS for the test runner, instead of the chosen tests]
test_on_all_engines() {
    local engine failed="" summary
    all_engines_end=$((SECONDS + 60 * all_engines_minutes))
    summary=$(mktemp)
    # Each test of the table adds its line.
    export BUOY_TEST_ALL_INPUTS=$summary
    if [ $# -eq 0 ]; then
        in_time env -p wrapper --test integration -- inputs:: || failed=" this-host"
    fi
    for engine in ${further_engines:?}; do
        test_further_engine "$engine" "$@" || failed="$failed $engine"
    done
    step "engines"
    cat "$summary"
    rm "$summary"
    [ -z "$failed" ] || fail "tests failed on:$failed"
    settled "all tests passed on this host's engines and on $further_engines"
}

# test_further_engine ENGINE [ARGS]
test_further_engine() {
    local engine=$1 program status=0
    shift
    program=$(program_of "$engine")
    step "$engine"
    doing "testing with this engine as $program"
    export BUOY_TEST_FURTHER_ENGINE=$engine BUOY_TEST_ENGINES=$program
    if [ $# -gt 0 ]; then
        in_time "with_engine $engine" "$@"
        return
    fi
    # Those of two engines at once, those of stock clients, and those that give a daemon a small disk, which it would not see
    # in its own mount namespace, are in the default set.
    in_time "with_engine $engine" -p wrapper --test integration -- "$program" daemon:: user_namespaces:: \
        --skip fidelity:: --skip real_client:: --skip full_disk:: || status=1
    in_time "with_engine $engine" -p submit-cli --test engine_local -- "$program" || status=1
    return $status
}

# in_time HOW ARGS: the test runner with these arguments, ended when the time for all of this is over.
in_time() {
    local how=$1
    shift
    # shellcheck disable=SC2086,SC2046 # words
    $how timeout --foreground $((all_engines_end - SECONDS)) $(test_runner) "$@"
}
