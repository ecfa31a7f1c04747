//! How a program is called: its arguments, the few variables that it heeds, its log.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use boinc::clock::Clock;

use crate::routes::DEFAULT_ROUTES;

/// Environment variable that takes the place of `breaker.outage_seconds`, also where there is no routes file to read.
pub const OUTAGE_VARIABLE: &str = "BUOY_OUTAGE_SECONDS";

/// Environment variable, set to anything: all is done before the answer, and nothing is left running. For a runner of
/// local campaigns, whose daemons nobody else waits for.
pub const INLINE_VARIABLE: &str = "BUOY_SPOOL_INLINE";

/// How a shim is called.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The program and its arguments.
    pub argv: &'a [OsString],
    /// The working directory: relative paths start here.
    pub directory: &'a Path,
    /// The value of [`ROUTES_VARIABLE`](crate::routes::ROUTES_VARIABLE), if it is set.
    pub routes: Option<&'a OsStr>,
    /// The value of [`OUTAGE_VARIABLE`], if it is set.
    pub outage: Option<&'a OsStr>,
    /// Whether [`INLINE_VARIABLE`] is set: the spool is worked off before the answer, and nothing is left running.
    pub inline: bool,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Takes each line for the daemon's log at once.
    pub log: &'a dyn Fn(&str),
}

impl Call<'_> {
    /// A path as it is seen from this process.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// Where the routes file is.
    pub(crate) fn routes_toml(&self) -> PathBuf {
        self.path(self.routes.map_or(Path::new(DEFAULT_ROUTES), Path::new))
    }

    /// The value of [`OUTAGE_VARIABLE`], if it makes sense.
    pub(crate) fn outage_seconds(&self) -> Option<f64> {
        self.outage?.to_str()?.parse().ok().filter(|seconds: &f64| *seconds >= 0.0)
    }
}
