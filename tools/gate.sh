# shellcheck shell=bash
# The gate that every change passes: set-up, lint, tests.

# This host's own engines.
engines() { [ "${ENGINES:-all}" = all ] && echo "docker podman" || echo "$ENGINES"; }

tests_further_engines() { [ "${ENGINES:-}" = all ]; }

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
    provide_boinc_client
    provide_busybox
    for engine in $(engines); do
        case $engine in
        docker) provide_docker ;;
        podman) provide_podman && provide_test_user ;;
        *) fail "ENGINES names '$engine'; known are docker and podman, and all" ;;
        esac
    done
    for engine in $(engines); do provide_base_image "$engine"; done
    ! tests_further_engines || provide_further_engines
}

lint() {
    local imports
    provide_rust
    provide_linters
    step fmt
    cargo fmt --all --check || fail "some files are not formatted" "cargo fmt --all"
    settled "formatted"
    step platform
    check_platform
    settled "systems differ in platform/ only: $PLATFORM_CRATES"
    step links
    check_links
    settled "every file that a document points to is there"
    step shellcheck
    shellcheck -x x tools/*.sh .ci/run examples/*/*.sh examples/*/*/*.sh || fail "shellcheck found faults"
    settled "no faults"
    step imports
    imports=$(cargo run --quiet --locked -p structure) || fail "there are circles of imports, or the check could not read a file"
    settled "$imports"
    step clippy
    cargo clippy --workspace --all-targets --locked -- -D warnings || fail "clippy found faults"
    settled "no faults"
}

# Crates that will run on more systems than Linux: each has its system calls in src/platform/.
PLATFORM_CRATES="boinc wrapper front validators submit-cli"

# Code outside src/platform/ that depends on the operating system; tests may.
check_platform() {
    local crate file broken=0
    for crate in $PLATFORM_CRATES; do
        while read -r file; do
            awk '/^mod tests \{/ { exit }
                /^ *\/\// { next }
                /rustix|libc::|std::os::|cfg!?\(.*(unix|windows|target_os)/ {
                    print FILENAME ":" FNR ": depends on the operating system:" $0
                    found = 1
                }
                END { exit found }' "$file" >&2 || broken=1
        done < <(git ls-files "$crate/src/*.rs" | grep -v -e "^$crate/src/platform/" -e '/tests\.rs$' -e '/tests/')
    done
    [ $broken -eq 0 ] || fail "code outside platform/ depends on the operating system" \
        "add a function with the same name for each system to src/platform/ of the crate, and call that"
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
    local all_platforms=''
    if [ $# -eq 0 ] && [ "${PLATFORMS:-}" = all ]; then
        all_platforms=1
        case " $(engines) " in
        *" docker "*) [ "$(id -u)" -eq 0 ] || fail "PLATFORMS=all needs root's rights" ;;
        *) fail "PLATFORMS=all needs Docker, which ENGINES='$ENGINES' leaves out" ;;
        esac
    fi
    set_up_everything
    [ $# -gt 0 ] || lint
    # Tests of an engine named here fail when it does not answer; without the variable they look for themselves.
    BUOY_TEST_ENGINES=$(engines)
    export BUOY_TEST_ENGINES
    # The same for tests that read a page in a browser.
    export BUOY_TEST_BROWSER=1
    # And for tests that start a stock client.
    export BUOY_TEST_CLIENT=1
    step tests
    # Without arguments all packages; with them what they choose. Tests build the programs of other packages unless all are built.
    if [ $# -eq 0 ]; then
        export BUOY_TEST_PROGRAMS_BUILT=1
        # nextest leaves out the examples in documentation; they come first, so that its summary stays the last word.
        ! has_nextest || cargo test --workspace --locked --doc --quiet
        $(test_runner) --workspace
    else
        $(test_runner) "$@"
    fi
    ! tests_further_engines || test_on_all_engines "$@"
    if [ -n "$all_platforms" ]; then
        test_platforms
        test_wine
    fi
}

has_nextest() { cargo nextest --version >/dev/null 2>&1; }

# The words of the command that runs tests. The last lines of a run in CI name the tests that needed a second attempt.
test_runner() {
    if has_nextest; then
        echo "cargo nextest run --locked${CI:+ --profile ci}"
    else
        echo "cargo test --locked --no-fail-fast"
    fi
}
