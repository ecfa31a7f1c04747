//! Dockerfiles as people write them, and steps that fail.

use super::{INPUT, Input, Right};

const fn builds(name: &'static str, dockerfile: &'static str, right: &'static str) -> Input {
    Input { name, dockerfile, script: "cat /made > out.txt", right: Right::Out(right), ..INPUT }
}

const fn fails(name: &'static str, dockerfile: &'static str, says: &'static [&'static str]) -> Input {
    Input { name, dockerfile, right: Right::Fault(&[206], says), ..INPUT }
}

/// A whole Dockerfile.
macro_rules! whole {
    ($start:literal, $rest:literal) => {
        concat!(
            $start,
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nCOPY busybox /bin/cat\nENV PATH=/bin\n",
            $rest,
            "WORKDIR /app\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\n"
        )
    };
}

pub const INPUTS: &[Input] = &[
    builds("a byte order mark", whole!("\u{feff}", "RUN echo bom > /made\n"), "bom\n"),
    builds(
        "lines that end with CR LF",
        "FROM scratch\r\nCOPY busybox /bin/sh\r\nCOPY busybox /bin/cat\r\nENV PATH=/bin\r\nRUN echo crlf > /made\r\nWORKDIR /app\r\n\
         ENTRYPOINT [\"sh\", \"/app/main.sh\"]\r\n",
        "crlf\n",
    ),
    builds(
        "BuildKit's syntax line",
        whole!("# syntax=docker/dockerfile:1.7\n", "RUN echo syntax > /made\n"),
        "syntax\n",
    ),
    builds("another escape character", whole!("# escape=`\n", "RUN echo one `\n two > /made\n"), "one two\n"),
    builds(
        "a here-document of RUN",
        main!("RUN <<EOF\necho one > /made\necho two >> /made\nEOF\n"),
        "one\ntwo\n",
    ),
    builds("a here-document of COPY", main!("COPY <<EOF /made\nhere\nEOF\n"), "here\n"),
    builds(
        "COPY with a mode, and with --link",
        main!("COPY --link --chmod=0600 main.sh /x\nRUN stat -c %a /x > /made\n"),
        "600\n",
    )
    .files(&[("main.sh", "cat /made > out.txt")]),
    builds(
        "arguments and variables",
        "ARG VERSION=1.2\nENV A=\"two words\" B=b\\\n  C=c\nRUN echo \"$VERSION $A $B $C\" > /made\nWORKDIR /app\n\
         ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "1.2 two words b c\n",
    ),
    builds(
        "instructions without effect on a job",
        main!(
            "MAINTAINER someone\nLABEL a=b\nEXPOSE 80\nSTOPSIGNAL SIGTERM\nHEALTHCHECK --interval=1s CMD false\nRUN echo done > /made\n"
        ),
        "done\n",
    ),
    builds(
        "comments and empty lines in a continued line",
        main!("RUN echo one > /made && \\\n# a comment\n\n    echo two >> /made\n"),
        "one\ntwo\n",
    ),
    builds(
        "names in lower case",
        "run echo lower > /made\nworkdir /app\nentrypoint [\"sh\", \"/app/main.sh\"]\n",
        "lower\n",
    ),
    builds(
        "a step in exec form, and a shell of one's own",
        "SHELL [\"sh\", \"-e\", \"-c\"]\nRUN echo shell > /made\nRUN [\"sh\", \"-c\", \"echo exec >> /made\"]\nWORKDIR /app\n\
         ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "shell\nexec\n",
    ),
    builds(
        "two stages",
        main!(
            "RUN mkdir /out && echo staged > /out/made\nFROM scratch\nCOPY --from=0 /bin /bin\nCOPY --from=0 /out/made /made\n\
         ENV PATH=/bin\n"
        ),
        "staged\n",
    ),
    builds(
        "a step as another user",
        "RUN mkdir -m 777 /d\nUSER 1234:5\nRUN id -u > /d/made\nUSER 0\nRUN mv /d/made /made\nWORKDIR /app\n\
         ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "1234\n",
    ),
    fails(
        "a step that fails",
        "RUN echo the cause; exit 3\nENTRYPOINT [\"sh\"]\n",
        &["line 5: RUN echo the cause; exit 3 ended with status 3", "buoy:   the cause"],
    ),
    fails(
        "a step that fails after the word DEPRECATED and an address",
        "RUN echo 'DEPRECATED: see https://docs.docker.com/go/buildx/'; nosuch\nENTRYPOINT [\"sh\"]\n",
        &["line 5: RUN", "ended with status 127", "nosuch: not found"],
    ),
    fails(
        "a step that finds no network, where it may have none",
        "RUN echo 'Could not resolve host: mirror.example' >&2; exit 6\nENTRYPOINT [\"sh\"]\n",
        &["ended with status 6", "Could not resolve host: mirror.example"],
    ),
    Input {
        name: "a step that fails where it may have a network",
        dockerfile: "RUN exit 100\nENTRYPOINT [\"sh\"]\n",
        policy: "",
        // A host may have no network to give to a rootless engine, and says so before the step can fail.
        right: Right::Later(&["failed to build the image", "/dev/net/tun"]),
        ..INPUT
    },
    Input {
        name: "a base image of a registry that does not answer",
        dockerfile: "FROM registry.invalid/tool:1\nENTRYPOINT [\"sh\"]\n",
        policy: "",
        right: Right::Later(&["failed to pull registry.invalid/tool:1"]),
        ..INPUT
    },
    fails(
        "a step killed by a signal",
        "RUN sh -c 'kill -SEGV $$'; exit $?\nENTRYPOINT [\"sh\"]\n",
        &["line 5: RUN sh -c", "ended with status 139"],
    ),
    fails(
        "a file that is not there",
        "COPY nosuch.dat /\nENTRYPOINT [\"sh\"]\n",
        &["line 5: ", "nosuch.dat"],
    ),
    fails("an instruction that is none", "RUM echo x\nENTRYPOINT [\"sh\"]\n", &["line 5: "]),
    fails(
        "a mount of BuildKit's",
        "RUN --mount=type=cache,target=/c true\nENTRYPOINT [\"sh\"]\n",
        &["line 5: ", "--mount"],
    ),
    fails(
        "a file of the net",
        "ADD https://example.org/x.tar.gz /\nENTRYPOINT [\"sh\"]\n",
        &["line 5: ADD from the address"],
    ),
    fails("an image without a program in its first line", "# nothing\n", &[]),
    Input {
        name: "a step with more memory than the job has",
        dockerfile: "RUN sleep 1; exec dd if=/dev/zero of=/dev/null bs=200M count=1000\nENTRYPOINT [\"sh\"]\n",
        memory: Some(60e6),
        right: Right::Fault(&[206], &["memory"]),
        ..INPUT
    },
    Input {
        name: "a trigger in the Dockerfile itself",
        dockerfile: "ONBUILD RUN true\nENTRYPOINT [\"sh\"]\n",
        right: Right::Fault(&[206], &["line 5: ", "ONBUILD"]),
        ..INPUT
    },
];
