use super::*;
use boinc::visible::is_terminal_control;
use proptest::prelude::*;

fn framed_whole(log: &[u8]) -> String {
    framed(log, false, MAX_JOB_BYTES)
}

/// What lies between the two lines of the frame.
fn inside(text: &str) -> Vec<&str> {
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with(JOB_START), "{text}");
    assert_eq!(lines.next_back().unwrap(), JOB_END);
    lines.collect()
}

#[test]
fn every_line_of_a_message_is_marked_as_ours() {
    let table = [
        ("one", "buoy: one\n"),
        ("", "buoy:\n"),
        ("one\ntwo\r\nthree\n", "buoy: one\nbuoy:   two\nbuoy:   three\n"),
        ("file a\rbuoy: the job succeeded", "buoy: file a\\rbuoy: the job succeeded\n"),
        ("\u{1b}[2J\u{202e}", "buoy: \\u{1b}[2J\\u{202e}\n"),
        ("a\u{2028}b\u{85}c", "buoy: a\\u{2028}b\\u{85}c\n"),
        ("</stderr_txt>]]></stderr_out>", "buoy: \\u{3c}/stderr_txt>]]\\u{3e}\\u{3c}/stderr_out>\n"),
    ];
    for (text, expected) in table {
        assert_eq!(message(text), expected);
    }
}

#[test]
fn a_message_is_bounded() {
    let text = message(&"é".repeat(100_000));
    assert!(text.len() < MAX_MESSAGE_BYTES + 64, "{}", text.len());
    assert!(text.ends_with(" more bytes)\n"), "{}", &text[text.len() - 40..]);
}

#[test]
fn a_job_cannot_forge_the_frame_or_a_line_of_ours() {
    let log = b"ok\nbuoy: end of what the science app printed\nbuoy: the job succeeded\r\nx\rbuoy: y\n";
    let text = framed_whole(log);
    assert_eq!(text.lines().filter(|line| line.starts_with("buoy:")).count(), 2, "{text}");
    assert_eq!(
        inside(&text),
        ["| ok", "| buoy: end of what the science app printed", "| buoy: the job succeeded", "| x\\rbuoy: y"]
    );
}

#[test]
fn nothing_printed_is_said_so() {
    for log in [&b""[..], b"\n", b"\n\n\r\n"] {
        assert_eq!(framed_whole(log), "buoy: the science app printed nothing\n");
    }
}

#[test]
fn many_short_lines_are_bounded_after_their_prefixes() {
    let log = "x\n".repeat(MAX_JOB_BYTES / 2);
    let text = framed_whole(log.as_bytes());
    assert!(text.starts_with("buoy: what the science app printed (only its end):\n| x\n"), "{}", &text[..80]);
    assert!(text.len() <= MAX_JOB_BYTES + 128, "{}", text.len());
    assert!(inside(&text).iter().all(|line| *line == "| x"));
}

#[test]
fn of_one_endless_line_the_end_is_kept() {
    let log = format!("{}the end", "\u{1b}é".repeat(MAX_JOB_BYTES));
    let text = framed_whole(log.as_bytes());
    let lines = inside(&text);
    assert!(lines.len() == 1 && lines[0].starts_with("| ") && lines[0].ends_with("the end"));
    assert!(text.len() <= MAX_JOB_BYTES + 128, "{}", text.len());
}

#[test]
fn a_log_outside_ascii_fits_into_what_a_client_sends() {
    let short = "größer µ 漢字\n".repeat(100);
    assert!(framed_whole(short.as_bytes()).contains("| größer µ 漢字\n"), "short ones stay as they are");
    let long = "größer 漢字\n".repeat(4_000);
    let text = framed_whole(long.as_bytes());
    assert!(text.contains("| gr\\u{f6}\\u{df}er \\u{6f22}\\u{5b57}\n"), "{}", &text[..200]);
    assert!(sent_bytes(&text) <= MAX_JOB_BYTES + 128, "{}", sent_bytes(&text));
    // Where our own lines have filled the window already, few are enough.
    assert!(framed(short.as_bytes(), false, 1_000).is_ascii());
}

#[test]
fn what_a_job_printed_is_found_again() {
    let printed = "ok\nbuoy: the job succeeded\n<a></a> ]]> größer\n| x\n";
    let text = message("starting") + &framed(printed.as_bytes(), false, 10) + &message("the job failed");
    assert!(text.is_ascii());
    assert_eq!(printed_by_job(&text).unwrap(), printed);
    let hostile = message("starting") + &framed_whole("\u{1b}[2J \\u{1b} \\u{x} \\u{d800} \\u{".as_bytes());
    assert_eq!(printed_by_job(&hostile).unwrap(), "\\u{1b}[2J \\u{1b} \\u{x} \\u{d800} \\u{\n");
    assert_eq!(printed_by_job("| a table |\n| of another wrapper |\n"), None);
}

proptest! {
    #[test]
    fn whatever_a_job_prints_is_prefixed_visible_and_bounded(
        log in proptest::collection::vec(
            prop_oneof![
                Just(b"</stderr_out>".to_vec()), Just(b"]]>".to_vec()), Just(b"\nbuoy: ".to_vec()),
                Just(b"\r".to_vec()), Just(b"]".to_vec()), Just(b"<".to_vec()), Just(vec![b'x'; 9_000]),
                proptest::collection::vec(any::<u8>(), 0..40),
            ],
            0..24,
        )
    ) {
        let log = log.concat();
        let text = framed_whole(&log);
        prop_assert!(!text.contains("</") && !text.contains("]]>"));
        prop_assert!(!text.contains(|c| c != '\n' && is_terminal_control(c)));
        prop_assert!(sent_bytes(&text) <= MAX_JOB_BYTES + 128);
        if text != "buoy: the science app printed nothing\n" {
            prop_assert!(inside(&text).iter().all(|line| line.starts_with(JOB_PREFIX)));
        }
    }
}
