//! Rule files that were written to cost a server time or memory.

use std::time::{Duration, Instant};

use super::*;
use crate::route::Route;

/// A rule file with these parts in JSON.
fn file(outputs: &str, validate: &str, assimilate: &str, script: Option<&str>) -> Vec<u8> {
    let script = script.map_or(String::new(), |script| format!(",\"script\":{script}"));
    format!(
        "{{\"version\":1,\"app\":\"vina\",\"files\":[],\"outputs\":{outputs},\"validate\":{validate},\
         \"assimilate\":{assimilate}{script}}}"
    )
    .into_bytes()
}

/// `n` elements, separated by commas, in brackets.
fn list(n: usize, element: impl Fn(usize) -> String) -> String {
    format!("[{}]", (0..n).map(element).collect::<Vec<_>>().join(","))
}

fn outputs(n: usize) -> String {
    list(n, |i| format!("{{\"name\":\"o{i}\"}}"))
}

/// What a server says of a rule file: nothing if it takes it.
fn refusal(bytes: &[u8]) -> Option<String> {
    let file = match RuleFile::read(bytes) {
        Ok(file) => file,
        Err(message) => return Some(message),
    };
    let assimilate = (&file.assimilate).into();
    let script = file.script.as_ref().map(|script| crate::script::ScriptSpec {
        init: script.init.clone(),
        compare: script.compare.clone(),
        assimilate: script.assimilate.clone(),
        extra_outputs: script.extra_outputs.clone(),
        timeout_seconds: 1,
        memory_mb: 1,
        output_mb: 1,
        ..Default::default()
    });
    let route = Route { outputs: Some(file.outputs), validate: file.validate, assimilate, script };
    let errors = route.check().err()?;
    Some(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn assert_refused(bytes: &[u8], expected: &str) {
    let start = Instant::now();
    let text = refusal(bytes).unwrap_or_default();
    assert!(text.contains(expected), "{expected}: {:.500}", text);
    assert!(text.len() < 100_000, "{expected}: a message of {} bytes", text.len());
    // Far more than is needed without optimization, far less than anything quadratic takes.
    assert!(start.elapsed() < Duration::from_secs(5), "{expected}: {:?}", start.elapsed());
}

#[test]
fn an_ordinary_one_is_taken() {
    let validate = r#"{"rule":"numbers","absolute":0.01,"output":[{"name":"o1","rule":"json","at":
        [{"path":"/a","ignore":true}]}],"check":{"must_match":["^ATOM"]}}"#;
    let assimilate = r#"{"rule":"collect","value":[{"name":"e","output":"o0","pattern":"E (.*)"}]}"#;
    let script = r#"{"compare":["./c"],"files":[{"name":"c","executable":true,"base64":""}]}"#;
    assert_eq!(refusal(&file(&outputs(20), validate, assimilate, Some(script))), None);
    assert_eq!(refusal(&file(&outputs(1_000), "{}", "{}", None)), None);
    assert_eq!(refusal(&file(&outputs(1), "{}", "{}", Some("null"))), None);
}

