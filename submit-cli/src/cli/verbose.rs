//! The log of `--verbose`: what `buoy` asks of servers and engines, line by line on stderr.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::render::terminal;

/// Starts the log: nothing for 0, requests and commands for 1, their details too for more.
pub(super) fn start(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(false).with_target(false).with_writer(terminal::err);
    // Our own events only: they hold no secret. What libraries report about connections and headers might.
    let ours = Targets::new().with_targets([("submit_cli", level), ("validators", level)]);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
}
