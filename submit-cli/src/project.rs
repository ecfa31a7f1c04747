//! A BOINC project as a submitter sees it: its web interface for remote job submission, and who we are there.
//!
//! [`client::ProjectClient`] carries out one request at a time and tries nothing twice; a caller that may repeat a
//! request does so through [`retry`]. Every failure is a [`error::ProjectError`] that says what to do next, and no text
//! that leaves this module holds an authenticator.

pub mod address;
pub mod authenticator;
pub mod client;
pub mod config;
mod connection;
mod download;
pub mod error;
mod http_date;
mod multipart;
pub mod options;
pub(crate) mod prompt;
pub mod protocol;
mod proxy;
mod reply;
mod request_log;
pub mod retry;
mod scrub;
mod transport;
pub mod upload_body;
mod xml;
