//! `plan_class_spec.xml`. Sources: sched/plan_class_spec.cpp, client/cs_apps.cpp.

use std::io::ErrorKind;

use boinc::spelling::nearest;

use super::{Findings, Grade, Subject};
use crate::admin::project_files::{XmlFile, name_of};
use boinc::diagnostic::{Diagnostic, Place};
use boinc::xml::Element;

/// Every key of `PLAN_CLASS_SPEC::parse`; others are passed over without a word.
const KEYS: [&str; 61] = [
    "name",
    "min_core_client_version",
    "max_core_client_version",
    "gpu_type",
    "cuda",
    "cal",
    "opencl",
    "virtualbox",
    "wsl",
    "docker",
    "min_boinc_wsl_distro_version",
    "is64bit",
    "cpu_feature",
    "min_ncpus",
    "max_threads",
    "mem_usage_base_mb",
    "mem_usage_per_cpu_mb",
    "nthreads_cmdline",
    "projected_flops_scale",
    "os_regex",
    "cpu_vendor_regex",
    "cpu_model_regex",
    "user_id",
    "infeasible_random",
    "min_os_version",
    "max_os_version",
    "min_android_version",
    "max_android_version",
    "min_libc_version",
    "project_prefs_tag",
    "project_prefs_regex",
    "project_prefs_default_true",
    "avg_ncpus",
    "cpu_frac",
    "min_gpu_ram_mb",
    "gpu_ram_used_mb",
    "gpu_peak_flops_scale",
    "ngpus",
    "min_gpu_peak_flops",
    "max_gpu_peak_flops",
    "min_driver_version",
    "max_driver_version",
    "gpu_utilization_tag",
    "need_ati_libs",
    "need_amd_libs",
    "without_opencl",
    "min_cal_target",
    "max_cal_target",
    "min_nvidia_compcap",
    "max_nvidia_compcap",
    "min_cuda_version",
    "max_cuda_version",
    "min_opencl_version",
    "max_opencl_version",
    "min_opencl_driver_revision",
    "max_opencl_driver_revision",
    "double_precision_fp",
    "min_metal_support",
    "gpu_type_regex",
    "min_vbox_version",
    "max_vbox_version",
];

/// And those that do not concern jobs in containers.
const MORE_KEYS: [&str; 6] =
    ["exclude_vbox_version", "vm_accel_required", "min_wu_id", "max_wu_id", "min_batch", "max_batch"];

pub(super) fn look(subject: &Subject<'_>, findings: &mut Findings) {
    let file = match &subject.project.plan_classes {
        Ok(file) => file,
        Err(error) => {
            let place = Place::file(&subject.project.dir.join("plan_class_spec.xml"));
            let what = match error.kind() {
                ErrorKind::NotFound => Diagnostic::new(
                    place,
                    "there is no such file: no plan class of Buoy's is known, and no job in a container is sent",
                )
                .help(format!(
                    "buoy admin plan-class docker --file {}/plan_class_spec.xml",
                    subject.project.dir.display()
                )),
                _ => Diagnostic::new(place, format!("cannot be read: {error}")),
            };
            findings.note(Grade::Wrong, what);
            return;
        }
    };
    super::xml_faults(file, findings);
    if file.xml.root("plan_classes").is_none() {
        findings.note(Grade::Wrong, Diagnostic::new(Place::file(&file.path), "it has no <plan_classes>"));
        return;
    }
    let mut names: Vec<&str> = Vec::new();
    for class in subject.project.classes() {
        let name = name_of(class);
        if name.is_empty() {
            findings.note(Grade::Wrong, Diagnostic::new(file.place(class), "a plan class without <name>"));
        } else if names.contains(&name) {
            let what = Diagnostic::new(file.place(class), format!("a second plan class {name:?}"));
            findings.note(Grade::Wrong, what.help("BOINC takes the first; remove one"));
        }
        names.push(name);
        class_findings(file, class, name, findings);
    }
    if !subject.project.classes().any(|class| class.flag("docker")) {
        let what = Diagnostic::new(
            Place::file(&file.path),
            "no plan class has <docker/>: no job in a container is sent",
        );
        let path = file.path.display();
        findings.note(Grade::Wrong, what.help(format!("buoy admin plan-class docker --file {path}")));
    }
}

fn class_findings(file: &XmlFile, class: &Element, name: &str, findings: &mut Findings) {
    for child in &class.children {
        let key = child.name.as_str();
        if KEYS.contains(&key) || MORE_KEYS.contains(&key) {
            continue;
        }
        let what = Diagnostic::new(
            file.place(child),
            format!("unknown key <{key}> in the plan class {name:?}, which BOINC passes over"),
        );
        let meant = nearest(key, &KEYS).map(|meant| format!("did you mean <{meant}>?"));
        findings.note(
            Grade::Wrong,
            match meant {
                Some(meant) => what.help(meant),
                None => what,
            },
        );
    }
    if !class.flag("docker") {
        return;
    }
    if !name.contains("docker") {
        let found = format!("the plan class {name:?} has <docker/>, and \"docker\" is not in its name");
        let help = "a client that starts removes the containers of all tasks but those of classes with \"docker\" in their name; give it another name, with a new app version";
        findings.note(Grade::Wrong, Diagnostic::new(file.place(class), found).help(help));
    }
    let gpu = class.child("gpu_type").or(class.child("gpu_type_regex"));
    if let (Some(gpu), false, false) = (gpu, class.flag("cuda"), class.flag("opencl")) {
        let found = format!(
            "the plan class {name:?} has a GPU and neither <cuda/> nor <opencl/>: no computer with Windows gets its jobs"
        );
        let what = Diagnostic::new(file.place(gpu), found);
        findings.note(
            Grade::Advice,
            what.accepted("<cuda/> (NVIDIA) or <opencl/>, whichever a WSL distro must offer"),
        );
    }
}
