//! The form of init_data.xml that a container may see.
//!
//! An app linked with BOINC's API reads it too. It finds neither `<shm_key>` nor `<client_pid>` there, so it
//! runs on its own (`api/boinc_api.cpp`: "Will run in standalone mode"), which is right: the wrapper
//! speaks with the client.

use super::InitData;
use super::write::{number, preferences, put, task};

/// Preferences that a science app can act on, all of them numbers.
const PREFERENCES: [&str; 4] = ["cpu_usage_limit", "disk_interval", "max_ncpus_pct", "niu_max_ncpus_pct"];

pub(super) fn init_data(data: &InitData) -> String {
    let mut out = String::from("<app_init_data>\n");
    put(&mut out, "major_version", data.major_version);
    put(&mut out, "minor_version", data.minor_version);
    put(&mut out, "release", data.release);
    put(&mut out, "app_version", data.app_version);
    put(&mut out, "app_name", &data.app_name);
    put(&mut out, "plan_class", &data.plan_class);
    put(&mut out, "wu_name", &data.wu_name);
    put(&mut out, "result_name", &data.result_name);
    number(&mut out, "wu_cpu_time", data.wu_cpu_time);
    number(&mut out, "starting_elapsed_time", data.starting_elapsed_time);
    task(&mut out, data);
    data.host_info.push_cleaned(&mut out);
    let allowed = |(name, value): &&(String, String)| {
        PREFERENCES.contains(&name.as_str()) && value.parse::<f64>().is_ok()
    };
    preferences(&mut out, data.global_preferences.iter().filter(allowed));
    out.push_str("</app_init_data>\n");
    out
}
