# shellcheck shell=bash
# The gate that every change passes: set-up, lint, tests.

engines() { echo "${ENGINES:-docker podman}"; }

set_up_everything() {
    alone provide_everything
    # Exported by the set-up, but not into the shell that called ./x.
    if [ "${CONTAINERS_CONF:-}" = "$(own_podman_settings)" ]; then
        echo
        echo "to run cargo or podman by hand with these settings: export CONTAINERS_CONF=$CONTAINERS_CONF"
    fi
}

provide_everything() {
    local engine
    provide_rust
    provide_linters
    provide_browser
    for engine in $(engines); do
        case $engine in
        docker) provide_docker ;;
        podman) provide_podman && provide_test_user ;;
        *) fail "ENGINES names '$engine'; known are docker and podman" ;;
        esac
    done
    for engine in $(engines); do provide_base_image "$engine"; done
}

lint() {
    provide_rust
    provide_linters
    step fmt
    cargo fmt --all --check || fail "some files are not formatted" "cargo fmt --all"
    settled "formatted"
    step links
    check_links
    settled "every file that a document points to is there"
    step shellcheck
    shellcheck -x x tools/*.sh .ci/run examples/*/*.sh examples/*/*/*.sh || fail "shellcheck found faults"
    settled "no faults"
    step clippy
    cargo clippy --workspace --all-targets --locked -- -D warnings || fail "clippy found faults"
    settled "no faults"
}

# Relative links in tracked Markdown files.
check_links() {
    local document target broken=0
    while IFS=$'\t' read -r document target; do
        [ -e "$(dirname "$document")/$target" ] || {
            echo "$document points to $target, which is not there" >&2
            broken=1
        }
    done < <(git ls-files '*.md' | while read -r document; do
        { grep -o '](\([^)]*\))' "$document" || true; } | sed -e 's/^](//' -e 's/)$//' -e 's/#.*//' |
            { grep -v -e '^$' -e '^[a-z]*:' || true; } | sed "s|^|$document\t|"
    done)
    [ $broken -eq 0 ] || fail "there are broken links"
}

# run_tests [ARGS for the test runner]
run_tests() {
    set_up_everything
    [ $# -gt 0 ] || lint
    # Tests of an engine named here fail when it does not answer; without the variable they look for themselves.
    BUOY_TEST_ENGINES=$(engines)
    export BUOY_TEST_ENGINES
    # The same for tests that read a page in a browser.
    export BUOY_TEST_BROWSER=1
    step tests
    # Without arguments all packages; with them what they choose.
    [ $# -gt 0 ] || set -- --workspace
    if cargo nextest --version >/dev/null 2>&1; then
        # nextest leaves out the examples in documentation; they come first, so that its summary stays the last word.
        [ "$*" != --workspace ] || cargo test --workspace --locked --doc --quiet
        cargo nextest run --locked "$@"
    else
        cargo test --locked --no-fail-fast "$@"
    fi
}
