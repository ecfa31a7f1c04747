//! One task as it was read and allowed: what is to be run, from which image, with what in sight.

use std::path::{Path, PathBuf};

use crate::engine::{ContainerSpec, ContainerUser, EngineError, Flavor, Gpu, Hardening, Mount};
use crate::image::{Budget, BuildSource, ImageKey, ImageSource, KeyError};
use crate::limits::{Bounds, DiskUse, disk_bound, memory_bound};
use crate::naming::ContainerName;
use crate::state_dir::StateDir;
use crate::workdir::{Layout, Manifest, SlotScan, scan_slot};
use boinc::dockerfile::{self, BuildArgs, Dockerfile, Faults};
use boinc::job::argv::{Args, args_value};
use boinc::job::entry_point::{LostArguments, lost_arguments};
use boinc::job::policy::{POLICY_FILE, RunLimits};
use boinc::job::spec::{JobSpec, OutputSpec, Tarballs};
use boinc::platform::User;
use boinc::wire::init_data::InitData;
use boinc::wire::slot::{OutputPath, SlotPathError, resolve_output};

/// Files of the slot that the job neither sees nor replaces.
pub const HIDDEN_FILES: [&str; 1] = [POLICY_FILE];

/// Files that a step of a build may write.
const MAX_BUILD_FILES: u64 = 1_000_000;

/// Everything about the task that does not change during its life.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub layout: Layout,
    /// Where images, locks and builds are kept.
    pub images: StateDir,
    /// Where the state of this result is kept.
    pub state_file: PathBuf,
    /// The client's words.
    pub init_data: InitData,
    pub args: Args,
    /// The job's own arguments.
    pub job_args: Vec<String>,
    pub spec: JobSpec,
    /// The bounds that the policies leave it.
    pub limits: RunLimits,
    /// What the policies say of its image's build.
    pub build: BuildRules,
    /// The OCI runtime that the volunteer wants.
    pub runtime: Option<String>,
    /// The volunteer allows a container without the user namespace that the daemon would give it.
    pub host_user_namespace: bool,
    /// Whom a container runs as in place of root.
    pub job_user: Option<User>,
    pub container: ContainerName,
    /// A free port of this host for the job's graphics.
    pub graphics_port: Option<u16>,
}

/// What a build may do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildRules {
    /// Its steps have a network.
    pub network: bool,
    /// Lists of patterns, each of which has to allow a base image.
    pub base_images: Vec<Vec<String>>,
}

/// The image of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePlan {
    /// Where it comes from.
    pub source: ImageSource,
    /// Names of files that a later life needs in the slot to tell it again.
    pub files: Vec<String>,
}

