//! Arguments and entry points: what reaches the program.

use super::{INPUT, Input, Right};

const ARGV: &str = "pass_args = \"argv\"\n";
const SHOW: &str = "for a in \"$@\"; do printf '[%s]' \"$a\"; done > out.txt";

const fn words(
    name: &'static str,
    dockerfile: &'static str,
    arguments: &'static [&'static str],
    right: Right,
) -> Input {
    Input { name, dockerfile, script: SHOW, job_toml: ARGV, arguments, right, ..INPUT }
}

const DROPPED: Right = Right::Fault(&[206], &["drops the job's arguments"]);

pub const INPUTS: &[Input] = &[
    words("arguments of an exec form", INPUT.dockerfile, &["--seed", "7"], Right::Out("[--seed][7]")),
    words(
        "spaces, quotes, patterns and nothing",
        INPUT.dockerfile,
        &["a b", "", "*", "'\"\\", "$HOME", "`id`", "ü"],
        Right::Out("[a b][][*]['\"\\][$HOME][`id`][ü]"),
    ),
    words("a line break", INPUT.dockerfile, &["a\nb"], Right::Out("[a\nb]")),
    words(
        "options of the engine",
        INPUT.dockerfile,
        &["--", "--privileged", "-v=/:/x"],
        Right::Out("[--][--privileged][-v=/:/x]"),
    ),
    words(
        "a shell form drops them",
        "WORKDIR /app\nENTRYPOINT sh /app/main.sh --seed 42\n",
        &["--seed", "7"],
        DROPPED,
    ),
    words(
        "a shell form of the stage that this one is based on drops them too",
        "FROM scratch AS tools\nCOPY busybox /bin/sh\nENTRYPOINT sh /app/main.sh\nFROM tools\nWORKDIR /app\n",
        &["7"],
        DROPPED,
    ),
    words(
        "a shell in exec form drops them",
        "WORKDIR /app\nENTRYPOINT [\"sh\", \"-c\", \"sh /app/main.sh\"]\n",
        &["7"],
        DROPPED,
    ),
    words(
        "a shell form without arguments is as good as any",
        "WORKDIR /app\nENTRYPOINT sh /app/main.sh --seed 42\n",
        &[],
        Right::Out("[--seed][42]"),
    ),
    words(
        "a shell form that hands them on",
        "WORKDIR /app\nENTRYPOINT exec sh /app/main.sh \"$0\" \"$@\"\n",
        &["one", "two three"],
        Right::Out("[one][two three]"),
    ),
    words(
        "CMD gives the default",
        "WORKDIR /app\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\nCMD [\"default\"]\n",
        &[],
        Right::Out("[default]"),
    ),
    words(
        "arguments replace CMD",
        "WORKDIR /app\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\nCMD [\"default\"]\n",
        &["mine"],
        Right::Out("[mine]"),
    ),
    words(
        "CMD alone is the program",
        "WORKDIR /app\nCMD [\"sh\", \"/app/main.sh\", \"from cmd\"]\n",
        &[],
        Right::Out("[from cmd]"),
    ),
    words(
        "ENTRYPOINT takes the CMD of an earlier stage away",
        "WORKDIR /app\nCMD [\"stale\"]\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        &["new"],
        Right::Out("[new]"),
    ),
    words(
        "arguments after a fixed one",
        "WORKDIR /app\nENTRYPOINT [\"sh\", \"/app/main.sh\", \"fixed\"]\n",
        &["x"],
        Right::Out("[fixed][x]"),
    ),
    Input {
        name: "arguments in a variable",
        script: "echo \"[$*]$ARGS\" > out.txt",
        job_toml: "pass_args = \"env\"\n",
        arguments: &["--n", "3"],
        right: Right::Out("[] --n 3\n"),
        ..INPUT
    },
    Input {
        name: "a shell form that reads them from the variable",
        dockerfile: "WORKDIR /app\nENTRYPOINT sh /app/main.sh $ARGS\n",
        script: SHOW,
        job_toml: "pass_args = \"env\"\n",
        arguments: &["--n", "3"],
        right: Right::Out("[--n][3]"),
        ..INPUT
    },
    Input {
        name: "neither CMD nor ENTRYPOINT",
        dockerfile: "WORKDIR /app\n",
        right: Right::Fault(&[206], &[]),
        ..INPUT
    },
];
