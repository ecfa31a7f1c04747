//! From [`InitData`] to init_data.xml, in the order of a client of 8.x.

use super::InitData;
use super::values::{push_element, push_path};

pub(super) fn init_data(data: &InitData) -> String {
    let mut out = String::from("<app_init_data>\n");
    integers(
        &mut out,
        &[
            ("major_version", data.major_version),
            ("minor_version", data.minor_version),
            ("release", data.release),
            ("app_version", data.app_version),
            ("userid", data.userid),
            ("teamid", data.teamid),
            ("hostid", data.hostid),
        ],
    );
    text(&mut out, "app_name", &data.app_name);
    for (name, value) in
        [("plan_class", &data.plan_class), ("team_name", &data.team_name), ("user_name", &data.user_name)]
    {
        if !value.is_empty() {
            text(&mut out, name, value);
        }
    }
    push_path(&mut out, "project_dir", &data.project_dir);
    push_path(&mut out, "boinc_dir", &data.boinc_dir);
    text(&mut out, "authenticator", data.authenticator.reveal());
    text(&mut out, "wu_name", &data.wu_name);
    text(&mut out, "result_name", &data.result_name);
    if let Some(name) = &data.comm_obj_name {
        text(&mut out, "comm_obj_name", name);
    }
    if let Some(key) = data.shm_key {
        integers(&mut out, &[("shm_key", key)]);
    }
    integers(&mut out, &[("slot", data.slot)]);
    if let Some(pid) = data.client_pid {
        integers(&mut out, &[("client_pid", pid)]);
    }
    numbers(
        &mut out,
        &[("wu_cpu_time", data.wu_cpu_time), ("starting_elapsed_time", data.starting_elapsed_time)],
    );
    integers(&mut out, &[("using_sandbox", i32::from(data.using_sandbox))]);
    task(&mut out, data);
    integers(
        &mut out,
        &[
            ("no_priority_change", i32::from(data.no_priority_change)),
            ("process_priority", data.process_priority),
            ("process_priority_special", data.process_priority_special),
        ],
    );
    data.host_info.push(&mut out);
    if let Some(proxy) = &data.proxy_info {
        proxy.push(&mut out);
    }
    preferences(&mut out, data.global_preferences.iter());
    for name in &data.app_files {
        text(&mut out, "app_file", name);
    }
    out.push_str("</app_init_data>\n");
    out
}

/// What describes the task itself: also part of the cleaned form.
pub(super) fn task(out: &mut String, data: &InitData) {
    numbers(
        out,
        &[
            ("checkpoint_period", data.checkpoint_period),
            ("fraction_done_start", data.fraction_done_start),
            ("fraction_done_end", data.fraction_done_end),
        ],
    );
    text(out, "gpu_type", &data.gpu_type);
    integers(
        out,
        &[("gpu_device_num", data.gpu_device_num), ("gpu_opencl_dev_index", data.gpu_opencl_dev_index)],
    );
    numbers(
        out,
        &[
            ("gpu_usage", data.gpu_usage),
            ("ncpus", data.ncpus),
            ("rsc_fpops_est", data.rsc_fpops_est),
            ("rsc_fpops_bound", data.rsc_fpops_bound),
            ("rsc_memory_bound", data.rsc_memory_bound),
            ("rsc_disk_bound", data.rsc_disk_bound),
            ("computation_deadline", data.computation_deadline),
        ],
    );
}

pub(super) fn preferences<'a>(out: &mut String, leaves: impl Iterator<Item = &'a (String, String)>) {
    out.push_str("<global_preferences>\n");
    for (name, value) in leaves {
        push_element(out, "   ", name, value);
    }
    out.push_str("</global_preferences>\n");
}

pub(super) fn text(out: &mut String, name: &str, value: &str) {
    push_element(out, "", name, value);
}

pub(super) fn integers(out: &mut String, values: &[(&str, i32)]) {
    for (name, value) in values {
        text(out, name, &value.to_string());
    }
}

pub(super) fn numbers(out: &mut String, values: &[(&str, f64)]) {
    for (name, value) in values {
        // Six decimals, as the client's %f.
        text(out, name, &format!("{value:.6}"));
    }
}
