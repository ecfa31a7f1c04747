//! Rule files made to cost a server time: what each adds to a call.

use std::time::Duration;

use crate::project::Project;
use crate::run::Row;

/// Calls for each rule file; the quickest counts.
const TIMES: usize = 5;

const BAR: Duration = Duration::from_millis(100);

/// `n` elements in brackets.
fn list(n: usize, element: impl Fn(usize) -> String) -> String {
    format!("[{}]", (0..n).map(element).collect::<Vec<_>>().join(","))
}

fn outputs(n: usize) -> String {
    list(n, |i| format!("{{\"name\":\"o{i}\"}}"))
}

fn file(outputs: &str, validate: &str, assimilate: &str, script: &str) -> String {
    format!(
        "{{\"version\":1,\"app\":\"bench\",\"files\":[],\"outputs\":{outputs},\"validate\":{validate},\
         \"assimilate\":{assimilate},\"script\":{script}}}"
    )
}

fn rules_of_outputs(n: usize, name: &str, rest: &str) -> String {
    format!("{{\"output\":{}}}", list(n, |i| format!("{{\"name\":\"{name}{i}\",\"rule\":\"text\"{rest}}}")))
}

/// Rule files, and how many bytes of output are judged by each.
fn files() -> Vec<(&'static str, String, usize)> {
    let large = |i: usize| format!("\"(a|b|c|d){{{}}}\"", 650 + i % 50);
    let patterns = format!(",\"ignore_lines\":{}", list(16, large));
    let values = |n: usize, what: &dyn Fn(usize) -> String| {
        format!(
            "{{\"value\":{}}}",
            list(n, |i| format!("{{\"name\":\"v{i}\",\"output\":\"o0\",\"pattern\":{}}}", what(i)))
        )
    };
    let ranges = list(16, |_| format!("{{\"path\":\"{}\",\"min\":0}}", "/a".repeat(500)));
    let general = format!("{{\"rule\":\"json\",\"check\":{{\"ranges\":{ranges}}}}}");
    let slow =
        format!("{{\"check\":{{\"must_match\":{}}}}}", list(2, |i| format!("\"[ab]{{0,{}}}c\"", 900 + i)));
    let one = || outputs(1);
    let plain = |outputs: String, validate: String| file(&outputs, &validate, "{}", "null");
    vec![
        ("100,000 outputs", plain(outputs(100_000), "{}".into()), 1),
        ("1,000 outputs, a rule for each", plain(outputs(1_000), rules_of_outputs(1_000, "o", "")), 1),
        ("30,000 outputs, a rule for each", plain(outputs(30_000), rules_of_outputs(30_000, "o", "")), 1),
        (
            "1,000 rules for outputs that are not there",
            plain(outputs(1_000), rules_of_outputs(1_000, "n", "")),
            1,
        ),
        ("500 rules of 16 large patterns", plain(outputs(1_000), rules_of_outputs(500, "o", &patterns)), 1),
        ("100 values of large patterns", file(&one(), "{}", &values(100, &large), "null"), 1),
        ("80,000 values", file(&one(), "{}", &values(80_000, &|_| "\"a\"".into()), "null"), 1),
        (
            "a million places",
            plain(one(), format!("{{\"rule\":\"numbers\",\"at\":{}}}", list(1_000_000, |_| "{}".into()))),
            1,
        ),
        (
            "a million words",
            file(&one(), "{}", "{}", &format!("{{\"init\":{}}}", list(1_000_000, |_| "\"\"".into()))),
            1,
        ),
        ("a rule of 16 kB for 1,000 outputs", plain(outputs(1_000), general), 1),
        ("4 MB of brackets", plain("[".repeat(4_000_000), "{}".into()), 1),
        ("4 MB of blanks", plain(format!("{}{}", " ".repeat(4_000_000), one()), "{}".into()), 1),
        ("two slow patterns on a line of 1 kB", plain(one(), slow.clone()), 1_000),
        ("two slow patterns on a line of 100 kB", plain(one(), slow), 100_000),
    ]
}

/// The quickest of some calls that judge one result.
fn call(rule: &str, bytes: usize) -> Duration {
    let (project, output) = Project::with_rule(rule.as_bytes());
    std::fs::write(&output, "ab".repeat(bytes.div_ceil(2))).unwrap();
    (0..TIMES).map(|_| project.time("buoy-init", &[&output]).1).min().unwrap()
}

pub fn measure() -> Vec<Row> {
    let honest = call(&file(&outputs(1), "{}", "{}", "null"), 1);
    let mut worst = (Duration::ZERO, "");
    let files = files();
    for (what, rule, bytes) in &files {
        // A rule may take a second for each megabyte that it judges.
        let fair = Duration::from_micros(*bytes as u64);
        let extra = call(rule, *bytes).saturating_sub(honest + fair);
        eprintln!("rules: {what}: {:.1} ms", extra.as_secs_f64() * 1e3);
        if extra >= worst.0 {
            worst = (extra, *what);
        }
    }
    vec![
        Row::new(
            format!(
                "{} rule files made to cost time: what the worst adds to a call of buoy-init",
                files.len()
            ),
            format!("{:.1} ms ({})", worst.0.as_secs_f64() * 1e3, worst.1),
            "≤ 100 ms",
            worst.0 <= BAR,
        )
        .compared(format!("an ordinary rule file: {:.1} ms", honest.as_secs_f64() * 1e3)),
    ]
}
