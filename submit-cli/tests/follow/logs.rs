use submit_cli::remote::follow::FollowError;
use submit_cli::remote::follow::log::{Log, Which, log};
use submit_cli::remote::follow::poll::Eagerness;

use crate::sea::{Sea, wu};

fn any(sea: &Sea, job: &str) -> Result<Log, FollowError> {
    log(&sea.campaign, &sea.client, job, Which::default())
}

#[test]
fn a_finished_jobs_log_comes_by_rpc() {
    let mut sea = Sea::new(&[&["a"]]);
    sea.finish("a", "docked <3 & more\n");
    sea.poll(Eagerness::Eager);
    let log = any(&sea, "a").unwrap();
    assert_eq!((log.text.trim_end(), log.exit_status), ("docked <3 & more", Some(0)));
    assert_eq!((sea.asked("query_completed_job"), sea.asked("result")), (1, 0));
}

#[test]
fn a_failed_jobs_log_comes_from_the_projects_page() {
    for display_errors in [true, false] {
        let mut sea = Sea::new(&[&["a"]]);
        sea.project.change_php(|php| php.display_errors = display_errors);
        sea.project.send_out(&wu("a")).unwrap();
        sea.project.fail_instance(&wu("a"), 3, "first try: no ligand\n").unwrap();
        sea.project.send_out(&wu("a")).unwrap();
        sea.project.fail_instance(&wu("a"), 139, "second try: boom <&>\n").unwrap();
        sea.poll(Eagerness::Eager);
        let log = any(&sea, "a").unwrap();
        assert_eq!((log.text.trim_end(), log.exit_status), ("second try: boom <&>", Some(139)));
        assert_eq!(log.instances.len(), 2);
        let first = Which { instance: Some(0), attempt: None };
        let log = submit_cli::remote::follow::log::log(&sea.campaign, &sea.client, "a", first).unwrap();
        assert_eq!(log.text.trim_end(), "first try: no ligand");
    }
}

#[test]
fn a_job_under_way_shows_what_its_failed_instances_wrote() {
    let mut sea = Sea::new(&[&["a"]]);
    sea.project.send_out(&wu("a")).unwrap();
    sea.project.fail_instance(&wu("a"), 3, "no ligand\n").unwrap();
    sea.project.send_out(&wu("a")).unwrap();
    sea.poll(Eagerness::Eager);
    assert_eq!(any(&sea, "a").unwrap().text.trim_end(), "no ligand");
}

#[test]
fn why_there_is_no_log_is_said() {
    let mut sea = Sea::new(&[&["unsent", "silent"]]);
    sea.fail(&wu("silent"), 3, "");
    sea.poll(Eagerness::Eager);
    let message = |job: &str, which: Which| {
        submit_cli::remote::follow::log::log(&sea.campaign, &sea.client, job, which).unwrap_err().to_string()
    };
    assert_eq!(
        message("unsent", Which::default()),
        "job unsent is unsent: no volunteer has had it, so there is no log"
    );
    let silent = message("silent", Which::default());
    assert!(
        silent.starts_with("job silent: the project's public pages show no log of ")
            && silent.contains("result.php?resultid="),
        "{silent}"
    );
    assert_eq!(
        message("silent", Which { instance: Some(7), attempt: None }),
        "job silent has no instance 7, only 0, 1"
    );
    assert_eq!(
        message("silent", Which { attempt: Some(1), instance: None }),
        "job silent has no attempt 1, only 0 to 0"
    );
}
