//! `plan_class_spec.xml`. Sources: sched/plan_class_spec.cpp, client/cs_apps.cpp.

use std::io::ErrorKind;

use boinc::diagnostic::Location;
use boinc::spelling::nearest;
use boinc::xml::Element;

use super::{Findings, Grade, Subject};
use crate::admin::project_files::{XmlFile, name_of};

/// Every key of `PLAN_CLASS_SPEC::parse`, which ignores others without a message; first those that concern jobs in containers.
const KEYS: &str = "\
    name min_core_client_version max_core_client_version gpu_type cuda cal opencl virtualbox wsl docker \
    min_boinc_wsl_distro_version is64bit cpu_feature min_ncpus max_threads mem_usage_base_mb \
    mem_usage_per_cpu_mb nthreads_cmdline projected_flops_scale os_regex cpu_vendor_regex cpu_model_regex \
    user_id infeasible_random min_os_version max_os_version min_android_version max_android_version \
    min_libc_version project_prefs_tag project_prefs_regex project_prefs_default_true avg_ncpus cpu_frac \
    min_gpu_ram_mb gpu_ram_used_mb gpu_peak_flops_scale ngpus min_gpu_peak_flops max_gpu_peak_flops \
    min_driver_version max_driver_version gpu_utilization_tag need_ati_libs need_amd_libs without_opencl \
    min_cal_target max_cal_target min_nvidia_compcap max_nvidia_compcap min_cuda_version max_cuda_version \
    min_opencl_version max_opencl_version min_opencl_driver_revision max_opencl_driver_revision \
    double_precision_fp min_metal_support gpu_type_regex min_vbox_version max_vbox_version \
    exclude_vbox_version vm_accel_required min_wu_id max_wu_id min_batch max_batch";

pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let path = subject.project.dir.join("plan_class_spec.xml");
    let help = format!("run buoy admin plan-class docker --file {}", path.display());
    let file = match &subject.project.plan_classes {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let found = "this file does not exist: the server knows none of Buoy's plan classes, and sends no job in a container";
            findings.wrong(Location::file(&path), found).help(help);
            return;
        }
        Err(error) => {
            findings.unreadable(&path, error);
            return;
        }
    };
    findings.xml_faults(file);
    if file.xml.root("plan_classes").is_none() {
        findings.wrong(Location::file(&file.path), "missing <plan_classes>");
        return;
    }
    let mut names: Vec<&str> = Vec::new();
    for class in subject.project.classes() {
        let name = name_of(class);
        if name.is_empty() {
            findings.wrong(file.place(class), "a plan class without <name>");
        } else if names.contains(&name) {
            findings
                .wrong(file.place(class), format!("the plan class {name:?} is listed twice"))
                .help("remove one: BOINC uses the first");
        }
        names.push(name);
        check_keys(file, class, name, findings);
        if class.flag("docker") {
            check_docker(file, class, name, findings);
        }
    }
    if !subject.project.classes().any(|class| class.flag("docker")) {
        let found = "no plan class has <docker/>: the server sends no job in a container";
        findings.wrong(Location::file(&file.path), found).help(help);
    }
}

fn check_keys(file: &XmlFile, class: &Element, name: &str, findings: &mut Findings) {
    let known: Vec<&str> = KEYS.split(' ').collect();
    for child in &class.children {
        let key = child.name.as_str();
        if known.contains(&key) {
            continue;
        }
        let found = format!("unknown key <{key}> in the plan class {name:?}, which BOINC ignores");
        let finding = findings.wrong(file.place(child), found);
        if let Some(meant) = nearest(key, &known) {
            finding.help(format!("did you mean <{meant}>?"));
        }
    }
}

fn check_docker(file: &XmlFile, class: &Element, name: &str, findings: &mut Findings) {
    if !name.contains("docker") {
        findings
            .wrong(
                file.place(class),
                format!("the plan class {name:?} has <docker/>, but its name does not contain \"docker\""),
            )
            .help(
                "rename it, with a new app version: a client that starts removes all containers but those of classes with \"docker\" in their name",
            );
    }
    let gpu = class.child("gpu_type").or(class.child("gpu_type_regex"));
    if let (Some(gpu), false, false) = (gpu, class.flag("cuda"), class.flag("opencl")) {
        let found = format!(
            "the plan class {name:?} has a GPU and neither <cuda/> nor <opencl/>: no computer with Windows gets its jobs"
        );
        findings
            .note(Grade::Advice, file.place(gpu), found)
            .accepted("<cuda/> (NVIDIA) or <opencl/>, which a WSL distro must offer");
    }
}
