//! The image of a Dockerfile has the same files whether we build it or the engine's own builder does, and with each engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use boinc::archive::tar::{Entry, Kind, Writer};

use crate::support::{Engine, Slot, each_engine};

/// Without here-documents and `--chmod`, which not all of the engines' builders have.
const DOCKERFILE: &str = r#"
ARG BASE=debian:bookworm-slim
FROM $BASE AS tools
LABEL fidelity="UNIQUE"
ARG WHO=world
ENV GREETING="hello you" DIR=/opt/made
SHELL ["/bin/bash", "-c"]
WORKDIR $DIR
COPY a.txt b.txt ./
COPY *.dat data/
COPY tree /opt/tree/
COPY ["two words.txt", "/opt/with space/"]
COPY tool.sh /bin/
RUN words=(one two); echo "${words[1]} $WHO $GREETING" > said && chmod 4640 said
RUN mkdir -p out/sub && echo lib > out/sub/libx.so && ln -s libx.so out/sub/link.so \
 && ln out/sub/libx.so out/sub/hard.so && mkdir -m 1777 out/shared && ln -s /opt/made/out /opt/short
RUN useradd --uid 1234 --gid users --create-home sci
ENTRYPOINT ["/bin/true"]

FROM tools AS second
COPY --chown=sci:users a.txt /home/sci/
COPY --chown=7:8 tree /opt/owned/
ADD archive.tar /opt/unpacked/
ADD b.txt /opt/unpacked/
COPY a.txt /opt/short/sub/
COPY b.txt /tmp/new/place/
USER sci
WORKDIR /home/sci/work
RUN echo mine > /home/sci/mine.txt; umask 077; mkdir /home/sci/private
COPY a.txt copied-as-user.txt
USER root
WORKDIR relative/path

