//! What a computer needs to run campaigns: facts are gathered first, then judged by pure rules.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use boinc::wire::init_data::DockerType;
use serde::Serialize;

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

/// What an engine says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineFacts {
    /// 1 or 2.
    pub cgroup_version: Option<String>,
    /// The OCI runtime.
    pub runtime: Option<String>,
    /// Runs without root.
    pub rootless: bool,
    /// It can limit memory and processes.
    pub limits: bool,
    /// Its containers run on another host or in a virtual machine, so that their processes cannot be seen here.
    pub remote: bool,
    /// It can give a container an init process.
    pub init: bool,
}

/// The facts about this computer.
#[derive(Debug)]
pub struct HostReport {
    /// Where our programs are.
    pub programs: Result<Programs, ProgramError>,
    /// What the wrapper answers to `--buoy-version`.
    pub wrapper_version: Option<String>,
    /// Docker, or why not.
    pub docker: Result<(Engine, EngineFacts), EngineError>,
    /// Podman, or why not.
    pub podman: Result<(Engine, EngineFacts), EngineError>,
    /// This user's subordinate ids, `None` for root, who needs none.
    pub sub_ids: Option<u64>,
    /// Processors, memory, disk.
    pub host: Host,
}

impl HostReport {
    /// Gathers the facts; `dir` is on the disk that will hold the results.
    pub fn gather(dir: &Path) -> Self {
        let programs = Programs::find();
        let wrapper_version = programs.as_ref().ok().and_then(|programs| version_of(&programs.path(WRAPPER)));
        let engine =
            |kind| Engine::probe(kind).map(|engine| (facts_of(&engine), engine)).map(|(f, e)| (e, f));
        Self {
            programs,
            wrapper_version,
            docker: engine(DockerType::Docker),
            podman: engine(DockerType::Podman),
            sub_ids: sub_ids(),
            host: Host::inspect(dir),
        }
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

fn facts_of(engine: &Engine) -> EngineFacts {
    let answer = engine.ask(&["info", "--format", "{{json .}}"]).unwrap_or_default();
    let info: serde_json::Value = serde_json::from_str(answer.trim()).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    match engine.kind {
        DockerType::Docker => EngineFacts {
            cgroup_version: text(&info["CgroupVersion"]),
            runtime: text(&info["DefaultRuntime"]),
            rootless: info["SecurityOptions"].to_string().contains("rootless"),
            limits: info["MemoryLimit"] == true && info["PidsLimit"] == true,
            remote: info["OperatingSystem"].as_str().is_some_and(|name| name.contains("Docker Desktop")),
            init: text(&info["InitBinary"]).is_some_and(|name| !name.is_empty()),
        },
        DockerType::Podman => {
            let host = &info["host"];
            let controllers = host["cgroupControllers"].to_string();
            EngineFacts {
                cgroup_version: text(&host["cgroupVersion"]).map(|version| version.replace('v', "")),
                runtime: text(&host["ociRuntime"]["name"]),
                rootless: host["security"]["rootless"] == true,
                limits: controllers.contains("memory") && controllers.contains("pids"),
                remote: host["serviceIsRemote"] == true,
                // Where Debian, Fedora and Arch have the init that Podman uses.
                init: ["/usr/libexec/podman/catatonit", "/usr/bin/catatonit", "/usr/lib/podman/catatonit"]
                    .iter()
                    .any(|path| Path::new(path).exists()),
            }
        }
    }
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
    let works = facts.docker.is_ok() || facts.podman.is_ok();
    for (about, probed) in [("docker", &facts.docker), ("podman", &facts.podman)] {
        match probed {
            Ok((engine, about_it)) => engine_findings(about, engine, about_it, facts, findings),
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
    engine: &Engine,
    facts: &EngineFacts,
    all: &HostReport,
    findings: &mut Vec<Finding>,
) {
    let runtime = facts.runtime.as_deref().unwrap_or("unknown");
    let cgroup = facts.cgroup_version.as_deref().unwrap_or("unknown");
    let rootless = if facts.rootless { ", rootless" } else { "" };
    findings.push(finding(
        Grade::Ok,
        about,
        format!("version {} answers (runtime {runtime}, cgroup version {cgroup}{rootless})", engine.version),
    ));
    if !facts.limits {
        let (grade, found) = if facts.remote {
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
    if !facts.init {
        let package = if engine.kind == DockerType::Docker { "tini" } else { "catatonit" };
        findings.push(advised(
            Grade::Warn,
            about,
            "has no init process for containers, so that zombies of a job stay",
            &format!("install {package}"),
        ));
    }
    if facts.rootless && facts.cgroup_version.as_deref() == Some("1") {
        findings.push(finding(
            Grade::Note,
            about,
            "rootless with cgroup version 1: the engine cannot pause containers, the wrapper stops their processes",
        ));
    }
    if let (true, Some(ids)) = (facts.rootless && engine.kind == DockerType::Podman, all.sub_ids)
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

fn resources(host: &Host, findings: &mut Vec<Finding>) {
    let free = format!("{} free", show_size(host.disk_free_bytes));
    findings.push(if host.disk_free_bytes < SCARCE_DISK_BYTES {
        advised(Grade::Warn, "disk", free, "make room, or use a directory on another disk with --out")
    } else {
        finding(Grade::Ok, "disk", free)
    });
    let memory = format!("{}, {} processors", show_size(host.memory_bytes), host.ncpus);
    findings.push(if host.memory_bytes < SCARCE_MEMORY_BYTES {
        advised(Grade::Warn, "memory", memory, "run fewer jobs at a time with --slots")
    } else {
        finding(Grade::Ok, "memory", memory)
    });
}

#[cfg(test)]
mod tests;
