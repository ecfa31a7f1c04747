//! job.toml: what the wrapper has to know of a science app, in the form of `wrapper::job_spec`.

use toml::{Table, Value};

use crate::app::{AppSpec, Image};
use crate::plan::InputFile;

/// The text of job.toml; `job_inputs` are the inputs that differ from job to job.
pub fn render(app: &AppSpec, job_inputs: &[InputFile]) -> String {
    let mut job = Table::new();
    job.insert("workdir".into(), app.workdir.clone().into());
    // Both forms: programs written for BOINC's own wrapper read $ARGS.
    job.insert("pass_args".into(), "both".into());
    match &app.image {
        Image::Build { files, build_args, .. } => {
            let names = files.iter().map(|file| Value::from(file.name.as_str())).collect();
            job.insert("build_files".into(), Value::Array(names));
            if !build_args.is_empty() {
                let options: Vec<String> =
                    build_args.iter().map(|(key, value)| format!("--build-arg {key}={value}")).collect();
                job.insert("build_args".into(), options.join(" ").into());
            }
        }
        Image::Tarball { name, digest, .. } => {
            job.insert("image".into(), name.as_str().into());
            job.insert("digest".into(), digest.as_str().into());
        }
        Image::Pinned { name } => {
            job.insert("image_name".into(), name.as_str().into());
        }
    }
    let names = job_inputs.iter().map(|input| Value::from(input.open_name.as_str())).collect();
    job.insert("job_inputs".into(), Value::Array(names));
    if app.resources.network {
        job.insert("network".into(), true.into());
    }
    if app.resources.gpu.is_some() {
        job.insert("use_gpu".into(), true.into());
    }
    let outputs = app.outputs.iter().map(|output| {
        let mut table = Table::new();
        table.insert("name".into(), output.name.as_str().into());
        table.insert("max_bytes".into(), i64::try_from(output.max_bytes).unwrap_or(i64::MAX).into());
        table.insert("optional".into(), output.optional.into());
        Value::Table(table)
    });
    job.insert("outputs".into(), Value::Array(outputs.collect()));
    toml::to_string(&job).expect("a table of texts, numbers and lists becomes TOML")
}
