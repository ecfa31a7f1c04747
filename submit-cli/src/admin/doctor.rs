//! What a computer needs to run campaigns: facts are gathered first, then judged by pure rules.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use boinc::error_chain::chain;
use boinc::wire::init_data::DockerType;
use serde::Serialize;
use wrapper::engine::{Cancel, CliEngine, EngineInfo, NativeTransport, Users};
use wrapper::trial::Trial;

use super::server_host::name_of;
use crate::command_log;
use crate::local::engine::{Engine, EngineError};
use crate::local::host::Host;
use crate::local::programs::{ProgramError, Programs, WRAPPER};
use crate::plan::units::show_size;
use crate::platform::real_user;

/// With less than this free, images will hardly be built.
const SCARCE_DISK_BYTES: u64 = 2 << 30;

/// With less memory than this, few science apps run.
const SCARCE_MEMORY_BYTES: u64 = 1 << 30;

/// Rootless Podman wants so many subordinate ids.
const ENOUGH_SUB_IDS: u64 = 65_536;

/// How good or bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// To know; nothing to do.
    Note,
    /// Some campaigns will suffer.
    Warn,
    /// Nothing can run like this.
    Bad,
}

impl Grade {
    /// The word that is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A line that `buoy doctor` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub grade: Grade,
    /// What it is about.
    pub about: &'static str,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// What is known of an engine that answers.
#[derive(Debug)]
pub struct EngineReport {
    /// The engine.
    pub engine: Engine,
    /// What it says about itself.
    pub info: EngineInfo,
    /// It can give a container an init process.
    pub init: bool,
    /// What a container could do that ran as a job's does, or why no job can run.
    pub trial: Result<Trial, String>,
}

/// The facts about this computer.
#[derive(Debug)]
pub struct HostReport {
    /// Where our programs are.
    pub programs: Result<Programs, ProgramError>,
    /// What the wrapper answers to `--buoy-version`.
    pub wrapper_version: Option<String>,
    /// Docker, or why not.
    pub docker: Result<EngineReport, EngineError>,
    /// Podman, or why not.
    pub podman: Result<EngineReport, EngineError>,
    /// This user's subordinate ids, `None` for root, who needs none.
    pub sub_ids: Option<u64>,
    /// Processors, memory, disk.
    pub host: Host,
}

impl HostReport {
    /// Gathers the facts, and tries each engine for some seconds; `dir` is on the disk that will hold the results.
    pub fn gather(dir: &Path) -> Self {
        let programs = Programs::find();
        let wrapper_version = programs.as_ref().ok().and_then(|programs| version_of(&programs.path(WRAPPER)));
        let engine = |kind| Engine::probe(kind).map(|engine| report_on(engine, dir));
        let (docker, podman) = std::thread::scope(|scope| {
            let docker = scope.spawn(|| engine(DockerType::Docker));
            let podman = engine(DockerType::Podman);
            (docker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), podman)
        });
        Self { programs, wrapper_version, docker, podman, sub_ids: sub_ids(), host: Host::inspect(dir) }
    }
}

fn version_of(program: &Path) -> Option<String> {
    let started = Instant::now();
    let output = Command::new(program).arg("--buoy-version").stdin(Stdio::null()).output();
    command_log::report(
        WRAPPER,
        Some("--buoy-version"),
        started,
        output.as_ref().map(|output| output.status),
    );
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    text.split_whitespace().last().map(str::to_owned)
}

fn report_on(engine: Engine, dir: &Path) -> EngineReport {
    let flavor = engine.flavor();
    // Its probe has found the program.
    let program = wrapper::engine::program_of(flavor).unwrap_or_else(|| flavor.program_name().into());
    let cli = CliEngine::new(flavor, program.clone(), NativeTransport, Cancel::default(), false);
    let info = cli.ask_info().unwrap_or_default();
    let init = match engine.kind {
        DockerType::Docker => !info.init.is_empty(),
        // Where Debian, Fedora and Arch have the init that Podman uses.
        DockerType::Podman => {
            ["/usr/libexec/podman/catatonit", "/usr/bin/catatonit", "/usr/lib/podman/catatonit"]
                .iter()
                .any(|path| Path::new(path).exists())
        }
    };
    let trial = trial::run(flavor, program, dir).map_err(|error| chain(&error));
    EngineReport { engine, info, init, trial }
}

