//! From [`InitData`] to init_data.xml, in the order of a client of 8.x.

use super::InitData;
use super::values::{push_element, push_path};

pub(super) fn init_data(data: &InitData) -> String {
    let mut out = String::from("<app_init_data>\n");
    put(&mut out, "major_version", data.major_version);
    put(&mut out, "minor_version", data.minor_version);
    put(&mut out, "release", data.release);
    put(&mut out, "app_version", data.app_version);
    put(&mut out, "userid", data.userid);
    put(&mut out, "teamid", data.teamid);
    put(&mut out, "hostid", data.hostid);
    put(&mut out, "app_name", &data.app_name);
    for (name, value) in
        [("plan_class", &data.plan_class), ("team_name", &data.team_name), ("user_name", &data.user_name)]
    {
        if !value.is_empty() {
            put(&mut out, name, value);
        }
    }
    push_path(&mut out, "project_dir", &data.project_dir);
    push_path(&mut out, "boinc_dir", &data.boinc_dir);
    put(&mut out, "authenticator", data.authenticator.reveal());
    put(&mut out, "wu_name", &data.wu_name);
    put(&mut out, "result_name", &data.result_name);
    if let Some(name) = &data.comm_obj_name {
        put(&mut out, "comm_obj_name", name);
    }
    if let Some(key) = data.shm_key {
        put(&mut out, "shm_key", key);
    }
    put(&mut out, "slot", data.slot);
    if let Some(pid) = data.client_pid {
        put(&mut out, "client_pid", pid);
    }
    number(&mut out, "wu_cpu_time", data.wu_cpu_time);
    number(&mut out, "starting_elapsed_time", data.starting_elapsed_time);
    put(&mut out, "using_sandbox", i32::from(data.using_sandbox));
    task(&mut out, data);
    put(&mut out, "no_priority_change", i32::from(data.no_priority_change));
    put(&mut out, "process_priority", data.process_priority);
    put(&mut out, "process_priority_special", data.process_priority_special);
    data.host_info.push(&mut out);
    if let Some(proxy) = &data.proxy_info {
        proxy.push(&mut out);
    }
    preferences(&mut out, data.global_preferences.iter());
    for name in &data.app_files {
        put(&mut out, "app_file", name);
    }
    out.push_str("</app_init_data>\n");
    out
}

/// What describes the task itself: also part of the cleaned form.
pub(super) fn task(out: &mut String, data: &InitData) {
    number(out, "checkpoint_period", data.checkpoint_period);
    number(out, "fraction_done_start", data.fraction_done_start);
    number(out, "fraction_done_end", data.fraction_done_end);
    put(out, "gpu_type", &data.gpu_type);
    put(out, "gpu_device_num", data.gpu_device_num);
    put(out, "gpu_opencl_dev_index", data.gpu_opencl_dev_index);
    number(out, "gpu_usage", data.gpu_usage);
    number(out, "ncpus", data.ncpus);
    number(out, "rsc_fpops_est", data.rsc_fpops_est);
    number(out, "rsc_fpops_bound", data.rsc_fpops_bound);
    number(out, "rsc_memory_bound", data.rsc_memory_bound);
    number(out, "rsc_disk_bound", data.rsc_disk_bound);
    number(out, "computation_deadline", data.computation_deadline);
}

pub(super) fn preferences<'a>(out: &mut String, leaves: impl Iterator<Item = &'a (String, String)>) {
    out.push_str("<global_preferences>\n");
    for (name, value) in leaves {
        push_element(out, "   ", name, value);
    }
    out.push_str("</global_preferences>\n");
}

pub(super) fn put(out: &mut String, name: &str, value: impl ToString) {
    push_element(out, "", name, &value.to_string());
}

/// Six decimals, as the client's %f.
pub(super) fn number(out: &mut String, name: &str, value: f64) {
    put(out, name, format!("{value:.6}"));
}
