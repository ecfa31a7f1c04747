//! `<host_info>`: what the client found out about the host.

use super::values::push_element;
use crate::xml::Element;

/// The container engine that a client found (`lib/common_defs.h`, `DOCKER_TYPE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DockerType {
    /// Docker.
    Docker = 1,
    /// Podman.
    Podman = 2,
}

/// An engine and its version, as a client of 8.1 or later reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// The engine's version as it prints it, such as `20.10.24+dfsg1`.
    pub version: String,
    /// `None` if the file does not say or says something new: ask the engine itself.
    pub docker_type: Option<DockerType>,
}

impl EngineInfo {
    fn read(element: &Element) -> Option<Self> {
        let version = element.text_of("docker_version");
        let number = element.integer("docker_type");
        let mut known = [DockerType::Docker, DockerType::Podman].into_iter();
        let docker_type = known.find(|known| number == Some(*known as i32));
        (!version.is_empty()).then_some(Self { version, docker_type })
    }

    fn push(&self, out: &mut String, indent: &str) {
        push_element(out, indent, "docker_version", &self.version);
        if let Some(docker_type) = self.docker_type {
            push_element(out, indent, "docker_type", &(docker_type as i32).to_string());
        }
    }
}

/// A Linux inside Windows (`lib/wslinfo.cpp`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WslDistro {
    /// Its name, for `wsl -d NAME`.
    pub distro_name: String,
    /// Its operating system.
    pub os_name: String,
    /// Its operating system's version.
    pub os_version: String,
    /// 1 or 2.
    pub wsl_version: i32,
    /// Version of BOINC's own distro; 0 for any other.
    pub distro_version: i32,
    /// The volunteer's default distro.
    pub is_default: bool,
    /// The volunteer does not want BOINC to use it.
    pub disallowed: bool,
    /// Its C library's version.
    pub libc_version: String,
    /// Its engine, if it has one.
    pub engine: Option<EngineInfo>,
}

impl WslDistro {
    fn read(element: &Element) -> Self {
        Self {
            distro_name: element.text_of("distro_name"),
            os_name: element.text_of("os_name"),
            os_version: element.text_of("os_version"),
            wsl_version: element.integer("wsl_version").unwrap_or(0),
            distro_version: element.integer("distro_version").unwrap_or(0),
            is_default: element.last_flag("is_default"),
            disallowed: element.last_flag("disallowed"),
            libc_version: element.text_of("libc_version"),
            engine: EngineInfo::read(element),
        }
    }

    fn push(&self, out: &mut String) {
        let indent = "            ";
        out.push_str("        <distro>\n");
        push_element(out, indent, "distro_name", &self.distro_name);
        push_element(out, indent, "os_name", &self.os_name);
        push_element(out, indent, "os_version", &self.os_version);
        push_element(out, indent, "wsl_version", &self.wsl_version.to_string());
        if self.distro_version != 0 {
            push_element(out, indent, "distro_version", &self.distro_version.to_string());
        }
        if self.is_default {
            out.push_str("            <is_default/>\n");
        }
        if self.disallowed {
            out.push_str("            <disallowed/>\n");
        }
        if !self.libc_version.is_empty() {
            push_element(out, indent, "libc_version", &self.libc_version);
        }
        if let Some(engine) = &self.engine {
            engine.push(out, indent);
        }
        out.push_str("        </distro>\n");
    }
}

/// What `<host_info>` says. Missing text is empty, missing numbers are 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostInfo {
    /// Seconds east of UTC.
    pub timezone: i32,
    /// The host's name. Not for a container.
    pub domain_name: String,
    /// The host's address. Not for a container.
    pub ip_addr: String,
    /// The host's id across projects. Not for a container.
    pub host_cpid: String,
    /// Processors of the host.
    pub p_ncpus: i32,
    /// Maker of the processor.
    pub p_vendor: String,
    /// Model of the processor.
    pub p_model: String,
    /// Features of the processor, separated by spaces.
    pub p_features: String,
    /// Floating-point operations per second of a processor, as measured by the client.
    pub p_fpops: f64,
    /// Integer operations per second of a processor, as measured by the client.
    pub p_iops: f64,
    /// Memory in bytes.
    pub m_nbytes: f64,
    /// Processor cache in bytes.
    pub m_cache: f64,
    /// Swap space in bytes.
    pub m_swap: f64,
    /// Size of the disk that BOINC is on, in bytes.
    pub d_total: f64,
    /// Free space on it, in bytes.
    pub d_free: f64,
    /// The operating system.
    pub os_name: String,
    /// Its version.
    pub os_version: String,
    /// The container engine; `None` from a client before 8.1, on Windows, and where none was found.
    pub engine: Option<EngineInfo>,
    /// Windows: the Linux distros.
    pub wsl_distros: Vec<WslDistro>,
}

