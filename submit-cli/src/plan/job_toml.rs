//! job.toml: what the wrapper has to know about a science app.

use std::collections::BTreeMap;

use boinc::job::spec::{JobSpec, OutputSpec, PassArgs, Tarball, Tarballs};

use crate::plan::InputFile;
use crate::plan::app::{AppSpec, Image, ImageArchive};

/// The job.toml of an app; `job_inputs` are the inputs that differ from job to job.
pub fn job_spec(app: &AppSpec, job_inputs: &[InputFile]) -> JobSpec {
    let mut spec = JobSpec {
        workdir: app.workdir.clone(),
        job_inputs: job_inputs.iter().map(|input| input.open_name.clone()).collect(),
        // Programs made for BOINC's own wrapper read $ARGS.
        pass_args: app.pass_args.unwrap_or(PassArgs::Both),
        network: app.resources.network,
        use_gpu: app.resources.gpu.is_some(),
        outputs: app.outputs.iter().map(output).collect(),
        ..JobSpec::default()
    };
    match &app.image {
        Image::Build { files, build_args, target, .. } => {
            spec.build_files = Some(files.iter().map(|file| file.name.clone()).collect());
            spec.build_args = BTreeMap::clone(build_args);
            spec.target.clone_from(target);
        }
        Image::Archives(archives) => spec.tarballs = Some(tarballs(archives)),
        Image::Pinned { name } => spec.image_name = Some(name.clone()),
    }
    spec
}

fn tarballs(archives: &[ImageArchive]) -> Tarballs {
    let tarball =
        |archive: &ImageArchive| Tarball { file: archive.file.name.clone(), digest: archive.digest.clone() };
    match archives {
        [one @ ImageArchive { architecture: None, .. }] => Tarballs::One(tarball(one)),
        each => Tarballs::Each(
            each.iter()
                .filter_map(|archive| Some((archive.architecture.clone()?, tarball(archive))))
                .collect(),
        ),
    }
}

fn output(output: &crate::plan::app::Output) -> OutputSpec {
    OutputSpec { name: output.name.clone(), max_bytes: Some(output.max_bytes), optional: output.optional }
}
