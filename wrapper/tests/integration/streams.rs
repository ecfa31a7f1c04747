//! Tar streams into and out of containers.

use std::fs;
use std::io::{self, Read};
use std::ops::ControlFlow;

use boinc::archive::tar::{Entry, Kind, Reader, TarError, Writer};
use wrapper::engine::{Cancel, CliEngine, EngineError, Flavor, NativeTransport, program_of};

use crate::support::{Engine, Slot};
use crate::with_each_engine;

with_each_engine!(files_go_into_one_container_and_from_it_into_another);

fn cli(engine: Engine) -> CliEngine<NativeTransport> {
    let flavor = if engine == Engine::Docker { Flavor::Docker } else { Flavor::Podman };
    CliEngine::new(flavor, program_of(flavor).unwrap(), NativeTransport, Cancel::default(), false)
}

/// Two containers that are never started, and their image; removed with it.
struct Containers {
    engine: Engine,
    image: String,
    names: [String; 2],
}

impl Containers {
    fn make(slot: &Slot) -> Self {
        let engine = slot.engine;
        let unique = &slot.init_data.wu_name;
        let path = slot.root.path().join("image.tar");
        let mut writer = Writer::new(fs::File::create(&path).unwrap());
        writer.append(&Entry::new("tmp", Kind::Directory, 0o1777), &mut io::empty()).unwrap();
        writer.finish().unwrap();
        let image = format!("localhost/streams-{unique}:latest");
        engine.run(&["import", path.to_str().unwrap(), &image]);
        let names = ["a", "b"].map(|letter| format!("buoy-test-streams-{unique}-{letter}"));
        for name in &names {
            engine.run(&["create", "--name", name, &image, "/x"]);
        }
        Self { engine, image, names }
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        for name in &self.names {
            self.engine.try_run(&["rm", "--force", name]);
        }
        self.engine.try_run(&["image", "rm", &self.image]);
    }
}

fn entries(stream: &mut dyn Read) -> Result<Vec<(Entry, Vec<u8>)>, TarError> {
    let mut reader = Reader::new(stream);
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut body = Vec::new();
        reader.read_to_end(&mut body).map_err(TarError::Read)?;
        all.push((entry, body));
    }
    Ok(all)
}

fn files_go_into_one_container_and_from_it_into_another(engine: Engine) {
    let slot = Slot::empty(engine);
    let containers = Containers::make(&slot);
    let [first, second] = &containers.names;
    let cli = cli(engine);
    let long = "n".repeat(120);
    let large = vec![b'x'; 3_000_000];
    let write = |out: &mut dyn io::Write| -> io::Result<()> {
        let mut writer = Writer::new(out);
        let data = Entry {
            uid: 1_234,
            gid: 5,
            size: large.len() as u64,
            ..Entry::new("opt/data", Kind::File, 0o4711)
        };
        writer.append(&data, &mut &large[..])?;
        writer.append(&Entry::new(format!("opt/{long}"), Kind::File, 0o600), &mut io::empty())?;
        let link = Entry { link: b"data".to_vec(), ..Entry::new("opt/link", Kind::Symlink, 0o777) };
        writer.append(&link, &mut io::empty())?;
        writer.finish().map(drop)
    };
    cli.copy_in(first, &slot.dir, Box::new(write)).unwrap();

    // From one engine command into another, while both run. A link that is named itself is followed.
    let copy = |out: &mut dyn io::Write| -> io::Result<()> {
        let copied = cli.read_out(first, "/opt/link", |stream| -> io::Result<()> {
            let mut reader = Reader::new(stream);
            let mut writer = Writer::new(out);
            while let Some(mut entry) = reader.next_entry()? {
                assert_eq!((entry.kind, entry.mode), (Kind::File, 0o4711));
                entry.path = b"copied".to_vec();
                writer.append(&entry, &mut reader)?;
            }
            writer.finish().map(drop)
        });
        copied.map_err(io::Error::other)?
    };
    cli.copy_in(second, &slot.dir, Box::new(copy)).unwrap();
    let all = cli.read_out(second, "/copied", |stream| entries(stream)).unwrap().unwrap();
    assert_eq!((all.len(), all[0].0.size, all[0].1 == large), (1, 3_000_000, true));

    let mut all = cli.read_out(first, "/opt", |stream| entries(stream)).unwrap().unwrap();
    all.sort_by(|one, other| one.0.path.cmp(&other.0.path));
    let names: Vec<String> =
        all.iter().map(|(entry, _)| String::from_utf8_lossy(&entry.path).into_owned()).collect();
    let below = |name: &str| names.iter().any(|found| found.ends_with(name));
    assert!(names.len() == 4 && below("data") && below("link") && below(&long), "{names:?}");
    if engine == Engine::Docker {
        let data = &all.iter().find(|(entry, _)| entry.kind == Kind::File && entry.size > 0).unwrap().0;
        assert_eq!((data.uid, data.gid), (1_234, 5));
    }

    // The first header is enough to know that it is a directory.
    let mut read = 0;
    cli.copy_out(first, "/opt", &mut |piece| {
        read += piece.len();
        ControlFlow::Break(())
    })
    .unwrap();
    assert!(read >= 512);
    let missing = cli.read_out(first, "/missing", |stream| entries(stream));
    assert!(matches!(missing, Err(EngineError::NoPath(_))), "{missing:?}");
    let absent = cli.read_out("buoy-test-no-such-container", "/", |stream| entries(stream));
    assert!(matches!(absent, Err(EngineError::NoContainer)), "{absent:?}");
    let failed = cli.copy_in(first, &slot.dir, Box::new(|_| Err(io::Error::other("no more"))));
    assert!(matches!(failed, Err(EngineError::Input { .. })), "{failed:?}");
}
