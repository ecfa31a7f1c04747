# shellcheck shell=bash
# The programs for Windows under Wine, with the real agent and this host's engines: tools/wsl-stand-in/README.md.

WINDOWS_TARGET=x86_64-pc-windows-gnu

# The programs of the tests, and a home of Wine.
wine_directory() { echo "$(cache_directory)/wine"; }

# test_wine: with the programs that test_platforms has built for Windows and Linux.
test_wine() {
    alone provide_wine
    build_for_wine
    step wine
    BUOY_TEST_WINE=$(wine_directory)
    export BUOY_TEST_WINE
    doing "the crate boinc's own tests"
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=/usr/lib/wine/wine64
    export WINEPREFIX=$BUOY_TEST_WINE/prefix WINEDEBUG=-all
    logged "$BUOY_TEST_WINE/boinc.log" cross_cargo "$WINDOWS_TARGET" test -p boinc --lib ||
        fail "a test of the crate boinc failed under Wine" "the output is in $BUOY_TEST_WINE/boinc.log"
    settled "the crate boinc's own tests passed"
    # With the whole workspace's features, as these tests were built before.
    $(test_runner) --workspace --test wine
}

provide_wine() {
    step wine
    local packages=()
    [ -x /usr/lib/wine/wine64 ] || packages+=(wine64)
    [ ${#packages[@]} -eq 0 ] || install_packages "what runs programs for Windows" "${packages[@]}"
    settled "$(/usr/lib/wine/wine64 --version)"
}

build_for_wine() {
    local directory built
    directory=$(wine_directory)
    built=$(target_directory)/$WINDOWS_TARGET/volunteer
    mkdir -p "$directory"
    doing "building what stands for WSL and a client"
    cargo_for "$WINDOWS_TARGET" --profile volunteer -p wsl-stand-in --bins
    doing "building buoy.exe"
    # Not as submitters get it: in this profile it shares the standard library with the tests.
    cargo_for "$WINDOWS_TARGET" --profile dev -p submit-cli --bin buoy
    install -m 755 "$(target_directory)/$WINDOWS_TARGET/debug/buoy.exe" "$directory"
    logged "$directory/build.log" cargo build --locked --workspace --bin relay ||
        fail "the relay could not be built" "the output is in $directory/build.log"
    install -m 755 "$built"/{client,wsl}.exe "$DIST/windows_x86_64/buoy-wrapper.exe" \
        "$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug/relay" "$directory"
    install -m 755 "$DIST/x86_64-pc-linux-gnu/buoy-wrapper" "$directory/buoy-wrapper-linux"
    make_wine_prefix "$directory"
    settled "in $directory"
}

# make_wine_prefix DIRECTORY: Windows' directories, with wsl.exe where Windows has it, and the library that Wine 8 lacks.
make_wine_prefix() {
    local system=$1/prefix/drive_c/windows/system32
    if [ ! -e "$1/prefix/whole" ]; then
        rm -rf "$1/prefix"
        logged "$1/wineboot.log" env WINEPREFIX="$1/prefix" WINEDEBUG=-all /usr/lib/wine/wine64 wineboot -i ||
            fail "Wine could not make its directories"
        touch "$1/prefix/whole"
    fi
    x86_64-w64-mingw32-gcc -shared -s -o "$system/bcryptprimitives.dll" \
        tools/wsl-stand-in/bcryptprimitives.c -ladvapi32
    install -m 755 "$1/wsl.exe" "$system/wsl.exe"
}
