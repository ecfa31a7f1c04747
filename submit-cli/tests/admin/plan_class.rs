//! `buoy admin plan-class`.

use insta::assert_snapshot;

use crate::project::Project;

/// What an admin has: comments, a layout of their own, and a tag that is never closed, as BOINC's sample has.
const THERE: &str = "<plan_classes>\n    <!-- ours -->\n    <plan_class>\n        <name> mt </name>\n        \
                     <max_threads> 4 </max_threads>\n        <min_opencl_version> 101 <min_opencl_version>\n    \
                     </plan_class>\n</plan_classes>\n";

/// The keys that the scheduler knows (sched/plan_class_spec.cpp, `PLAN_CLASS_SPEC::parse`), of those that we write.
const KNOWN: [&str; 10] = [
    "name",
    "docker",
    "gpu_type",
    "cuda",
    "opencl",
    "min_gpu_ram_mb",
    "gpu_ram_used_mb",
    "min_ncpus",
    "max_threads",
    "min_boinc_wsl_distro_version",
];

#[test]
fn every_kind_is_xml_with_keys_that_the_scheduler_knows() {
    let all = "docker docker-mt docker-nvidia docker-amd docker-intel --gpu-ram 2048 --min-boinc-distro 6";
    let stdout = Project::empty().buoy(&format!("admin plan-class {all}")).good();
    let mut reader = quick_xml::Reader::from_str(&stdout);
    let mut tags = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                tags.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(tags.iter().filter(|tag| *tag == "plan_class").count(), 5);
    assert_eq!(tags.iter().filter(|tag| *tag == "docker").count(), 5);
    let structure = ["plan_classes", "plan_class"];
    for tag in &tags {
        assert!(KNOWN.contains(&tag.as_str()) || structure.contains(&tag.as_str()), "{tag}");
    }
}

#[test]
fn a_gpu_class_names_the_library_that_a_wsl_distro_must_have() {
    assert_snapshot!(Project::empty().buoy("admin plan-class docker-nvidia").good(), @r"
    <plan_classes>
        <plan_class>
            <!-- Docker or Podman, an NVIDIA GPU -->
            <name>docker_nvidia</name>
            <docker/>
            <gpu_type>nvidia</gpu_type>
            <cuda/>
        </plan_class>
    </plan_classes>
    ");
}

#[test]
fn merging_leaves_every_other_byte_as_it_is() {
    let project = Project::empty().with("spec.xml", THERE).mode("spec.xml", 0o640);
    let said = project.buoy("admin plan-class docker docker-mt --max-cpus 8 --file spec.xml").good();
    assert_eq!(said, "spec.xml: docker: added\nspec.xml: docker_mt: added\n");
    let merged = project.read("spec.xml");
    let (before, end) = THERE.split_at(THERE.find("</plan_classes>").unwrap());
    let new = merged.strip_prefix(before).unwrap().strip_suffix(end).unwrap();
    assert_eq!(new.matches("<plan_class>").count(), 2);
    assert!(new.contains("<max_threads>8</max_threads>"), "{new}");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&project.path("spec.xml").metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
    let again = project.buoy("admin plan-class docker --file spec.xml").good();
    assert_eq!((again.as_str(), project.read("spec.xml")), ("spec.xml: docker: there already\n", merged));
}

#[test]
fn another_class_of_the_same_name_is_replaced_only_when_told() {
    let other = "<plan_classes>\n<plan_class><name>docker</name><docker>1</docker><min_ncpus>2</min_ncpus></plan_class>\n</plan_classes>\n";
    let project = Project::empty().with("spec.xml", other);
    assert_snapshot!(project.buoy("admin plan-class --file spec.xml").refused(), @r#"error: spec.xml: line 2: the plan class "docker" exists with other settings; replace it with --replace"#);
    assert_eq!(project.read("spec.xml"), other);
    assert_eq!(
        project.buoy("admin plan-class --file spec.xml --replace").good(),
        "spec.xml: docker: replaced\n"
    );
    assert_snapshot!(project.read("spec.xml"), @r"
    <plan_classes>
    <plan_class>
            <!-- Docker or Podman, one processor -->
            <name>docker</name>
            <docker/>
        </plan_class>
    </plan_classes>
    ");
}

#[test]
fn the_same_content_in_another_layout_is_the_same() {
    let other =
        "<plan_classes><plan_class><docker> 1 </docker><name>docker</name></plan_class></plan_classes>";
    let project = Project::empty().with("spec.xml", other);
    assert_eq!(project.buoy("admin plan-class --file spec.xml").good(), "spec.xml: docker: there already\n");
    assert_eq!(project.read("spec.xml"), other);
}

#[test]
fn a_file_that_is_not_there_is_made_and_a_wrong_one_refused() {
    let project = Project::empty()
        .with("config.xml", "<boinc></boinc>")
        .with("cut.xml", "<plan_classes>\n<plan_class>");
    assert_eq!(project.buoy("admin plan-class --file new.xml").good(), "new.xml: docker: added\n");
    assert_eq!(project.read("new.xml"), project.buoy("admin plan-class").good());
    for file in ["config.xml", "cut.xml"] {
        let said = project.buoy(&format!("admin plan-class --file {file}")).refused();
        assert!(said.contains("<plan_classes>"), "{said}");
    }
}