FROM debian:bookworm-slim
LABEL fidelity="UNIQUE"
COPY --from=second /opt /srv/opt
COPY --from=tools /opt/made/out/sub/*.so /srv/sub/
COPY --from=second /home/sci /home/sci
COPY --from=0 /bin/tool.sh /usr/local/bin/tool
RUN rm -rf /srv/opt/tree && ln -s /srv/sub /srv/link
COPY a.txt /srv/link/
CMD ["-c", "true"]
ENTRYPOINT ["/bin/sh"]
"#;
const FILES: &[&str] = &[
    "a.txt",
    "b.txt",
    "one.dat",
    "two.dat",
    "tree/x.py",
    "tree/deep/y.py",
    "two words.txt",
    "tool.sh",
    "archive.tar",
];
/// The stages that are built, and the paths below which COPY --from has put files.
const TARGETS: &[(&str, &[&str])] = &[("second", &[]), ("", &["srv", "home/sci", "usr/local/bin/tool"])];

/// What engines put into every container.
const OF_ENGINES: &[&str] =
    &["dev", "proc", "sys", "run", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", ".dockerenv"];

/// A path of an image, without its time and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    kind: char,
    mode: u32,
    owner: (u64, u64),
    size: u64,
    link: String,
}

type Tree = BTreeMap<String, File>;

#[test]
fn an_image_has_the_files_that_the_engines_own_builder_gives_it() {
    let mut ours_by_engine: Vec<Vec<Tree>> = Vec::new();
    for engine in [Engine::Docker, Engine::Podman] {
        each_engine(engine, |engine| {
            let mut all = Vec::new();
            for &(target, copied) in TARGETS {
                let slot = slot(engine, target);
                let (ours, theirs) = (ours(&slot), theirs(&slot, target));
                assert!(ours.len() > 1_000, "{} files", ours.len());
                let differences = differences(&ours, &theirs, |path, mine, other| {
                    // BuildKit and Podman give a new WORKDIR to the user, the classic builder gives it to root.
                    let workdir = engine == Engine::Docker
                        && path.starts_with("home/sci/work")
                        && (mine.kind, mine.mode) == (other.kind, other.mode);
                    workdir
                        || (engine == Engine::Podman && is_copied(path, copied) && but_for_owner(mine, other))
                });
                assert!(differences.is_empty(), "{engine:?} {target:?}, ours and theirs: {differences:#?}");
                all.push(ours);
            }
            ours_by_engine.push(all);
        });
    }
    if let [docker, podman] = &ours_by_engine[..] {
        for ((&(target, copied), docker), podman) in TARGETS.iter().zip(docker).zip(podman) {
            let differences = differences(docker, podman, |path, docker, podman| {
                is_copied(path, copied) && but_for_owner(docker, podman)
            });
            assert!(differences.is_empty(), "{target:?}, Docker and Podman: {differences:#?}");
        }
    }
}

/// Podman's `cp` does not report owners.
fn is_copied(path: &str, copied: &[&str]) -> bool {
    copied.iter().any(|prefix| Path::new(path).starts_with(prefix))
}

fn but_for_owner(one: &File, other: &File) -> bool {
    File { owner: other.owner, ..one.clone() } == *other
}

fn differences(
    one: &Tree,
    other: &Tree,
    is_expected: impl Fn(&str, &File, &File) -> bool,
) -> BTreeMap<String, (Option<File>, Option<File>)> {
    let paths = one.keys().chain(other.keys());
    let pairs = paths.map(|path| (path.clone(), (one.get(path).cloned(), other.get(path).cloned())));
    pairs
        .filter(|(path, pair)| match pair {
            (Some(one), Some(other)) => one != other && !is_expected(path, one, other),
            _ => true,
        })
        .collect()
}

fn slot(engine: Engine, target: &str) -> Slot {
    let mut slot = Slot::empty(engine);
    let dockerfile = DOCKERFILE.replace("UNIQUE", &unique(&slot));
    slot.own_images().copy("Dockerfile", &dockerfile);
    for name in FILES.iter().filter(|name| !name.ends_with(".tar")) {
        slot.copy(name, &format!("{name}\n"));
    }
    fs::write(slot.dir.join("archive.tar"), archive()).unwrap();
    // The builders take modes over; what a client gives to files is 0644, or 0755 for programs.
    for name in FILES {
        set_mode(&slot.dir.join(name), if name.ends_with(".sh") { 0o755 } else { 0o644 });
        let parents = Path::new(name).ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
        parents.for_each(|parent| set_mode(&slot.dir.join(parent), 0o755));
    }
    let target = if target.is_empty() { String::new() } else { format!("target = \"{target}\"\n") };
    slot.copy("job.toml", &format!("build_files = {FILES:?}\n{target}"));
    slot.app_file("policy.toml", "build_network = false\n");
    slot
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn unique(slot: &Slot) -> String {
    slot.init_data.result_name.clone()
}

fn archive() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let mut append = |entry: Entry, body: &[u8]| {
        writer.append(&Entry { size: body.len() as u64, ..entry }, &mut &body[..]).unwrap();
    };
    append(Entry { uid: 5, gid: 6, ..Entry::new("pack", Kind::Directory, 0o750) }, b"");
    append(Entry { uid: 5, gid: 6, ..Entry::new("pack/prog", Kind::File, 0o4755) }, b"program\n");
    append(Entry { link: "prog".into(), ..Entry::new("pack/link", Kind::Symlink, 0o777) }, b"");
    writer.finish().unwrap()
}

/// The files of the image that the wrapper builds.
fn ours(slot: &Slot) -> Tree {
    let mut running = slot.start();
    running.wait_for_exit();
    let said = slot.stderr();
    let line = said.lines().find(|line| line.contains(" is ready")).unwrap_or_else(|| panic!("{said}"));
    let id = line.split("image ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let tree = tree(slot, id);
    let _ = slot.try_ask(&["rm", "--force", &slot.container()]);
    remove_images(slot);
    tree
}

/// The files of the image that the engine's builder builds.
fn theirs(slot: &Slot, target: &str) -> Tree {
    let context = slot.root.path().join("context");
    fs::create_dir(&context).unwrap();
    let script = "cp -a \"$0/.\" \"$1\" && rm -rf \"$1/buoy\"";
    let copied = std::process::Command::new("sh").args(["-c", script]).arg(&slot.dir).arg(&context).status();
    assert!(copied.unwrap().success());
    let file = slot.root.path().join("id");
    let mut command = slot.host.command(slot.engine.program());
    command
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "--no-cache", "--network", "none", "--iidfile"])
        .arg(&file);
    if slot.engine == Engine::Podman {
        // Its own format has no SHELL.
        command.args(["--layers=false", "--format", "docker"]);
    }
    if !target.is_empty() {
        command.args(["--target", target]);
    }
    let output = command.arg(&context).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = tree(slot, fs::read_to_string(file).unwrap().trim());
    remove_images(slot);
    tree
}

fn remove_images(slot: &Slot) {
    let filter = format!("label=fidelity={}", unique(slot));
    // One that another one is built on goes after it.
    for _ in 0..20 {
        let listed = slot.try_ask(&["image", "ls", "--all", "--quiet", "--filter", &filter]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        if listed.trim().is_empty() {
            break;
        }
        for image in listed.split_ascii_whitespace() {
            let _ = slot.try_ask(&["image", "rm", image]);
        }
    }
}

fn tree(slot: &Slot, image: &str) -> Tree {
    let created = slot.try_ask(&["create", image, "x"]);
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let container = String::from_utf8_lossy(&created.stdout).trim().to_owned();
    let mut command = slot.host.command(slot.engine.program());
    let mut child = command.args(["export", &container]).stdout(Stdio::piped()).spawn().unwrap();
    let tree = read_tree(child.stdout.take().unwrap());
    assert!(child.wait().unwrap().success());
    let _ = slot.try_ask(&["rm", "--force", &container]);
    tree
}

fn read_tree(stream: impl std::io::Read) -> Tree {
    let mut tree = Tree::new();
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().trim_matches('/').to_owned();
        let header = entry.header();
        let link =
            entry.link_name().unwrap().map(|link| link.to_str().unwrap().to_owned()).unwrap_or_default();
        if path.is_empty() || path == "." || OF_ENGINES.iter().any(|own| Path::new(&path).starts_with(own)) {
            continue;
        }
        let kind = header.entry_type();
        if kind.is_hard_link() {
            // The same file: which of its names is the first depends on the order.
            let first = tree[link.trim_matches('/')].clone();
            tree.insert(path, first);
            continue;
        }
        let file = File {
            kind: if kind.is_dir() {
                'd'
            } else if kind.is_symlink() {
                'l'
            } else {
                '-'
            },
            mode: if kind.is_symlink() { 0o777 } else { header.mode().unwrap() & 0o7777 },
            owner: (header.uid().unwrap(), header.gid().unwrap()),
            size: entry.size(),
            link,
        };
        tree.insert(path, file);
    }
    tree
}
