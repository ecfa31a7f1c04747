//! One task as it was read and allowed: what is to be run, from which image, with what in sight.

use std::path::PathBuf;

use crate::argv::{Args, args_value};
use crate::engine::{BuildShare, ContainerSpec, Flavor, Gpu, Mount};
use crate::image::{Budget, ImageKey, ImageSource, KeyError, copied_sources, fetched};
use crate::job_spec::{JobSpec, OutputSpec};
use crate::naming::ContainerName;
use crate::policy::{POLICY_FILE, RunLimits};
use crate::wire::init_data::InitData;
use crate::wire::slot::PlaceError;
use crate::workdir::{Layout, Manifest, Survey, survey};

/// A compiler takes more than the job that it compiles.
const LEAST_BUILD_MEMORY_BYTES: u64 = 2_000_000_000;

/// Everything about the task that does not change during its life.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The slot's places.
    pub layout: Layout,
    /// The client's words.
    pub init_data: InitData,
    /// The wrapper's arguments.
    pub args: Args,
    /// The job's own arguments.
    pub job_args: Vec<String>,
    /// job.toml.
    pub spec: JobSpec,
    /// The bounds that the policies leave it.
    pub limits: RunLimits,
    /// Whether its image may be built with network.
    pub build_network: bool,
    /// The container's name.
    pub container: ContainerName,
    /// A free port of this host for the job's graphics.
    pub graphics_port: Option<u16>,
}

