//! From a [`JobSpec`] to the text of job.toml.

use super::{JobSpec, PassArgs};
use toml::{Table, Value};

pub(super) fn job_spec(spec: &JobSpec) -> String {
    let default = JobSpec::default();
    let mut job = Table::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            job.insert(key.to_owned(), value);
        }
    };
    put("workdir", (spec.workdir != default.workdir).then(|| spec.workdir.as_str().into()));
    put("project_dir_mount", spec.project_dir_mount.as_ref().map(|path| path.as_str().into()));
    put("image_name", spec.image_name.as_deref().map(Value::from));
    put("image", spec.tarball.as_ref().map(|tarball| tarball.file.as_str().into()));
    put("digest", spec.tarball.as_ref().map(|tarball| tarball.digest.as_str().into()));
    put("use_gpu", spec.use_gpu.then(|| true.into()));
    put("web_graphics_guest_port", spec.web_graphics_guest_port.map(|port| i64::from(port).into()));
    put("mount", list(&spec.mount));
    put("portmap", list(&spec.portmap));
    put("build_args", build_args(spec));
    put("target", spec.target.as_deref().map(Value::from));
    put("create_args", list(&spec.create_args));
    put("verbose", (spec.verbose != default.verbose).then(|| i64::from(spec.verbose).into()));
    put("build_files", spec.build_files.as_ref().map(|files| strings(files)));
    put("job_inputs", list(&spec.job_inputs));
    put("pass_args", (spec.pass_args != PassArgs::default()).then(|| spec.pass_args.word().into()));
    put("network", spec.network.then(|| true.into()));
    put("max_files", spec.limits.max_files.map(number));
    put("max_log_bytes", spec.limits.max_log_bytes.map(number));
    put("pids", spec.limits.pids.map(number));
    put("outputs", outputs(spec));
    toml::to_string(&job).expect("a table of texts, numbers and lists becomes TOML")
}

/// As a table where that says it all; else in upstream's form, as a list of words.
fn build_args(spec: &JobSpec) -> Option<Value> {
    let table: Table =
        spec.build_args.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    (!table.is_empty()).then_some(Value::Table(table))
}

fn outputs(spec: &JobSpec) -> Option<Value> {
    let tables = spec.outputs.iter().map(|output| {
        let mut table = Table::new();
        table.insert("name".to_owned(), output.name.as_str().into());
        if let Some(max_bytes) = output.max_bytes {
            table.insert("max_bytes".to_owned(), number(max_bytes));
        }
        if output.optional {
            table.insert("optional".to_owned(), true.into());
        }
        Value::Table(table)
    });
    (!spec.outputs.is_empty()).then(|| Value::Array(tables.collect()))
}

fn list(words: &[String]) -> Option<Value> {
    (!words.is_empty()).then(|| strings(words))
}

fn strings(words: &[String]) -> Value {
    Value::Array(words.iter().map(|word| word.as_str().into()).collect())
}

/// TOML's numbers end at 2^63 − 1, as do those that we read.
fn number(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}
