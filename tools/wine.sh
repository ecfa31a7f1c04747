# shellcheck shell=bash
# The front for Windows under Wine, with the real agent and this host's engines: tools/wsl-stand-in/README.md.

WINDOWS_TARGET=x86_64-pc-windows-gnu

native_directory() { realpath -m "${CARGO_TARGET_DIR:-target}"; }

# The programs of the tests, and a home of Wine.
wine_directory() { echo "$(cache_directory)/wine"; }

# test_wine [ARGS for the test runner]
test_wine() {
    alone provide_wine
    build_for_wine
    step wine
    cargo_for_windows test -p boinc --lib
    BUOY_TEST_WINE=$(wine_directory)
    export BUOY_TEST_WINE
    $(test_runner) -p front --test wine -- "$@"
}

provide_wine() {
    step wine
    local packages=()
    [ -x /usr/lib/wine/wine64 ] || packages+=(wine64)
    command -v x86_64-w64-mingw32-gcc >/dev/null || packages+=(gcc-mingw-w64-x86-64-win32)
    [ ${#packages[@]} -eq 0 ] || install_packages "what runs programs for Windows" "${packages[@]}"
    rustup_has "$WINDOWS_TARGET" || provide_library_source
    settled "$(/usr/lib/wine/wine64 --version), $(x86_64-w64-mingw32-gcc --version | head -n1)"
}

# cargo_for_windows ARGS of cargo
cargo_for_windows() {
    (
        export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
        export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=/usr/lib/wine/wine64
        WINEPREFIX=$(wine_directory)/prefix
        export WINEPREFIX WINEDEBUG=-all
        if ! rustup_has "$WINDOWS_TARGET"; then
            use_debian_rust
            # Tests need the library with unwinding.
            if [ "$1" = test ]; then set -- "$@" -Zbuild-std; else set -- "$@" -Zbuild-std=std,panic_abort; fi
        fi
        cargo "$@" --locked --target "$WINDOWS_TARGET" --target-dir "$(native_directory)/wine"
    )
}

build_for_wine() {
    step wine
    local directory target native
    directory=$(wine_directory)
    target=$(native_directory)
    native=$target/debug
    mkdir -p "$directory"
    doing "building the front, its agent and the stand-ins"
    logged "$directory/build.log" cargo_for_windows build --profile volunteer -p front -p wsl-stand-in --bins ||
        fail "the programs for Windows could not be built" "the output is in $directory/build.log"
    logged "$directory/build.log" cargo build --locked -p wrapper -p wsl-stand-in --bins ||
        fail "the agent and the relay could not be built" "the output is in $directory/build.log"
    install -m 755 "$target/wine/$WINDOWS_TARGET/volunteer"/{buoy-front,client,wsl}.exe "$native/relay" "$directory"
    install -m 755 "$native/buoy-wrapper" "$directory/buoy-wrapper-linux"
    make_wine_prefix "$directory"
    settled "in $directory"
}

# make_wine_prefix DIRECTORY: Windows' directories, with wsl.exe where Windows has it, and the library that Wine 8 lacks.
make_wine_prefix() {
    local system=$1/prefix/drive_c/windows/system32
    [ -d "$system" ] || logged "$1/wineboot.log" \
        env WINEPREFIX="$1/prefix" WINEDEBUG=-all /usr/lib/wine/wine64 wineboot -i || fail "Wine could not make its directories"
    x86_64-w64-mingw32-gcc -shared -s -o "$system/bcryptprimitives.dll" \
        tools/wsl-stand-in/bcryptprimitives.c -ladvapi32
    install -m 755 "$1/wsl.exe" "$system/wsl.exe"
}
