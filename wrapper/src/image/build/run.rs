//! A RUN: a container that is started, watched and waited for, like a job.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{CliEngine, EngineError, Inspected, Mount, Transport, UsageReader};
use crate::lifecycle::exit_code;
use crate::limits::{ContainerWatch, Exceeded, measure_directory};
use boinc::dockerfile::{ENV_FILE, RunStep, SCRIPT_FILE, quote_env_file};
use boinc::platform::{create_private, set_mode};

use super::error::BuildError;
use super::{Builder, POLL_INTERVAL, TIMEOUT};

/// How often the engine is asked how much a step has written.
const WEIGH_EVERY: Duration = Duration::from_secs(2);
/// From the end of a step until all that it printed is in the log.
const LOG_TAKES: Duration = Duration::from_millis(500);
/// Bytes of a failed step's output that are shown.
const SAID_BYTES: usize = 16 << 10;
/// Longest text of an instruction in a message.
const TEXT_CHARS: usize = 80;

impl<T: Transport + Clone> Builder<'_, T> {
    /// The files that a step reads, as mounts: build arguments and proxies come by a file, so that neither the image nor
    /// its history has them.
    pub(super) fn step_mounts(&self, run: &RunStep, container: &str) -> Result<Vec<Mount>, BuildError> {
        let mut mounts = Vec::new();
        let mut add = |content: &[u8], kind: &str, target: &str| -> Result<(), BuildError> {
            let path = self.journal.files().join(format!("{container}.{kind}"));
            write_new(&path, content)
                .map_err(|source| BuildError::Io { doing: format!("write {}", path.display()), source })?;
            mounts.push(Mount { source: path, target: target.to_owned(), read_only: true });
            Ok(())
        };
        if run.reads_env_file {
            let mut variables = run.args.clone();
            if self.source.hardening.network {
                variables.extend(self.source.proxy.iter().cloned());
            }
            add(&quote_env_file(&variables), "env", ENV_FILE)?;
        }
        if let Some(script) = &run.script {
            add(script, "script", SCRIPT_FILE)?;
        }
        Ok(mounts)
    }

    /// Gives a container that was created for several steps the text and the values of its next one.
    pub(super) fn change_script(&self, run: &RunStep, container: &str) -> Result<(), BuildError> {
        let run =
            run.by_file().ok_or_else(|| BuildError::Internal("a step that shares no container".into()))?;
        for kind in ["env", "script"] {
            let path = self.journal.files().join(format!("{container}.{kind}"));
            fs::remove_file(&path)
                .map_err(|source| BuildError::Io { doing: format!("replace {}", path.display()), source })?;
        }
        // Mounts are of paths, and each start looks them up anew.
        self.step_mounts(&run, container).map(drop)
    }

    /// Starts the step's container and waits for its end. While the job is held the container is paused.
    /// `again`: another step was done in it, whose output the engine still has.
    pub(super) fn run_step(
        &mut self,
        container: &str,
        image: &str,
        run: &RunStep,
        again: bool,
    ) -> Result<(), BuildError> {
        self.wait_while_held()?;
        // What the engine calls the start is later than the first output.
        let since = again.then(boinc::clock::now);
        let text = shortened(&run.text);
        crate::say!("line {}: {text}", run.line);
        self.start_container(container, image).map_err(|error| match error {
            BuildError::Engine(EngineError::BadProgram(why)) | BuildError::Impossible { why } => {
                failed(run, format!("cannot start: {why}"), Vec::new())
            }
            error => error,
        })?;
        let started = self.engine.inspect(container)?.ok_or(EngineError::NoContainer)?;
        let layer = readable_layer(&started);
        let outcome = self.watch_step(container, run, &started, layer.is_some());
        let code = match outcome {
            Ok(Watched::Ended(code)) => code,
            Ok(Watched::Exceeded(exceeded)) => {
                self.cleaning.remove(container)?;
                return Err(match exceeded {
                    Exceeded::Job { why, .. } => failed(run, format!("was stopped: {why}"), Vec::new()),
                    Exceeded::Host { why } => BuildError::Host(why),
                });
            }
            Err(error) => return Err(error),
        };
        if code == 0 {
            self.written_here = self.size_of(container, layer.as_deref())?;
            if self.written + self.written_here > self.source.bounds.disk.bytes {
                return Err(failed(run, too_large(self.source.bounds.disk.bytes), Vec::new()));
            }
            return Ok(());
        }
        let mut said = self.engine.logs_since(container, since, SAID_BYTES)?;
        if said.is_empty() {
            // Podman's log may lack the last lines for a moment after the end of what wrote them.
            thread::sleep(LOG_TAKES);
            said = self.engine.logs_since(container, since, SAID_BYTES)?;
        }
        let out_of_memory =
            self.memory_kills > 0 || self.engine.inspect(container)?.is_some_and(|seen| seen.oom_killed);
        let mut how = format!("ended with status {code}");
        if out_of_memory {
            how.push_str(&format!(
                "; the kernel killed a process of it for memory (limit: {} bytes, rsc_memory_bound of the workunit)",
                self.source.hardening.memory_bytes
            ));
        }
        let network = self.source.hardening.network;
        if !network {
            how.push_str("; it had no network");
        }
        let network = network && !out_of_memory;
        Err(BuildError::Step { line: run.line, text: shortened(&run.text), how, said, network })
    }

    /// Bytes that a container has written. The engine is asked where its layer cannot be read from here.
    fn size_of(&self, container: &str, layer: Option<&[PathBuf]>) -> Result<u64, BuildError> {
        let Some(layer) = layer else {
            return Ok(self.engine.inspect_size(container)?.map_or(0, |seen| seen.size_written));
        };
        let limit = self.source.bounds.disk;
        let mut bytes = 0_u64;
        for directory in layer {
            let used = measure_directory(directory, limit).map_err(|source| BuildError::Io {
                doing: format!("read {}", directory.display()),
                source,
            })?;
            bytes = bytes.saturating_add(used.bytes);
        }
        Ok(bytes)
    }

    fn watch_step(
        &mut self,
        container: &str,
        run: &RunStep,
        inspected: &Inspected,
        sees_layer: bool,
    ) -> Result<Watched, BuildError> {
        let usage = inspected.pid.map(|pid| UsageReader::open(pid, &inspected.id));
        self.memory_kills = 0;
        let (engine, time, mut bounds) = (self.engine, &self.time, self.source.bounds);
        bounds.disk.bytes = bounds.disk.bytes.saturating_sub(self.written);
        let mut watch = ContainerWatch::new(None, bounds);
        let written = inspected.written.iter().map(PathBuf::from).collect();
        watch.begin(engine.freezes_by_signal(), inspected.pid, &inspected.id, written);
        let waiting = engine.with_cancel(crate::engine::Cancel::default());
        let result = thread::scope(|scope| {
            let (done, ended) = channel();
            let waiter = &waiting;
            scope.spawn(move || {
                // Nobody listens any more when the build was broken off.
                let _ = done.send(wait_for(waiter, container));
            });
            let mut paused = false;
            let mut next_weighing = Instant::now() + WEIGH_EVERY / 4;
            let result = loop {
                match ended.recv_timeout(POLL_INTERVAL) {
                    Ok(Ok(code)) if code != 0 && watch.shortage_of_disk().is_some() => {
                        // What it said and did when it could not write tells nothing about the Dockerfile.
                        let why = watch.shortage_of_disk().unwrap_or_default();
                        break Ok(Watched::Exceeded(Exceeded::Host { why }));
                    }
                    Ok(code) => break code.map(Watched::Ended).map_err(BuildError::from),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        break Err(BuildError::Internal("the thread that waits for a step is gone".into()));
                    }
                }
                if let Some(usage) = &usage {
                    self.memory_kills = self.memory_kills.max(usage.memory_kills());
                }
                let cancel = engine.cancel();
                if cancel.is_cancelled() {
                    break Err(EngineError::Cancelled.into());
                }
                if paused {
                    time.pause(Instant::now());
                } else {
                    time.resume(Instant::now());
                }
                if time.is_over(Instant::now()) {
                    break Err(BuildError::TooLong { hours: TIMEOUT.as_secs() / 3_600 });
                }
                if let Err(error) = follow(engine, container, cancel.is_held(), &mut paused) {
                    break Err(error.into());
                }
                watch.check(Instant::now());
                if let Some(exceeded) = watch.exceeded() {
                    break Ok(Watched::Exceeded(exceeded));
                }
                // An ordinary user may not read the layer of a daemon's container: the engine is asked.
                if !sees_layer && !paused && Instant::now() >= next_weighing {
                    match engine.inspect_size(container) {
                        Ok(Some(Inspected { size_written, .. })) if size_written > bounds.disk.bytes => {
                            let why = too_large(self.source.bounds.disk.bytes);
                            break Ok(Watched::Exceeded(Exceeded::Job {
                                code: exit_code::DISK_LIMIT_EXCEEDED,
                                why,
                            }));
                        }
                        Err(error @ EngineError::Cancelled) => break Err(error.into()),
                        // The next look may succeed, and the end is reported by the waiting thread.
                        _ => {}
                    }
                    next_weighing = Instant::now() + WEIGH_EVERY;
                }
            };
            // Whatever happened, the waiting command must not outlive this.
            waiting.cancel().cancel();
            result
        });
        if let Err(BuildError::Engine(EngineError::Cancelled) | BuildError::TooLong { .. }) = &result {
            crate::say!("line {}: the step is stopped", run.line);
            self.cleaning.remove(container)?;
        }
        result
    }
}

