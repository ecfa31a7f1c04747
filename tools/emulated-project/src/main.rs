//! Runs an emulated project until Enter is pressed, to try a client by hand.

use std::io::{Read, Write};
use std::process::ExitCode;

use emulated_project::{Clock, EmulatedProject, Permission, Settings, User};

const AUTHENTICATOR: &str = "0123456789abcdef0123456789abcdef";

fn main() -> ExitCode {
    let settings = Settings { clock: Clock::system(), ..Settings::default() };
    let project = match EmulatedProject::start(settings) {
        Ok(project) => project,
        Err(error) => {
            // Standard error may be closed; there is nobody else to tell.
            drop(writeln!(std::io::stderr(), "emulated-project: cannot listen on 127.0.0.1: {error}"));
            return ExitCode::FAILURE;
        }
    };
    project.add_user(User {
        name: "alice".to_owned(),
        authenticator: AUTHENTICATOR.to_owned(),
        submit: Permission::All,
    });
    let mut out = std::io::stdout();
    let shown =
        writeln!(out, "project {}\nauthenticator {AUTHENTICATOR}\nPress Enter to stop.", project.url());
    if shown.is_ok() && out.flush().is_ok() {
        drop(std::io::stdin().read(&mut [0]));
    }
    ExitCode::SUCCESS
}