impl HostInfo {
    /// The engine that the client found in this distro of WSL, or on the host itself.
    pub fn engine_in(&self, distro: Option<&str>) -> Option<&EngineInfo> {
        let distro =
            distro.and_then(|name| self.wsl_distros.iter().find(|distro| distro.distro_name == name));
        distro.and_then(|distro| distro.engine.as_ref()).or(self.engine.as_ref())
    }

    pub(super) fn read(element: &Element) -> Self {
        let number = |name| element.number(name).unwrap_or(0.0);
        let distros = element.last("wsl");
        Self {
            timezone: element.integer("timezone").unwrap_or(0),
            domain_name: element.text_of("domain_name"),
            ip_addr: element.text_of("ip_addr"),
            host_cpid: element.text_of("host_cpid"),
            p_ncpus: element.integer("p_ncpus").unwrap_or(0),
            p_vendor: element.text_of("p_vendor"),
            p_model: element.text_of("p_model"),
            p_features: element.text_of("p_features"),
            p_fpops: number("p_fpops"),
            p_iops: number("p_iops"),
            m_nbytes: number("m_nbytes"),
            m_cache: number("m_cache"),
            m_swap: number("m_swap"),
            d_total: number("d_total"),
            d_free: number("d_free"),
            os_name: element.text_of("os_name"),
            os_version: element.text_of("os_version"),
            engine: EngineInfo::read(element),
            wsl_distros: distros
                .map(|wsl| wsl.children_named("distro").map(WslDistro::read).collect())
                .unwrap_or_default(),
        }
    }

    pub(super) fn push(&self, out: &mut String) {
        out.push_str("<host_info>\n");
        push(out, "timezone", &self.timezone.to_string());
        push(out, "domain_name", &self.domain_name);
        push(out, "ip_addr", &self.ip_addr);
        push(out, "host_cpid", &self.host_cpid);
        self.push_hardware(out);
        push(out, "os_name", &self.os_name);
        push(out, "os_version", &self.os_version);
        if !self.wsl_distros.is_empty() {
            out.push_str("    <wsl>\n");
            self.wsl_distros.iter().for_each(|distro| distro.push(out));
            out.push_str("    </wsl>\n");
        }
        if let Some(engine) = &self.engine {
            engine.push(out, INDENT);
        }
        out.push_str("</host_info>\n");
    }

    /// The part that a container may see: what it can find out itself, or needs to size its work.
    pub(super) fn push_cleaned(&self, out: &mut String) {
        out.push_str("<host_info>\n");
        self.push_hardware(out);
        out.push_str("</host_info>\n");
    }

    fn push_hardware(&self, out: &mut String) {
        let number = |out: &mut String, name, value: f64| push(out, name, &format!("{value:.6}"));
        push(out, "p_ncpus", &self.p_ncpus.to_string());
        push(out, "p_vendor", &self.p_vendor);
        push(out, "p_model", &self.p_model);
        push(out, "p_features", &self.p_features);
        number(out, "p_fpops", self.p_fpops);
        number(out, "p_iops", self.p_iops);
        number(out, "m_nbytes", self.m_nbytes);
        number(out, "m_cache", self.m_cache);
        number(out, "m_swap", self.m_swap);
        number(out, "d_total", self.d_total);
        number(out, "d_free", self.d_free);
    }
}

const INDENT: &str = "    ";

fn push(out: &mut String, name: &str, value: &str) {
    push_element(out, INDENT, name, value);
}
