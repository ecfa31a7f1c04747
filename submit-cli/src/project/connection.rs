//! Connections to a server. What ureq does not distinguish is told apart here: no connection from a lost one, and an early
//! reply from none. ureq may change this interface in each version 3.x, so Cargo.toml names one.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector,
    Transport,
};
use ureq::{Agent, Error};

/// An agent whose errors before a request goes out are [`NoConnection`].
pub fn agent(config: Config) -> Agent {
    let connector =
        ().chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(SocketConnector)
            .chain(RustlsConnector::default());
    Agent::with_parts(config, Connecting(connector), Connecting(DefaultResolver::default()))
}

/// Nothing was sent: the host was not found, or not reached, or its certificate was refused.
#[derive(Debug)]
pub struct NoConnection(pub Error);

impl fmt::Display for NoConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NoConnection {}

/// What makes connections, with its errors marked.
#[derive(Debug)]
struct Connecting<T>(T);

impl<T: Connector> Connector for Connecting<T> {
    type Out = T::Out;

    fn connect(&self, details: &ConnectionDetails, none: Option<()>) -> Result<Option<T::Out>, Error> {
        // Requests differ in their timeouts, for which ureq would prepare TLS again for each connection.
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        self.0.connect(&details, none).map_err(marked)
    }
}

impl<T: Resolver> Resolver for Connecting<T> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        self.0.resolve(uri, config, timeout).map_err(marked)
    }
}

/// The way to a proxy comes here twice.
fn marked(error: Error) -> Error {
    match error {
        Error::Other(marked) if marked.is::<NoConnection>() => Error::Other(marked),
        error => Error::Other(Box::new(NoConnection(error))),
    }
}

/// Makes each socket one that looks for a reply when nothing more can be sent.
#[derive(Debug)]
struct SocketConnector;

impl<T: Transport> Connector<T> for SocketConnector {
    type Out = Socket<T>;

    fn connect(&self, _: &ConnectionDetails, socket: Option<T>) -> Result<Option<Socket<T>>, Error> {
        Ok(socket.map(|socket| Socket { socket, broken: None }))
    }
}

/// A web server that refuses a request for its size may reply and close before it has read the request. So the rest of such
/// a request is dropped, and the reply is read.
#[derive(Debug)]
struct Socket<T> {
    socket: T,
    broken: Option<ErrorKind>,
}

impl<T: Transport> Transport for Socket<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.socket.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.broken.is_some() {
            return Ok(());
        }
        match self.socket.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if is_closed(error.kind()) => {
                self.broken = Some(error.kind());
                Ok(())
            }
            sent => sent,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        match (self.socket.await_input(timeout), self.broken) {
            (Ok(false), Some(broken)) => Err(Error::Io(io::Error::from(broken))),
            (input, _) => input,
        }
    }

    fn is_open(&mut self) -> bool {
        self.broken.is_none() && self.socket.is_open()
    }

    fn is_tls(&self) -> bool {
        self.socket.is_tls()
    }
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}
