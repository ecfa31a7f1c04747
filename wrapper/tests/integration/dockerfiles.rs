//! Dockerfiles as people write them: a job prints what `docker run` of the same image prints.

use std::fs;
use std::process::Command;

use crate::support::{Engine, Slot, each_engine};

/// A Dockerfile and the arguments of the run. Steps have no network, and the classic builder has to take them.
struct Case {
    dockerfile: &'static str,
    args: &'static [&'static str],
}

const fn case(dockerfile: &'static str, args: &'static [&'static str]) -> Case {
    Case { dockerfile, args }
}

const CASES: &[Case] = &[
    case("WORKDIR /app\nCOPY . .\nENTRYPOINT [\"sh\", \"main.sh\"]", &["--n", "3"]),
    case(
        "COPY main.sh data.txt /app/\nWORKDIR /app\nENTRYPOINT [\"sh\", \"/app/main.sh\"]",
        &["a b", "*", ""],
    ),
    case(
        "WORKDIR /app\nRUN printf '#!/bin/sh\\necho compiled \"$@\"\\n' > prog && chmod 755 prog\nENTRYPOINT [\"/app/prog\"]",
        &["1"],
    ),
    case(
        "RUN mkdir /app && echo k=3.7 > /app/model.cfg\nWORKDIR /app\nENTRYPOINT [\"cat\", \"model.cfg\"]",
        &[],
    ),
    case("WORKDIR /app\nCOPY main.sh ./run.sh\nRUN chmod +x run.sh\nENTRYPOINT [\"./run.sh\"]", &["x"]),
    case(
        "AS build\nWORKDIR /src\nCOPY main.sh .\nRUN mkdir /out && cp main.sh /out/tool && chmod 755 /out/tool\n\
         FROM debian:bookworm-slim\nCOPY --from=build /out /app\nENTRYPOINT [\"/app/tool\"]",
        &["staged"],
    ),
    case(
        "ENV MODEL=big \\\n    LEVEL=\"two words\"\nENTRYPOINT [\"sh\", \"-c\", \"echo $MODEL $LEVEL $0 $@\"]",
        &["a", "b"],
    ),
    case("ARG VERSION=1.2\nRUN echo \"v$VERSION\" > /version\nENTRYPOINT [\"cat\", \"/version\"]", &[]),
    case(
        "RUN mkdir -p /opt/tool /app && printf '#!/bin/sh\\necho linked\\n' > /opt/tool/t && chmod 755 /opt/tool/t && \
         ln -s /opt/tool/t /app/t\nENTRYPOINT [\"/app/t\"]",
        &[],
    ),
    case(
        "WORKDIR /app\nRUN mkdir -p venv/bin venv/lib && echo value > venv/lib/data && ln -s ../lib/data venv/bin/data && \
         printf '#!/bin/sh\\ncat \"$(dirname \"$0\")/data\"\\n' > venv/bin/run && chmod 755 venv/bin/run\n\
         ENV PATH=/app/venv/bin:$PATH\nENTRYPOINT [\"run\"]",
        &[],
    ),
    case("WORKDIR /app/src\nCOPY main.sh .\nENTRYPOINT [\"sh\", \"/app/src/main.sh\"]", &["nested"]),
    case("ENTRYPOINT exec printf '%s\\n' \"$0\" \"$@\"", &["one", "two three"]),
    case("ENTRYPOINT [\"echo\", \"default\"]\nCMD [\"argument\"]", &[]),
    case("WORKDIR /app\nCOPY main.sh .\nCMD [\"sh\", \"/app/main.sh\", \"from cmd\"]", &[]),
    case("ADD pack.tar /app/\nENTRYPOINT [\"cat\", \"/app/pack/inside.txt\"]", &[]),
    case(
        "RUN mkdir /app && echo spaced > '/app/two words.txt' && echo dash > /app/-dash\n\
         ENTRYPOINT [\"sh\", \"-c\", \"cd /app; cat 'two words.txt' ./-dash\"]",
        &[],
    ),
    case(
        "RUN mkdir -p /app/ro && echo kept > /app/ro/file && chmod 444 /app/ro/file && chmod 555 /app/ro\n\
         ENTRYPOINT [\"cat\", \"/app/ro/file\"]",
        &[],
    ),
    case(
        "RUN mkdir /app && echo hard > /app/one && ln /app/one /app/two\nENTRYPOINT [\"sh\", \"-c\", \"cat /app/one /app/two\"]",
        &[],
    ),
    case(
        "SHELL [\"/bin/bash\", \"-c\"]\nRUN a=(x y); echo \"${a[1]}\" > /said\nENTRYPOINT [\"cat\", \"/said\"]",
        &[],
    ),
    case(
        "WORKDIR /app\nRUN mkdir lib && echo 'package Tool; sub name { \"perl \" . shift } 1;' > lib/Tool.pm\n\
         ENTRYPOINT [\"perl\", \"-Ilib\", \"-MTool\", \"-e\", \"print Tool::name(\\\"module\\\"), \\\"\\\\n\\\"\"]",
        &[],
    ),
    case("WORKDIR /app\nCOPY lib lib\nENTRYPOINT [\"sh\", \"-c\", \". lib/util.sh; util\"]", &[]),
    case("RUN echo 'exit 7' > /fails\nENTRYPOINT [\"sh\", \"/fails\"]", &[]),
];

/// Every fourth case.
fn a_job_prints_what_run_prints(engine: Engine, first: usize) {
    each_engine(engine, |engine| {
        let cases = CASES.iter().skip(first).step_by(4);
        let differing: Vec<String> = cases.filter_map(|case| difference(engine, case)).collect();
        assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n\n"));
    });
}

#[test]
fn docker_1() {
    a_job_prints_what_run_prints(Engine::Docker, 0);
}

#[test]
fn docker_2() {
    a_job_prints_what_run_prints(Engine::Docker, 1);
}

#[test]
fn docker_3() {
    a_job_prints_what_run_prints(Engine::Docker, 2);
}

#[test]
fn docker_4() {
    a_job_prints_what_run_prints(Engine::Docker, 3);
}

/// The engines' own builders differ more than what they run.
#[test]
fn podman_4() {
    a_job_prints_what_run_prints(Engine::Podman, 3);
}

fn difference(engine: Engine, case: &Case) -> Option<String> {
    let mut slot = Slot::empty(engine);
    let separator = if case.dockerfile.starts_with("AS ") { " " } else { "\n" };
    slot.copy("Dockerfile", &format!("FROM debian:bookworm-slim{separator}{}\n", case.dockerfile));
    slot.copy("main.sh", "#!/bin/sh\necho \"main $# $*\"\n");
    slot.copy("data.txt", "data\n").copy("lib/util.sh", "util() { echo util; }\n");
    let pack = "d=$(mktemp -d) && mkdir $d/pack && echo inside > $d/pack/inside.txt && tar -C $d -cf \"$0\" pack && rm -r $d";
    assert!(Command::new("sh").args(["-c", pack]).arg(slot.dir.join("pack.tar")).status().unwrap().success());
    slot.copy("job.toml", "pass_args = \"argv\"\n");
    slot.app_file("policy.toml", "build_network = false\n");
    let theirs = theirs(&slot, case);
    slot.arguments = case.args.iter().map(|word| (*word).to_owned()).collect();
    let mut running = slot.start();
    let status = running.wait_for_exit().code();
    let ours = (status, printed(&slot.stderr()));
    (ours != theirs)
        .then(|| format!("{}\nours: {ours:?}\ntheirs: {theirs:?}\n{}", case.dockerfile, slot.stderr()))
}

/// Exit status and standard output of the engine's own build and run.
fn theirs(slot: &Slot, case: &Case) -> (Option<i32>, String) {
    let context = slot.root.path().join("context");
    fs::create_dir(&context).unwrap();
    for name in ["Dockerfile", "main.sh", "data.txt", "lib", "pack.tar"] {
        let copied = Command::new("cp").arg("-a").arg(slot.dir.join(name)).arg(&context).status();
        assert!(copied.unwrap().success());
    }
    let tag = format!("buoy-test-{}", slot.init_data.result_name);
    let mut build = Command::new(slot.engine.program());
    // A cached step that another test's build shares goes away with that test's image, even in the middle of a build.
    build.env("DOCKER_BUILDKIT", "0").args(["build", "--quiet", "--no-cache"]);
    build.args(["--network", "none", "--tag", &tag]);
    if slot.engine == Engine::Podman {
        // Its own format has no SHELL.
        build.args(["--format", "docker"]);
    }
    let built = build.arg(&context).output().unwrap();
    assert!(built.status.success(), "{}: {}", case.dockerfile, String::from_utf8_lossy(&built.stderr));
    let run = slot.try_ask(&[&["run", "--rm", "--network", "none", &tag], case.args].concat());
    let _ = slot.try_ask(&["image", "rm", "--force", &tag]);
    (run.status.code(), String::from_utf8_lossy(&run.stdout).trim_end().to_owned())
}

/// What stderr.txt has of the job's output.
fn printed(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().filter_map(|line| line.strip_prefix("| ")).collect();
    lines.join("\n").trim_end().to_owned()
}
