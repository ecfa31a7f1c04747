//! `buoy-wrapper`: the program of a universal BOINC app. A client starts it in a slot directory.

use std::ffi::OsString;
use std::process::exit;

use boinc::job::argv::Invocation;
use wrapper::clean::Request;

fn main() {
    wrapper::log::report_panics();
    wrapper::platform::forbid_core_files();
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(request) = std::env::current_dir().ok().and_then(|here| Request::parse(&words, &here)) {
        exit(request.run());
    }
    let status = match Invocation::parse(words) {
        Ok(Invocation::Version) => {
            println!("buoy-wrapper {}", env!("CARGO_PKG_VERSION"));
            0
        }
        Ok(Invocation::Run(args)) => wrapper::run::in_current_directory(args),
        Err(error) => wrapper::run::refuse_arguments(&error),
    };
    exit(status);
}
