//! What a program sees: the same with every engine, and as every user. docs/environment.md has it as a table.

use std::fs;

use crate::support::{Dockerd, Engine, Slot};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(a_program_sees_what_the_documentation_says);
with_rootless_podman!(a_program_sees_what_the_documentation_says);

const PROBE: &str = "busybox rm -rf /tmp/b\n\
    { echo \"directory $(busybox pwd)\"\n\
    echo \"home $HOME\"\n\
    echo \"host $(busybox hostname)\"\n\
    echo \"umask $(umask)\"\n\
    echo \"open files $(ulimit -S -n) $(ulimit -H -n)\"\n\
    echo \"core files $(ulimit -H -c)\"\n\
    echo \"input $(busybox readlink /proc/self/fd/0)\"\n\
    echo \"shared memory $(busybox df -k /dev/shm | busybox awk 'END { print $2 }')\"\n\
    echo \"networks $(busybox ls /sys/class/net)\"\n\
    echo \"variables $(busybox env | busybox cut -d= -f1 | busybox sort | busybox tr '\\n' ' ')\"\n\
    echo \"values $TERM $container $OMP_NUM_THREADS $PATH\"\n\
    echo x > /dev/shm/x && echo x > file && echo writable; } > seen";

const SEEN: &str = "directory /app\nhome /app\nhost buoy\numask 0022\nopen files 16384 16384\ncore files 0\n\
    input /dev/null\nshared memory 250000\nnetworks lo\n\
    variables HOME HOSTNAME OMP_NUM_THREADS PATH PWD SHLVL TERM container \n\
    values dumb oci 1 /bin\nwritable\n";

#[track_caller]
fn assert_sees(slot: &Slot) {
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("seen")).unwrap(), SEEN);
}

fn a_program_sees_what_the_documentation_says(engine: Engine) {
    assert_sees(&Slot::with_script(engine, PROBE));
}

#[test]
fn with_daemons_that_map_users_too() {
    if let Some(daemon) = Dockerd::start_remapping() {
        assert_sees(daemon.slot(PROBE).own_images());
    }
    if let Some(daemon) = Dockerd::start_rootless() {
        assert_sees(daemon.slot_of_user(PROBE).own_images());
    }
}
