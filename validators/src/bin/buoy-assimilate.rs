//! Run by BOINC's script assimilator: takes a workunit's outputs or notes its failure.

use std::process::ExitCode;

use validators::shim::{self, Shim};

fn main() -> ExitCode {
    shim::main(Shim::Assimilate)
}