/// Where a container's own layer and its volumes are, if they can be read from here.
fn readable_layer(container: &Inspected) -> Option<Vec<PathBuf>> {
    let can_be_read = |path: &String| fs::read_dir(path).is_ok();
    (container.layer_is_told && container.written.iter().all(can_be_read))
        .then(|| container.written.iter().map(PathBuf::from).collect())
}

enum Watched {
    Ended(i32),
    Exceeded(Exceeded),
}

fn too_large(bytes: u64) -> String {
    format!("the build wrote more than {bytes} bytes, the disk limit (rsc_disk_bound of the workunit)")
}

fn wait_for<T: Transport>(engine: &CliEngine<T>, container: &str) -> Result<i32, EngineError> {
    loop {
        match engine.wait(container) {
            // The engine's own command has a time limit; a step has another.
            Err(EngineError::TimedOut { .. }) => {}
            result => return result,
        }
    }
}

/// Pauses or continues. A container that has just ended can be neither.
fn follow<T: Transport>(
    engine: &CliEngine<T>,
    container: &str,
    held: bool,
    paused: &mut bool,
) -> Result<(), EngineError> {
    if held == *paused {
        return Ok(());
    }
    let result = if held { engine.pause(container) } else { engine.unpause(container) };
    match result {
        Ok(()) => *paused = held,
        Err(EngineError::Conflict(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn failed(run: &RunStep, how: String, said: Vec<u8>) -> BuildError {
    BuildError::Step { line: run.line, text: shortened(&run.text), how, said, network: false }
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TEXT_CHARS {
        return line;
    }
    line.chars().take(TEXT_CHARS - 3).chain("...".chars()).collect()
}

/// Readable for whatever user the step has; nobody else reaches the directory.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    create_private(path)?.write_all(content)?;
    set_mode(path, 0o444)
}
