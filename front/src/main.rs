//! `buoy-front`: shipped for Windows as `buoy-wrapper.exe`. A client starts it in a slot directory.

use std::ffi::OsString;
use std::process::exit;

use boinc::job::argv::VERSION;

fn main() {
    front::platform::secure_process();
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if words == [VERSION] {
        println!("buoy-wrapper {}", env!("CARGO_PKG_VERSION"));
        exit(0);
    }
    if let Some(status) = front::platform::keeper_starter(&words) {
        exit(status);
    }
    exit(front::run::in_current_directory(words));
}
