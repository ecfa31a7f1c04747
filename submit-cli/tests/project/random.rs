//! Random campaigns on a server that loses, cuts, refuses and delays at random: in the end each job is there once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use emulated_project::{Fault, Gate, PhpSettings, Settings};

use crate::campaign::Bench;

/// Small, repeatable random numbers (xorshift).
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Less than `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Runs one campaign to its end; panics with the seed if a job is lost or there twice.
pub fn campaign(seed: u64) {
    let mut dice = Dice::new(seed);
    let php = PhpSettings {
        display_errors: dice.one_in(2),
        max_file_uploads: 1 + dice.below(30),
        post_max_size: [8 << 20, 60_000, 20_000][dice.below(3)],
        ..PhpSettings::default()
    };
    let mut bench = Bench::with(1 + dice.below(40), Settings { php, seed, ..Settings::default() });
    bench.options.batch_jobs = 1 + dice.below(50);
    bench.options.uploads = 1 + dice.below(4);
    let bad = 2 + dice.below(8);
    let gates: Arc<Mutex<Vec<Gate>>> = Arc::default();
    let bench = Arc::new(bench);
    let rule = {
        let (mut dice, gates) = (dice.clone(), Arc::clone(&gates));
        let killed = Arc::downgrade(&bench);
        move |_: &emulated_project::Arrival| {
            // What was held back comes at any later moment.
            if dice.one_in(5) {
                gates.lock().unwrap().drain(..).for_each(|gate| gate.open());
            }
            if !dice.one_in(bad) {
                return Fault::None;
            }
            if dice.one_in(4)
                && let Some(bench) = killed.upgrade()
            {
                // The process is not there any more when the reply comes.
                bench.clock.stopped.store(true, Ordering::Relaxed);
            }
            match dice.below(9) {
                0 => Fault::Lost,
                1 => Fault::ReplyLost,
                2 => Fault::CutAfter(dice.below(600)),
                3 => Fault::Status500,
                4 => Fault::ActThenStatus500,
                5 => Fault::FailAfterJobs(dice.below(20)),
                6 => Fault::ClosedForMaintenance,
                7 => Fault::Proxy(502, "<html>bad gateway</html>".to_owned()),
                _ => {
                    let gate = Gate::new();
                    gates.lock().unwrap().push(gate.clone());
                    Fault::ActLater(gate)
                }
            }
        }
    };
    bench.project.faults().with(rule);
    let plan = bench.plan();
    let mut end = None;
    for turn in 0..60 {
        if turn == 40 {
            bench.project.faults().clear();
        }
        bench.clock.stopped.store(false, Ordering::Relaxed);
        end = bench.submit_plan(&plan).err();
        if end.is_none() {
            break;
        }
        if dice.one_in(10) {
            // The computer is lost, and the campaign begun anew on another.
            std::fs::remove_dir_all(bench.path(bench.results)).unwrap();
        }
    }
    if let Some(error) = end {
        panic!("seed {seed}: still not done without faults: {error:?}");
    }
    // What the server has held back so far comes now, and must change nothing any more.
    bench.project.faults().clear();
    gates.lock().unwrap().drain(..).for_each(|gate| gate.open());
    bench.clock.stopped.store(false, Ordering::Relaxed);
    if let Err(error) = bench.submit_plan(&plan) {
        panic!("seed {seed}: {error:?}");
    }
    let there = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bench.assert_all_there_once()));
    if let Err(panic) = there {
        eprintln!("seed {seed}");
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn random_campaigns_end_with_each_job_once() {
    (1..=60).for_each(campaign);
}
