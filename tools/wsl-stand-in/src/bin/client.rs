//! `client NAME PROGRAM [ARGUMENT...]`: plays a client of Windows for the slot in the current directory.
//!
//! It puts its process id in the place of `CLIENT_PID` in init_data.xml, makes the shared memory `shm_NAME`, starts PROGRAM as
//! a client does (no handles, no window), sends a heartbeat each second, and reports on its standard output: `started PID`,
//! `status TEXT`, `sent REQUEST`, `exit STATUS`. Lines of its standard input are requests: `quit`, `abort`, `suspend`,
//! `resume`; `kill` terminates the program, and the end of the input ends the client, as a crash does.

#[cfg(windows)]
#[path = "client/windows.rs"]
mod windows;

#[cfg(windows)]
fn main() -> std::io::Result<()> {
    windows::main()
}

#[cfg(not(windows))]
fn main() {
    eprintln!("client: this program is for Windows");
    std::process::exit(1);
}
