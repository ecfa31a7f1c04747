//! A server on loopback that gives planned answers, byte by byte, and notes what it was asked.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use submit_cli::project::address::{PlainHttp, ProjectUrl};
use submit_cli::project::authenticator::Authenticator;
use submit_cli::project::client::ProjectClient;
use submit_cli::project::options::ClientOptions;

/// The authenticator in the recorded requests.
pub const KEY: &str = "00000000000000000000000000000000";

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and target.
    pub line: String,
    /// Header lines, in lower case.
    pub headers: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The form field `request` of a multipart body.
    pub fn request(&self) -> String {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        let start = text.find("name=\"request\"\r\n\r\n").expect("a field named request") + 18;
        text[start..start + text[start..].find("\r\n--").unwrap()].to_owned()
    }

    /// Everything that was sent.
    pub fn whole(&self) -> String {
        format!("{}\n{}\n{}", self.line, self.headers.join("\n"), String::from_utf8_lossy(&self.body))
    }
}

/// Answers in order; an unplanned request gets the connection closed, and fails the test at the end.
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    planned: VecDeque<Vec<u8>>,
    asked: Vec<Asked>,
    unplanned: Vec<String>,
}

impl Server {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream.unwrap(), &shared));
            }
        });
        Self { address, state }
    }

    /// A server with answers.
    pub fn with(answers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let server = Self::new();
        answers.into_iter().for_each(|answer| server.plan(answer));
        server
    }

    /// One more answer: the bytes of the whole reply, then the connection is closed.
    pub fn plan(&self, answer: Vec<u8>) {
        self.state.lock().unwrap().planned.push_back(answer);
    }

    /// What was asked since the last call. All planned answers have been given, and no others.
    #[track_caller]
    pub fn asked(&self) -> Vec<Asked> {
        let mut state = self.state.lock().unwrap();
        assert!(state.planned.is_empty(), "{} planned answers were not asked for", state.planned.len());
        assert!(state.unplanned.is_empty(), "unplanned: {:?}", state.unplanned);
        std::mem::take(&mut state.asked)
    }

    /// Takes back planned answers that no request came for.
    pub fn forget(&self) {
        self.state.lock().unwrap().planned.clear();
    }

    pub fn url(&self) -> String {
        format!("http://{}/buoytest/", self.address)
    }

    pub fn client(&self) -> ProjectClient {
        client(&self.url(), ClientOptions::default())
    }
}

pub fn client(url: &str, options: ClientOptions) -> ProjectClient {
    let url = ProjectUrl::parse(url, PlainHttp::Refuse).unwrap();
    ProjectClient::new(url, Authenticator::parse(KEY).unwrap(), options).unwrap()
}

/// A reply with its length.
pub fn reply(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A good status, and a body.
pub fn ok(body: &str) -> Vec<u8> {
    reply("HTTP/1.1 200 OK\r\nContent-Type: text/xml;charset=UTF-8", body.as_bytes())
}

fn answer(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        // A connection that the client opens ahead and never uses.
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0);
    let headers: Vec<String> = lines.iter().map(|line| line.to_ascii_lowercase()).collect();
    let length =
        headers.iter().find_map(|header| header.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    if reader.take(length).read_to_end(&mut body).is_err() || (body.len() as u64) < length {
        return;
    }
    let answer = {
        let mut state = state.lock().unwrap();
        let answer = state.planned.pop_front();
        if answer.is_none() {
            state.unplanned.push(line.clone());
        }
        state.asked.push(Asked { line, headers, body });
        answer
    };
    if let Some(answer) = answer {
        // The client may have gone away by then.
        let _ = (&stream).write_all(&answer);
    }
}
