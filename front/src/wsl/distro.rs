//! Which of a computer's distros the agent runs in.

use boinc::wire::init_data::{DockerType, HostInfo, WslDistro};

/// The distro that BOINC installs for jobs in containers (`lib/wslinfo.h`, `BOINC_WSL_DISTRO_NAME`).
const BOINC_DISTRO: &str = "boinc-buda-runner";

/// Distros of Docker Desktop itself. Its daemon runs there in namespaces of its own, and no programs of others belong there.
const DOCKER_DESKTOP: [&str; 2] = ["docker-desktop", "docker-desktop-data"];

/// The distro that an agent runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distro {
    /// Its name, for `wsl.exe -d NAME`.
    pub name: String,
    /// Whether the agent runs as root, or as the distro's default user. Rootless Podman cannot limit jobs on every version
    /// of WSL, and loses its state when the virtual machine restarts. Docker's daemon runs as root anyway, and the user who
    /// has set it up can reach it.
    pub as_root: bool,
}

/// Under which account the client runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// That of a user who has logged in.
    AsUser,
    /// That of a service. Distros belong to users, so a service has none.
    AsService,
}

/// No distro can be used: why, and what the volunteer can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDistro {
    /// The client runs as a service.
    #[error(
        "BOINC runs as a Windows service, which cannot use WSL: to run this kind of job, reinstall BOINC without the \
         option \"service install\""
    )]
    Service,
    /// The client knows none.
    #[error(
        "BOINC has found no WSL distro: install the distro {BOINC_DISTRO} with BOINC's installer, then restart the BOINC \
         client"
    )]
    Missing,
    /// None has an engine.
    #[error(
        "no WSL distro has Podman or Docker: install the distro {BOINC_DISTRO} with BOINC's installer, then restart the \
         BOINC client"
    )]
    WithoutEngine,
    /// Those with an engine are of version 1.
    #[error(
        "the WSL distro {name:?} is of version 1: run \"wsl --set-version {name} 2\", then restart the BOINC client"
    )]
    Version1 {
        /// The first of them.
        name: String,
    },
    /// The volunteer does not want BOINC to use those that could be used.
    #[error(
        "the WSL distro {name:?} has an engine, but BOINC's settings on this computer do not allow its use"
    )]
    Disallowed {
        /// The first of them.
        name: String,
    },
}

/// Chooses the distro: BOINC's own, else one with Podman, else one with Docker; of several the volunteer's default, else the
/// first in the client's list. Never one of WSL 1, which has no kernel of its own, nor one that the volunteer has excluded.
///
/// # Errors
/// There is none that can be used.
pub fn choose(host: &HostInfo, runs: Runs) -> Result<Distro, NoDistro> {
    let with_engine = |distro: &&WslDistro| {
        distro.engine.is_some() && !DOCKER_DESKTOP.contains(&distro.distro_name.as_str())
    };
    let candidates: Vec<&WslDistro> = host.wsl_distros.iter().filter(with_engine).collect();
    let usable = |distro: &&&WslDistro| !distro.disallowed && distro.wsl_version == 2;
    // Of equal ones `max_by_key` takes the last.
    if let Some(best) = candidates.iter().rev().filter(usable).max_by_key(|distro| rank(distro)) {
        return Ok(Distro { name: best.distro_name.clone(), as_root: has_podman(best) });
    }
    Err(match (candidates.first(), runs) {
        (_, Runs::AsService) => NoDistro::Service,
        (None, _) if host.wsl_distros.is_empty() => NoDistro::Missing,
        (None, _) => NoDistro::WithoutEngine,
        // What the volunteer has excluded is not what we ask them to convert.
        (Some(first), _) => match candidates.iter().find(|distro| !distro.disallowed) {
            Some(old) => NoDistro::Version1 { name: old.distro_name.clone() },
            None => NoDistro::Disallowed { name: first.distro_name.clone() },
        },
    })
}

fn rank(distro: &WslDistro) -> (bool, bool, bool) {
    (distro.distro_name == BOINC_DISTRO, has_podman(distro), distro.is_default)
}

/// A client that does not say which engine it has found knows Docker only.
fn has_podman(distro: &WslDistro) -> bool {
    distro.engine.as_ref().is_some_and(|engine| engine.docker_type == Some(DockerType::Podman))
}

#[cfg(test)]
mod tests {
    use boinc::wire::finish::MAX_REASON_BYTES;
    use boinc::wire::init_data::{EngineInfo, InitData};
    use proptest::prelude::*;

    use super::*;

    fn distro(name: &str, docker_type: Option<DockerType>) -> WslDistro {
        WslDistro {
            distro_name: name.to_owned(),
            wsl_version: 2,
            engine: docker_type.map(|kind| EngineInfo { version: "1.0".to_owned(), docker_type: Some(kind) }),
            ..WslDistro::default()
        }
    }

    fn host(distros: Vec<WslDistro>) -> HostInfo {
        HostInfo { wsl_distros: distros, ..HostInfo::default() }
    }

    const PODMAN: Option<DockerType> = Some(DockerType::Podman);
    const DOCKER: Option<DockerType> = Some(DockerType::Docker);

