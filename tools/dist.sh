# shellcheck shell=bash
# The programs for every platform that volunteers and servers have, built on this one host into dist/PLATFORM/.
# What is built depends on the commit and the compilers alone: not on directories, the clock or the user.

# Platforms by BOINC's names.
DIST_PLATFORMS="x86_64-pc-linux-gnu aarch64-unknown-linux-gnu windows_x86_64 x86_64-apple-darwin arm64-apple-darwin"

# The linker and the C compiler for all of them, from PyPI, in a directory of their own.
ZIG_VERSION=0.17.1
ZIGBUILD_VERSION=0.24.0

# The oldest macOS that the programs start on.
MACOS_VERSION=11.0

# target_of PLATFORM: Rust's name for it. On Linux musl, which is linked in: the programs run on every distribution.
target_of() {
    case $1 in
    x86_64-pc-linux-gnu) echo x86_64-unknown-linux-musl ;;
    aarch64-unknown-linux-gnu) echo aarch64-unknown-linux-musl ;;
    windows_x86_64) echo "$WINDOWS_TARGET" ;;
    x86_64-apple-darwin) echo x86_64-apple-darwin ;;
    arm64-apple-darwin) echo aarch64-apple-darwin ;;
    *) return 1 ;;
    esac
}

# wrapper_of PLATFORM: its package, and its name as Cargo has it. On Windows the front, which starts the wrapper for Linux.
wrapper_of() {
    case $1 in
    windows_x86_64) echo "front buoy-front.exe" ;;
    *) echo "wrapper buoy-wrapper" ;;
    esac
}

# programs_of PLATFORM: what is built besides buoy-wrapper, for submitters and servers.
programs_of() {
    case $1 in
    *-linux-gnu) echo "buoy buoy-init buoy-compare buoy-assimilate" ;;
    windows_x86_64) echo "buoy.exe" ;;
    *-apple-darwin) echo "buoy" ;;
    esac
}

# most_bytes PLATFORM: how large buoy-wrapper may be, which every volunteer downloads.
most_bytes() {
    case $1 in
    *-linux-gnu) echo 3000000 ;;
    *) echo 4000000 ;;
    esac
}

