//! `buoy login` and `buoy logout`.

use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::recorded::named;
use crate::server::{KEY, Server, ok, reply};

const CONFIG: &str = "<?xml version=\"1.0\" ?>\n<project_config>\n<name>Test project</name>\n<server_version>714</server_version>\n</project_config>";

/// A user without projects.
struct User {
    home: tempfile::TempDir,
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl User {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn dir(&self) -> PathBuf {
        self.home.path().join("config/buoy")
    }

    fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().env("XDG_CONFIG_HOME", self.home.path().join("config"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    fn buoy(&self, args: &[&str], stdin: &str) -> Ran {
        self.run(self.command(Path::new(env!("CARGO_BIN_EXE_buoy")), args), stdin)
    }

    fn run(&self, mut command: Command, stdin: &str) -> Ran {
        use std::io::Write;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A project that takes the user's authenticator.
fn project() -> Server {
    Server::with([ok(CONFIG), named("estimate_batch").wire()])
}

#[test]
fn a_login_is_proven_kept_and_used() {
    let (user, server) = (User::new(), project());
    let ran = user.buoy(&["login", &server.url(), "--stdin", "--name", "test"], &format!("{KEY}\n"));
    assert_eq!(ran.stderr, "");
    assert_eq!(
        ran.stdout,
        format!("logged in to test: Test project at {}, app universal, the default\n", server.url())
    );
    assert_eq!(ran.code, 0);
    server.asked();
    let secret = user.dir().join("test.authenticator");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), format!("{KEY}\n"));
    assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(user.dir().join("projects.toml")).unwrap().contains(KEY));

    server.plan(ok(CONFIG));
    server.plan(named("estimate_batch").wire());
    let ran = user.buoy(&["login", "--check", "--json"], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&told["name"], &told["title"], &told["default"]),
        (&"test".into(), &"Test project".into(), &true.into())
    );
    let asked = server.asked();
    assert!(asked[1].request().contains(KEY));

    let ran = user.buoy(&["login", "--list"], "");
    assert_eq!(ran.stdout, format!("test  {}  app universal  (default)\n", server.url()));

    let ran = user.buoy(&["logout", "test", "--json"], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "{\"logged_out\":\"test\"}\n"));
    assert!(!secret.exists());
    let ran = user.buoy(&["login", "--check"], "");
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (2, "error: not logged in to any project; run buoy login ADDRESS\n")
    );
}

#[test]
fn a_refused_login_keeps_nothing_and_says_what_to_do() {
    for (answers, code, said) in [
        (vec![reply("HTTP/1.1 404 Not Found", b"")], 2, "not a BOINC project"),
        (
            vec![ok(CONFIG), named("create_batch-bad-authenticator").wire()],
            2,
            "does not know this authenticator",
        ),
        (vec![ok(CONFIG), named("create_batch-unknown-app").wire()], 2, "has no BOINC app nosuch"),
        (vec![ok(CONFIG), named("create_batch-app-without-permission").wire()], 3, "you may not submit jobs"),
    ] {
        let (user, server) = (User::new(), Server::with(answers));
        let ran = user.buoy(&["login", &server.url(), "--stdin"], KEY);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(
            ran.stderr.contains(said) && ran.stderr.contains("\n  help: ") && ran.stdout.is_empty(),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains(KEY));
        assert!(!user.dir().exists());
        server.asked();
    }
}

/// The authenticator in the forms in which web code repeats a request.
fn forms_of(key: &str) -> Vec<(String, Range<usize>)> {
    use base64::Engine as _;
    let each = |one: &dyn Fn(u32) -> String| key.chars().map(|c| one(u32::from(c))).collect::<String>();
    let whole = |form: String| (form.clone(), 0..form.len());
    let mut forms: Vec<_> = [
        key.to_owned(),
        key.to_uppercase(),
        each(&|c| format!("%{c:02X}")),
        each(&|c| format!("%25{c:02x}")),
        each(&|c| format!("&#{c};")),
        each(&|c| format!("&amp;#x{c:x};")),
        each(&|c| format!("\\u{c:04x}")),
        key[..24].to_owned(),
        key[5..21].to_owned(),
    ]
    .map(whole)
    .into();
    // What is around it is no secret: 15 bytes become 20 characters.
    let around = format!("<authenticator>{key}</authenticator>");
    forms.push((base64::prelude::BASE64_STANDARD.encode(around), 20..60));
    forms
}

