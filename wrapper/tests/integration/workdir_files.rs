//! What the image has at the work directory is there for the job, as with a volume of the engine.

use std::fs;

use crate::builds;
use crate::support::{Engine, Slot};
use crate::{with_each_engine, with_rootless_podman};

with_each_engine!(
    files_of_the_image_are_in_the_work_directory_and_inputs_win,
    a_restarted_job_keeps_what_it_changed,
    an_image_with_too_much_at_the_work_directory_is_refused_with_advice,
    an_image_that_was_removed_before_its_files_were_copied_is_made_again,
);

with_rootless_podman!(files_of_the_image_are_in_the_work_directory_and_inputs_win);

fn with_image_files(engine: Engine, run: &str, script: &str) -> Slot {
    let mut slot = Slot::empty(engine);
    let run = serde_json::to_string(&["/bin/busybox", "sh", "-c", run]).unwrap();
    slot.copy(
        "Dockerfile",
        &format!(
            "FROM scratch\nCOPY busybox /bin/busybox\nRUN {run}\n\
             ENTRYPOINT [\"/bin/busybox\", \"sh\", \"/app/main.sh\"]\n"
        ),
    );
    slot.copy("job.toml", "[[outputs]]\nname = \"out.txt\"\n");
    slot.copy("main.sh", &format!("PATH=/bin\n{script}\n"));
    slot.app_file("policy.toml", "build_network = false\n");
    slot.busybox();
    slot
}

fn files_of_the_image_are_in_the_work_directory_and_inputs_win(engine: Engine) {
    let mut slot = with_image_files(
        engine,
        "cd /bin; mkdir /bin/b; /bin/busybox --install -s /bin/b; PATH=/bin/b; mkdir -p /app/lib; echo k=3.7 > /app/model.cfg; \
         echo image > /app/in.txt; printf '#!/bin/busybox sh\\necho tool\\n' > /app/lib/tool; chmod 755 /app/lib/tool; \
         ln -s lib/tool /app/tool",
        "busybox cat model.cfg in.txt > out.txt; ./tool >> out.txt; echo changed >> model.cfg",
    );
    slot.copy("in.txt", "input\n");
    slot.run().assert_success();
    assert_eq!(
        fs::read_to_string(slot.dir.join("out.txt")).unwrap(),
        "k=3.7\ninput\ntool\n",
        "{}",
        slot.stderr()
    );
    assert!(!slot.dir.join("model.cfg").exists(), "it is not an output");
    // Each job has a copy of its own.
    let mut next = with_image_files(engine, "true", "");
    for name in ["Dockerfile", "job.toml", "main.sh"] {
        let text = fs::read_to_string(slot.dir.join(name));
        let text = text.or_else(|_| fs::read_to_string(slot.work(name))).unwrap();
        next.copy(name, &text);
    }
    next.copy("in.txt", "second\n").join_project_of(&slot);
    next.run().assert_success();
    assert_eq!(fs::read_to_string(next.dir.join("out.txt")).unwrap(), "k=3.7\nsecond\ntool\n");
}

fn a_restarted_job_keeps_what_it_changed(engine: Engine) {
    let slot = with_image_files(
        engine,
        "/bin/busybox mkdir /app; echo 0 > /app/count",
        "read n < count; echo $((n+1)) > count\n\
         if [ $n = 0 ]; then echo x > ready; while true; do busybox sleep 1; done; fi; busybox cp count out.txt",
    );
    let mut running = slot.start();
    crate::support::wait_until("the job", || slot.work("ready").exists());
    running.kill();
    assert!(slot.try_ask(&["rm", "--force", &slot.container()]).status.success());
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "2\n", "{}", slot.stderr());
}

fn an_image_with_too_much_at_the_work_directory_is_refused_with_advice(engine: Engine) {
    let slot = with_image_files(
        engine,
        "/bin/busybox mkdir /app; /bin/busybox dd if=/dev/zero of=/app/model bs=1M count=120",
        "true",
    );
    slot.run().assert_status(206);
    assert!(slot.stderr().contains("too large files at /app"), "{}", slot.stderr());
    assert!(slot.stderr().contains("/opt"), "{}", slot.stderr());
}

fn an_image_that_was_removed_before_its_files_were_copied_is_made_again(engine: Engine) {
    let mut slot = with_image_files(
        engine,
        "/bin/busybox mkdir /app; echo k=3.7 > /app/model.cfg",
        "busybox cp model.cfg out.txt",
    );
    slot.own_images();
    slot.run().assert_success();
    slot.clear_for_next("second");
    for image in builds::images(&slot) {
        assert!(slot.try_ask(&["image", "rm", "--force", &image]).status.success());
    }
    fs::remove_dir_all(slot.state_dir().join("workdirs")).unwrap();
    slot.run().assert_success();
    assert_eq!(fs::read_to_string(slot.dir.join("out.txt")).unwrap(), "k=3.7\n", "{}", slot.stderr());
    builds::clean(&slot);
}