/// What goes into the image can't be told.
#[derive(Debug, thiserror::Error)]
pub enum ImageSourceError {
    /// No Dockerfile, and no other image named.
    #[error(
        "{name} is missing: a science app needs a Dockerfile among its files, or `image` with `digest` or `image_name` \
         in job.toml"
    )]
    NoDockerfile {
        /// Its name.
        name: String,
    },
    /// The Dockerfile can't be read.
    #[error("can't read {name}")]
    Dockerfile {
        /// Its name.
        name: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A build without network would use the host's.
    #[error(
        "{name} has {found:?}, which the engine fetches itself, and build_network is false in policy.toml of the app \
         version or buoy-volunteer.toml of this host; put the file among the science app's files"
    )]
    Fetches {
        /// The Dockerfile's name.
        name: String,
        /// What would be fetched.
        found: String,
    },
    /// The tarball is not among the files.
    #[error("the image tarball {name:?} (`image` in job.toml) is not among the job's files")]
    NoTarball {
        /// Its name.
        name: String,
    },
    /// A build file is not among the files.
    #[error("{name:?} (`build_files` in job.toml) is not among the job's files")]
    NoBuildFile {
        /// Its name.
        name: String,
    },
    /// A file can't be read.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Assignment {
    /// The slot's places.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The container's name.
    pub fn container_name(&self) -> &str {
        self.container.as_str()
    }

    /// Whether each command of the engine is logged.
    pub fn verbose(&self) -> bool {
        self.args.verbose || self.spec.verbose >= 2
    }

    /// The engine that the client found, if it says.
    pub fn told_engine(&self) -> Option<Flavor> {
        let engine = self.init_data.host_info.engine.as_ref()?;
        crate::calls::told_flavor(engine.docker_type)
    }

    /// Where WORKDIR is.
    pub fn workdir(&self) -> &str {
        self.spec.workdir.as_str()
    }

    /// Outputs declared in job.toml.
    pub fn outputs(&self) -> &[OutputSpec] {
        &self.spec.outputs
    }

    /// What all slots of this client share.
    pub fn host_dir(&self) -> PathBuf {
        Layout::host_dir(&self.init_data.project_dir)
    }

    /// What our images may take on this host.
    pub fn image_budget(&self) -> Budget {
        Budget::default()
    }

    /// init_data.xml without the volunteer's secrets.
    pub fn cleaned_init_data(&self) -> String {
        self.init_data.cleaned()
    }

    /// What the client put into the slot.
    ///
    /// # Errors
    /// When a link in it leads elsewhere than to a file of this project.
    pub fn survey(&self, known: Option<&Manifest>) -> Result<Survey, PlaceError> {
        survey(
            &self.layout.slot,
            &self.init_data.project_dir,
            &self.init_data.result_name,
            known,
            &[POLICY_FILE],
        )
    }

    /// Whether the next life needs this file in the slot, so that the job gets a copy of it.
    pub fn stays_in_slot(&self, name: &str) -> bool {
        name == self.args.dockerfile
            || name == self.args.config
            || self.args.argv_files().any(|file| file == name)
            || self.spec.tarball.as_ref().is_some_and(|tarball| tarball.file == name)
            || self.build_names().is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }

    /// The names in `build_files`, or those that the Dockerfile asks for; `None` if it can ask for any.
    fn build_names(&self) -> Option<Vec<String>> {
        if let Some(names) = &self.spec.build_files {
            return Some(names.clone());
        }
        if self.spec.tarball.is_some() || self.spec.image_name.is_some() {
            return Some(Vec::new());
        }
        let text = std::fs::read_to_string(self.layout.slot.join(&self.args.dockerfile)).unwrap_or_default();
        let sources = copied_sources(&text)?;
        let plain = |source: &String| {
            !source.contains(['*', '?', '[']) && source != "." && source != "./" && !source.ends_with('/')
        };
        sources
            .iter()
            .all(plain)
            .then(|| sources.iter().map(|source| source.trim_start_matches("./").to_owned()).collect())
    }

    /// Where the image comes from.
    ///
    /// # Errors
    /// When a file of it is missing or can't be read.
    pub fn image(&self, survey: &Survey) -> Result<ImageSource, ImageSourceError> {
        if let Some(image) = &self.spec.image_name {
            return Ok(ImageSource::Named(image.clone()));
        }
        if let Some(tarball) = &self.spec.tarball {
            let input = survey
                .input(&tarball.file)
                .ok_or_else(|| ImageSourceError::NoTarball { name: tarball.file.clone() })?;
            return Ok(ImageSource::Tarball {
                key: ImageKey::of_tarball(tarball.digest.as_str()),
                path: input.place.path().to_owned(),
                digest: tarball.digest.as_str().to_owned(),
            });
        }
        let name = &self.args.dockerfile;
        let dockerfile =
            survey.input(name).ok_or_else(|| ImageSourceError::NoDockerfile { name: name.clone() })?;
        let text = std::fs::read(dockerfile.place.path())
            .map_err(|source| ImageSourceError::Dockerfile { name: name.clone(), source })?;
        if !self.build_network
            && let Some(found) = fetched(&String::from_utf8_lossy(&text), &self.spec.build_args)
        {
            return Err(ImageSourceError::Fetches { name: name.clone(), found });
        }
        let files = self.context_files(survey)?;
        let mut raw_args: Vec<String> = self
            .spec
            .build_args
            .iter()
            .flat_map(|(key, value)| ["--build-arg".to_owned(), format!("{key}={value}")])
            .collect();
        raw_args.extend(self.spec.build_options.iter().cloned());
        let key = ImageKey::of_build(&text, &files, &raw_args)?;
        let mut context = files;
        context.push((name.clone(), dockerfile.place.path().to_owned()));
        Ok(ImageSource::Build {
            key,
            dockerfile: name.clone(),
            files: context,
            raw_args,
            proxy: self.proxy(),
            network: self.build_network,
            share: BuildShare {
                memory_bytes: self.memory_bytes().max(LEAST_BUILD_MEMORY_BYTES),
                cpus: self.cpus(),
            },
        })
    }

    /// The build context besides the Dockerfile: what job.toml or the Dockerfile names, or everything that is no per-job
    /// input.
    fn context_files(&self, survey: &Survey) -> Result<Vec<(String, PathBuf)>, ImageSourceError> {
        let file =
            |name: &str| survey.input(name).map(|input| (name.to_owned(), input.place.path().to_owned()));
        if let Some(names) = self.build_names() {
            let listed = self.spec.build_files.is_some();
            return names
                .iter()
                .filter_map(|name| match file(name) {
                    Some(found) => Some(Ok(found)),
                    None if listed => Some(Err(ImageSourceError::NoBuildFile { name: name.clone() })),
                    // The build itself says best what it misses.
                    None => None,
                })
                .collect();
        }
        Ok(survey
            .inputs
            .iter()
            .filter(|input| {
                input.name != self.args.dockerfile
                    && !self.spec.job_inputs.contains(&input.name)
                    && !self.args.argv_files().any(|name| name == input.name)
            })
            .map(|input| (input.name.clone(), input.place.path().to_owned()))
            .collect())
    }

    /// The image's name as the engine knows it.
    pub fn image_name(&self, image: &ImageSource, flavor: Flavor) -> String {
        match (image.own_name(), image) {
            (Some(name), _) => flavor.local_image(&name),
            (None, ImageSource::Named(name)) => name.clone(),
            (None, _) => String::new(),
        }
    }

    fn proxy(&self) -> Vec<(String, String)> {
        let proxy = self.init_data.proxy_info.as_ref();
        let variables = proxy.map(crate::wire::init_data::ProxyInfo::environment).unwrap_or_default();
        variables.into_iter().map(|(key, value)| (key.to_owned(), value.reveal().to_owned())).collect()
    }

    /// The container to be made.
    pub fn container(
        &self,
        flavor: Flavor,
        mark: String,
        image: String,
        mut mounts: Vec<Mount>,
    ) -> ContainerSpec {
        if let Some(target) = &self.spec.project_dir_mount {
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
            image,
            user: flavor.container_user(),
            workdir: self.workdir().to_owned(),
            mounts,
            env,
            network: self.spec.network || !ports.is_empty(),
            init: true,
            memory_bytes: self.memory_bytes(),
            cpus: self.cpus(),
            pids: self.limits.pids,
            log_bytes: self.limits.max_log_bytes,
            gpu: self.gpu(),
            ports,
            volumes: self.spec.mount.clone(),
            raw_args: self.spec.create_args.clone(),
            args: if self.spec.pass_args.sets_argv() { self.job_args.clone() } else { Vec::new() },
        }
    }

    /// The processors that the client assigned, within the policies' cap.
    fn cpus(&self) -> f64 {
        self.limits.cpus.map_or(self.init_data.ncpus, |cap| cap.min(self.init_data.ncpus))
    }

    /// The workunit's bound, within the policies' cap; 0 where neither says.
    fn memory_bytes(&self) -> u64 {
        let bound = self.init_data.rsc_memory_bound;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        let bound = (1.0..1e18).contains(&bound).then_some(bound as u64);
        bound.into_iter().chain(self.limits.memory_bytes).min().unwrap_or(0)
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
