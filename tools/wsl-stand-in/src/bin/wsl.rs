//! wsl.exe: `-d DISTRO [-u USER] [--cd DIRECTORY] --exec PROGRAM [ARGUMENT...]`.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::thread;

use wsl_stand_in::{PORT_VARIABLE, Reply, Request};

/// wsl.exe ends so after an error of its own, and when the virtual machine went away.
const FAILED: i32 = -1;
const GONE: i32 = 1;

fn main() {
    let request = request(env::args().skip(1)).unwrap_or_else(|| fail("Wsl/E_INVALIDARG"));
    let port = env::var(PORT_VARIABLE).ok().and_then(|port| port.parse::<u16>().ok()).unwrap_or(0);
    let Ok(mut connection) = TcpStream::connect(("127.0.0.1", port)) else {
        fail("Wsl/Service/CreateInstance/CreateVm/HCS/E_UNEXPECTED");
    };
    exit(relay(&request, &mut connection).unwrap_or(GONE));
}

fn request(mut words: impl Iterator<Item = String>) -> Option<Request> {
    let mut request =
        Request { directory: env::current_dir().ok()?.to_str()?.to_owned(), ..Request::default() };
    loop {
        match words.next()?.as_str() {
            "-d" => request.distro = words.next()?,
            "-u" => request.user = words.next()?,
            "--cd" => request.directory = words.next()?,
            "--exec" => {
                request.words = words.collect();
                return (!request.words.is_empty()).then_some(request);
            }
            _ => return None,
        }
    }
}

fn relay(request: &Request, connection: &mut TcpStream) -> io::Result<i32> {
    connection.set_nodelay(true)?;
    request.write(connection)?;
    let mut input = connection.try_clone()?;
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        let mut stdin = io::stdin().lock();
        while let Ok(count @ 1..) = stdin.read(&mut buffer) {
            if input.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
        let _ = input.shutdown(Shutdown::Write);
    });
    loop {
        match Reply::read(connection)? {
            Reply::Output(bytes) => write(&mut io::stdout().lock(), &bytes)?,
            Reply::Errors(bytes) => write(&mut io::stderr().lock(), &bytes)?,
            Reply::Exit(status) => return Ok(status),
            Reply::Failed(code) => fail(&code),
        }
    }
}

fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Writes a message in the user's language, as versions without WSL_UTF8 do, with the code at its end.
fn fail(code: &str) -> ! {
    let text = format!("Das hat nicht geklappt, schöne Grüße.\r\nFehlercode: {code}\r\n");
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let _ = write(&mut io::stdout().lock(), &bytes);
    exit(FAILED)
}
