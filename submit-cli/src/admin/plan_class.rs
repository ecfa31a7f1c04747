//! Plan classes for jobs in containers: entries of `plan_class_spec.xml`.
//!
//! Sources: sched/plan_class_spec.cpp for the keys, client/cs_apps.cpp for the word `docker` in the name.

mod merge;

pub use merge::{MergeError, Merged, merge};

use serde::Serialize;

use crate::package::template::{self, TemplateError, Templates};
use crate::plan::app::{AppSpec, Gpu};

/// A kind of plan class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Docker or Podman, one CPU
    Docker,
    /// Docker or Podman, several CPUs
    DockerMt,
    /// Docker or Podman, an NVIDIA GPU
    DockerNvidia,
    /// Docker or Podman, an AMD GPU
    DockerAmd,
    /// Docker or Podman, an Intel GPU
    DockerIntel,
}

/// What an admin can set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// `min_ncpus` of [`Kind::DockerMt`]; 2 if not given.
    pub min_cpus: Option<u32>,
    /// `max_threads` of [`Kind::DockerMt`]; 16 if not given.
    pub max_cpus: Option<u32>,
    /// `min_gpu_ram_mb` and `gpu_ram_used_mb` of a GPU's class.
    pub gpu_ram_mb: Option<u32>,
    /// Hosts with Windows need BOINC's own WSL distro of at least this version.
    pub min_boinc_distro: Option<u32>,
}

/// The variables of the template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    name: &'static str,
    about: &'static str,
    gpu_type: Option<&'static str>,
    /// `cuda` or `opencl`: what a WSL distro must offer for the GPU to be of use there.
    gpu_library: Option<&'static str>,
    min_ncpus: Option<u32>,
    max_threads: Option<u32>,
    gpu_ram_mb: Option<u32>,
    min_boinc_wsl_distro_version: Option<u32>,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Docker, Self::DockerMt, Self::DockerNvidia, Self::DockerAmd, Self::DockerIntel];

    /// The plan class's name. It holds `docker`: at its start a client removes the containers of all other tasks.
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::DockerMt => "docker_mt",
            Self::DockerNvidia => "docker_nvidia",
            Self::DockerAmd => "docker_amd",
            Self::DockerIntel => "docker_intel",
        }
    }

    /// The kind whose plan class has this name.
    pub fn of_class(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.class_name() == name)
    }

    /// The kind that a science app needs.
    pub fn for_app(app: &AppSpec) -> Self {
        match app.resources.gpu {
            Some(Gpu::Nvidia) => Self::DockerNvidia,
            Some(Gpu::Amd) => Self::DockerAmd,
            Some(Gpu::Intel) => Self::DockerIntel,
            None if app.resources.cpus > 1.0 => Self::DockerMt,
            None => Self::Docker,
        }
    }

    /// Whether jobs of it get a GPU.
    pub fn has_gpu(self) -> bool {
        self.gpu().is_some()
    }

    fn about(self) -> &'static str {
        match self {
            Self::Docker => "Docker or Podman, one processor",
            Self::DockerMt => "Docker or Podman, several processors",
            Self::DockerNvidia => "Docker or Podman, an NVIDIA GPU",
            Self::DockerAmd => "Docker or Podman, an AMD GPU",
            Self::DockerIntel => "Docker or Podman, an Intel GPU",
        }
    }

    /// `gpu_type`, and the library by which the scheduler finds GPUs that a WSL distro can use.
    fn gpu(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Docker | Self::DockerMt => None,
            Self::DockerNvidia => Some(("nvidia", "cuda")),
            Self::DockerAmd => Some(("amd", "opencl")),
            Self::DockerIntel => Some(("intel_gpu", "opencl")),
        }
    }

    fn entry(self, settings: &Settings) -> Entry {
        let several = self == Self::DockerMt;
        Entry {
            name: self.class_name(),
            about: self.about(),
            gpu_type: self.gpu().map(|gpu| gpu.0),
            gpu_library: self.gpu().map(|gpu| gpu.1),
            min_ncpus: several.then_some(settings.min_cpus.unwrap_or(2)),
            max_threads: several.then_some(settings.max_cpus.unwrap_or(16)),
            gpu_ram_mb: settings.gpu_ram_mb.filter(|_| self.has_gpu()),
            min_boinc_wsl_distro_version: settings.min_boinc_distro,
        }
    }

    /// The `<plan_class>` element, indented by four blanks, with a line end.
    ///
    /// # Errors
    /// The template is wrong, which is a bug in buoy.
    pub fn render(self, settings: &Settings) -> Result<String, TemplateError> {
        Templates::default().render(template::PLAN_CLASS, &self.entry(settings))
    }
}

/// A whole `plan_class_spec.xml` with these entries.
pub fn document(entries: &[String]) -> String {
    format!("<plan_classes>\n{}</plan_classes>\n", entries.concat())
}
