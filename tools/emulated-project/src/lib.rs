//! A stock BOINC project's web interface in memory, on 127.0.0.1: for tests and benchmarks of what talks to projects.
//!
//! It answers as a stock server was recorded to answer, and refuses what that server refuses; only the prose of some errors
//! differs: see README.md. Facts come from the recordings in tests/recorded and from BOINC's sources, which the
//! comments name by file.
//!
//! ```
//! use emulated_project::{EmulatedProject, Fault, Permission, Settings, User};
//!
//! let project = EmulatedProject::start(Settings::default()).unwrap();
//! project.add_user(User {
//!     name: "alice".to_owned(),
//!     authenticator: "0123456789abcdef0123456789abcdef".to_owned(),
//!     submit: Permission::All,
//! });
//! project.faults().on("submit_batch", 1, Fault::ReplyLost);
//! // … a client talks to project.url() …
//! assert_eq!(project.workunit_count(), 0);
//! assert!(project.requests().is_empty());
//! ```

mod clock;
mod create_work;
mod fault;
mod http;
mod journal;
mod php;
mod project;
mod server;
mod settings;
mod state;
mod storage;
mod tables;
mod volunteers;
mod web;
mod workunit;
mod xml;

pub use clock::Clock;
pub use fault::{Arrival, Fault, FaultPlan, Gate};
pub use journal::{Entry, Journal};
pub use project::EmulatedProject;
pub use settings::{FileDeletion, Installation, Permission, PhpSettings, Settings, User};
pub use storage::StoredFile;
pub use tables::{Batch, BatchState};
pub use volunteers::{Report, VolunteerError};
pub use workunit::{Input, Instance, Outcome, OutputFile, ServerState, Validation, Workunit};
