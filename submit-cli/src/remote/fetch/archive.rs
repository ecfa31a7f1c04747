//! The zip of a job's outputs that the server makes (`html/user/get_output.php`, `workunit_files`).
//!
//! Its members have physical names, `WORKUNIT_N_rRANDOM_I` for output I. A name is only ever read for its number: what
//! becomes a path comes from the campaign file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use zip::ZipArchive;

use super::output_dir::OutputDir;
use crate::campaign::file_error::FileError;

/// Why a zip is of no use.
#[derive(Debug)]
pub(super) enum UnpackError {
    /// It is none, or not the one that was asked for; why.
    Unusable(String),
    /// A file could not be written.
    File(FileError),
}

/// Unpacks outputs to their parts, checked by the zip's CRC; their numbers, ascending, and how many bytes they have.
pub(super) fn unpack(
    path: &Path,
    workunit: &str,
    place: &OutputDir,
) -> Result<(Vec<usize>, u64), UnpackError> {
    let file = File::open(path).map_err(|error| UnpackError::File(FileError::at(path, "read it")(error)))?;
    let unusable = |error: &dyn std::fmt::Display| UnpackError::Unusable(error.to_string());
    let mut archive = ZipArchive::new(file).map_err(|error| unusable(&error))?;
    let (mut present, mut bytes) = (Vec::new(), 0);
    for at in 0..archive.len() {
        let member = archive.by_index(at).map_err(|error| unusable(&error))?;
        let name = member.name().map_err(|error| unusable(&error))?.into_owned();
        let output = number(&name, workunit)
            .filter(|output| *output < place.outputs().len() && !present.contains(output))
            .ok_or_else(|| unusable(&format!("{name:?} in it is no output of the job")))?;
        let most = place.outputs()[output].max_bytes;
        bytes += write(member, &place.part(workunit, output), most)?;
        present.push(output);
    }
    present.sort_unstable();
    Ok((present, bytes))
}

/// The output's number in a physical name.
fn number(name: &str, workunit: &str) -> Option<usize> {
    let (instance, output) = name.strip_prefix(workunit)?.strip_prefix('_')?.rsplit_once('_')?;
    let (n, random) = instance.split_once("_r")?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(n) && digits(random) && digits(output)).then(|| output.parse().ok()).flatten()
}

/// Tells a damaged zip from a full disk, which `io::copy` does not.
fn write(mut member: impl Read, part: &Path, most: u64) -> Result<u64, UnpackError> {
    let failed = |error: io::Error| UnpackError::File(FileError::at(part, "write it")(error));
    let mut file = File::create(part).map_err(failed)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut written = 0;
    loop {
        let read = match member.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(UnpackError::Unusable(error.to_string())),
        };
        written += read as u64;
        if written > most {
            return Err(UnpackError::Unusable(format!(
                "an output has more than the {most} bytes it may have"
            )));
        }
        file.write_all(&buffer[..read]).map_err(failed)?;
    }
    file.sync_data().map_err(failed)?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::meta::OutputMeta;

    #[test]
    fn the_number_is_read_from_a_physical_name_of_the_workunit_only() {
        let table = [
            ("a-1__b__c_0_r718920316_1", Some(1)),
            ("a-1__b__c_12_r7_10", Some(10)),
            ("a-1__b__cc_0_r7_1", None),
            ("a-1__b__c_0_r7_1/../x", None),
            ("../a-1__b__c_0_r7_1", None),
            ("a-1__b__c_0_r7_", None),
            ("a-1__b__c_0_1", None),
            ("a-1__b__c_0_r7_99999999999999999999999", None),
        ];
        for (name, expected) in table {
            assert_eq!(number(name, "a-1__b__c"), expected, "{name}");
        }
    }

    /// A place with two outputs of ten bytes at most, and a zip of these members at the workunit's place for it.
    fn zipped(dir: &Path, members: &[(&str, &[u8])]) -> (OutputDir, std::path::PathBuf) {
        let outputs =
            ["one", "two"].map(|name| OutputMeta { name: name.to_owned(), max_bytes: 10, optional: true });
        let place = OutputDir::at(dir, &outputs);
        std::fs::create_dir_all(dir.join(".buoy/incoming")).unwrap();
        let path = place.zip("w");
        let mut writer = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, bytes) in members {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
        (place, path)
    }

    #[test]
    fn outputs_are_found_by_number_in_any_order() {
        let dir = tempfile::tempdir().unwrap();
        let (place, path) = zipped(dir.path(), &[("w_0_r5_1", b"second"), ("w_0_r5_0", b"first")]);
        let Ok((present, bytes)) = unpack(&path, "w", &place) else { panic!("it is a good zip") };
        assert_eq!((present, bytes), (vec![0, 1], 11));
        assert_eq!(std::fs::read(place.part("w", 1)).unwrap(), b"second");
    }

    #[test]
    fn a_zip_that_is_not_what_was_asked_for_is_of_no_use() {
        let long = [b'x'; 11];
        let members: [&[(&str, &[u8])]; 5] = [
            &[("w_0_r5_2", b"a third output")],
            &[("w_0_r5_0", b"1"), ("w_1_r6_0", b"1")],
            &[("../../w_0_r5_0", b"1")],
            &[("v_0_r5_0", b"1")],
            &[("w_0_r5_0", &long)],
        ];
        for members in members {
            let dir = tempfile::tempdir().unwrap();
            let (place, path) = zipped(dir.path(), members);
            assert!(matches!(unpack(&path, "w", &place), Err(UnpackError::Unusable(_))), "{members:?}");
        }
    }

    #[test]
    fn a_damaged_zip_is_told_from_a_good_one_wherever_it_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let (place, path) = zipped(dir.path(), &[("w_0_r5_0", b"0123456789")]);
        let good = std::fs::read(&path).unwrap();
        // The bytes of the member itself stand after its header; their CRC is in the directory at the end.
        let at = good.windows(8).position(|window| window == b"w_0_r5_0").unwrap() + 8;
        for at in at..at + 8 {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(unpack(&path, "w", &place), Err(UnpackError::Unusable(_))), "byte {at}");
        }
        for length in [0, 10, good.len() / 2, good.len() - 1] {
            std::fs::write(&path, &good[..length]).unwrap();
            assert!(matches!(unpack(&path, "w", &place), Err(UnpackError::Unusable(_))), "{length} bytes");
        }
    }
}
