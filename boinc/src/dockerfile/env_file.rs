//! The shell text that brings ARG values into a RUN without leaving them in the image.

/// Variables that some shells make read-only: an assignment would end the shell.
const READ_ONLY_IN_SOME_SHELL: [&str; 7] =
    ["BASHOPTS", "BASH_VERSINFO", "EGID", "EUID", "PPID", "SHELLOPTS", "UID"];

/// POSIX shell text that exports `args`, to be read by `.`; values are exact, also with newlines and quotes.
///
/// A shell that runs with `-x` does not print the values. A value that has a NUL, which no environment can hold, is cut
/// there. Names must be names of shell variables.
pub fn quote_env_file(args: &[(String, String)]) -> Vec<u8> {
    if args.is_empty() {
        return Vec::new();
    }
    let mut text = String::from("case $- in *x*) set +x; _buoy_x=1;; esac\n");
    for (name, value) in args {
        let value = value.split('\0').next().unwrap_or("").replace('\'', r"'\''");
        let export = format!("export {name}='{value}'");
        if READ_ONLY_IN_SOME_SHELL.contains(&name.as_str()) {
            text.push_str(&format!("if (unset {name}) 2>/dev/null; then {export}; fi\n"));
        } else {
            text.push_str(&export);
            text.push('\n');
        }
    }
    text.push_str("case ${_buoy_x-} in 1) unset _buoy_x; set -x;; esac\n");
    text.into_bytes()
}
