//! The engine without Buoy: `docker run` with the options that the wrapper was seen to create a container with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::engine_log::EngineLog;
use crate::support::Engine;

/// A container like one that the wrapper made, to be run as often as one likes.
pub struct RawJob {
    engine: Engine,
    /// The wrapper's words from `create` on.
    create: Vec<String>,
    work: PathBuf,
    dir: PathBuf,
}

impl RawJob {
    /// Takes the one container of a job whose creation was noted; without its image it was tried twice.
    pub fn from_log(engine: Engine, log: &EngineLog, dir: PathBuf) -> Self {
        let mut created = log.job_containers();
        created.dedup();
        assert_eq!(created.len(), 1, "one container was created");
        let create = created.remove(0);
        let work = create.iter().find_map(|word| {
            let source = word.split(',').find_map(|field| field.strip_prefix("source="))?;
            source.ends_with("/work").then(|| PathBuf::from(source))
        });
        Self { engine, create, work: work.expect("a work directory is mounted"), dir }
    }

    /// The words of `run` for container number `n`, with a work directory of its own; `count` last words are replaced.
    pub fn words(&self, n: usize, arguments: &[&str]) -> Vec<String> {
        let name = format!("buoy-bench-raw-{}-{n}", std::process::id());
        let own = self.work_dir(n);
        let mut words = vec!["run".to_owned(), "--rm".to_owned()];
        let mut previous = "";
        for word in &self.create[1..] {
            words.push(match previous {
                "--name" => name.clone(),
                "--mount" if word.contains(self.work.to_str().unwrap()) => {
                    word.replace(self.work.to_str().unwrap(), own.to_str().unwrap())
                }
                _ => word.clone(),
            });
            previous = word;
        }
        words.truncate(words.len() - arguments.len());
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        words
    }

    /// The work directory of container number `n`, made.
    pub fn work_dir(&self, n: usize) -> PathBuf {
        let dir = self.dir.join(n.to_string());
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// Runs it in the foreground, to the return of the engine's program.
    pub fn run(&self, n: usize, arguments: &[&str]) {
        let status = Command::new(self.engine.program())
            .args(self.words(n, arguments))
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "the raw container: {status}");
    }

    /// A script that runs the container whose number is its argument.
    pub fn script(&self, arguments: &[&str]) -> PathBuf {
        let words: Vec<String> = self.words(usize::MAX, arguments).iter().map(|word| quoted(word)).collect();
        let line = words.join(" ").replace(&usize::MAX.to_string(), "'\"$1\"'");
        let path = self.dir.join("run.sh");
        let text = format!(
            "mkdir -p {}/\"$1\" && exec {} {line}\n",
            quoted(self.dir.to_str().unwrap()),
            self.engine.program()
        );
        fs::write(&path, text).unwrap();
        path
    }

    /// Name of container number `n`.
    pub fn name(&self, n: usize) -> String {
        format!("buoy-bench-raw-{}-{n}", std::process::id())
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `seq FROM TO | xargs -P 2 -n 1 sh SCRIPT`.
pub fn two_way_xargs(script: &Path, numbers: std::ops::Range<usize>) {
    let list: String = numbers.map(|n| format!("{n}\n")).collect();
    let input = script.with_extension("numbers");
    fs::write(&input, list).unwrap();
    let status = Command::new("xargs")
        .args(["-P", "2", "-n", "1", "sh"])
        .arg(script)
        .stdin(fs::File::open(&input).unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "xargs: {status}");
}
