//! The local backend: an emulated BOINC client and server around the real wrapper and the real shims.

pub mod exit;
pub mod transitioner;
pub mod validator;
