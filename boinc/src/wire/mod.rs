//! Every format that a BOINC client and an app share, read and written by the same code: the wrapper
//! plays the app, the local backend plays the client. Bytes and sources are listed in `docs/wire.md`.

pub mod channel;
pub mod finish;
pub mod init_data;
pub mod message;
pub mod segment;
pub mod slot;
