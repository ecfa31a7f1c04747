//! The real wrapper in slots of an emulated client, with real engines.
//!
//! Each test runs once for each engine. An engine that is named in `BUOY_TEST_ENGINES` must answer; without the variable one that
//! does not answer is left out, and said so. What is tested as `docker` and `podman` is what comes first on PATH: so ENGINES=all
//! runs these tests on further engines.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails, and says where")]

mod support;

mod archives;
mod builds;
mod client_requests;
mod client_settings;
mod daemon;
mod dockerfiles;
mod environment;
mod faults;
mod fidelity;
mod files;
mod front;
mod front_keeper;
mod front_work;
mod full_disk;
mod hidden_use;
mod hostile_builds;
mod hostile_engine;
mod hostile_files;
mod hostile_text;
mod images;
mod inputs;
mod machine;
mod network;
mod old_hosts;
mod real_client;
mod refusals;
mod running;
mod safety;
mod seccomp;
mod streams;
mod user_namespaces;
mod workdir_files;
