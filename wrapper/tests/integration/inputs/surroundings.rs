//! What a job sees around it, wherever it runs.

use super::{INPUT, Input, Right};

const fn sees(name: &'static str, script: &'static str, right: &'static str) -> Input {
    Input { name, script, right: Right::Out(right), ..INPUT }
}

pub const INPUTS: &[Input] = &[
    sees("its directory and its home", "echo $PWD $HOME > out.txt", "/app /app\n"),
    sees("the host's name", "hostname > out.txt", "buoy\n"),
    sees("its umask", "umask > out.txt", "0022\n"),
    sees("an empty input", "cat > out.txt; readlink /proc/self/fd/0 >> out.txt", "/dev/null\n"),
    sees(
        "limits of open and core files",
        "echo $(ulimit -Sn) $(ulimit -Hn) $(ulimit -Hc) > out.txt",
        "16384 16384 0\n",
    ),
    sees(
        "shared memory as large as its memory",
        "df -k /dev/shm | awk 'END { print $2 }' > out.txt; echo x > /dev/shm/x && cat /dev/shm/x >> out.txt",
        "250000\nx\n",
    ),
    sees("no network but its own", "ls /sys/class/net > out.txt", "lo\n"),
    sees(
        "an address of the net that is not reached",
        "wget -q -T 2 http://192.0.2.1/ || echo none > out.txt",
        "none\n",
    ),
    sees(
        "its own address",
        "(echo x | nc -l -p 8000 -w 5 &); sleep 1; nc -w 2 127.0.0.1 8000 > out.txt",
        "x\n",
    ),
    sees(
        "no capabilities, and none to gain",
        "grep -E 'Cap(Eff|Prm|Bnd|Inh)|NoNewPrivs' /proc/self/status | awk '{ print $2 }' | sort -u | tr '\\n' ' ' > out.txt",
        "0000000000000000 1 ",
    ),
    Input {
        name: "variables of the image, and few others",
        dockerfile: main!("ENV MODEL=\"two words\"\n"),
        script: "env | cut -d= -f1 | sort | tr '\\n' ' ' > out.txt; echo \"$MODEL $TERM $container $OMP_NUM_THREADS\" >> out.txt",
        right: Right::Out(
            "HOME HOSTNAME MODEL OMP_NUM_THREADS PATH PWD SHLVL TERM container two words dumb oci 1\n",
        ),
        ..INPUT
    },
    sees("coordinated time", "date +%Z > out.txt", "UTC\n"),
    sees(
        "a place for temporary files that the image has",
        "t=$(mktemp) && echo x > $t && cat $t > out.txt",
        "x\n",
    ),
    sees(
        "devices",
        "head -c 4 /dev/urandom | wc -c > out.txt; echo x > /dev/null && echo ok >> out.txt",
        "4\nok\n",
    ),
    sees(
        "a kernel that it cannot set",
        "(echo 1 > /proc/sys/kernel/panic) 2>/dev/null || echo no > out.txt",
        "no\n",
    ),
    sees(
        "a file system that it cannot mount",
        "mount -t tmpfs x /tmp 2>/dev/null || echo no > out.txt",
        "no\n",
    ),
    sees(
        "processes that it does not wait for are ended by the first one",
        "(sleep 0 &); sleep 1; grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l > out.txt",
        "0\n",
    ),
    sees(
        "a task's description without its secrets",
        "grep -c '<wu_name>' init_data.xml > out.txt; grep -c 0123456789abcdef init_data.xml >> out.txt; true",
        "1\n0\n",
    ),
    sees(
        "no files of the client's",
        "ls -A | tr '\\n' ' ' > ../tmp/list; cat ../tmp/list > out.txt",
        "Dockerfile busybox init_data.xml job.toml linked main.sh ",
    ),
    Input {
        name: "a health check of the image never runs",
        dockerfile: main!("HEALTHCHECK --interval=1s CMD echo x >> /app/checked\n"),
        script: "sleep 3; ls checked 2>/dev/null; [ ! -e checked ] && echo none > out.txt",
        right: Right::Out("none\n"),
        ..INPUT
    },
    Input {
        name: "a set-user-id program gains nothing",
        dockerfile: "RUN cp /bin/busybox /bin/su-id && chown 1234 /bin/su-id && chmod 4755 /bin/su-id\nWORKDIR /app\n\
            ENTRYPOINT [\"sh\", \"/app/main.sh\"]\n",
        script: "[ $(id -u) = 1234 ] || [ \"$(/bin/su-id id -u)\" != 1234 ] && echo none > out.txt",
        right: Right::Out("none\n"),
        ..INPUT
    },
    Input {
        name: "as many processes as it is allowed",
        script: "i=0; while [ $i -lt 100 ]; do sleep 20 & i=$((i+1)); done; echo 100 > out.txt",
        job_toml: "pids = 200\n",
        right: Right::Out("100\n"),
        ..INPUT
    },
];
