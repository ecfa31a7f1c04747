# shellcheck shell=bash
# Chromium, in which the tests read reports.

provide_browser() {
    step browser
    local did="there"
    if ! browser_program >/dev/null; then
        # Without a font there is no width to measure.
        install_packages Chromium chromium fonts-dejavu-core
        did="installed"
    fi
    settled "$did ($("$(browser_program)" --version 2>/dev/null))"
}

browser_program() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}
