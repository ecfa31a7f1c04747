//! What the image has at the work directory is there for the job.

use super::{INPUT, Input, Right};

const fn image(name: &'static str, dockerfile: &'static str, right: &'static str) -> Input {
    Input { name, dockerfile, right: Right::Out(right), ..INPUT }
}

/// With a script that makes out.txt.
const fn with(
    name: &'static str,
    dockerfile: &'static str,
    script: &'static str,
    right: &'static str,
) -> Input {
    Input { name, dockerfile, script, right: Right::Out(right), ..INPUT }
}

pub const INPUTS: &[Input] = &[
    with(
        "a model that a step writes there",
        "WORKDIR /app\nRUN echo 'k = 3.7' > model.cfg\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "k=1.0; [ -f model.cfg ] && k=$(sed -n 's/k = //p' model.cfg); echo \"energy with k=$k\" > out.txt",
        "energy with k=3.7\n",
    ),
    image(
        "a program that a step makes there",
        "WORKDIR /app\nRUN printf '#!/bin/sh\\necho compiled > out.txt\\n' > prog && chmod 755 prog\n\
         ENTRYPOINT [\"/app/prog\"]\n",
        "compiled\n",
    ),
    image(
        "a program there, by a relative path",
        "WORKDIR /app\nRUN printf '#!/bin/sh\\necho relative > out.txt\\n' > prog && chmod 755 prog\nENTRYPOINT [\"./prog\"]\n",
        "relative\n",
    ),
    image(
        "a program on PATH there",
        "WORKDIR /app\nENV PATH=/app/bin:/bin\n\
         RUN mkdir bin && printf '#!/bin/sh\\necho path > out.txt\\n' > bin/prog && chmod 755 bin/prog\nENTRYPOINT [\"prog\"]\n",
        "path\n",
    ),
    with(
        "COPY . of everything there",
        "WORKDIR /app\nCOPY . .\nENTRYPOINT [\"sh\", \"main.sh\"]\n",
        "cat lib > out.txt",
        "library\n",
    )
    .files(&[("lib", "library\n")]),
    with(
        "an input of the same name wins",
        main!("RUN mkdir /app && echo image > /app/in.txt\n"),
        "cat in.txt > out.txt",
        "input\n",
    )
    .files(&[("in.txt", "input\n")]),
    with(
        "an input in a directory that the image has too",
        "RUN mkdir -p /app/data && echo image > /app/data/a && echo image > /app/data/b\nWORKDIR /app\n\
         ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "cat data/a data/b > out.txt",
        "image\ninput\n",
    )
    .files(&[("data/b", "input\n")]),
    with(
        "links, relative, absolute and to nowhere",
        "RUN mkdir -p /app/lib /opt && echo one > /app/lib/one && echo two > /opt/two && ln -s lib/one /app/one && \
         ln -s /opt/two /app/two && ln -s /nowhere /app/three\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "cat one two > out.txt; readlink three >> out.txt",
        "one\ntwo\n/nowhere\n",
    ),
    with(
        "two names of one file",
        main!("RUN mkdir /app && echo hard > /app/one && ln /app/one /app/two\n"),
        "cat one two > out.txt",
        "hard\nhard\n",
    ),
    with(
        "a read-only file in a read-only directory",
        "RUN mkdir -p /app/ro && echo kept > /app/ro/f && chmod 444 /app/ro/f && chmod 555 /app/ro\nWORKDIR /app\n\
         ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "cat ro/f > out.txt",
        "kept\n",
    ),
    with(
        "hidden files, spaces, a dash, an empty directory",
        "RUN mkdir -p /app/empty && echo h > /app/.hidden && echo s > '/app/two words' && echo d > /app/-dash\nWORKDIR /app\n\
         ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "cat .hidden 'two words' ./-dash > out.txt; rmdir empty && echo e >> out.txt",
        "h\ns\nd\ne\n",
    ),
    with(
        "a file of another user that only its owner may read",
        "RUN mkdir /app && echo mine > /app/f && chmod 600 /app/f && chown 1234:5 /app/f\nWORKDIR /app\n\
         ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "cat f > out.txt",
        "mine\n",
    ),
    with(
        "what the job changes there is its own",
        main!("RUN mkdir /app && echo image > /app/f\n"),
        "echo job >> f; cat f > out.txt",
        "image\njob\n",
    ),
    with(
        "a volume at the work directory",
        main!("RUN mkdir /app && echo volume > /app/f\nVOLUME /app\n"),
        "cat f > out.txt",
        "volume\n",
    ),
    with(
        "a volume elsewhere",
        main!("RUN mkdir -m 1777 /data && echo volume > /data/f\nVOLUME /data\n"),
        "cat /data/f > out.txt; echo x > /data/x && cat /data/x >> out.txt",
        "volume\nx\n",
    ),
    with(
        "another work directory, with files of the image",
        "RUN mkdir -p /work/sub && echo work > /work/sub/f\nWORKDIR /work\nENTRYPOINT [\"sh\", \"main.sh\"]\n",
        "cat sub/f > out.txt",
        "work\n",
    )
    .job_toml("workdir = \"/work\"\n"),
    with(
        "a WORKDIR below the work directory",
        "WORKDIR /app/src\nRUN echo below > f\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        "cat src/f > out.txt",
        "below\n",
    ),
    with(
        "files of an earlier stage there",
        main!("RUN mkdir /out && echo staged > /out/f\nFROM scratch\nCOPY --from=0 /bin /bin\nCOPY --from=0 /out /app\nENV PATH=/bin\n"),
        "cat f > out.txt",
        "staged\n",
    ),
    Input {
        name: "too much there",
        dockerfile: "RUN mkdir /app && dd if=/dev/zero of=/app/model bs=1M count=110 2>/dev/null\nWORKDIR /app\n\
            ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        right: Right::Fault(&[206], &["too large files at /app", "/opt"]),
        ..INPUT
    },
    Input {
        name: "a pipe there",
        dockerfile: main!("RUN mkdir /app && mkfifo /app/p && echo ok > /app/f\n"),
        script: "cat f > out.txt",
        ..INPUT
    },
];