# run_dist [--wrapper] [--check] [PLATFORM...]
run_dist() {
    local wrapper_only='' check='' platforms=() platform
    while [ $# -gt 0 ]; do
        case $1 in
        --wrapper) wrapper_only=1 ;;
        --check) check=1 ;;
        *)
            target_of "$1" >/dev/null || fail "unknown platform or option '$1'" "known platforms: $DIST_PLATFORMS"
            platforms+=("$1")
            ;;
        esac
        shift
    done
    if [ -n "$check" ]; then
        [ ${#platforms[@]} -le 1 ] || fail "--check takes one platform"
        check_reproducible "${platforms[0]:-x86_64-pc-linux-gnu}"
        return
    fi
    [ ${#platforms[@]} -gt 0 ] || read -ra platforms <<<"$DIST_PLATFORMS"
    alone provide_for_dist "${platforms[@]}"
    echo
    local table='' source
    source=$(source_of)
    step wrappers
    build_together linux-gnu "${platforms[@]}"
    build_together apple-darwin "${platforms[@]}"
    for platform in "${platforms[@]}"; do build_platform "$platform" "$wrapper_only"; done
    [ "$source" = "$(source_of)" ] ||
        fail "files have changed while the programs were built, so that they may differ" "run it again"
    echo
    printf '%-26s %-16s %9s  %s\n' PLATFORM FILE BYTES SHA-256
    printf '%s' "$table"
}

# The compilers for these platforms.
provide_for_dist() {
    provide_rust
    provide_zig
    local platform
    for platform in "$@"; do
        [ "$platform" != windows_x86_64 ] || provide_mingw
        provide_target "$(target_of "$platform")"
    done
}

cross_directory() { echo "$(cache_directory)/cross-zig-$ZIG_VERSION-zigbuild-$ZIGBUILD_VERSION"; }

provide_zig() {
    step zig
    local directory
    directory=$(cross_directory)
    if [ ! -x "$directory/bin/cargo-zigbuild" ]; then
        # Debian's python3 alone cannot make one.
        python3 -c 'import ensurepip' 2>/dev/null || install_packages "Python's venv" python3-venv
        doing "installing zig $ZIG_VERSION and cargo-zigbuild $ZIGBUILD_VERSION from PyPI"
        rm -rf "$directory" "$directory.part"
        # The programs of a directory for Python know where it is, so that it cannot be moved into place.
        { python3 -m venv "$directory" &&
            logged "$directory/pip.log" "$directory/bin/pip" install --quiet \
                "ziglang==$ZIG_VERSION" "cargo-zigbuild==$ZIGBUILD_VERSION"; } || {
            rm -rf "$directory"
            fail "pip could not install ziglang and cargo-zigbuild"
        }
    fi
    command -v readelf >/dev/null || install_packages readelf binutils
    settled "zig $ZIG_VERSION, cargo-zigbuild $ZIGBUILD_VERSION in $directory"
}

# Its linker; zig has none for what Rust calls windows-gnu.
provide_mingw() {
    step mingw
    command -v x86_64-w64-mingw32-gcc >/dev/null ||
        install_packages "a linker for Windows" gcc-mingw-w64-x86-64-win32
    settled "$(x86_64-w64-mingw32-gcc --version | head -n1)"
}

# provide_target TARGET: rustup's standard library for it, else what is needed to build one.
provide_target() {
    step "$1"
    if rustup_has "$1"; then
        settled "the standard library is rustup's"
        return
    fi
    provide_library_source
    settled "the standard library is built with $(/usr/bin/rustc --version | cut -d' ' -f1-2)"
}

rustup_has() {
    command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx "$1"
}

# Debian has the library's source with all that it depends on, for the compiler of its browsers.
provide_library_source() {
    local wanted found
    [ -d "$(debian_library)" ] ||
        install_packages "the source of Rust's standard library (or: rustup target add TARGET)" \
            rustc-web cargo-web rust-web-src
    [ -d "$(debian_library)" ] || fail "$(debian_library) is not there" "rustup target add TARGET, with rustup"
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    found=$(/usr/bin/rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n1)" = "$wanted" ] ||
        fail "Debian's rustc is $found, $wanted or newer is needed" "apt-get update && apt-get install rustc-web cargo-web"
}

# Has cargo build with the compiler of Debian's browsers, by a feature of nightly compilers that it is known to have.
use_debian_rust() {
    export CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
    export PATH=/usr/bin:$PATH
}

debian_library() {
    local root
    root=$(/usr/bin/rustc --print sysroot 2>/dev/null) || root=/usr
    echo "$root/lib/rustlib/src/rust/library"
}

# build_together SYSTEM PLATFORM...: builds buoy-wrapper for the platforms that are of this system with one command, so that
# Cargo works on several targets at the same time.
build_together() {
    local system=$1 platform targets=() with_library=0
    shift
    for platform in "$@"; do
        case $platform in
        *-"$system")
            targets+=("$(target_of "$platform")")
            ! rustup_has "${targets[-1]}" || with_library=$((with_library + 1))
            ;;
        esac
    done
    [ ${#targets[@]} -ge 2 ] || return 0
    # One command builds the standard library for all or for none.
    [ "$with_library" -eq 0 ] || [ "$with_library" -eq ${#targets[@]} ] || return 0
    doing "building buoy-wrapper for ${targets[*]}"
    cargo_for "${targets[*]}" --profile volunteer -p wrapper --bin buoy-wrapper
}

# Where the platforms' directories are made. Tests have another place: what they build is not for volunteers.
DIST=dist

# build_platform PLATFORM WRAPPER_ONLY: into $DIST/PLATFORM, which appears whole; adds to `table` of the caller.
build_platform() {
    local platform=$1 target out=$DIST/$1.part built package wrapper program programs=() words
    target=$(target_of "$platform")
    read -r package wrapper <<<"$(wrapper_of "$platform")"
    step "$platform"
    built=$(target_directory)/$target
    doing "building buoy-wrapper"
    cargo_for "$target" --profile volunteer -p "$package" --bin "${wrapper%.exe}"
    rm -rf "$out"
    mkdir -p "$out"
    finish_program "$platform" "$built/volunteer/$wrapper"
    if [ -z "$2" ]; then read -ra programs <<<"$(programs_of "$platform")"; fi
    if [ ${#programs[@]} -gt 0 ]; then
        doing "building ${programs[*]}"
        words=("${programs[@]/#/--bin=}")
        cargo_for "$target" --release -p submit-cli -p validators "${words[@]%.exe}"
        for program in "${programs[@]}"; do
            finish_program "$platform" "$built/release/$program"
        done
    fi
    build_facts "$target" >"$out/BUILD"
    (cd "$out" && sha256sum -- * >SHA256SUMS)
    rm -rf "${DIST:?}/$platform"
    mv "$out" "$DIST/$platform"
    settled "in $DIST/$platform"
}

# finish_program PLATFORM FILE: checks it and puts it into `out` of the caller.
finish_program() {
    local platform=$1 file=$2 name bytes
    name=$(basename "$file")
    name=${name/buoy-front/buoy-wrapper}
    bytes=$(stat -c %s "$file")
    if [ "${name%.exe}" = buoy-wrapper ] && [ "$bytes" -gt "$(most_bytes "$platform")" ]; then
        fail "$file has $bytes bytes, $(most_bytes "$platform") are the limit"
    fi
    case $platform in
    *-linux-gnu)
        # Such a program would start only where this loader is installed.
        ! readelf -lW "$file" | grep -q INTERP || fail "$file needs a dynamic loader"
        ;;
    # What submitters start does not lie in a slot.
    windows_*) [ "$name" = buoy.exe ] || check_libraries "$file" ;;
    esac
    install -m 755 "$file" "$out/$name"
    table+=$(printf '%-26s %-16s %9d  %s' "$platform" "$name" "$bytes" "$(sha256sum <"$file" | cut -d' ' -f1)")$'\n'
}

# Libraries that Windows itself brings, and loads from nowhere but its own directory ("known DLLs"), or that have no file
# (api-ms-win-*): one of another name would be loaded from the slot if there is one.
readonly WINDOWS_LIBRARIES="kernel32.dll ntdll.dll msvcrt.dll bcryptprimitives.dll ws2_32.dll advapi32.dll"

# check_libraries FILE
check_libraries() {
    local library
    while read -r library; do
        case " $WINDOWS_LIBRARIES " in
        *" $library "*) ;;
        *) case $library in api-ms-win-*) ;; *) fail "$1 needs $library, which could be loaded from a slot" ;; esac ;;
        esac
    done < <(x86_64-w64-mingw32-objdump -p "$1" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]')
}

target_directory() { realpath -m "${CARGO_TARGET_DIR:-target}/dist"; }

# cargo_for TARGETS ARGUMENTS OF CARGO BUILD...: the targets are one word, and need the same flags.
cargo_for() {
    local log
    log=$(target_directory)/${1// /+}.log
    mkdir -p "$(target_directory)"
    cross_cargo "$1" build "${@:2}" >"$log" 2>&1 </dev/null || {
        tail -n 25 "$log" | sed 's/^/  | /' >&2
        fail "the build for $1 failed" "its output is in $log"
    }
}

# cross_cargo TARGETS build|test ARGUMENTS OF IT...
cross_cargo() (
    read -ra targets <<<"$1"
    target=${targets[0]} command=$2
    shift 2
    for each in "${targets[@]}"; do set -- --target "$each" "$@"; done
    if ! rustup_has "$target"; then
        use_debian_rust
        # Tests, and programs of the profile dev, need the library with unwinding.
        case "$command $*" in
        test* | *"--profile dev"*) set -- -Zbuild-std "$@" ;;
        *) set -- -Zbuild-std=std,panic_abort "$@" ;;
        esac
    fi
    PATH=$(cross_directory)/bin:$PATH
    cargo fetch --quiet --locked
    CARGO_ENCODED_RUSTFLAGS=$(flags_of "$target" | paste -sd $'\x1f')
    CFLAGS=$(path_maps | sed 's/^/-ffile-prefix-map=/' | paste -sd ' ')
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    CARGO_TARGET_DIR=$(target_directory)
    export PATH CARGO_ENCODED_RUSTFLAGS CFLAGS SOURCE_DATE_EPOCH CARGO_TARGET_DIR
    export MACOSX_DEPLOYMENT_TARGET=$MACOS_VERSION CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0
    case $target in
    # Stripping breaks the signature that the linker has made, without which no ARM Mac starts a program.
    *-apple-darwin) export CARGO_PROFILE_VOLUNTEER_STRIP=false CARGO_PROFILE_RELEASE_STRIP=false ;;
    esac
    case $target in
    *-windows-gnu)
        export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
        cargo "$command" --locked "$@"
        ;;
    *) cargo-zigbuild zigbuild --locked "$@" ;;
    esac
)

