# shellcheck shell=bash
# The Rust toolchain, and a C compiler for the SQLite inside `buoy`.

provide_rust() {
    step rust
    [ ! -x "${HOME:-/root}/.cargo/bin/cargo" ] || export PATH=${HOME:-/root}/.cargo/bin:$PATH
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
        # Debian carries a current compiler under these names, for its browsers; it is called rustc all the same.
        install_packages "a Rust toolchain (https://rustup.rs has one for every system)" rustc-web cargo-web ca-certificates
    fi
    found=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n1)" != "$wanted" ]; then
        fail "rustc $found at $(command -v rustc) is too old, $wanted or newer is needed" \
            "with rustup: rustup update stable" \
            "on Debian 12: apt-get install rustc-web cargo-web (in place of rustc and cargo)"
    fi
    settled "rustc $found"

    step "C compiler"
    command -v cc >/dev/null || install_packages "a C compiler" gcc libc6-dev
    settled "$(cc --version | head -n1)"
}

provide_linters() {
    step linters
    cargo fmt --version >/dev/null 2>&1 || add_rust_component rustfmt rustfmt-web
    cargo clippy --version >/dev/null 2>&1 || add_rust_component clippy rust-web-clippy
    command -v shellcheck >/dev/null || install_packages shellcheck shellcheck
    settled "rustfmt, clippy, shellcheck"
}

# add_rust_component COMPONENT PACKAGE: from wherever the toolchain itself came.
add_rust_component() {
    if command -v rustup >/dev/null; then
        doing "rustup component add $1"
        rustup --quiet component add "$1" || fail "rustup could not add $1"
    else
        install_packages "$1" "$2"
    fi
}
