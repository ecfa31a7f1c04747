//! How a client behaves towards a slow project.

use std::path::PathBuf;
use std::time::Duration;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// So long for a connection.
    pub connect_timeout: Duration,
    /// So long for a reply after the request has gone out; making many jobs takes the server minutes.
    pub reply_timeout: Duration,
    /// Slower than this in bytes a second, an upload is given up.
    pub slowest_upload: u64,
    /// Certificates (PEM) to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            reply_timeout: Duration::from_secs(600),
            slowest_upload: 16 * 1024,
            ca_file: None,
        }
    }
}
