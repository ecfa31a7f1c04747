//! An image as the engine sees it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::output::or_default;

/// What `image inspect` reports of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageDetails {
    /// The engine's id of it.
    pub id: String,
    /// Its names.
    #[serde(deserialize_with = "or_default")]
    pub repo_tags: Vec<String>,
    /// Its names with digests, as a registry gave them.
    #[serde(deserialize_with = "or_default")]
    pub repo_digests: Vec<String>,
    /// Bytes on disk, layers shared with others included.
    pub size: u64,
    /// The processor architecture that it is for.
    pub architecture: String,
    /// The operating system that it is for.
    pub os: String,
    /// What its containers start with.
    #[serde(deserialize_with = "or_default")]
    pub config: ImageConfigDetails,
}

/// `Config` of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfigDetails {
    /// `KEY=VALUE`.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// The user of its processes.
    pub user: String,
    /// Where they start.
    pub working_dir: String,
    /// The program, with its first arguments.
    #[serde(deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    /// Further arguments, or the program where there is no entry point.
    #[serde(deserialize_with = "or_default")]
    pub cmd: Vec<String>,
    /// What a RUN in shell form is given to.
    #[serde(deserialize_with = "or_default")]
    pub shell: Vec<String>,
    /// Labels.
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// Directories that are volumes.
    #[serde(deserialize_with = "or_default")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    /// Instructions for images that are built on it.
    #[serde(deserialize_with = "or_default")]
    pub on_build: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::super::output::parse_list;
    use super::*;

    #[test]
    fn what_is_empty_can_be_null_or_left_out() {
        // Podman 3.0.1, an imported image, shortened.
        let podman = r#"[{"Id":"937a","RepoTags":["localhost/bb:latest"],"RepoDigests":[],"Config":{"Entrypoint":["/b"]},
            "Architecture":"amd64","Os":"linux","Size":1987680,"Labels":null,"User":""}]"#;
        let images: Vec<ImageDetails> = parse_list(podman.as_bytes()).unwrap();
        assert_eq!(
            (images[0].size, images[0].config.entrypoint.as_slice()),
            (1_987_680, ["/b".to_owned()].as_slice())
        );
        // By the documentation of Docker's API 1.52, not from a daemon.
        for config in [r#""Config":null,"#, r#""Config":{},"#, r#""Config":{"Labels":null,"Cmd":null},"#, ""]
        {
            let docker = format!(
                r#"[{{"Id":"sha256:1","RepoTags":null,{config}"Architecture":"arm64","Os":"linux"}}]"#
            );
            let images: Vec<ImageDetails> = parse_list(docker.as_bytes()).unwrap();
            assert_eq!(images[0].config, ImageConfigDetails::default(), "{config}");
        }
    }
}
