//! `buoy-wrapper`: the program of a universal BOINC app. A client starts it in a slot directory.

use std::ffi::OsString;
use std::process::exit;

use boinc::job::argv::Invocation;
use wrapper::clean::Request;
use wrapper::{help, keeper};

fn main() {
    wrapper::log::report_panics();
    wrapper::platform::forbid_core_files();
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if words == [wrapper::agent::FLAG] {
        exit(wrapper::agent::run());
    }
    if let Some(request) = keeper::Request::parse(&words) {
        exit(request.run());
    }
    let here = std::env::current_dir().ok();
    if let Some(request) = here.as_deref().and_then(|here| Request::parse(&words, here)) {
        exit(request.run());
    }
    if let Some(text) = here.as_deref().and_then(|here| help::answer(&words, here)) {
        print!("{text}");
        exit(0);
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
