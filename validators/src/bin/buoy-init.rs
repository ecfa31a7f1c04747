//! Run by BOINC's script validator for each result: is it acceptable at all?

use std::process::ExitCode;

use validators::shim::{self, Shim};

fn main() -> ExitCode {
    shim::main(Shim::Init)
}