/// What goes into the image can't be told.
#[derive(Debug, thiserror::Error)]
pub enum ImageSourceError {
    /// No Dockerfile, and no other image named.
    #[error(
        "{name} is missing: a science app needs a Dockerfile among its files, or `image` with `digest` or `image_name` \
         in job.toml"
    )]
    NoDockerfile { name: String },
    #[error("can't read {name}")]
    Dockerfile {
        name: String,
        #[source]
        source: std::io::Error,
    },
    /// The Dockerfile has mistakes, or asks for something that is not supported.
    #[error("{name}: {faults}")]
    Faults {
        name: String,
        /// All of them.
        #[source]
        faults: Faults,
    },
    /// None of the tarballs is for this engine.
    #[error(
        "the job has images for linux/{}, but the engine of this computer runs images for linux/{wanted}",
        found.join(" and linux/")
    )]
    NoTarballFor {
        /// What the engine runs, by Go's name.
        wanted: String,
        /// What there is.
        found: Vec<String>,
    },
    /// The engine does not say what it runs.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The tarball is not among the files.
    #[error("the image tarball {name:?} (`image` in job.toml) is not among the job's files")]
    NoTarball { name: String },
    /// A build file is not among the files.
    #[error("{name:?} (`build_files` in job.toml) is not among the job's files")]
    NoBuildFile { name: String },
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Assignment {
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub fn container_name(&self) -> &str {
        self.container.as_str()
    }

    /// Whether each command of the engine is logged.
    pub fn verbose(&self) -> bool {
        self.args.verbose || self.spec.verbose >= 2
    }

    /// The engine that the client found, if it says. In a distro of WSL it is the one of that distro, which WSL names.
    pub fn reported_engine(&self) -> Option<Flavor> {
        let distro = std::env::var("WSL_DISTRO_NAME").ok();
        let engine = self.init_data.host_info.engine_in(distro.as_deref())?;
        engine.docker_type.map(Flavor::from)
    }

    /// Where WORKDIR is.
    pub fn workdir(&self) -> &str {
        self.spec.workdir.as_str()
    }

    pub fn outputs(&self) -> &[OutputSpec] {
        &self.spec.outputs
    }

    /// What our images may take on this host.
    pub fn image_budget(&self) -> Budget {
        Budget::default()
    }

    /// Refuses a job whose arguments its image's entry point would drop, also one of a base image: the program would run
    /// without them, and all jobs of a sweep would give the same result.
    ///
    /// # Errors
    /// What is lost, and what to do.
    pub fn check_arguments(&self, entrypoint: &[String]) -> Result<(), String> {
        let lost = lost_arguments(entrypoint, self.spec.pass_args).filter(|_| !self.job_args.is_empty());
        let Some(lost) = lost else { return Ok(()) };
        let what = match lost {
            LostArguments::All => "drops the job's arguments",
            LostArguments::First => "drops the job's first argument, which becomes the shell's $0",
        };
        Err(format!(
            "the image's entry point is a shell command that {what}: {}. Write ENTRYPOINT as a list, \
             [\"program\"], or let the command use \"$0\" \"$@\"; pass_args = \"env\" passes them in the variable ARGS alone",
            serde_json::Value::from(entrypoint.to_vec())
        ))
    }

    /// The client's words on this task.
    pub fn init_data(&self) -> &InitData {
        &self.init_data
    }

    /// init_data.xml without the volunteer's secrets.
    pub fn cleaned_init_data(&self) -> String {
        self.init_data.cleaned()
    }

    /// What the client put into the slot.
    ///
    /// # Errors
    /// When a link in it leads elsewhere than to a file of this project.
    pub fn scan(&self, known: Option<&Manifest>) -> Result<SlotScan, SlotPathError> {
        scan_slot(
            &self.layout.slot,
            &self.init_data.project_dir,
            &self.init_data.result_name,
            known,
            &HIDDEN_FILES,
        )
    }

    /// Where an output must go, from the client's own links as they are now.
    ///
    /// # Errors
    /// When the link leads elsewhere than to a place of this result.
    pub fn output_place(&self, name: &str) -> Result<OutputPath, SlotPathError> {
        let (project_dir, result_name) = (&self.init_data.project_dir, &self.init_data.result_name);
        resolve_output(&self.layout.slot, project_dir, result_name, name)
    }

    /// Whether the next life needs this file in the slot, so that the job gets a copy of it. All of them where the work
    /// directory is in another file system: that may end before the task does.
    pub fn stays_in_slot(&self, name: &str, image: &ImagePlan) -> bool {
        !self.layout.is_in_slot()
            || name == self.args.config
            || self.args.argv_files().any(|file| file == name)
            || image.files.iter().any(|file| file == name)
    }

    /// The image, from the files of the slot. `seccomp`: the profile of system calls for the steps of its build;
    /// `architecture`: asks the engine for its own.
    ///
    /// # Errors
    /// When a file of it is missing or cannot be read, or the Dockerfile is refused.
    pub fn image(
        &self,
        scan: &SlotScan,
        seccomp: &Path,
        architecture: impl FnOnce() -> Result<String, EngineError>,
    ) -> Result<ImagePlan, ImageSourceError> {
        if let Some(image) = &self.spec.image_name {
            return Ok(ImagePlan { source: ImageSource::Named(image.clone()), files: Vec::new() });
        }
        if let Some(tarballs) = &self.spec.tarballs {
            let tarball = match tarballs {
                Tarballs::One(tarball) => tarball,
                Tarballs::Each(each) => {
                    let wanted = architecture()?;
                    each.get(&wanted).ok_or_else(|| ImageSourceError::NoTarballFor {
                        wanted,
                        found: each.keys().cloned().collect(),
                    })?
                }
            };
            let input = scan
                .input(&tarball.file)
                .ok_or_else(|| ImageSourceError::NoTarball { name: tarball.file.clone() })?;
            let source = ImageSource::Tarball {
                key: ImageKey::of_tarball(tarball.digest.as_str()),
                path: input.place.path().to_owned(),
                digest: tarball.digest.as_str().to_owned(),
            };
            return Ok(ImagePlan { source, files: tarballs.files().map(str::to_owned).collect() });
        }
        let source = self.build_source(scan, seccomp)?;
        let mut files: Vec<String> = source.files.iter().map(|(name, _)| name.clone()).collect();
        files.push(source.name.clone());
        Ok(ImagePlan { source: ImageSource::Build(Box::new(source)), files })
    }

    fn build_source(&self, scan: &SlotScan, seccomp: &Path) -> Result<BuildSource, ImageSourceError> {
        let name = &self.args.dockerfile;
        let input = scan.input(name).ok_or_else(|| ImageSourceError::NoDockerfile { name: name.clone() })?;
        let text = std::fs::read(input.place.path())
            .map_err(|source| ImageSourceError::Dockerfile { name: name.clone(), source })?;
        let faulty = |faults| ImageSourceError::Faults { name: name.clone(), faults };
        let dockerfile = dockerfile::parse(&text).map_err(faulty)?;
        let target = dockerfile.target(self.spec.target.as_deref()).map_err(faulty)?;
        let args: BuildArgs = self.spec.build_args.clone();
        // Everything that the text alone shows is refused before anything is fetched.
        dockerfile.check(target, &args).map_err(faulty)?;
        let files = self.context_files(scan, &dockerfile, target, &args)?;
        Ok(BuildSource {
            key: ImageKey::of_build(&text, self.spec.target.as_deref(), &files, &args)?,
            name: name.clone(),
            dockerfile,
            target,
            files,
            args,
            proxy: self.proxy(),
            hardening: Hardening { network: self.build.network, ..self.hardening(seccomp) },
            bounds: self.build_bounds(),
            base_images: self.build.base_images.clone(),
            workdir: self.workdir().to_owned(),
        })
    }

    /// The build context: the files that job.toml lists; else what COPY and ADD name, where a pattern does not mean inputs
    /// that differ from job to job.
    fn context_files(
        &self,
        scan: &SlotScan,
        dockerfile: &Dockerfile,
        target: usize,
        args: &BuildArgs,
    ) -> Result<Vec<(String, PathBuf)>, ImageSourceError> {
        let file =
            |name: &str| scan.input(name).map(|input| (name.to_owned(), input.place.path().to_owned()));
        if let Some(names) = &self.spec.build_files {
            let listed = names
                .iter()
                .map(|name| file(name).ok_or(ImageSourceError::NoBuildFile { name: name.clone() }));
            return listed.collect();
        }
        let name = &self.args.dockerfile;
        let sources = dockerfile
            .context_sources(target, args)
            .map_err(|faults| ImageSourceError::Faults { name: name.clone(), faults })?;
        let patterns: Vec<&str> =
            sources.iter().map(|source| source.pattern.as_deref().unwrap_or(".")).collect();
        let is_per_job = |name: &str| {
            self.spec.job_inputs.iter().any(|input| input == name)
                || self.args.argv_files().any(|file| file == name)
        };
        let names = scan.inputs.iter().map(|input| input.name.as_str());
        let wanted = names.filter(|name| {
            patterns.contains(name)
                || (!is_per_job(name) && patterns.iter().any(|pattern| takes(pattern, name)))
        });
        Ok(wanted.filter_map(file).collect())
    }

    fn proxy(&self) -> Vec<(String, String)> {
        let proxy = self.init_data.proxy_info.as_ref();
        let variables = proxy.map(boinc::wire::init_data::ProxyInfo::environment).unwrap_or_default();
        variables.into_iter().map(|(key, value)| (key.to_owned(), value.reveal().to_owned())).collect()
    }

    /// The container to be made.
    pub fn container(
        &self,
        user: &ContainerUser,
        mark: String,
        image: String,
        mut mounts: Vec<Mount>,
        seccomp: &Path,
    ) -> ContainerSpec {
        let mut masked = Vec::new();
        if let Some(target) = &self.spec.project_dir_mount {
            masked.push(format!("{}/{}", target.as_str(), StateDir::NAME));
            mounts.push(Mount {
                source: self.init_data.project_dir.clone(),
                target: target.as_str().to_owned(),
                read_only: true,
            });
        }
        let mut env = vec![
            // Its own home: the slot's user is not known in the image.
            ("HOME".to_owned(), self.workdir().to_owned()),
            // A limit on processors does not change how many a program sees; threads beyond it only hinder each other.
            ("OMP_NUM_THREADS".to_owned(), format!("{:.0}", self.cpus().ceil().max(1.0))),
        ];
        if self.spec.pass_args.sets_env()
            && let Some(args) = args_value(&self.job_args)
        {
            env.push(("ARGS".into(), args));
        }
        if self.spec.network {
            env.extend(self.proxy());
        }
        let mut ports = self.spec.portmap.clone();
        if let (Some(host), Some(guest)) = (self.graphics_port, self.spec.web_graphics_guest_port) {
            ports.push(format!("127.0.0.1:{host}:{guest}"));
        }
        ContainerSpec {
            name: self.container_name().to_owned(),
            mark,
            owner: String::new(),
            image,
            hardening: Hardening {
                user: user.ids.clone(),
                host_user_namespace: user.host_user_namespace,
                network: self.has_network(),
                ..self.hardening(seccomp)
            },
            workdir: self.workdir().to_owned(),
            relabel: user.relabel,
            mounts,
            masked,
            env,
            init: true,
            gpu: self.gpu(),
            ports,
            volumes: self.spec.mount.clone(),
            raw_args: self.spec.create_args.clone(),
            args: if self.spec.pass_args.sets_argv() { self.job_args.clone() } else { Vec::new() },
        }
    }

    /// Whether the container has a network. Graphics and port maps need one.
    pub fn has_network(&self) -> bool {
        let shows_graphics = self.graphics_port.is_some() && self.spec.web_graphics_guest_port.is_some();
        self.spec.network || shows_graphics || !self.spec.portmap.is_empty()
    }

    /// The processors that the client assigned, within the policies' cap.
    fn cpus(&self) -> f64 {
        self.limits.cpus.map_or(self.init_data.ncpus, |cap| cap.min(self.init_data.ncpus))
    }

    /// What a job and the steps of its image's build are held to alike.
    fn hardening(&self, seccomp: &Path) -> Hardening {
        Hardening {
            seccomp: Some(seccomp.to_owned()),
            memory_bytes: self.memory_bytes(),
            cpus: self.cpus(),
            pids: self.limits.pids,
            log_bytes: self.limits.max_log_bytes,
            runtime: self.runtime.clone(),
            ..Hardening::default()
        }
    }

    /// The workunit's bound or the default, within the policies' cap.
    fn memory_bytes(&self) -> u64 {
        let host_bytes = self.init_data.host_info.m_nbytes;
        memory_bound(self.init_data.rsc_memory_bound, self.limits.memory_bytes, host_bytes)
    }

    /// What the workunit says that the job needs; `None` if it says nothing.
    pub fn required_memory_bytes(&self) -> Option<u64> {
        (self.init_data.rsc_memory_bound > 0.0).then(|| self.memory_bytes())
    }

    /// What a step of the image's build may take: as much as the job, but for the number of files, which is that of a
    /// whole system.
    fn build_bounds(&self) -> Bounds {
        let bounds = self.bounds();
        Bounds { disk: DiskUse { files: MAX_BUILD_FILES, ..bounds.disk }, ..bounds }
    }

    /// What the job may take, for the limits that the wrapper watches.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            disk: DiskUse { bytes: disk_bound(self.init_data.rsc_disk_bound), files: self.limits.max_files },
            memory_bytes: self.memory_bytes(),
            pids: self.limits.pids,
        }
    }

    /// Only the GPU that the client assigned, and only if the job asks for one.
    fn gpu(&self) -> Option<Gpu> {
        if !self.spec.use_gpu {
            return None;
        }
        let number = u32::try_from(self.init_data.gpu_device_num).ok()?;
        match self.init_data.gpu_type.as_str() {
            "NVIDIA" | "nvidia" => Some(Gpu::Nvidia(number)),
            "ATI" | "amd" | "AMD" => Some(Gpu::Devices(vec![
                "/dev/kfd".into(),
                format!("/dev/dri/renderD{}", 128 + number).into(),
            ])),
            _ => Some(Gpu::Devices(vec![format!("/dev/dri/renderD{}", 128 + number).into()])),
        }
    }
}

/// Whether a source of COPY takes a file: it is one that the source names, or is below a directory of that name.
fn takes(source: &str, name: &str) -> bool {
    if source == "." {
        return true;
    }
    let mut parts = name.split('/');
    source.split('/').all(|wanted| {
        parts.next().is_some_and(|part| dockerfile::pattern::matches(wanted, part).unwrap_or(false))
    })
}