# flags_of TARGET: flags of rustc, each a line.
flags_of() {
    path_maps | sed 's/^/--remap-path-prefix=/'
    case $1 in
    *-musl) echo "-Clink-self-contained=no" ;;
    # The linker writes the time into a program otherwise.
    *-windows-gnu) echo "-Clink-arg=-Wl,--no-insert-timestamp" ;;
    esac
}

# What would tell where something was built, as FROM=TO; later ones count first.
path_maps() {
    local registry
    echo "${repository:?}=/buoy"
    echo "$(target_directory)=/target"
    for registry in "${CARGO_HOME:-${HOME:-/root}/.cargo}"/registry/src/*/; do echo "${registry%/}=/crates"; done
}

# The commit of these files, or what tells its local changes from others.
source_of() {
    local index tree changes=''
    index=$(mktemp -u)
    GIT_INDEX_FILE=$index git read-tree HEAD
    GIT_INDEX_FILE=$index git add --all
    tree=$(GIT_INDEX_FILE=$index git write-tree)
    rm -f "$index"
    [ "$tree" = "$(git rev-parse 'HEAD^{tree}')" ] || changes=", with local changes (tree $tree)"
    echo "$(git rev-parse HEAD)$changes"
}

# build_facts TARGET: with what it was built. Nothing in it differs between two builds of a commit with the same compilers.
build_facts() {
    local rustc=rustc library="rustup's"
    rustup_has "$1" || { rustc=/usr/bin/rustc library="built from source"; }
    cat <<FACTS
commit: ${source:?}
SOURCE_DATE_EPOCH: $(git log -1 --format=%ct)
target: $1
rustc: $("$rustc" --version --verbose | sed -n '1p;s/^LLVM version/LLVM/p' | paste -sd ' ')
standard library: $library
linker and C compiler: $(linker_of "$1")
profiles: volunteer for buoy-wrapper, release for all others (Cargo.toml)
flags: $(flags_of "$1" | sed 's/^\(--remap-path-prefix=\).*=/\1DIRECTORY=/' | sort -u | paste -sd ' ')
FACTS
    case $1 in
    *-apple-darwin) echo "macOS: $MACOS_VERSION or later" ;;
    esac
}

linker_of() {
    case $1 in
    *-windows-gnu) x86_64-w64-mingw32-gcc --version | head -n1 ;;
    *) echo "zig $ZIG_VERSION by cargo-zigbuild $ZIGBUILD_VERSION" ;;
    esac
}

# check_reproducible PLATFORM: two builds of buoy-wrapper, in two clones of this commit, have the same bytes.
check_reproducible() {
    local platform=$1 directory copy
    directory=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$directory'" EXIT
    for copy in one a/longer/path/two; do
        mkdir -p "$directory/$copy"
        git clone --quiet "$repository" "$directory/$copy/buoy"
        (cd "$directory/$copy/buoy" && git checkout --quiet "$(git -C "$repository" rev-parse HEAD)" &&
            CARGO_TARGET_DIR='' && unset CARGO_TARGET_DIR && ./x dist --wrapper "$platform")
    done
    step reproducible
    diff -r "$directory/one/buoy/dist" "$directory/a/longer/path/two/buoy/dist" ||
        fail "two builds of commit $(git rev-parse --short HEAD) differ for $platform"
    settled "two builds for $platform in two directories have the same bytes"
}
