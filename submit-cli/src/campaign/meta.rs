//! Keys of the campaign's own facts.

/// Name of the client's project directory, hence of containers.
pub const PROJECT: &str = "project";
/// The science app's name.
pub const APP: &str = "app";
/// The bundle's hash.
pub const BUNDLE: &str = "bundle";
/// The batch's name.
pub const BATCH: &str = "batch";
/// Names of the outputs, in order, as JSON.
pub const OUTPUTS: &str = "outputs";
/// This host's name.
pub const HOST: &str = "host";
