//! Run by BOINC's script validator for two results: do they agree?

use std::process::ExitCode;

use validators::shim::{self, Shim};

fn main() -> ExitCode {
    shim::main(Shim::Compare)
}
