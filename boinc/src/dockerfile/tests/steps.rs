//! How instructions become groups: one container each.

use super::*;

#[test]
fn copies_and_directories_go_into_the_container_of_the_next_run() {
    let plan = plan(
        "FROM debian\nWORKDIR /a\nCOPY x y/\nENV A=1\nRUN one\nRUN two\nUSER me:us\nENV A=2\nWORKDIR b\nCOPY z .\nLABEL l=1\n",
    );
    assert_eq!(plan.groups.len(), 3);
    let [first, second, third] = &plan.groups[..] else { panic!() };
    assert_eq!((first.files.len(), second.files.len(), third.files.len()), (2, 0, 2));
    assert!(first.run.is_some() && second.run.is_some() && third.run.is_none());
    assert_eq!((first.config.workdir.as_str(), first.config.user.as_str()), ("/a", ""));
    assert_eq!(first.config.env.last().unwrap(), &("A".to_owned(), "1".to_owned()));
    assert_eq!((third.config.workdir.as_str(), third.config.user.as_str()), ("/a/b", "me:us"));
    assert_eq!(third.files[0], FileStep::Workdir { line: 9, path: "/a/b".into(), user: "me:us".into() });
    assert_eq!(plan.config.env.last().unwrap().1, "2");
    assert_eq!(plan.config.labels["l"], "1");
    assert_eq!(plan.config.cmd, ["bash"]);
    let nothing = super::plan("FROM debian\nENV A=1\n");
    assert!(nothing.groups.is_empty() && env(&nothing, "A") == "1");
}

#[test]
fn arguments_cannot_reach_a_command_without_a_posix_shell() {
    let table = [
        ("ARG A=1\nRUN [\"x\"]\n", "RUN in exec form after ARG A"),
        ("ARG A\nRUN [\"x\"]\n", ""),
        ("RUN [\"x\"]\nARG A=1\n", ""),
        ("ARG A=1\nENV A=$A\nRUN [\"x\"]\n", ""),
        ("SHELL [\"python3\", \"-c\"]\nARG A=1\nRUN x\n", "ARG A and a SHELL that is not a POSIX shell"),
        ("ARG A=1\nSHELL [\"python3\", \"-c\"]\nCMD x\n", ""),
        ("SHELL [\"conda\", \"run\", \"bash\", \"-c\"]\nARG A=1\nRUN x\n", ""),
        ("SHELL [\"python3\", \"-c\"]\nRUN x\n", ""),
    ];
    for (text, expected) in table {
        let found = faults(&format!("FROM debian\n{text}"));
        assert!(found.contains(expected) && expected.is_empty() == found.is_empty(), "{text}: {found}");
    }
    let plan = plan("FROM debian\nSHELL [\"python3\", \"-c\"]\nRUN print()\nRUN <<E\n#!/bin/sh\nx\nE\n");
    assert_eq!(runs(&plan)[0].command, words(&["python3", "-c", "print()"]));
    assert_eq!(runs(&plan)[1].command, words(&["/bin/sh", "/dev/.buoy-run"]));
    assert!(!runs(&plan)[0].reads_env_file);
}

/// What a shell makes of the file: the real ones of this host.
#[cfg(unix)]
#[test]
fn shells_read_back_the_values_of_arguments_and_do_not_trace_them() {
    let values = ["", "a b", "it's \"$HOME\" `id` \\n", "two\nlines\n\n", "é*?[", "-n"];
    let mut args: Vec<(String, String)> =
        values.iter().enumerate().map(|(index, value)| (format!("V{index}"), (*value).to_owned())).collect();
    args.push(("UID".into(), "12345".into()));
    args.push(("PPID".into(), "12345".into()));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), quote_env_file(&args)).unwrap();
    let names: Vec<String> = (0..values.len()).map(|index| format!("\"$V{index}\"")).collect();
    let script = format!(
        ". {}; case $- in *x*) ;; *) exit 3;; esac; printf '%s\\0' {} \"$(printenv V1)\"",
        file.path().display(),
        names.join(" ")
    );
    let mut shells = 0;
    for shell in [&["dash"][..], &["bash"], &["bash", "--posix"], &["busybox", "sh"], &["zsh"], &["ksh"]] {
        let mut command = std::process::Command::new(shell[0]);
        let Ok(output) = command.args(&shell[1..]).args(["-eux", "-c", &script]).output() else { continue };
        shells += 1;
        let trace = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{shell:?}: {trace}");
        let mut expected: Vec<u8> =
            values.iter().flat_map(|value| [value.as_bytes(), b"\0"].concat()).collect();
        expected.extend(b"a b\0");
        assert_eq!(output.stdout, expected, "{shell:?}");
        assert!(!trace.contains("export"), "{shell:?}: {trace}");
    }
    assert!(shells >= 1);
    assert_eq!(quote_env_file(&[]), b"");
}
