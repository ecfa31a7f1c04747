//! HTTP/1.1 as far as a project's pages need it.

mod connection;
mod form;
mod percent;
mod reply;
mod request;

pub(crate) use connection::Connection;
pub(crate) use form::{Form, UploadProblem};
pub(crate) use percent::percent_decode;
pub(crate) use reply::Reply;
pub(crate) use request::Request;
