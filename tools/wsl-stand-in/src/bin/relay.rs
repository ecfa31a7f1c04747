//! `relay PORT DRIVE_C DISTRO=PATH...`: starts programs for wsl.exe, and reports each on a line of its standard output:
//! `listening PORT`, then `start PID USER PROGRAM` and `end PID STATUS`.
//!
//! PORT 0 takes a free one. `Z:\x` is `/x`, and `C:\x` is `DRIVE_C/x`. A DISTRO is this computer with another PATH.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use wsl_stand_in::{Reply, Request};

/// What is known of the computer.
#[derive(Debug)]
struct Host {
    drive_c: PathBuf,
    /// PATH by the name of the distro.
    distros: BTreeMap<String, String>,
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let usage = || io::Error::new(io::ErrorKind::InvalidInput, "usage: relay PORT DRIVE_C DISTRO=PATH...");
    let mut words = env::args().skip(1);
    let port: u16 = words.next().and_then(|word| word.parse().ok()).ok_or_else(usage)?;
    let drive_c = PathBuf::from(words.next().ok_or_else(usage)?);
    let mut distros = BTreeMap::new();
    for word in words {
        let (name, path) = word.split_once('=').ok_or_else(usage)?;
        distros.insert(name.to_owned(), path.to_owned());
    }
    let host = Arc::new(Host { drive_c, distros });
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    report(format_args!("listening {}", listener.local_addr()?.port()));
    for connection in listener.incoming() {
        let (host, connection) = (host.clone(), connection?);
        thread::spawn(move || {
            if let Err(error) = host.answer(connection) {
                eprintln!("relay: {error}");
            }
        });
    }
    Ok(())
}

impl Host {
    fn answer(&self, mut connection: TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let request = Request::read(&mut connection)?;
        let Some(path) = self.distros.get(&request.distro) else {
            return Reply::Failed("Wsl/Service/WSL_E_DISTRO_NOT_FOUND".to_owned()).write(&mut connection);
        };
        let Some(directory) = self.directory(&request.directory) else {
            return Reply::Failed("Wsl/Service/ERROR_PATH_NOT_FOUND".to_owned()).write(&mut connection);
        };
        // As on real systems a path with a slash counts from the directory that the program is started in.
        let started = Command::new(&request.words[0])
            .args(&request.words[1..])
            .current_dir(directory)
            .env_clear()
            .envs([("PATH", path.as_str()), ("HOME", "/root"), ("WSL_DISTRO_NAME", &request.distro)])
            .envs(env::var_os("CONTAINERS_CONF").map(|value| ("CONTAINERS_CONF", value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let to_client = Arc::new(Mutex::new(connection.try_clone()?));
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                let text = format!("<3>WSL ERROR: execvpe({}) failed: {error}\n", request.words[0]);
                send(&to_client, &Reply::Errors(text.into_bytes()))?;
                return send(&to_client, &Reply::Exit(1));
            }
        };
        let pid = child.id();
        report(format_args!("start {pid} {:?} {}", request.user, request.words.join(" ")));
        let piped = "it was started with pipes";
        let mut stdin = child.stdin.take().expect(piped);
        // The end of the connection in any form is the end of the program's standard input, and of nothing else.
        thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count @ 1..) = connection.read(&mut buffer) {
                if stdin.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
        });
        let outputs = [
            forward(child.stdout.take().expect(piped), to_client.clone(), Reply::Output),
            forward(child.stderr.take().expect(piped), to_client.clone(), Reply::Errors),
        ];
        for output in outputs {
            let _ = output.join();
        }
        let status = wsl_status(child.wait()?);
        report(format_args!("end {pid} {status}"));
        send(&to_client, &Reply::Exit(status))
    }

    fn directory(&self, path: &str) -> Option<PathBuf> {
        let (drive, rest) = path.split_at_checked(3)?;
        let rest = rest.replace('\\', "/");
        match drive.to_ascii_uppercase().replace('\\', "/").as_str() {
            "Z:/" => Some(PathBuf::from("/").join(rest)),
            "C:/" => Some(self.drive_c.join(rest)),
            _ => None,
        }
        .filter(|directory| directory.is_dir())
    }
}

/// What a program writes goes on as long as somebody listens; then its pipe is closed.
fn forward(
    mut from: impl Read + Send + 'static,
    to: Arc<Mutex<TcpStream>>,
    reply: fn(Vec<u8>) -> Reply,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if send(&to, &reply(buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    })
}

fn send(to: &Mutex<TcpStream>, reply: &Reply) -> io::Result<()> {
    let mut to = to.lock().map_err(|_| io::ErrorKind::BrokenPipe)?;
    reply.write(&mut *to)
}

/// WSL passes the raw status of a wait on: a death by signal N looks like exit status N.
fn wsl_status(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    status.code().or(signal).unwrap_or(1)
}

fn report(line: std::fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
