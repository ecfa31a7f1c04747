# shellcheck shell=bash
# Debian's boinc-client, under which the tests run the wrapper for real, in data directories of their own.

provide_boinc_client() {
    step "boinc client"
    local did="there"
    if ! command -v boinc >/dev/null || ! command -v boinccmd >/dev/null; then
        install_packages "a BOINC client" boinc-client
        # The package starts a client of its own for the host, which nobody has asked for.
        if [ -d /run/systemd/system ]; then as_root systemctl disable --now --quiet boinc-client; fi
        did="installed"
    fi
    settled "$did ($(boinc --version 2>/dev/null | cut -d' ' -f1))"
}
