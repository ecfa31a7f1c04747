//! A stand-in for `buoy-wrapper` in tests of the local backend: it keeps to the client's contract and does what its
//! arguments say, without a container engine. Never shipped.
//!
//! Arguments are done in order: `out:NAME=TEXT` (`%n` becomes the result's number), `sleep:MS`, `exit:N`,
//! `premature:K` and `postpone:K:REASON` (the first K starts end so), `kill:SIGNAL:K`, `log:TEXT`,
//! `fill:BYTES` (of the slot), `deaf:SECONDS` (hears no order), `only:N:STEP` (for result N). The work is done
//! once: a second start in the same slot goes on behind what the first one has finished, as a container would.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use boinc::job::argv::Invocation;
use boinc::wire::channel::AppEnd;
use boinc::wire::finish::{Finish, Message, TemporaryExit};
use boinc::wire::init_data::InitData;
use boinc::wire::message::{AppStatus, Control};
use boinc::wire::slot::{SlotLock, resolve_output};

/// Each start and each piece of work that was begun is written here, a line each, if the variable is set.
const TRACE: &str = "FAKE_WRAPPER_TRACE";

fn main() {
    let slot = Path::new(".");
    let _lock = wait_for_lock(slot);
    let init = InitData::read(slot).expect("the client writes init data");
    let link = AppEnd::attach(slot, init.shm_key.expect("a mapped file")).expect("the client made it");
    let Ok(Invocation::Run(args)) = Invocation::parse(std::env::args_os().skip(1)) else {
        panic!("words of a job");
    };
    let words = args.job_args(slot, &init.project_dir).expect("words that we know");
    let starts = count(slot, "fake_starts");
    trace(&format!("start {}", init.result_name));
    let mut job = Job { slot, init, link, starts, steps: 0 };
    for (index, word) in words.iter().flat_map(|word| word.split_whitespace()).enumerate() {
        job.step(index, word);
    }
    job.finish(0);
}

/// As the real one does: a wrapper that a killed run has just started may still be on its way out.
fn wait_for_lock(slot: &Path) -> SlotLock {
    let deadline = Instant::now() + Duration::from_secs(35);
    loop {
        match SlotLock::try_acquire(slot) {
            Ok(lock) => return lock,
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => {
                eprintln!("{error}");
                std::process::exit(0);
            }
        }
    }
}

struct Job<'a> {
    slot: &'a Path,
    init: InitData,
    link: AppEnd,
    starts: u32,
    steps: usize,
}

impl Job<'_> {
    fn step(&mut self, index: usize, word: &str) {
        let (verb, rest) = word.split_once(':').unwrap_or((word, ""));
        match verb {
            "premature" if self.starts <= number(rest) => std::process::exit(0),
            "postpone" => {
                let (times, reason) = rest.split_once(':').expect("postpone:K:REASON");
                if self.starts <= number(times) {
                    let reason = Message { text: reason.to_owned(), notice: false };
                    TemporaryExit { delay_seconds: 0, reason }
                        .write(self.slot)
                        .expect("the slot takes files");
                    std::process::exit(0);
                }
            }
            "kill" => {
                let (signal, times) = rest.split_once(':').expect("kill:SIGNAL:K");
                if self.starts <= number(times) {
                    let command = format!("kill -{} {}", number(signal), std::process::id());
                    Command::new("sh").args(["-c", &command]).status().expect("there is a shell");
                    std::thread::sleep(Duration::from_secs(60));
                }
            }
            "exit" => self.finish(number(rest) as i32),
            "log" => eprintln!("{rest}"),
            "fill" => fs::write(self.slot.join("fill"), vec![0; number(rest) as usize])
                .expect("the slot takes files"),
            "deaf" => std::thread::sleep(Duration::from_secs(u64::from(number(rest)))),
            "sleep" => self.sleep(Duration::from_millis(u64::from(number(rest)))),
            "out" if self.once(index) => self.write(rest),
            "only" => {
                let (n, step) = rest.split_once(':').expect("only:N:STEP");
                if self.init.result_name.ends_with(&format!("_{n}")) {
                    self.step(index, step);
                }
            }
            _ => {}
        }
    }

    /// Work is traced when it is begun, and never begun twice.
    fn once(&mut self, index: usize) -> bool {
        let mark = self.slot.join(format!("fake_step_{index}"));
        let first = File::options().write(true).create_new(true).open(mark).is_ok();
        if first && self.steps == 0 {
            trace(&format!("work {}", self.init.result_name));
        }
        self.steps += 1;
        first
    }

    fn write(&self, rest: &str) {
        let (name, text) = rest.split_once('=').expect("out:NAME=TEXT");
        let n = self.init.result_name.rsplit('_').next().unwrap_or_default();
        let place = resolve_output(self.slot, &self.init.project_dir, &self.init.result_name, name);
        let path = place.expect("the client made a link").path().to_owned();
        fs::write(path, text.replace("%n", n)).expect("the project directory takes files");
    }

    /// Sleeps in the client's presence: obeys it, and leaves when it is gone.
    fn sleep(&mut self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            let orders = self.link.take_control();
            if orders.contains(&Control::Quit) || orders.contains(&Control::Abort) {
                trace(&format!("told to leave {}", self.init.result_name));
                std::process::exit(0);
            }
            let client = self.init.client_pid.expect("the client says who it is");
            if !Path::new(&format!("/proc/{client}")).exists() {
                std::process::exit(0);
            }
            let fraction_done = Some(begun.elapsed().as_secs_f64() / time.as_secs_f64());
            let cpu = begun.elapsed().as_secs_f64();
            let status = AppStatus {
                current_cpu_time: cpu,
                checkpoint_cpu_time: cpu,
                fraction_done,
                wss_bytes: Some(4096.0),
                ..AppStatus::default()
            };
            // An unread one will do for the client.
            let _ = self.link.send_status(&status);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn finish(&self, exit_status: i32) -> ! {
        Finish { exit_status, message: None }.write(self.slot).expect("the slot takes files");
        std::process::exit(exit_status);
    }
}

fn number(text: &str) -> u32 {
    text.parse().expect("a number")
}

fn count(slot: &Path, name: &str) -> u32 {
    let path = slot.join(name);
    let n = fs::read_to_string(&path).ok().and_then(|text| text.parse().ok()).unwrap_or(0) + 1;
    fs::write(&path, n.to_string()).expect("the slot takes files");
    n
}

fn trace(line: &str) {
    if let Some(path) = std::env::var_os(TRACE) {
        let mut file = File::options().append(true).create(true).open(path).expect("the test gave a file");
        file.write_all(format!("{line}\n").as_bytes()).expect("it takes lines");
    }
}
