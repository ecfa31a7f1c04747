//! What a job prints, and what a workunit names its files: data, in stderr.txt and in the files for the client.

use std::fs;

use crate::support::{Engine, Slot};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    a_job_cannot_forge_a_line_of_ours,
    control_characters_of_a_job_are_visible,
    a_job_cannot_end_the_clients_xml,
    many_short_lines_stay_within_what_the_server_keeps,
    a_log_outside_ascii_stays_within_what_the_server_keeps,
    a_build_cannot_forge_a_line_of_ours,
);

with_rootless_podman!(a_job_cannot_forge_a_line_of_ours, control_characters_of_a_job_are_visible);

/// The lines between the two lines of the frame, and all others.
fn split(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut inside, mut others, mut is_inside) = (Vec::new(), Vec::new(), false);
    for line in text.split_terminator('\n') {
        if line == "buoy: end of what the science app printed" {
            is_inside = false;
        }
        if is_inside {
            inside.push(line)
        } else {
            others.push(line)
        }
        if line.starts_with("buoy: what the science app printed") {
            is_inside = true;
        }
    }
    (inside, others)
}

#[track_caller]
fn assert_marked(text: &str) {
    let (inside, others) = split(text);
    assert!(inside.iter().all(|line| line.starts_with("| ")), "{text}");
    assert!(others.iter().all(|line| line.starts_with("buoy:")), "{text}");
    assert!(!text.contains(|c| c != '\n' && boinc::visible::is_terminal_control(c)), "{text:?}");
    assert!(!text.contains("</") && !text.contains("]]>"), "{text}");
}

/// As much as a client makes of a text for the server (lib/parse.cpp, `non_ascii_escape`).
fn sent_bytes(text: &str) -> usize {
    text.bytes().map(|byte| if byte.is_ascii() { 1 } else { 6 }).sum()
}

fn a_job_cannot_forge_a_line_of_ours(engine: Engine) {
    let slot = Slot::with_script(
        engine,
        "echo 'buoy: the job succeeded; 0.0 s of CPU time'\n\
         echo 'buoy: end of what the science app printed' >&2\n\
         echo 'buoy: what the science app printed:'\n\
         busybox printf 'x\\rbuoy: the job succeeded\\r\\n\\013buoy: y\\n\\014buoy: z\\n'\n\
         busybox printf '\\342\\200\\250buoy: line separator\\n\\302\\205buoy: next line\\n'\n\
         exit 3",
    );
    slot.run().assert_status(3);
    let text = slot.stderr();
    assert_marked(&text);
    let ours: Vec<&str> = text.lines().filter(|line| line.starts_with("buoy:")).collect();
    assert!(!ours.iter().any(|line| line.contains("the job succeeded")), "{text}");
    assert_eq!(ours.iter().filter(|line| line.contains("what the science app printed")).count(), 2, "{text}");
    assert!(ours.last().unwrap().starts_with("buoy: the job failed with exit status 3"), "{text}");
    for line in [
        "| buoy: the job succeeded; 0.0 s of CPU time",
        "| buoy: end of what the science app printed",
        "| x\\rbuoy: the job succeeded",
        "| \\u{b}buoy: y",
        "| \\u{c}buoy: z",
        "| \\u{2028}buoy: line separator",
        "| \\u{85}buoy: next line",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

fn control_characters_of_a_job_are_visible(engine: Engine) {
    let slot = Slot::with_script(
        engine,
        "busybox printf '\\033[2J\\033]0;title\\007\\010\\177\\000end\\n'\n\
         busybox printf '\\302\\2331A \\342\\200\\256gpj.exe \\342\\200\\213 \\377\\233 gr\\303\\266\\303\\237er\\t1\\n'",
    );
    slot.run().assert_success();
    let text = slot.stderr();
    assert_marked(&text);
    let (inside, _) = split(&text);
    assert_eq!(
        inside,
        [
            "| \\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{8}\\u{7f}\\u{0}end",
            "| \\u{9b}1A \\u{202e}gpj.exe \\u{200b} \u{fffd}\u{fffd} größer\t1",
        ]
    );
}

fn a_job_cannot_end_the_clients_xml(engine: Engine) {
    let slot = Slot::with_script(
        engine,
        "echo 'a < b && c > d]]></stderr_txt></stderr_out><exit_status>0</exit_status></result>'\n\
         echo ']]'\necho '></stderr_out>'",
    );
    slot.run().assert_success();
    let text = slot.stderr();
    assert_marked(&text);
    assert!(text.contains("| a < b && c > d]]\\u{3e}\\u{3c}/stderr_txt>"), "{text}");
}

fn many_short_lines_stay_within_what_the_server_keeps(engine: Engine) {
    let slot = Slot::with_script(engine, "busybox yes 12 | busybox head -n 40000; echo last");
    slot.run().assert_success();
    let text = slot.stderr();
    assert_marked(&text);
    let (inside, _) = split(&text);
    assert_eq!(inside.last(), Some(&"| last"));
    let bytes: usize = inside.iter().map(|line| line.len() + 1).sum();
    assert!((40_000..=48 << 10).contains(&bytes), "{bytes}");
    assert!(text.contains("(only its end)"), "{}", &text[..500]);
}

fn a_log_outside_ascii_stays_within_what_the_server_keeps(engine: Engine) {
    let slot = Slot::with_script(engine, "busybox yes 'Größe α 漢字' | busybox head -n 8000; echo last");
    slot.run().assert_success();
    let text = slot.stderr();
    assert_marked(&text);
    assert!(sent_bytes(&text) < 63 << 10, "{}", sent_bytes(&text));
    assert!(text.contains("| Gr\\u{f6}\\u{df}e \\u{3b1} \\u{6f22}\\u{5b57}\n") && text.contains("| last\n"));
}

fn a_build_cannot_forge_a_line_of_ours(engine: Engine) {
    let mut slot = Slot::with_script(engine, "true");
    let path = slot.dir.join("Dockerfile");
    let text = fs::read_to_string(&path).unwrap();
    let forged = "RUN [\"/bin/busybox\", \"sh\", \"-c\", \"/bin/busybox printf 'a\\\\nbuoy: the job succeeded\\\\r\\\\n\\\\033[2Jx</stderr_out>\\\\n' >&2; exit 7\"]\n";
    slot.app_file("policy.toml", "build_network = false\n");
    slot.copy("Dockerfile", &(text + forged)).own_image();
    let running = slot.run();
    running.assert_status(206);
    let text = slot.stderr();
    assert!(text.lines().all(|line| line.starts_with("buoy:")), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("buoy: the job succeeded")), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\r') && !text.contains("</"), "{text}");
    let finish = fs::read_to_string(slot.dir.join("boinc_finish_called")).unwrap();
    assert_eq!(finish.lines().count(), 3, "{finish}");
    assert!(!finish.contains('\u{1b}') && !finish.contains("</"), "{finish}");
}
