//! What the engine answers, as types. Docker and Podman agree in the fields read here.

use std::collections::BTreeMap;
use std::path::Path;

use boinc::calendar;
use serde::Deserialize;

use super::verbs::MARK_LABEL;

/// `State.Status` of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Never started. Podman: `configured`, or `initialized` when its processes are being set up.
    #[serde(alias = "configured", alias = "initialized")]
    Created,
    /// Its processes run. An engine in the middle of stopping it says `stopping`.
    #[serde(alias = "stopping")]
    Running,
    /// Frozen.
    Paused,
    /// Ended. Podman says `stopped` until it has cleaned up.
    #[serde(alias = "stopped")]
    Exited,
    /// Being restarted by the engine; we never ask for that.
    Restarting,
    /// Being removed.
    Removing,
    /// Half removed.
    Dead,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerJson {
    #[serde(default)]
    id: String,
    state: StateJson,
    #[serde(default)]
    config: ConfigJson,
    #[serde(default)]
    graph_driver: GraphDriverJson,
    #[serde(default)]
    mounts: Option<Vec<MountJson>>,
    #[serde(default)]
    size_rw: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ConfigJson {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MountJson {
    #[serde(default, rename = "Type")]
    kind: String,
    #[serde(default)]
    source: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StateJson {
    status: Status,
    #[serde(default)]
    exit_code: i32,
    #[serde(default, rename = "OOMKilled")]
    oom_killed: bool,
    #[serde(default)]
    pid: i64,
    #[serde(default)]
    error: String,
    #[serde(default)]
    started_at: String,
    #[serde(default)]
    finished_at: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GraphDriverJson {
    data: Option<LayersJson>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LayersJson {
    upper_dir: Option<String>,
}

/// The container as the engine sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    /// The engine's id of it: 64 hexadecimal digits.
    pub id: String,
    /// What it was marked with when it was created; empty if it is none of ours.
    pub mark: String,
    /// Where in life.
    pub status: Status,
    /// Exit status; 0 while it runs.
    pub exit_code: i32,
    /// The engine saw the kernel kill a process of it for memory.
    pub oom_killed: bool,
    /// First process on this host.
    pub pid: Option<u32>,
    /// Why it could not be started; empty as a rule.
    pub error: String,
    /// When it was last started, seconds since 1970; `None` if never.
    pub started_at: Option<f64>,
    /// When the engine last saw its end, seconds since 1970; `None` if never.
    pub finished_at: Option<f64>,
    /// The directories that hold what it wrote outside its mounts, where the engine tells: its own layer, and a volume
    /// for each VOLUME of its image.
    pub written: Vec<String>,
    /// Whether its own layer is among them.
    pub layer_is_told: bool,
    /// Bytes that it has written into its own layer, where this was asked for.
    pub size_written: u64,
}

impl Inspected {
    /// A daemon of Docker that was killed in the middle of a start can take the container up again without a start, and
    /// miss its end: it would wait for that for ever.
    pub fn is_only_believed_to_run(&self) -> bool {
        let gone = |pid: u32| !Path::new("/proc").join(pid.to_string()).exists();
        self.status == Status::Running && self.started_at.is_none() && self.pid.is_some_and(gone)
    }
}

/// Reads `container inspect` of one container.
pub(super) fn parse_container(stdout: &[u8]) -> Result<Inspected, String> {
    let list: Vec<ContainerJson> = parse_list(stdout)?;
    let json = list.into_iter().next().ok_or("an empty list")?;
    let state = json.state;
    let mounts = json.mounts.unwrap_or_default().into_iter();
    let volumes =
        mounts.filter(|mount| mount.kind == "volume" && !mount.source.is_empty()).map(|mount| mount.source);
    let layer = json.graph_driver.data.and_then(|data| data.upper_dir);
    Ok(Inspected {
        id: json.id,
        mark: json.config.labels.unwrap_or_default().remove(MARK_LABEL).unwrap_or_default(),
        status: state.status,
        exit_code: state.exit_code,
        oom_killed: state.oom_killed,
        pid: u32::try_from(state.pid).ok().filter(|&pid| pid > 0),
        error: state.error,
        started_at: parse_time(&state.started_at).filter(|&seconds| seconds > 0.0),
        finished_at: parse_time(&state.finished_at).filter(|&seconds| seconds > 0.0),
        layer_is_told: layer.is_some(),
        written: layer.into_iter().chain(volumes).collect(),
        size_written: json.size_rw,
    })
}

/// What `stats` prints for one container, with the format `{{json .ContainerStats}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Stats {
    /// Nanoseconds of CPU time since it was started.
    #[serde(rename = "CPUNano")]
    pub cpu_nanoseconds: u64,
    /// Bytes of memory in use.
    #[serde(rename = "MemUsage")]
    pub memory_bytes: u64,
}

/// Reads them; before it Podman may print what clears a terminal.
pub(super) fn parse_stats(stdout: &[u8]) -> Result<Stats, String> {
    let start = stdout.iter().position(|byte| *byte == b'{').ok_or("no JSON")?;
    serde_json::from_slice(&stdout[start..]).map_err(|error| error.to_string())
}

/// Where there is nothing, Go's encoder writes `null`.
pub(super) fn or_default<'de, D, V>(json: D) -> Result<V, D::Error>
where
    D: serde::Deserializer<'de>,
    V: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(json)?.unwrap_or_default())
}

/// Reads a JSON list, as `image inspect` prints it.
pub(super) fn parse_list<T: for<'a> Deserialize<'a>>(stdout: &[u8]) -> Result<Vec<T>, String> {
    serde_json::from_slice(stdout).map_err(|error| error.to_string())
}

/// Reads what `commit`, `import` and their like print last: an id.
pub(super) fn parse_id(stdout: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(stdout);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let hex = last.strip_prefix("sha256:").unwrap_or(last);
    if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(last.to_owned())
    } else {
        Err(format!("{last:?} is not an id"))
    }
}