#[test]
fn lists_that_are_too_long_are_refused_by_name() {
    let long = |n: usize| "x".repeat(n);
    for (outputs, validate, assimilate, script, expected) in [
        (outputs(1_001), "{}".into(), "{}".into(), None, "outputs: more than 1000 entries"),
        (outputs(100_000), "{}".into(), "{}".into(), None, "outputs, validate and assimilate have"),
        (
            outputs(1),
            format!("{{\"at\":{}}}", list(40_000, |_| "{}".into())),
            "{}".into(),
            None,
            "validate.at: 40000 entries, at most 64 are accepted",
        ),
        (
            outputs(1),
            format!("{{\"rule\":\"text\",\"ignore_lines\":{}}}", list(60_000, |_| "\"\"".into())),
            "{}".into(),
            None,
            "validate.ignore_lines: 60000 entries, at most 16 are accepted",
        ),
        (
            outputs(1),
            format!("{{\"output\":{}}}", list(5_000, |i| format!("{{\"name\":\"n{i}\",\"rule\":\"text\"}}"))),
            "{}".into(),
            None,
            "validate.output: 5000 entries, at most 1000 are accepted",
        ),
        (
            outputs(1),
            "{}".into(),
            format!("{{\"value\":{}}}", list(5_000, |i| format!("{{\"name\":\"v{i}\",\"output\":\"o0\"}}"))),
            None,
            "assimilate.value: 5000 entries, at most 100 are accepted",
        ),
        (
            outputs(1),
            "{}".into(),
            "{}".into(),
            Some(format!("{{\"init\":{}}}", list(1_000_000, |_| "\"\"".into()))),
            "script: words of a script's command: more than 100 entries",
        ),
        (
            outputs(1),
            "{}".into(),
            "{}".into(),
            Some(format!("{{\"init\":[\"{}\"]}}", long(1_000_000))),
            "script.init: 1 words of 1000000 bytes",
        ),
        (
            outputs(1),
            "{}".into(),
            "{}".into(),
            Some(format!(
                "{{\"assimilate\":[\"x\"],\"extra_outputs\":{}}}",
                list(500_000, |_| "\"\"".into())
            )),
            "script: script.extra_outputs: more than 20 entries",
        ),
        (
            outputs(1),
            "{}".into(),
            "{}".into(),
            Some(format!(
                "{{\"init\":[\"x\"],\"files\":{}}}",
                list(50_000, |i| format!("{{\"name\":\"f{i}\",\"base64\":\"\"}}"))
            )),
            "script: script.files: more than 100 entries",
        ),
    ] {
        assert_refused(&file(&outputs, &validate, &assimilate, script.as_deref()), expected);
    }
}

#[test]
fn texts_that_are_too_long_are_refused_and_not_repeated() {
    let long = "x".repeat(200_000);
    for (validate, expected) in [
        (format!("{{\"rule\":\"text\",\"ignore_lines\":[\"{long}\"]}}"), "it has 200000 bytes, at most 1000"),
        (format!("{{\"rule\":\"table\",\"keys\":[\"{long}\"]}}"), "validate.keys[1]: it has 200000 bytes"),
        (format!("{{\"rule\":\"table\",\"separator\":\"{long}\"}}"), "validate.separator: \"xxx"),
        (
            format!("{{\"rule\":\"numbers\",\"at\":[{{\"key\":\"{long}\",\"ignore\":true}}]}}"),
            "validate.at[1].key",
        ),
        (
            format!(
                "{{\"rule\":\"json\",\"at\":[{{\"path\":\"{}\",\"ignore\":true}}]}}",
                "/a".repeat(100_000)
            ),
            "validate.at[1].path: it has 200000 bytes",
        ),
        (format!("{{\"output\":[{{\"name\":\"{long}\",\"rule\":\"text\"}}]}}"), "unknown output \"xxx"),
        (format!("{{\"{long}\":1}}"), "validate: unknown field"),
        (format!("{{\"rule\":\"{long}\"}}"), "validate: unknown variant"),
    ] {
        assert_refused(&file(&outputs(1), &validate, "{}", None), expected);
    }
    let name = file(&format!("[{{\"name\":\"{}\"}}]", "a/".repeat(100_000)), "{}", "{}", None);
    assert_refused(&name, "is not a relative path of at most 61 bytes");
    let value = format!("{{\"value\":[{{\"name\":\"{long}\",\"output\":\"o0\",\"path\":\"/\"}}]}}");
    assert_refused(&file(&outputs(1), "{}", &value, None), "lower-case letters");
}

#[test]
fn a_rule_for_each_of_many_outputs_does_not_multiply_the_general_one() {
    // A thousand outputs, and a general rule of 200 kB: 200 MB, were it copied.
    let ranges = list(16, |_| format!("{{\"path\":\"{}\",\"min\":0}}", "/a".repeat(500)));
    let validate = format!("{{\"rule\":\"json\",\"check\":{{\"ranges\":{ranges}}}}}");
    let file = RuleFile::read(&file(&outputs(1_000), &validate, "{}", None)).unwrap();
    let names: Vec<&str> = file.outputs.iter().map(|output| output.name.as_str()).collect();
    let rules = file.validate.rules(&names).unwrap();
    assert!(rules.outputs.iter().all(|rule| std::sync::Arc::ptr_eq(rule, &rules.general)));
}

#[test]
fn all_mistakes_are_counted_and_a_hundred_are_listed() {
    // Each would list all outputs.
    let rules = list(1_000, |i| format!("{{\"name\":\"n{i}\",\"rule\":\"text\"}}"));
    let bytes = file(&outputs(1_000), &format!("{{\"output\":{rules}}}"), "{}", None);
    assert_refused(&bytes, "validate: 900 more errors");
}

