use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// A client's data directory, and the system of its agents.
struct Bench {
    root: tempfile::TempDir,
    system: StateDir,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        // Any state directory will do.
        let system = StateDir::of_project(root.path()).unwrap();
        let bench = Self { root, system };
        fs::create_dir_all(bench.slot(0)).unwrap();
        fs::create_dir_all(bench.slot(1)).unwrap();
        bench
    }

    fn slot(&self, number: u32) -> PathBuf {
        self.root.path().join(format!("data/slots/{number}"))
    }

    fn init_data(&self, result_name: &str) -> InitData {
        let project_dir = self.root.path().join("data/projects/p");
        InitData { project_dir, result_name: result_name.into(), ..InitData::default() }
    }

    /// The client gives a task to a slot, and an agent begins with it.
    fn begin(&self, number: u32, result_name: &str) -> PathBuf {
        let slot = self.slot(number);
        fs::write(slot.join("init_data.xml"), self.init_data(result_name).render()).unwrap();
        claim(&self.system, &slot, &self.init_data(result_name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.system.join(DIRECTORY)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn sweep(&self) {
        sweep(&self.system, "no slot");
    }
}

#[test]
fn a_task_keeps_its_directory_and_the_next_one_gets_another() {
    let bench = Bench::new();
    let directory = bench.begin(0, "a_0");
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o7777, 0o700);
    let layout = Layout::elsewhere(&bench.slot(0), directory.clone());
    fs::create_dir(layout.work()).unwrap();
    assert_eq!(bench.begin(0, "a_0"), directory);
    assert!(!layout.work().exists(), "it was not laid out wholly");
    fs::create_dir(layout.work()).unwrap();
    layout.seal().unwrap();
    assert_eq!(bench.begin(0, "a_0"), directory);
    assert!(layout.work().exists());
    assert_eq!(bench.begin(0, "a_1"), directory, "it has the name of the slot");
    assert!(!directory.join("work").exists());
    assert_ne!(bench.begin(1, "a_2"), directory);
    let deadline = Instant::now() + PATIENCE;
    while bench.names().len() > 2 {
        assert!(Instant::now() < deadline, "what was put aside is still there: {:?}", bench.names());
        thread::yield_now();
    }
    remove(&directory, PATIENCE);
    assert_eq!(bench.names(), [slot_name(&bench.slot(1))]);
    // Once more, and of what was never made.
    remove(&directory, PATIENCE);
}

#[test]
fn a_directory_that_says_nothing_is_not_used() {
    let bench = Bench::new();
    let directory = bench.begin(0, "a_0");
    let layout = Layout::elsewhere(&bench.slot(0), directory.clone());
    fs::create_dir(layout.work()).unwrap();
    layout.seal().unwrap();
    fs::write(directory.join(TASK_FILE), "{").unwrap();
    bench.begin(0, "a_0");
    assert!(!directory.join("work").exists());
    fs::remove_file(directory.join(TASK_FILE)).unwrap();
    bench.sweep();
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn what_tasks_have_left_goes_when_their_slots_have_others() {
    let bench = Bench::new();
    bench.begin(0, "a_0");
    bench.sweep();
    assert_eq!(bench.names().len(), 1, "its task waits for its next start");
    let init_data = bench.slot(0).join("init_data.xml");
    // As a client leaves it for a moment when it starts a task again.
    fs::write(&init_data, "<app_init_data>").unwrap();
    bench.sweep();
    fs::remove_file(&init_data).unwrap();
    fs::write(bench.slot(0).join("stderr.txt"), "").unwrap();
    bench.sweep();
    assert_eq!(bench.names().len(), 1);
    fs::write(&init_data, bench.init_data("a_1").render()).unwrap();
    let lock = try_lock(&bench.system, &slot_name(&bench.slot(0))).unwrap().unwrap();
    bench.sweep();
    assert_eq!(bench.names().len(), 1, "an agent is at work");
    drop(lock);
    bench.sweep();
    assert_eq!(bench.names(), [""; 0]);
}

#[test]
fn what_tasks_have_left_goes_with_their_slots() {
    let bench = Bench::new();
    let directory = bench.begin(0, "a_0");
    bench.begin(1, "a_1");
    fs::create_dir(bench.system.join(DIRECTORY).join("removed-0-1")).unwrap();
    for entry in fs::read_dir(bench.slot(1)).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    bench.sweep();
    assert_eq!(bench.names(), [slot_name(&bench.slot(0))], "an empty slot has no task");
    let data = bench.root.path().join("data");
    let elsewhere = bench.root.path().join("elsewhere");
    fs::rename(&data, &elsewhere).unwrap();
    bench.sweep();
    assert_eq!(bench.names().len(), 1, "the drive may only not be mounted");
    let long_ago = SystemTime::now() - 2 * KEPT_WITHOUT_SLOT;
    fs::File::open(directory.join(TASK_FILE)).unwrap().set_modified(long_ago).unwrap();
    bench.sweep();
    assert_eq!(bench.names(), [""; 0]);
    fs::rename(&elsewhere, &data).unwrap();
    bench.begin(0, "a_0");
    fs::remove_dir_all(bench.slot(0)).unwrap();
    bench.sweep();
    assert_eq!(bench.names(), [""; 0], "the client is there, and the slot is not");
}
