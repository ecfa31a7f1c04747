//! From the tree of init_data.xml to [`InitData`].

use super::{HostInfo, InitData, ProxyInfo, Secret};
use crate::xml::Element;

pub(super) fn init_data(root: &Element) -> InitData {
    let integer = |name, otherwise| root.integer(name).unwrap_or(otherwise);
    let number = |name| root.number(name).unwrap_or(0.0);
    let positive = |name, otherwise| root.number(name).filter(|value| *value > 0.0).unwrap_or(otherwise);
    InitData {
        major_version: integer("major_version", 0),
        minor_version: integer("minor_version", 0),
        release: integer("release", 0),
        app_version: integer("app_version", 0),
        app_name: root.text_of("app_name"),
        plan_class: root.text_of("plan_class"),
        userid: integer("userid", 0),
        teamid: integer("teamid", 0),
        hostid: integer("hostid", 0),
        user_name: root.text_of("user_name"),
        team_name: root.text_of("team_name"),
        project_dir: root.path("project_dir"),
        boinc_dir: root.path("boinc_dir"),
        authenticator: Secret::new(root.text_of("authenticator")),
        wu_name: root.text_of("wu_name"),
        result_name: root.text_of("result_name"),
        shm_key: root.integer("shm_key"),
        comm_obj_name: Some(root.text_of("comm_obj_name")).filter(|name| !name.is_empty()),
        slot: integer("slot", 0),
        client_pid: root.integer("client_pid").filter(|pid| *pid > 0),
        wu_cpu_time: number("wu_cpu_time").max(0.0),
        starting_elapsed_time: number("starting_elapsed_time").max(0.0),
        using_sandbox: root.last_flag("using_sandbox"),
        checkpoint_period: positive("checkpoint_period", 300.0),
        fraction_done_start: number("fraction_done_start"),
        fraction_done_end: root.number("fraction_done_end").unwrap_or(1.0),
        gpu_type: root.text_of("gpu_type"),
        gpu_device_num: integer("gpu_device_num", -1),
        gpu_opencl_dev_index: integer("gpu_opencl_dev_index", -1),
        gpu_usage: number("gpu_usage"),
        ncpus: positive("ncpus", 1.0),
        rsc_fpops_est: number("rsc_fpops_est"),
        rsc_fpops_bound: number("rsc_fpops_bound"),
        rsc_memory_bound: number("rsc_memory_bound"),
        rsc_disk_bound: number("rsc_disk_bound"),
        computation_deadline: number("computation_deadline"),
        no_priority_change: root.last_flag("no_priority_change"),
        process_priority: integer("process_priority", -1),
        process_priority_special: integer("process_priority_special", -1),
        host_info: root.last("host_info").map(HostInfo::read).unwrap_or_default(),
        proxy_info: root.last("proxy_info").and_then(ProxyInfo::read),
        global_preferences: root.last("global_preferences").map(leaves).unwrap_or_default(),
        app_files: root
            .children_named("app_file")
            .map(|file| file.text.clone())
            .filter(|name| !name.is_empty())
            .collect(),
    }
}

fn leaves(element: &Element) -> Vec<(String, String)> {
    element
        .children
        .iter()
        .filter(|child| child.children.is_empty())
        .map(|child| (child.name.clone(), child.text.clone()))
        .collect()
}