#[test]
fn patterns_have_a_budget_together() {
    // Each is small to write and large once compiled.
    let patterns = list(16, |i| format!("\"(a|b|c|d){{{}}}\"", 690 + i));
    let rules = list(500, |i| format!("{{\"name\":\"o{i}\",\"rule\":\"text\",\"ignore_lines\":{patterns}}}"));
    let bytes = file(&outputs(1_000), &format!("{{\"output\":{rules}}}"), "{}", None);
    assert_refused(&bytes, "all patterns together take more than");
    // What people write fits many times over.
    let honest = list(150, |i| {
        format!(
            "{{\"name\":\"o{i}\",\"rule\":\"text\",\"ignore_lines\":[\"^REMARK time\",\"^# \\\\d+ at\",\"host\"]}}"
        )
    });
    assert_eq!(refusal(&file(&outputs(150), &format!("{{\"output\":{honest}}}"), "{}", None)), None);
}

#[test]
fn depth_and_numbers_of_any_size_are_no_danger() {
    let deep = "[".repeat(2_000_000);
    let digits = "9".repeat(200_000);
    for bytes in [
        file(&deep, "{}", "{}", None),
        file(&outputs(1), &"{\"check\":".repeat(20_000), "{}", None),
        file(
            &outputs(1),
            &format!("{{\"rule\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
            "{}",
            None,
        ),
        file(&outputs(1), "{\"rule\":\"numbers\",\"absolute\":1e999999999}", "{}", None),
        file(&format!("[{{\"name\":\"o\",\"max_bytes\":{digits}}}]"), "{}", "{}", None),
        file("[{\"name\":\"o\",\"max_bytes\":-1}]", "{}", "{}", None),
        b"\xff\xfe".to_vec(),
        Vec::new(),
        vec![b' '; 4 << 20],
        b"{\"version\":1,\"version\":1".to_vec(),
    ] {
        assert_refused(&bytes, "");
        assert!(refusal(&bytes).is_some(), "{:.80}", String::from_utf8_lossy(&bytes));
    }
    // Read as it is written, however long.
    let number = format!("{{\"rule\":\"numbers\",\"absolute\":0.{digits}}}");
    let read = RuleFile::read(&file(&outputs(1), &number, "{}", None)).unwrap();
    assert_eq!(read.validate.absolute, Some(1.0));
}

/// Processor time that something takes, in seconds; the best of some.
fn seconds<T>(prepare: impl Fn() -> T, work: impl Fn(T)) -> f64 {
    let used = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let once = || {
        let prepared = prepare();
        let start = used();
        work(prepared);
        used() - start
    };
    (0..9).map(|_| once()).fold(f64::INFINITY, f64::min)
}

#[test]
fn ten_times_the_outputs_cost_ten_times_the_time() {
    let names = |n: usize| -> Vec<String> { (0..n).map(|i| format!("directory{i}/o{i}")).collect() };
    let route = |n: usize| {
        let outputs: Vec<RouteOutput> =
            names(n).into_iter().map(|name| RouteOutput { name, max_bytes: None, optional: false }).collect();
        let rules = list(n, |i| format!("{{\"name\":\"directory{i}/o{i}\",\"rule\":\"text\"}}"));
        let text = format!("{{\"output\":{rules}}}");
        Route { outputs: Some(outputs), validate: serde_json::from_str(&text).unwrap(), ..Route::default() }
    };
    let time = |n: usize| seconds(|| route(n), |route| _ = route.check().unwrap());
    let (few, many) = (time(100), time(1_000));
    // A quadratic way takes a hundred times as long.
    assert!(many < 40.0 * few, "{few} s for 100, {many} s for 1,000");
    let strings = |n: usize| {
        let files = list(n, |_| "\"0123456789abcdef - x\"".into());
        format!(
            "{{\"version\":1,\"app\":\"vina\",\"files\":{files},\"outputs\":[],\"validate\":{{}},\"assimilate\":{{}}}}"
        )
    };
    let reading = |n| seconds(|| strings(n), |text| _ = refusal(text.as_bytes()));
    let (few, many) = (reading(10_000), reading(100_000));
    assert!(many < 40.0 * few, "{few} s for 10,000 files, {many} s for 100,000");
}