/// Subordinate user ids of this user.
fn sub_ids() -> Option<u64> {
    let uid = real_user();
    if uid == 0 {
        return None;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let subuid = std::fs::read_to_string("/etc/subuid").unwrap_or_default();
    Some(count_sub_ids(&passwd, &subuid, uid))
}

fn count_sub_ids(passwd: &str, subuid: &str, uid: u32) -> u64 {
    let (name, uid) = (name_of(passwd, uid), uid.to_string());
    subuid
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [owner, _, count] = fields[..] else { return None };
            (Some(owner) == name || owner == uid).then(|| count.parse::<u64>().ok()).flatten()
        })
        .sum()
}

/// Judges the facts.
pub fn examine(facts: &HostReport) -> Vec<Finding> {
    let mut findings = Vec::new();
    programs(facts, &mut findings);
    engines(facts, &mut findings);
    resources(&facts.host, &mut findings);
    findings
}

/// Whether a campaign can be run.
pub fn is_fit(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.grade != Grade::Bad)
}

fn finding(grade: Grade, about: &'static str, found: impl Into<String>) -> Finding {
    Finding { grade, about, found: found.into(), advice: None }
}

fn advised(grade: Grade, about: &'static str, found: impl Into<String>, advice: &str) -> Finding {
    Finding { grade, about, found: found.into(), advice: Some(advice.to_owned()) }
}

fn programs(facts: &HostReport, findings: &mut Vec<Finding>) {
    let ours = env!("CARGO_PKG_VERSION");
    match &facts.programs {
        Err(error) => findings.push(finding(Grade::Bad, "programs", error.to_string())),
        Ok(programs) => {
            let dir = programs.dir.display();
            findings.push(match facts.wrapper_version.as_deref() {
                Some(version) if version == ours => {
                    finding(Grade::Ok, "programs", format!("wrapper and shims {ours} in {dir}"))
                }
                Some(version) => advised(
                    Grade::Warn,
                    "programs",
                    format!("buoy is version {ours}, the wrapper in {dir} is {version}"),
                    "install all programs of one version",
                ),
                None => advised(
                    Grade::Bad,
                    "programs",
                    format!("the wrapper in {dir} does not answer to --buoy-version"),
                    "install it again",
                ),
            });
        }
    }
}

fn engines(facts: &HostReport, findings: &mut Vec<Finding>) {
    let runs =
        |probed: &Result<EngineReport, EngineError>| probed.as_ref().is_ok_and(|report| report.trial.is_ok());
    let works = runs(&facts.docker) || runs(&facts.podman);
    for (about, probed) in [("docker", &facts.docker), ("podman", &facts.podman)] {
        match probed {
            Ok(report) => {
                // Docker is taken where it answers.
                let spared = about == "podman" && runs(&facts.docker);
                let unfit = if spared { Grade::Warn } else { Grade::Bad };
                engine_findings(about, report, unfit, facts.sub_ids, findings);
            }
            Err(error) => {
                // One engine is enough.
                let grade = if works { Grade::Note } else { Grade::Bad };
                findings.push(finding(grade, about, error.to_string()));
            }
        }
    }
}

