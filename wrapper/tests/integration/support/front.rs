//! The wrapper behind a front, as on Windows.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::engine::{Engine, each_engine};

/// What the front starts: the wrapper, as its agent.
pub const AGENT_VARIABLE: &str = "BUOY_FRONT_AGENT";

thread_local! {
    static IS_USED: Cell<bool> = const { Cell::new(false) };
}

/// The front, where a test of this thread starts it.
pub fn program() -> Option<&'static Path> {
    IS_USED.get().then(built)
}

/// Whether the tests of this thread start fronts in place of wrappers.
pub fn is_in_use() -> bool {
    let named = || std::env::var_os("BUOY_TEST_WRAPPER").map(PathBuf::from);
    program().is_some() || named().is_some_and(|path| path.file_name() == Some("buoy-front".as_ref()))
}

/// Has this thread start fronts in place of wrappers from now on, or wrappers again.
pub fn use_front(is_used: bool) {
    IS_USED.set(is_used);
}

/// Runs a test with one engine, if it is to be tested, and has it start fronts in place of wrappers.
pub fn through_front(engine: Engine, test: impl FnOnce(Engine)) {
    each_engine(engine, |engine| {
        use_front(true);
        test(engine);
    });
}

/// It belongs to another package, so that cargo does not build it for us; where it builds all packages, `./x test` sets
/// `BUOY_TEST_PROGRAMS_BUILT`.
fn built() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let dir = Path::new(env!("CARGO_BIN_EXE_buoy-wrapper")).parent().unwrap();
        if std::env::var_os("BUOY_TEST_PROGRAMS_BUILT").is_some() {
            return dir.join("buoy-front");
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "-p", "front", "--bins", "--target-dir"]);
        cargo.arg(dir.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        match dir.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => {}
            Some(profile) => drop(cargo.args(["--profile", profile])),
        }
        assert!(cargo.status().unwrap().success(), "cargo build of the front");
        dir.join("buoy-front")
    })
}

/// The agent of a started front; 0 between two agents.
pub fn agent_of(front: u32) -> u32 {
    let children =
        std::fs::read_to_string(format!("/proc/{front}/task/{front}/children")).unwrap_or_default();
    children.split_ascii_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap_or(0)
}

/// Makes of each function `module::name` the test `name`, with Docker, through a front.
#[macro_export]
macro_rules! through_front {
    ($engine:ident: $($module:ident::$name:ident),+ $(,)?) => {
        $(#[test] fn $name() {
            $crate::support::through_front($crate::support::Engine::$engine, $crate::$module::$name);
        })+
    };
}
