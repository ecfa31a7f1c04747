//! What a stage starts from: found by its name, checked, and used by its id.

use crate::engine::{CliEngine, ImageDetails, OWNER_LABEL, Transport};
use boinc::dockerfile::{ImageConfig, ImageReference, Platform};
use boinc::job::policy::matches_pattern;

use super::error::BuildError;

/// The id and configuration of a base image, which is pulled if the host does not have it.
///
/// # Errors
/// When the policy does not allow it, when it is an image of ours or for other machines, and when the engine fails.
pub(super) fn resolve<T: Transport>(
    engine: &CliEngine<T>,
    reference: &ImageReference,
    allowed: &[Vec<String>],
    network: bool,
    platform: &Platform,
) -> Result<(String, ImageConfig), BuildError> {
    let refused = |why: String| BuildError::Base { name: reference.to_string(), why };
    let name = qualified(reference);
    for patterns in allowed {
        if !patterns.iter().any(|pattern| is_allowed(pattern, reference)) {
            return Err(refused(format!("base_images of the policy allows only {}", patterns.join(", "))));
        }
    }
    let details = match engine.image(&name)? {
        Some(details) => details,
        // The engine would ask any host for it, also one that only this host reaches.
        None if !network && allowed.is_empty() && !is_of_docker_hub(reference) => {
            return Err(refused(
                "build_network is false, so only images of Docker Hub and those that base_images of the policy allows \
                 are pulled"
                    .into(),
            ));
        }
        None => {
            crate::say!("pulling base image {name}");
            engine.pull(&name)?;
            engine.image(&name)?.ok_or(crate::engine::EngineError::NoImage)?
        }
    };
    check(&details, reference, platform).map_err(refused)?;
    Ok((details.id.clone(), config(details)))
}

/// Whether the host has this image.
pub(super) fn is_here<T: Transport>(engine: &CliEngine<T>, reference: &ImageReference) -> bool {
    engine.image(&qualified(reference)).is_ok_and(|image| image.is_some())
}

fn is_of_docker_hub(reference: &ImageReference) -> bool {
    matches!(reference.registry(), None | Some("docker.io"))
}

/// The name with nothing left out, so that each engine means the same image.
fn qualified(reference: &ImageReference) -> String {
    let registry = reference.registry().unwrap_or("docker.io");
    let namespace =
        if registry == "docker.io" && !reference.repository().contains('/') { "library/" } else { "" };
    let version = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => format!("@{digest}"),
        (None, Some(tag)) => format!(":{tag}"),
        (None, None) => ":latest".to_owned(),
    };
    format!("{registry}/{namespace}{}{version}", reference.repository())
}

/// A pattern allows the name as it is written, and as it is when nothing is left out.
fn is_allowed(pattern: &str, reference: &ImageReference) -> bool {
    matches_pattern(pattern, &reference.to_string()) || matches_pattern(pattern, &qualified(reference))
}

fn check(details: &ImageDetails, reference: &ImageReference, platform: &Platform) -> Result<(), String> {
    // An engine also takes an id, or the beginning of one, for a name.
    let names = details.repo_tags.iter().chain(&details.repo_digests);
    let mut same = names.filter_map(|name| ImageReference::new(name).ok());
    if !same.any(|name| qualified(&name) == qualified(reference)) {
        return Err("the engine has no image of this name".into());
    }
    if details.config.labels.contains_key(OWNER_LABEL) {
        return Err("it belongs to another science app".into());
    }
    if !details.architecture.is_empty() && details.architecture != platform.architecture {
        let (found, wanted) = (&details.architecture, &platform.architecture);
        return Err(format!(
            "it is for linux/{found}, but the engine of this computer runs images for linux/{wanted}"
        ));
    }
    Ok(())
}

fn config(details: ImageDetails) -> ImageConfig {
    let config = details.config;
    let env = config.env.into_iter().filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    });
    ImageConfig {
        env: env.collect(),
        user: config.user,
        workdir: config.working_dir,
        entrypoint: config.entrypoint,
        cmd: config.cmd,
        shell: config.shell,
        labels: config.labels,
        volumes: config.volumes.into_keys().collect(),
        on_build: config.on_build,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform() -> Platform {
        Platform { os: "linux".into(), architecture: "amd64".into(), variant: String::new() }
    }

    fn details(tag: &str) -> ImageDetails {
        ImageDetails { repo_tags: vec![tag.into()], architecture: "amd64".into(), ..ImageDetails::default() }
    }

    #[test]
    fn an_image_counts_by_its_whole_name() {
        let reference = ImageReference::new("debian:bookworm-slim").unwrap();
        let check = |tag: &str| check(&details(tag), &reference, &platform());
        assert_eq!(check("debian:bookworm-slim"), Ok(()));
        assert_eq!(check("docker.io/library/debian:bookworm-slim"), Ok(()));
        assert!(check("localhost/debian:bookworm-slim").is_err());
        assert!(check("debian:12").is_err());
    }

    #[test]
    fn an_image_of_another_science_app_is_no_base() {
        let reference = ImageReference::new("debian:12").unwrap();
        let mut details = details("debian:12");
        details.config.labels.insert(OWNER_LABEL.into(), "00".into());
        assert!(check(&details, &reference, &platform()).unwrap_err().contains("another science app"));
        let foreign = ImageDetails { architecture: "arm64".into(), ..self::details("debian:12") };
        assert!(check(&foreign, &reference, &platform()).is_err());
    }

    #[test]
    fn a_policys_pattern_allows_the_short_and_the_whole_name() {
        let reference = ImageReference::new("debian:12").unwrap();
        assert!(is_allowed("debian:*", &reference) && is_allowed("docker.io/library/*", &reference));
        assert!(!is_allowed("ubuntu:*", &reference));
    }
}