fn engine_findings(
    about: &'static str,
    report: &EngineReport,
    unfit: Grade,
    sub_ids: Option<u64>,
    findings: &mut Vec<Finding>,
) {
    let EngineReport { engine, info, init, trial } = report;
    let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    let (runtime, cgroup) = (known(&info.runtime), known(&info.cgroup_version));
    let users = match info.users {
        Users::Same => "",
        Users::Rootless => ", rootless",
        Users::Remapped(_) => ", users remapped",
    };
    let rootless = info.users == Users::Rootless;
    let selinux = if info.selinux { ", SELinux" } else { "" };
    findings.push(finding(
        Grade::Ok,
        about,
        format!(
            "version {} answers (runtime {runtime}, cgroup version {cgroup}{users}{selinux})",
            engine.version
        ),
    ));
    if info.snap {
        let found = "is a snap: it sees directories below /home, /mnt and /media only, so not those of a volunteer's client";
        let advice = "install Docker from another package (Debian, Ubuntu: docker.io), or Podman";
        findings.push(advised(Grade::Warn, about, found, advice));
    } else if info.remote {
        let found = "runs containers in a virtual machine or on another computer: it sees directories that are shared with it \
                     only, and buoy-wrapper does not see its processes";
        let advice = "share the directory of the results, or a client's data directory, in its settings";
        findings.push(advised(Grade::Warn, about, found, advice));
    }
    if info.containerd_images && matches!(info.users, Users::Remapped(_)) {
        let found = "remaps users and has its images in containerd's store: Docker 26 cannot store what some steps of a build \
                     have made";
        let advice = "turn off the feature containerd-snapshotter in its daemon.json";
        findings.push(advised(Grade::Warn, about, found, advice));
    }
    let limits = match trial {
        Ok(trial) => {
            findings.extend(trial_findings(about, *trial));
            trial.memory_limit && trial.process_limit
        }
        Err(error) => {
            let advice = "a volunteer's client would postpone every job on such a computer: make the engine run containers \
                          for this user, or use the other engine";
            findings.push(advised(unfit, about, error.clone(), advice));
            info.limits
        }
    };
    if !limits {
        let (grade, found) = if info.remote || trial.as_ref().is_ok_and(|trial| !trial.visible) {
            (
                Grade::Bad,
                "cannot limit a container's memory and processes, and buoy-wrapper cannot watch them: they run on \
                 another host or in a virtual machine",
            )
        } else {
            (
                Grade::Warn,
                "cannot limit a container's memory and processes; buoy-wrapper watches them instead, five times a second",
            )
        };
        let advice = "let it have the memory and pids cgroup controllers (rootless: systemd delegation, cgroup version 2)";
        findings.push(advised(grade, about, found, advice));
    }
    if !init {
        let package = if engine.kind == DockerType::Docker { "tini" } else { "catatonit" };
        findings.push(advised(
            Grade::Warn,
            about,
            "has no init process for containers, so that zombies of a job stay",
            &format!("install {package}"),
        ));
    }
    if rootless && info.cgroup_version == "1" {
        findings.push(finding(
            Grade::Note,
            about,
            "rootless with cgroup version 1: the engine cannot pause containers, the wrapper stops their processes",
        ));
    }
    if let (true, Some(ids)) = (rootless && engine.kind == DockerType::Podman, sub_ids)
        && ids < ENOUGH_SUB_IDS
    {
        findings.push(advised(
            Grade::Warn,
            "sub-ids",
            format!("this user has {ids} subordinate ids, rootless Podman wants {ENOUGH_SUB_IDS}"),
            "as root: usermod --add-subuids 200000-265535 --add-subgids 200000-265535 USER",
        ));
    }
}

/// What a container could do that was tried, but for its limits.
fn trial_findings(about: &'static str, trial: Trial) -> Vec<Finding> {
    let mut findings = vec![finding(
        Grade::Ok,
        about,
        "ran a test container with the options of a job: its files and its exit status arrived",
    )];
    if trial.pauses {
        findings.push(finding(Grade::Ok, about, "paused and resumed it, and read its CPU time"));
    }
    if !trial.cpu_time {
        let found = "the CPU time of a container cannot be read, so a volunteer's client would report none";
        findings.push(finding(Grade::Warn, about, found));
    } else if !trial.pauses {
        let found = "a paused container continues to use the CPU, so a volunteer could not suspend a job";
        findings.push(finding(Grade::Bad, about, found));
    }
    findings
}

fn resources(host: &Host, findings: &mut Vec<Finding>) {
    let free = format!("{} free", show_size(host.disk_free_bytes));
    findings.push(if host.disk_free_bytes < SCARCE_DISK_BYTES {
        advised(Grade::Warn, "disk", free, "make room, or use a directory on another disk with --out")
    } else {
        finding(Grade::Ok, "disk", free)
    });
    if !host.disk_executable {
        let found =
            "is mounted with noexec: no program of a science app that comes as a file can be started there";
        findings.push(advised(
            Grade::Warn,
            "disk",
            found,
            "use a directory on another file system with --out",
        ));
    }
    let memory = format!("{}, {} processors", show_size(host.memory_bytes), host.ncpus);
    findings.push(if host.memory_bytes < SCARCE_MEMORY_BYTES {
        advised(Grade::Warn, "memory", memory, "run fewer jobs at a time with --slots")
    } else {
        finding(Grade::Ok, "memory", memory)
    });
}

pub mod trial;

#[cfg(test)]
mod tests;