    #[test]
    fn boincs_own_distro_then_podman_then_docker() {
        let mut distros = vec![distro("Ubuntu", DOCKER), distro("Debian", None), distro("Fedora", PODMAN)];
        let chosen = |distros: &[WslDistro]| choose(&host(distros.to_vec()), Runs::AsUser).unwrap();
        assert_eq!(chosen(&distros), Distro { name: "Fedora".to_owned(), as_root: true });
        distros.push(distro(BOINC_DISTRO, PODMAN));
        assert_eq!(chosen(&distros).name, BOINC_DISTRO);
        distros[3].disallowed = true;
        distros[2].wsl_version = 1;
        assert_eq!(chosen(&distros), Distro { name: "Ubuntu".to_owned(), as_root: false });
        distros.push(WslDistro { is_default: true, ..distro("Arch", DOCKER) });
        assert_eq!(chosen(&distros).name, "Arch", "the default");
    }

    #[test]
    fn what_cannot_be_used_is_said_with_a_remedy() {
        let none = |distros: Vec<WslDistro>| choose(&host(distros), Runs::AsUser).unwrap_err();
        assert_eq!(none(vec![]), NoDistro::Missing);
        assert_eq!(none(vec![distro("Debian", None)]), NoDistro::WithoutEngine);
        assert_eq!(none(vec![distro("docker-desktop", DOCKER)]), NoDistro::WithoutEngine);
        let old = WslDistro { wsl_version: 1, ..distro("Debian", DOCKER) };
        let excluded = WslDistro { disallowed: true, ..distro("Ubuntu", DOCKER) };
        assert_eq!(none(vec![excluded.clone(), old]), NoDistro::Version1 { name: "Debian".to_owned() });
        assert_eq!(none(vec![excluded]), NoDistro::Disallowed { name: "Ubuntu".to_owned() });
        assert_eq!(choose(&host(vec![]), Runs::AsService), Err(NoDistro::Service));
        let name = || "a-distro-with-a-name".to_owned();
        for reason in [
            NoDistro::Service,
            NoDistro::Missing,
            NoDistro::WithoutEngine,
            NoDistro::Version1 { name: name() },
            NoDistro::Disallowed { name: name() },
        ] {
            assert!(reason.to_string().len() <= MAX_REASON_BYTES, "{reason}");
        }
    }

    #[test]
    fn a_clients_list_is_read() {
        // The form of a client of 8.3 on Windows (lib/wslinfo.cpp, WSL_DISTRO::write_xml).
        let text = "<app_init_data><host_info><os_name>Microsoft Windows 11</os_name>
            <wsl>
                <distro>
                    <distro_name>Ubuntu-24.04</distro_name>
                    <os_name>Ubuntu</os_name>
                    <os_version>24.04</os_version>
                    <wsl_version>2</wsl_version>
                    <is_default/>
                    <libc_version>2.39</libc_version>
                    <docker_version>27.1.1</docker_version>
                    <docker_type>1</docker_type>
                </distro>
                <distro>
                    <distro_name>boinc-buda-runner</distro_name>
                    <os_name>Alpine Linux</os_name>
                    <os_version>3.22</os_version>
                    <wsl_version>2</wsl_version>
                    <distro_version>4</distro_version>
                    <docker_version>5.5.2</docker_version>
                    <docker_type>2</docker_type>
                </distro>
            </wsl></host_info></app_init_data>";
        let data = InitData::parse(text.as_bytes()).unwrap();
        let chosen = choose(&data.host_info, Runs::AsUser).unwrap();
        assert_eq!(chosen, Distro { name: BOINC_DISTRO.to_owned(), as_root: true });
    }

    fn any_distro() -> impl Strategy<Value = WslDistro> {
        let name = prop_oneof![Just(BOINC_DISTRO), Just("a"), Just("b"), Just("c"), Just("docker-desktop")];
        let engine = prop_oneof![Just(None), Just(DOCKER), Just(PODMAN)];
        (name, engine, any::<bool>(), any::<bool>(), 0..3).prop_map(
            |(name, engine, is_default, disallowed, wsl_version)| WslDistro {
                is_default,
                disallowed,
                wsl_version,
                ..distro(name, engine)
            },
        )
    }

    proptest! {
        #[test]
        fn nothing_forbidden_is_ever_chosen_and_nothing_better_passed_over(
            distros in prop::collection::vec(any_distro(), 0..6),
        ) {
            let good = |distro: &&WslDistro| {
                distro.engine.is_some()
                    && !distro.disallowed
                    && distro.wsl_version == 2
                    && distro.distro_name != "docker-desktop"
            };
            match choose(&host(distros.clone()), Runs::AsUser) {
                Ok(chosen) => {
                    let of_this_name = distros.iter().filter(good).filter(|d| d.distro_name == chosen.name);
                    let best = of_this_name.max_by_key(|distro| rank(distro)).unwrap();
                    prop_assert!(distros.iter().filter(good).all(|other| rank(other) <= rank(best)));
                    prop_assert_eq!(chosen.as_root, has_podman(best));
                }
                Err(_) => prop_assert_eq!(distros.iter().filter(good).count(), 0),
            }
        }
    }
}
