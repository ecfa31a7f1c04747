//! The reader as its users see it.

mod hostile;
mod properties;
mod render;
mod steps;
mod supported;

use std::collections::BTreeMap;

use super::*;

fn platform() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), variant: String::new() }
}

fn args(pairs: &[(&str, &str)]) -> BuildArgs {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn debian() -> ImageConfig {
    ImageConfig {
        env: vec![("PATH".into(), "/bin".into())],
        cmd: words(&["bash"]),
        workdir: "/".into(),
        ..ImageConfig::default()
    }
}

fn read(text: &str) -> Dockerfile {
    parse(text.as_bytes()).unwrap_or_else(|faults| panic!("{text}: {faults}"))
}

/// The plan of the last stage, on debian.
fn plan(text: &str) -> StagePlan {
    plan_with(text, &debian(), &[])
}

fn plan_with(text: &str, base: &ImageConfig, pairs: &[(&str, &str)]) -> StagePlan {
    let file = read(text);
    let target = file.target(None).unwrap();
    file.evaluate(target, base, &args(pairs), &platform()).unwrap_or_else(|faults| panic!("{text}: {faults}"))
}

/// What is wrong with a file, wherever that shows, without ever panicking.
fn faults(text: &str) -> String {
    faults_of(text.as_bytes())
}

fn faults_of(text: &[u8]) -> String {
    let result = parse(text).and_then(|file| {
        let target = file.target(None)?;
        file.check(target, &BTreeMap::new())?;
        file.base(target, &BTreeMap::new(), &platform())?;
        file.evaluate(target, &debian(), &BTreeMap::new(), &platform())
    });
    result.err().map(|faults| faults.to_string()).unwrap_or_default()
}

fn env<'a>(plan: &'a StagePlan, name: &str) -> &'a str {
    plan.config.env.iter().find(|pair| pair.0 == name).map_or("(unset)", |pair| &pair.1)
}

fn runs(plan: &StagePlan) -> Vec<&RunStep> {
    plan.groups.iter().filter_map(|group| group.run.as_ref()).collect()
}

fn copies(plan: &StagePlan) -> Vec<&CopyStep> {
    let steps = plan.groups.iter().flat_map(|group| &group.files);
    steps
        .filter_map(|step| match step {
            FileStep::Copy(copy) => Some(copy),
            FileStep::Workdir { .. } => None,
        })
        .collect()
}