/// Reads a list of ids, one on a line; each is given once.
pub(super) fn ids(stdout: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stdout);
    let mut ids: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Reads what `wait` prints: the exit status on a line.
pub(super) fn parse_exit_status(stdout: &[u8]) -> Result<i32, String> {
    let text = String::from_utf8_lossy(stdout);
    text.trim().parse().map_err(|_| format!("{:?} is no exit status", text.trim()))
}

/// Seconds since 1970 of an RFC 3339 time, or of Go's own form (`2026-11-24 02:20:10.1 +0000 UTC`), which some Podman versions print.
pub(super) fn parse_time(text: &str) -> Option<f64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute) = (number(11..13)?, number(14..16)?);
    let rest = text.get(17..)?;
    let seconds_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let seconds: f64 = rest[..seconds_end].parse().ok()?;
    let offset = parse_offset(rest[seconds_end..].trim());
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let whole = (calendar::days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 - offset) as f64;
    Some(whole + seconds)
}

fn parse_offset(text: &str) -> i64 {
    let sign = match text.chars().next() {
        Some('+') => 1,
        Some('-') => -1,
        _ => return 0,
    };
    let digits: String = text[1..].chars().filter(char::is_ascii_digit).take(4).collect();
    let (hours, minutes) = digits.split_at(digits.len().min(2));
    sign * (hours.parse().unwrap_or(0) * 3_600 + minutes.parse().unwrap_or(0) * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER: &str = r#"[{"Id":"a2","State":{"Status":"running","Running":true,"Paused":false,"OOMKilled":false,
        "Pid":6891,"ExitCode":0,"Error":"","StartedAt":"2026-11-24T03:11:51.441631131Z",
        "FinishedAt":"0001-01-01T00:00:00Z"},"GraphDriver":{"Data":{"UpperDir":"/var/lib/docker/overlay2/89/diff"},
        "Name":"overlay2"},"Mounts":[{"Type":"bind","Source":"/slots/0/buoy/work","Destination":"/app"},
        {"Type":"volume","Name":"c4","Source":"/var/lib/docker/volumes/c4/_data","Destination":"/data"}]}]"#;

    #[test]
    fn a_running_container_of_docker() {
        let inspected = parse_container(DOCKER.as_bytes()).unwrap();
        assert_eq!(inspected.status, Status::Running);
        assert_eq!(inspected.pid, Some(6891));
        assert_eq!(
            inspected.written,
            ["/var/lib/docker/overlay2/89/diff", "/var/lib/docker/volumes/c4/_data"]
        );
        assert!((inspected.started_at.unwrap() - 1_795_489_911.441_631).abs() < 1e-3);
    }

    #[test]
    fn a_container_of_podman_that_was_never_started() {
        let json = r#"[{"State":{"Status":"created","ExitCode":0,"Pid":0,"OOMKilled":false,
            "StartedAt":"0001-01-01T00:00:00Z"},"GraphDriver":{"Name":"overlay","Data":{}}}]"#;
        let inspected = parse_container(json.as_bytes()).unwrap();
        assert_eq!((inspected.status, inspected.pid, inspected.started_at), (Status::Created, None, None));
    }

    #[test]
    fn a_container_that_runs_without_start_or_processes_is_only_believed_to() {
        let running = |pid: u32, started: &str| {
            let json = format!(r#"[{{"State":{{"Status":"running","Pid":{pid},"StartedAt":"{started}"}}}}]"#);
            parse_container(json.as_bytes()).unwrap().is_only_believed_to_run()
        };
        // No process has a number that large (proc(5), pid_max).
        let (nobody, never) = (1 << 30, "0001-01-01T00:00:00Z");
        assert!(running(nobody, never));
        assert!(!running(std::process::id(), never), "it was taken up");
        assert!(!running(nobody, "2026-11-24T02:20:10Z"), "it may run where we can't see it");
    }

    #[test]
    fn times_with_offsets_and_in_the_form_of_go() {
        let utc = parse_time("2026-11-24T02:20:10Z").unwrap();
        assert_eq!(parse_time("2026-11-24T04:20:10.5+02:00"), Some(utc + 0.5));
        assert_eq!(parse_time("2026-11-24 02:20:10.25 +0000 UTC"), Some(utc + 0.25));
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn containerds_image_store_does_not_tell_the_layer() {
        let layer = |data: &str| {
            let json = format!(
                r#"[{{"State":{{"Status":"running"}},"GraphDriver":{{"Data":{data},"Name":"overlayfs"}},
                "Mounts":[{{"Type":"volume","Source":"/v"}}]}}]"#
            );
            let inspected = parse_container(json.as_bytes()).unwrap();
            (inspected.layer_is_told, inspected.written)
        };
        assert_eq!(layer("null"), (false, vec!["/v".to_owned()]));
        assert_eq!(layer(r#"{"UpperDir":"/u"}"#), (true, vec!["/u".to_owned(), "/v".to_owned()]));
    }

    #[test]
    fn stats_are_numbers_after_what_clears_a_terminal() {
        // Podman 4.3.1, shortened.
        let text = "\u{1b}[2J\u{1b}[1;1H{\"AvgCPU\":12.5,\"CPU\":3.2,\"CPUNano\":1234567890,\"MemUsage\":4096,\"PIDs\":2}\n";
        let expected = Stats { cpu_nanoseconds: 1_234_567_890, memory_bytes: 4_096 };
        assert_eq!(parse_stats(text.as_bytes()), Ok(expected));
        assert!(parse_stats(b"").is_err());
    }

    #[test]
    fn an_unknown_status_is_an_error_and_not_a_guess() {
        assert!(parse_container(br#"[{"State":{"Status":"confused"}}]"#).is_err());
    }

    #[test]
    fn containers_of_podman_3_and_docker_29() {
        // Podman 3.0.1: never started, and killed from outside.
        let state = |state: &str| {
            let json = format!(
                r#"[{{"Id":"029b","State":{{"OciVersion":"1.0.2-dev","Running":false,"OOMKilled":false,"Pid":0,{state},
                "Error":"","Healthcheck":{{"Status":"","FailingStreak":0,"Log":null}}}},"GraphDriver":{{"Name":"overlay",
                "Data":{{"LowerDir":"/l","UpperDir":"/u","WorkDir":"/w"}}}},"Mounts":[]}}]"#
            );
            parse_container(json.as_bytes()).unwrap()
        };
        let created = state(
            r#""Status":"configured","ExitCode":0,"StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z""#,
        );
        assert_eq!((created.status, created.started_at), (Status::Created, None));
        let killed = state(
            r#""Status":"exited","ExitCode":137,"StartedAt":"2026-11-30T20:29:30.297977622Z",
            "FinishedAt":"2026-11-30T20:29:31.526773865Z""#,
        );
        assert_eq!((killed.status, killed.exit_code), (Status::Exited, 137));
        assert!(killed.finished_at > killed.started_at && killed.layer_is_told);
        // By the documentation of Docker 29's API, not from a daemon: containerd's store has no GraphDriver.
        let docker = r#"[{"Id":"a2","State":{"Status":"running","Pid":7,"StartedAt":"2026-11-24T03:11:51Z"},
            "Config":{"Labels":{}},"Storage":{"RootFS":{"Snapshot":{"Name":"overlayfs"}}}}]"#;
        let running = parse_container(docker.as_bytes()).unwrap();
        assert_eq!((running.status, running.layer_is_told, running.pid), (Status::Running, false, Some(7)));
    }

    #[test]
    fn containers_of_docker_26_and_podman_5() {
        // Docker 26.1.5 with either image store: the program is not in the image.
        let docker = r#"[{"Id":"711b","State":{"Status":"created","Running":false,"Paused":false,"Restarting":false,
            "OOMKilled":false,"Dead":false,"Pid":0,"ExitCode":127,"Error":"failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/nope\": stat /nope: no such file or directory: unknown",
            "StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z"},
            "GraphDriver":{"Data":null,"Name":"overlayfs"},"Mounts":[]}]"#;
        let inspected = parse_container(docker.as_bytes()).unwrap();
        assert_eq!((inspected.status, inspected.exit_code, inspected.pid), (Status::Created, 127, None));
        assert!(inspected.error.contains("exec: \"/nope\"") && !inspected.layer_is_told);
        // Podman 5.4.2: killed by order.
        let podman = r#"[{"Id":"a2b8","State":{"OciVersion":"1.2.0","Status":"exited","Running":false,"Paused":false,
            "Restarting":false,"OOMKilled":false,"Dead":false,"Pid":0,"ExitCode":137,"Error":"",
            "StartedAt":"2026-11-30T13:19:25.416361479Z","FinishedAt":"2026-11-30T13:19:33.673654085Z",
            "CheckpointedAt":"0001-01-01T00:00:00Z","RestoredAt":"0001-01-01T00:00:00Z","StoppedByUser":true},
            "GraphDriver":{"Name":"overlay","Data":{"LowerDir":"/l","UpperDir":"/o/f8/diff","WorkDir":"/o/f8/work"}},
            "Mounts":[]}]"#;
        let inspected = parse_container(podman.as_bytes()).unwrap();
        assert_eq!((inspected.status, inspected.exit_code), (Status::Exited, 137));
        assert_eq!((inspected.layer_is_told, inspected.written), (true, vec!["/o/f8/diff".to_owned()]));
    }
}
