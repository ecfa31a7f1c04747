//! What a good app has to wait for when another one's script is broken.

use std::time::{Duration, Instant};

use crate::run::Row;
use crate::server::{HASH, Server};

/// With a script that fails at once.
pub fn of_a_script_that_fails() -> Vec<Row> {
    outage("fails", "exit 1", 60)
}

/// With one that hangs for 10 s, its time limit.
pub fn of_one_that_hangs() -> Vec<Row> {
    outage("hangs", "exec sleep 600", 10)
}

/// 1,000 workunits of an app with a broken script among 1,000 of a good one, validated one after the other.
fn outage(how: &str, body: &str, timeout_seconds: u32) -> Vec<Row> {
    const WORKUNITS: u32 = 1_000;
    let server = Server::new(&format!(
        "[app.good.validate]\nrule = 'bytes'\n[app.bad.script]\ncompare = ['broken']\ntimeout_seconds = {timeout_seconds}\n"
    ));
    server.script("broken", body);
    let (mut good_time, mut bad_time) = (Duration::ZERO, Duration::ZERO);
    let (mut validated, mut invalidated, mut good_lost) = (0, 0, 0);
    for n in 0..WORKUNITS {
        for app in ["good", "bad"] {
            let wu = format!("{app}-{HASH}__b__j{n}");
            let second = if app == "good" { "x" } else { "y" };
            let (a, b) = (server.upload(&wu, 0, "x"), server.upload(&wu, 1, second));
            let start = Instant::now();
            let inits = [&a, &b].map(|path| server.run(&format!("buoy-init  {path}")));
            let compared = server.run(&format!("buoy-compare  {a} {b}"));
            match app {
                "good" => {
                    good_time += start.elapsed();
                    validated += u32::from(inits == [0, 0] && compared == 0);
                    good_lost += u32::from(inits != [0, 0] || compared != 0);
                }
                _ => {
                    bad_time += start.elapsed();
                    invalidated += u32::from(inits != [0, 0] || !matches!(compared, 0 | 3));
                }
            }
        }
    }
    // What the good app would have waited for in any case, had the other one been good, too.
    let delay = bad_time.saturating_sub(good_time).as_secs_f64();
    let what = format!("{WORKUNITS} workunits with a script that {how} among {WORKUNITS} good ones");
    let lost = invalidated + good_lost;
    vec![
        Row::new(format!("{what}: honest results invalidated"), lost.to_string(), "0", lost == 0),
        Row::new(
            format!("{what}: good ones validated"),
            validated.to_string(),
            "1000",
            validated == WORKUNITS,
        ),
        Row::new(
            format!("{what}: good ones delayed in all"),
            format!("{delay:.1} s"),
            "≤ 60 s",
            delay <= 60.0,
        )
        .compared(format!("their own calls: {:.1} s", good_time.as_secs_f64())),
    ]
}
