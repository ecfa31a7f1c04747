//! A page in a real browser: Chromium, without a window.
//!
//! The page under test stands in a frame of a given size inside a host page, whose script looks at it, works its
//! controls and writes down what it found.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// `./x test` sets it: then a missing browser fails the tests instead of skipping them.
const REQUIRED: &str = "BUOY_TEST_BROWSER";

/// A browser that is installed.
#[derive(Debug)]
pub struct Browser(PathBuf);

/// What the reader has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Nothing.
    Plain,
    /// A dark desktop.
    InTheDark,
    /// No scripts.
    WithoutScript,
}

impl Browser {
    /// The browser, if there is one.
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path)
            .flat_map(|dir| ["chromium", "chromium-browser", "google-chrome"].map(|name| dir.join(name)))
            .find(|program| program.is_file());
        if found.is_none() {
            assert!(
                std::env::var_os(REQUIRED).is_none(),
                "{REQUIRED} is set, but there is no Chromium on PATH"
            );
            eprintln!("skipped: no Chromium on PATH; ./x setup installs it");
        }
        found.map(Self)
    }

    /// Opens `page` in a frame so many pixels wide and evaluates `probe` there: the body of a function of the frame's
    /// `window` that returns what becomes JSON. Scripts of the page must not have complained.
    pub fn probe(&self, page: &Path, width: u32, reader: Reader, probe: &str) -> Value {
        // Our own script runs in the host page, and none in the frame.
        let sandbox = if reader == Reader::WithoutScript { "sandbox='allow-same-origin'" } else { "" };
        let dir = tempfile::tempdir().unwrap();
        let host = dir.path().join("host.html");
        let text = format!(
            "<!DOCTYPE html><meta charset=utf-8><body style='margin:0'>\
             <iframe id=frame {sandbox} src='file://{}' style='border:0;width:{width}px;height:740px'></iframe><pre id=found></pre>\
             <script>onload = () => {{\
               const probe = (window, document) => {{ {probe} }};\
               const frame = document.getElementById('frame').contentWindow;\
               document.getElementById('found').textContent = JSON.stringify(probe(frame, frame.document));\
             }}</script>",
            page.display()
        );
        std::fs::write(&host, text).unwrap();
        let dom = self.dom(&host, reader);
        let found =
            dom.split_once("<pre id=\"found\">").expect("the host page").1.split_once("</pre>").unwrap().0;
        let found =
            found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&nbsp;", "\u{a0}");
        serde_json::from_str(&found).unwrap_or_else(|error| panic!("{error}: {found}"))
    }

    /// The page as the browser has it after its scripts ran.
    fn dom(&self, page: &Path, reader: Reader) -> String {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(&self.0);
        command
            .args(["--headless", "--disable-gpu", "--no-first-run", "--allow-file-access-from-files"])
            .args(["--window-size=1280,900", "--enable-logging=stderr", "--dump-dom"])
            .arg(format!("--user-data-dir={}", dir.path().display()));
        if rustix::process::geteuid().is_root() {
            // Chromium's sandbox refuses root.
            command.arg("--no-sandbox");
        }
        match reader {
            Reader::Plain | Reader::WithoutScript => {}
            Reader::InTheDark => drop(command.arg("--blink-settings=preferredColorScheme=0")),
        }
        let output = command.arg(format!("file://{}", page.display())).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let is_meant =
            |line: &str| reader == Reader::WithoutScript && line.contains("Blocked script execution");
        let complaints: Vec<&str> =
            said.lines().filter(|line| line.contains("CONSOLE") && !is_meant(line)).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}
