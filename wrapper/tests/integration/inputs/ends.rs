//! How jobs end: statuses, signals, programs that are not there.

use super::{INPUT, Input, Right};

/// The statuses of an image whose program cannot be started: those of a shell and of Docker's init, that of Podman's
/// (catatonit), or that the container could not be started. The job is to blame in any case.
const NOT_STARTED: &[i32] = &[1, 126, 127, 206];

const fn ends(name: &'static str, script: &'static str, status: &'static [i32]) -> Input {
    Input { name, script, right: Right::Fault(status, &["science app exited with status"]), ..INPUT }
}

const fn dies(
    name: &'static str,
    script: &'static str,
    status: &'static [i32],
    says: &'static [&'static str],
) -> Input {
    Input { name, script, right: Right::Fault(status, says), ..INPUT }
}

const fn program(name: &'static str, dockerfile: &'static str) -> Input {
    Input { name, dockerfile, right: Right::Fault(NOT_STARTED, &[]), ..INPUT }
}

pub const INPUTS: &[Input] = &[
    ends("status 1", "exit 1", &[1]),
    ends("status 3, with an output", "echo ok > out.txt; exit 3", &[3]),
    ends("status 255", "exit 255", &[255]),
    ends("a shell that finds no program", "nosuch --flag", &[127]),
    ends("a shell that may not run a file", "echo '#!/bin/sh' > f; ./f", &[126]),
    ends("a shell's syntax error", "if then", &[2]),
    dies("a segmentation fault", "sh -c 'kill -SEGV $$'", &[139], &["signal 11: segmentation fault"]),
    dies("an abort", "sh -c 'kill -ABRT $$'", &[134], &["signal 6: aborted itself"]),
    dies("a termination", "sh -c 'kill -TERM $$'", &[143], &["signal 15: terminated"]),
    dies("a bus error of the program itself", "exec sh -c 'kill -BUS $$'", &[135], &["signal 7: bus error"]),
    dies(
        "a division by zero of the program itself",
        "exec sh -c 'kill -FPE $$'",
        &[136],
        &["signal 8: arithmetic error"],
    ),
    dies("a kill of the program itself", "exec sh -c 'kill -KILL $$'", &[137], &["signal 9: killed"]),
    ends("137 is a status of its own too", "exit 137", &[137]),
    Input {
        name: "more memory than the job has",
        script: "sleep 1; exec dd if=/dev/zero of=/dev/null bs=200M count=1000",
        memory: Some(50e6),
        right: Right::Fault(&[198], &["out of memory"]),
        ..INPUT
    },
    Input {
        name: "a declared output is missing",
        script: "true",
        job_toml: "[[outputs]]\nname = \"out.txt\"\n",
        right: Right::Fault(&[195], &["output out.txt was never written"]),
        ..INPUT
    },
    Input {
        name: "a declared output is a link to a file of the image",
        script: "ln -s /etc/hostname out.txt",
        job_toml: "[[outputs]]\nname = \"out.txt\"\n",
        right: Right::Fault(&[195], &["symbolic link"]),
        ..INPUT
    },
    Input {
        name: "a declared output is a directory",
        script: "mkdir out.txt",
        job_toml: "[[outputs]]\nname = \"out.txt\"\n",
        right: Right::Fault(&[195], &["out.txt"]),
        ..INPUT
    },
    Input {
        name: "a declared output is too large",
        script: "seq 1000 > out.txt",
        job_toml: "[[outputs]]\nname = \"out.txt\"\nmax_bytes = 100\n",
        right: Right::Fault(&[195], &["3893 bytes"]),
        ..INPUT
    },
    program("the program is not in the image", "WORKDIR /app\nENTRYPOINT [\"/opt/nosuch\"]\n"),
    program("the program is not on PATH", "WORKDIR /app\nENTRYPOINT [\"nosuch\"]\n"),
    program("the program is a directory", "WORKDIR /app\nENTRYPOINT [\"/tmp\"]\n"),
    program(
        "the program's interpreter is not in the image",
        "RUN printf '#!/usr/bin/python3\\nprint(1)\\n' > /p && chmod 755 /p\nENTRYPOINT [\"/p\"]\n",
    ),
    program(
        "the script ends its first line with CR",
        "RUN printf '#!/bin/sh\\r\\necho ok > out.txt\\r\\n' > /p && chmod 755 /p\nENTRYPOINT [\"/p\"]\n",
    ),
    program("the program is not executable", "RUN echo '#!/bin/sh' > /p\nENTRYPOINT [\"/p\"]\n"),
    program(
        "the program is for another machine",
        "RUN printf '\\177ELF\\2\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\2\\0\\363\\0' > /p && chmod 755 /p\nENTRYPOINT [\"/p\"]\n",
    ),
    Input {
        name: "a script without #! in its first line",
        dockerfile: "RUN echo 'echo ok > /app/out.txt' > /p && chmod 755 /p\nENTRYPOINT [\"/p\"]\n",
        right: Right::OutOrFault("ok\n", NOT_STARTED),
        ..INPUT
    },
    Input {
        name: "a script without #! that a shell runs",
        dockerfile: "RUN echo 'echo ok > /app/out.txt' > /p && chmod 755 /p\nENTRYPOINT [\"sh\", \"-c\", \"/p\"]\n",
        ..INPUT
    },
    Input {
        name: "a script with CR in its lines that a shell reads",
        script: "echo ok > out.txt\r\nexit 0\r\n",
        right: Right::Fault(&[2], &[]),
        ..INPUT
    },
    Input {
        name: "a program that prints bytes that are no text",
        script: "head -c 3000 /dev/urandom; printf '\\033[2J\\r</stderr_txt>\\n'; echo ok > out.txt",
        ..INPUT
    },
    Input { name: "a program that closes its output", script: "exec >&- 2>&-; echo ok > out.txt", ..INPUT },
];
