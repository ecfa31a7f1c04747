//! init_data.xml as the emulated client writes it.

use boinc::wire::init_data::{EngineInfo, HostInfo, InitData, Secret};
use boinc::wire::segment::MMAP_KEY;

use super::engine::Engine;
use super::host::Host;
use super::layout::Layout;
use super::limits::HOST_FLOPS;
use crate::plan::app::{Gpu, Resources};

/// Version of the client that is emulated: one that writes docker tags.
const CLIENT_VERSION: (i32, i32, i32) = (8, 3, 0);

/// Name of the BOINC app of the universal model.
const APP_NAME: &str = "universal";

/// Clean-up of a real client counts tasks whose plan class contains this word.
const PLAN_CLASS: &str = "docker";

/// The parts of init_data.xml that are the same for all tasks of a run.
#[derive(Clone, Debug)]
pub struct Client {
    pub layout: Layout,
    pub host: Host,
    /// The engine that it reports.
    pub engine: Engine,
    /// Physical names of the app version's files.
    pub app_files: Vec<String>,
}

/// The parts that differ from task to task.
#[derive(Clone, Copy, Debug)]
pub struct TaskInfo<'a> {
    pub wu_name: &'a str,
    pub result_name: &'a str,
    pub slot: u32,
    /// Processor time at the last checkpoint, seconds.
    pub cpu_before: f64,
    /// Wall time of earlier starts, seconds.
    pub elapsed_before: f64,
    /// When the result was sent, seconds since 1970.
    pub sent: f64,
}

impl Client {
    /// The init_data.xml of a task.
    pub fn init_data(&self, resources: &Resources, task: TaskInfo<'_>) -> InitData {
        let (major_version, minor_version, release) = CLIENT_VERSION;
        let host = &self.host;
        InitData {
            major_version,
            minor_version,
            release,
            app_version: 100,
            app_name: APP_NAME.to_owned(),
            plan_class: PLAN_CLASS.to_owned(),
            hostid: 1,
            userid: 1,
            user_name: "buoy run".to_owned(),
            project_dir: self.layout.project_dir(),
            boinc_dir: self.layout.boinc_dir(),
            // As on a volunteer's computer, a job must never see it.
            authenticator: Secret::new("00000000000000000000000000000000"),
            wu_name: task.wu_name.to_owned(),
            result_name: task.result_name.to_owned(),
            shm_key: Some(MMAP_KEY),
            slot: task.slot as i32,
            client_pid: Some(std::process::id() as i32),
            wu_cpu_time: task.cpu_before,
            starting_elapsed_time: task.elapsed_before,
            checkpoint_period: 60.0,
            gpu_type: resources.gpu.map(gpu_type).unwrap_or_default().to_owned(),
            gpu_device_num: if resources.gpu.is_some() { 0 } else { -1 },
            gpu_opencl_dev_index: if resources.gpu.is_some() { 0 } else { -1 },
            gpu_usage: if resources.gpu.is_some() { 1.0 } else { 0.0 },
            ncpus: resources.cpus,
            rsc_fpops_est: resources.flops,
            rsc_fpops_bound: resources.flops_bound,
            rsc_memory_bound: resources.memory_bytes as f64,
            rsc_disk_bound: resources.disk_bytes as f64,
            computation_deadline: task.sent + resources.deadline.as_secs_f64(),
            no_priority_change: true,
            host_info: HostInfo {
                domain_name: host.name.clone(),
                p_ncpus: host.ncpus as i32,
                p_fpops: HOST_FLOPS,
                p_iops: HOST_FLOPS,
                m_nbytes: host.memory_bytes as f64,
                m_swap: host.swap_bytes as f64,
                d_total: host.disk_total_bytes as f64,
                d_free: host.disk_free_bytes as f64,
                os_name: "Linux".to_owned(),
                os_version: format!("{} [{}]", host.os, host.kernel),
                engine: Some(EngineInfo {
                    version: self.engine.version.clone(),
                    docker_type: Some(self.engine.kind),
                }),
                ..HostInfo::default()
            },
            app_files: self.app_files.clone(),
            ..InitData::default()
        }
    }
}

/// BOINC's words for makers of GPUs (`lib/coproc.cpp`).
fn gpu_type(gpu: Gpu) -> &'static str {
    match gpu {
        Gpu::Nvidia => "NVIDIA",
        Gpu::Amd => "ATI",
        Gpu::Intel => "intel_gpu",
    }
}