const LETTERS: &str = "157f96a018b0b2f2b466e2ce3c7f54db";

#[test]
fn what_a_server_quotes_of_the_authenticator_is_never_printed() {
    let user = User::new();
    let server = project();
    assert_eq!(user.buoy(&["login", &server.url(), "--stdin", "--name", "test"], LETTERS).code, 0);
    server.asked();
    for (form, own) in forms_of(LETTERS) {
        let config = CONFIG.replace("Test project", &format!("Project of {form}"));
        let error = |text: &str| {
            format!(
                "<estimate_batch>\n<error>\n<error_num>-1</error_num>\n<error_msg>{text}</error_msg>\n</error>\n</estimate_batch>"
            )
        };
        let answers = [
            ("title", vec![ok(&config), named("estimate_batch").wire()]),
            ("refusal", vec![ok(CONFIG), ok(&error(&format!("bad request: {form}")))]),
            ("app", vec![ok(CONFIG), ok(&error(&format!("app not found: {form}")))]),
            ("fatal", vec![ok(CONFIG), ok(&format!("<b>Fatal error</b>: Uncaught E: f('{form}')"))]),
            ("text", vec![ok(CONFIG), ok(&format!("hello {form}"))]),
            ("page", vec![ok(CONFIG), ok(&format!("<html><title>x {form}</title></html>"))]),
            ("half", vec![ok(CONFIG), reply("HTTP/1.1 500 Oops", format!("died {form}").as_bytes())]),
            (
                "moved",
                vec![ok(CONFIG), reply(&format!("HTTP/1.1 302 Found\r\nLocation: http://x/{form}/y"), b"")],
            ),
            ("config", vec![ok(&format!("<project_config>{form}</project_config>"))]),
            ("no project", vec![reply("HTTP/1.1 200 OK", format!("<html>{form}</html>").as_bytes())]),
        ];
        for (what, answers) in answers {
            // JSON differs where something is printed that is no error.
            let ways: [&[&str]; 2] = [&["login", "--check"], &["login", "--check", "--json"]];
            for args in &ways[..if what == "title" { 2 } else { 1 }] {
                answers.iter().cloned().for_each(|answer| server.plan(answer));
                let ran = user.buoy(args, "");
                server.forget();
                let printed = format!("{}{}", ran.stdout, ran.stderr);
                let plain = printed.replace("\\\\", "\\").to_lowercase();
                for piece in form[own.clone()].to_lowercase().as_bytes().windows(8) {
                    let piece = std::str::from_utf8(piece).unwrap();
                    assert!(!plain.contains(piece), "{what}: {piece} of {form} in {printed}");
                }
                assert!(!printed.is_empty(), "{what}");
            }
        }
    }
}

