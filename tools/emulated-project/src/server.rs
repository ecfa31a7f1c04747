//! The listener and its connections: one thread each, ended with the project.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::fault::{Fault, Gate};
use crate::http::{Connection, Form, Reply, Request};
use crate::journal::Entry;
use crate::state::State;
use crate::web;

/// A running listener; dropping it ends all connections.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    state: Arc<State>,
    stop: AtomicBool,
    /// Opened at the end, so that held requests do not hold up the end.
    end: Gate,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    streams: HashMap<u64, TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Takes requests on a listener of its own.
    pub(crate) fn start(listener: TcpListener, state: Arc<State>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state,
            stop: AtomicBool::new(false),
            end: Gate::new(),
            open: Mutex::default(),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&listener, &shared))
        };
        Ok(Self { address, shared, accepting: Some(accepting) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.end.open();
        // Wakes the accepting thread, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
        let open = std::mem::take(&mut *self.shared.open.lock().unwrap_or_else(PoisonError::into_inner));
        for stream in open.streams.values() {
            drop(stream.shutdown(Shutdown::Both));
        }
        for thread in open.threads {
            drop(thread.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        // An error here belongs to one client that is gone already.
        let Ok((stream, _)) = accepted else { continue };
        drop(stream.set_nodelay(true));
        let Ok(handle) = stream.try_clone() else { continue };
        shared.state.journal.connected();
        let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        let id = open.next;
        open.next += 1;
        open.streams.insert(id, handle);
        let shared = Arc::clone(shared);
        open.threads.push(std::thread::spawn(move || {
            serve(&shared, stream);
            shared.open.lock().unwrap_or_else(PoisonError::into_inner).streams.remove(&id);
        }));
        open.threads.retain(|thread| !thread.is_finished());
    }
}

fn serve(shared: &Shared, stream: TcpStream) {
    let Ok(handle) = stream.try_clone() else { return };
    let mut connection = Connection::new(stream);
    loop {
        let limit = match shared.state.settings().php.post_max_size {
            0 => u64::MAX,
            limit => limit,
        };
        let stays_open = match connection.request(limit) {
            Ok(Some(request)) => answer(shared, &mut connection, &handle, request),
            Ok(None) => false,
            Err(why) => {
                let reply = Reply::new(400, web::APACHE_HTML, format!("{why}\n").into_bytes());
                drop(connection.write(&reply.into_bytes(false)));
                false
            }
        };
        if !stays_open || shared.stop.load(Ordering::SeqCst) {
            drop(handle.shutdown(Shutdown::Both));
            return;
        }
    }
}

/// Answers a request; whether the connection stays open.
fn answer(shared: &Shared, connection: &mut Connection, handle: &TcpStream, mut request: Request) -> bool {
    let state = &shared.state;
    let limits = state.settings().php;
    let form = Form::read(&mut request, limits.upload_max_filesize, limits.max_file_uploads);
    let verb = web::verb(&request, &form);
    let bytes_in = request.head_bytes as u64 + request.body_bytes;
    let (arrival, fault) = state.faults.decide(&verb, bytes_in);
    state.journal.begin(&verb);
    match &fault {
        Fault::Slow(time) => drop(shared.end.wait(*time)),
        Fault::Held(gate) => hold(shared, gate),
        Fault::ActLater(gate) => {
            drop(handle.shutdown(Shutdown::Both));
            hold(shared, gate);
        }
        _ => {}
    }
    let act = || web::respond(state, &request, form, &fault);
    let server_error = || Reply::new(500, web::APACHE_HTML, web::INTERNAL_ERROR.into());
    let reply = match &fault {
        Fault::Lost => None,
        Fault::Status500 => Some(server_error()),
        Fault::Proxy(status, page) => Some(Reply::new(*status, "text/html", page.clone().into_bytes())),
        Fault::ReplyLost | Fault::ActLater(_) => {
            act();
            None
        }
        Fault::ActThenStatus500 => {
            act();
            Some(server_error())
        }
        _ => Some(act()),
    };
    let status = reply.as_ref().map_or(0, |reply| reply.status);
    let mut stays_open = request.keep_alive && reply.is_some();
    let mut out = reply.map(|reply| reply.into_bytes(request.keep_alive)).unwrap_or_default();
    if let Fault::CutAfter(bytes) = fault {
        out.truncate(bytes);
        stays_open = false;
    }
    let bytes_out = out.len() as u64;
    // Noted before the client can know: what follows in the client's program finds its entry.
    state.journal.end(Entry { number: arrival.number, verb, bytes_in, bytes_out, status, fault });
    connection.write(&out).is_ok() && stays_open
}

/// Waits for a gate, but no longer than the project runs.
fn hold(shared: &Shared, gate: &Gate) {
    const LOOK: std::time::Duration = std::time::Duration::from_millis(20);
    while !gate.wait(LOOK) && !shared.stop.load(Ordering::SeqCst) {}
}
