//! A distro of WSL, which is this system behind a relay (`tools/wsl-stand-in`).

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use crate::desk::Desk;

const DISTRO: &str = "Debian";

/// WSL has this program in each distro.
const WSLPATH: &str = "#!/bin/sh\nprintf '%s\\n' \"$2\" | sed -e 's/^Z://' -e 's,\\\\,/,g'\n";

pub struct Wsl {
    relay: Child,
    port: String,
}

impl Wsl {
    pub fn start(desk: &Desk) -> Self {
        desk.write_program("bin/wslpath", WSLPATH);
        let path = format!("{}:{}", desk.unix("bin"), std::env::var("PATH").unwrap());
        let mut relay = Command::new(desk.tool("relay"))
            .arg("0")
            .arg(desk.tool("prefix/drive_c"))
            .arg(format!("{DISTRO}={path}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(relay.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening").unwrap().trim().to_owned();
        Self { relay, port }
    }

    /// Runs a copy of buoy.exe next to which there is one for Linux.
    pub fn buoy(&self, desk: &Desk, args: &[impl AsRef<OsStr>]) -> Output {
        std::fs::copy(desk.tool("buoy.exe"), desk.unix("pro grams/buoy.exe")).unwrap();
        let mut command = desk.command_of("pro grams/buoy.exe", args);
        command.env("BUOY_WSL_DISTRO", DISTRO).env("BUOY_TEST_WSL_PORT", &self.port);
        command.output().unwrap()
    }
}

impl Drop for Wsl {
    fn drop(&mut self) {
        let _ = self.relay.kill();
        let _ = self.relay.wait();
    }
}