#[test]
fn what_a_server_says_commands_no_terminal_and_looks_like_no_message_of_ours() {
    let (user, server) = (User::new(), project());
    assert_eq!(user.buoy(&["login", &server.url(), "--stdin", "--name", "test"], LETTERS).code, 0);
    server.asked();
    let hostile = "x\u{1b}[2J\nerror: forged\r\u{9b}31m\u{202e}y\u{200b}";
    server.plan(ok(&CONFIG.replace("Test project", hostile)));
    server.plan(named("estimate_batch").wire());
    let ran = user.buoy(&["login", "--check"], "");
    let title = "x\\u{1b}[2J\\nerror: forged\\r\\u{9b}31m\\u{202e}y\\u{200b}";
    assert_eq!(ran.stdout, format!("ok test: {title} at {}, app universal, the default\n", server.url()));
    server.plan(ok(CONFIG));
    server.plan(ok(&format!(
        "<estimate_batch><error><error_num>-1</error_num><error_msg>{hostile}</error_msg></error></estimate_batch>"
    )));
    let ran = user.buoy(&["login", "--check"], "");
    assert_eq!(ran.code, 3);
    assert!(
        !ran.stderr.contains(|c| c != '\n' && boinc::visible::is_terminal_control(c)),
        "{:?}",
        ran.stderr
    );
    assert!(ran.stderr.contains("x\\u{1b}[2J error: forged"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("\nerror:").count(), 0, "{}", ran.stderr);
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_asked() {
    let user = User::new();
    for (args, said) in [
        (&["login", "http://project.example/"][..], "--allow-http"),
        (&["login", "https://me:secret@project.example/"], "it has a user name or password"),
        (&["login", "https://project.example/", "--name", "../x"], "invalid project name"),
        (&["login", "--check", "nosuch"], "buoy login"),
        (&["logout", "nosuch"], "not logged in"),
    ] {
        let ran = user.buoy(args, "");
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn the_authenticator_comes_from_a_file_or_the_environment() {
    let (user, server) = (User::new(), project());
    let file = user.home.path().join("key");
    std::fs::write(&file, format!("{KEY}\n")).unwrap();
    let ran = user.buoy(&["login", &server.url(), "--authenticator-file", file.to_str().unwrap()], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));

    let (user, server) = (User::new(), project());
    let mut command = user.command(Path::new(env!("CARGO_BIN_EXE_buoy")), &["login", &server.url()]);
    command.env("BUOY_AUTHENTICATOR", KEY);
    assert_eq!(user.run(command, "").code, 0);
    // Its name is from the address.
    assert!(user.dir().join("buoytest.authenticator").exists());

    let (user, server) = (User::new(), Server::with([ok(CONFIG)]));
    let ran = user.buoy(&["login", &server.url(), "--stdin"], "hunter2");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("stdin")
            && ran.stderr.contains("7 characters")
            && !ran.stderr.contains("hunter2"),
        "{}",
        ran.stderr
    );
}

#[test]
fn clocks_that_differ_are_said_with_what_to_do() {
    for (year, way) in [(2019, "behind"), (2099, "ahead of")] {
        let head = format!("HTTP/1.1 200 OK\r\nDate: Tue, 01 Jan {year} 00:00:00 GMT");
        let server = Server::with([reply(&head, CONFIG.as_bytes()), named("estimate_batch").wire()]);
        let ran = User::new().buoy(&["login", &server.url(), "--stdin"], KEY);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let said = ran.stderr.contains(&format!("minutes {way} this computer's"))
            && ran.stderr.contains("set this computer's clock if it is the wrong one");
        assert!(said, "{}", ran.stderr);
    }
}

#[test]
fn a_name_is_not_taken_over_by_another_project() {
    let (user, first, second) = (User::new(), project(), Server::new());
    assert_eq!(user.buoy(&["login", &first.url(), "--stdin", "--name", "a"], KEY).code, 0);
    let ran = user.buoy(&["login", &second.url(), "--stdin", "--name", "a"], KEY);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--name") && second.asked().is_empty(), "{}", ran.stderr);
}

/// Runs a shell line at a terminal of its own, and types keys once it asks for the authenticator.
#[cfg(target_os = "linux")]
fn at_a_terminal(user: &User, line: &str, keys: &str) -> String {
    use std::io::{Read, Write};
    let mut command =
        user.command(Path::new("script"), &["--quiet", "--return", "--command", line, "/dev/null"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"): ") {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "no question: {}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    stdin.write_all(keys.as_bytes()).unwrap();
    stdout.read_to_end(&mut seen).unwrap();
    child.wait().unwrap();
    String::from_utf8(seen).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_typed_is_not_shown_and_the_terminal_is_as_it_was() {
    let buoy = env!("CARGO_BIN_EXE_buoy");
    let (user, server) = (User::new(), project());
    let line = format!("{buoy} login {} --name t; stty -a", server.url());
    let seen = at_a_terminal(&user, &line, &format!("{KEY}\r"));
    assert!(
        seen.starts_with("Authenticator at Test project (account key") && seen.contains("logged in to t"),
        "{seen}"
    );
    assert!(!seen.contains(&KEY[..4]), "{seen}");
    assert!(seen.contains(" echo ") && seen.contains(" icanon ") && seen.contains("isig "), "{seen}");
    assert!(user.dir().join("t.authenticator").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_at_the_question_leaves_the_terminal_as_it_was() {
    let buoy = env!("CARGO_BIN_EXE_buoy");
    let (user, server) = (User::new(), Server::with([ok(CONFIG)]));
    let line = format!("{buoy} login {} --name t; echo code $?; stty -a", server.url());
    let seen = at_a_terminal(&user, &line, "1234\x03");
    assert!(seen.contains("code 130") && !seen.contains("1234"), "{seen}");
    assert!(seen.contains(" echo ") && seen.contains(" icanon ") && seen.contains("isig "), "{seen}");
    assert!(!user.dir().exists());
}
