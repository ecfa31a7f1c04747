//! Whose files are whose: what a job may read and write, and what it leaves behind.

use super::{INPUT, Input, Right};

const USERS: &[(&str, &str)] = &[
    ("passwd", "root:x:0:0::/:/bin/sh\nsci:x:1234:1234::/:/bin/sh\n"),
    ("group", "root:x:0:\nsci:x:1234:\n"),
];

pub const INPUTS: &[Input] = &[
    Input { name: "a job writes a file", ..INPUT },
    Input {
        name: "inputs of both modes are read, and the one in the slot may be changed",
        script: "echo more >> copied && cat linked copied > out.txt",
        files: &[("copied", "copied\n")],
        right: Right::Out("linked\ncopied\nmore\n"),
        ..INPUT
    },
    Input {
        name: "a linked input cannot be changed",
        script: "echo more >> linked || cat linked > out.txt",
        right: Right::Out("linked\n"),
        ..INPUT
    },
    Input {
        name: "a read-only package cache",
        script: "mkdir -p cache/pkg; echo 1 > cache/pkg/f; chmod -R a-w cache; echo ok > out.txt",
        ..INPUT
    },
    Input {
        name: "a closed directory",
        script: "echo ok > out.txt; mkdir t; echo x > t/f; chmod 000 t",
        ..INPUT
    },
    Input {
        name: "an output that is closed itself",
        script: "echo ok > out.txt; mkdir t; echo x > t/f; chmod 000 t/f t out.txt",
        job_toml: "[[outputs]]\nname = \"out.txt\"\n",
        ..INPUT
    },
    Input { name: "a read-only work directory", script: "echo ok > out.txt; chmod 555 .", ..INPUT },
    Input {
        name: "a closed work directory, and a declared output",
        script: "echo ok > out.txt; chmod 000 .",
        job_toml: "[[outputs]]\nname = \"out.txt\"\n",
        ..INPUT
    },
    Input {
        name: "directories with special bits",
        script: "mkdir s; chmod 3711 s; touch s/f; chmod 6555 s/f; echo ok > out.txt",
        ..INPUT
    },
    Input {
        name: "a deep tree of closed directories",
        script: "d=.; i=0; while [ $i -lt 60 ]; do d=$d/deep; mkdir $d; i=$((i+1)); done; touch $d/f\n\
            chmod 000 $d; chmod 100 deep; echo ok > out.txt",
        ..INPUT
    },
    Input {
        name: "names with spaces, newlines, a dash, a dot and no UTF-8",
        script: "touch 'two words' \"line\nbreak\" ./-rf .hidden \"$(printf '\\377')\"; ls -A | wc -l > n; echo ok > out.txt",
        ..INPUT
    },
    Input {
        name: "links that lead out, in circles and nowhere",
        script: "ln -s / root; ln -s b a; ln -s a b; ln -s /nowhere n; ln main.sh second; echo ok > out.txt",
        ..INPUT
    },
    Input {
        name: "pipes are left behind",
        script: "mkfifo p; mkdir d; mkfifo d/p; chmod 000 d; echo ok > out.txt",
        ..INPUT
    },
    Input {
        name: "a umask that closes everything",
        script: "umask 777; echo ok > out.txt; mkdir d",
        ..INPUT
    },
    Input {
        name: "a process that outlives the program",
        script: "(sleep 1000 &) ; echo ok > out.txt",
        ..INPUT
    },
    Input {
        name: "an empty output",
        script: ": > out.txt",
        job_toml: "[[outputs]]\nname = \"out.txt\"\n",
        right: Right::Out(""),
        ..INPUT
    },
    Input {
        name: "USER of the Dockerfile is another one",
        dockerfile: "WORKDIR /app\nUSER 1234:99\nENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        ..INPUT
    },
    Input {
        name: "USER by name",
        dockerfile: main!("COPY passwd group /etc/\nUSER sci\n"),
        files: USERS,
        ..INPUT
    },
    Input {
        name: "an owner by name",
        dockerfile: main!("COPY passwd group /etc/\nCOPY --chown=sci passwd /theirs\n"),
        // Counted from the image's root, whom a daemon that maps users may have given another number: docs/environment.md.
        script: "root=$(stat -c %u /bin/busybox); [ $root = $(stat -c %g /bin/busybox) ] && \
            echo $(($(stat -c %u /theirs) - root)):$(($(stat -c %g /theirs) - root)) > out.txt",
        files: USERS,
        right: Right::Out("1234:1234\n"),
        ..INPUT
    },
    Input {
        name: "a step makes the work directory another user's and closes it",
        dockerfile: "RUN mkdir /app && echo x > /app/f && chown -R 1234:1234 /app && chmod -R 700 /app\n\
            ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        script: "cat f > out.txt",
        right: Right::Out("x\n"),
        ..INPUT
    },
    Input {
        name: "a directory of the image that is closed to writing is not the job's to write",
        dockerfile: main!("RUN mkdir -m 555 /opt\n"),
        script: "ls -d /opt && echo ok > out.txt",
        ..INPUT
    },
    Input {
        name: "an output in a directory that the job closes",
        script: "mkdir -p res/x; echo y > res/x/y; chmod 000 res/x; chmod 500 res; echo ok > out.txt",
        job_toml: "[[outputs]]\nname = \"res/x/y\"\n[[outputs]]\nname = \"out.txt\"\n",
        ..INPUT
    },
];
