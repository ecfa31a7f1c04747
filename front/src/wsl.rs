//! How the front reaches its agent on Windows: which distro of WSL it runs in, the command line of wsl.exe, and what the end
//! of wsl.exe means. Decisions only; the calls are in `platform/windows.rs`.
//!
//! Facts about WSL are from its source (microsoft/WSL), about BOINC's distros from `lib/wslinfo.cpp`.

mod agent_file;
mod arguments;
mod distro;
mod failure;
mod quoting;
mod text;

pub use agent_file::{AgentFileError, agent_path};
pub use arguments::{ENVIRONMENT, PathError, Session};
pub use distro::{Distro, NoDistro, Runs, choose};
pub use failure::explain;
pub use quoting::quote;
