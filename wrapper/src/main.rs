//! `buoy-wrapper`: the program of a universal BOINC app. A client starts it in a slot directory.

use std::process::exit;

use wrapper::argv::Invocation;

fn main() {
    let status = match Invocation::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Version) => {
            println!("buoy-wrapper {}", env!("CARGO_PKG_VERSION"));
            0
        }
        Ok(Invocation::Run(args)) => wrapper::run::in_current_directory(args),
        Err(error) => wrapper::run::refuse_arguments(&error),
    };
    exit(status);
}
