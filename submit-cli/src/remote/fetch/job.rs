//! One job's outputs, from the server to their parts.
//!
//! A job of few bytes comes as one zip: one request whatever the number of outputs, and its CRCs tell damage. It cannot be
//! gone on with after a cut, and the server packs it before the first byte, so a job that may have written much comes file
//! by file: `query_job` names the canonical instance and the sizes, and each file goes on from where it was cut, if the
//! web server can do that. The zip of a whole batch is never asked for: the server packs it anew with each file that it
//! adds.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use boinc::visible::visible_lines;
use boinc::wire::slot::STDERR_FILE;

use super::archive::{self, UnpackError};
use super::output_dir::OutputDir;
use super::wait::Wait;
use super::{FetchError, Options};
use crate::campaign::file_error::{FileError, remove_file, write_whole};
use crate::campaign::meta::CampaignMeta;
use crate::campaign::submitted::{Verdict, WorkunitRow};
use crate::clock::Clock;
use crate::project::client::ProjectClient;
use crate::project::error::ProjectError;
use crate::project::protocol::id::WorkunitId;
use crate::project::protocol::instance::Instance;
use crate::project::retry::retry;

/// Jobs that may write more come file by file.
const ZIP_BYTES_MAX: u64 = 256 << 20;

/// What all workers share.
pub(super) struct Shared<'a> {
    clock: &'a dyn Clock,
    /// Something ended the fetch: what is under way is left.
    pub(super) ended: AtomicBool,
    /// Bytes that came.
    pub(super) bytes: AtomicU64,
    /// The server makes zips that can be used.
    zips: AtomicBool,
    /// The server tells of finished jobs.
    tells: AtomicBool,
}

impl<'a> Shared<'a> {
    pub(super) fn new(clock: &'a dyn Clock) -> Self {
        Self {
            clock,
            ended: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            zips: AtomicBool::new(true),
            tells: AtomicBool::new(true),
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.clock.interrupted()
    }
}

/// A job's outputs are in place.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// What else the server told.
    pub(super) verdict: Option<Verdict>,
    /// Something to know about the server.
    pub(super) note: Option<String>,
}

/// What a zip brought.
enum Zip {
    /// Outputs, ascending, and how many bytes they have.
    Outputs(Vec<usize>, u64),
    /// Nothing: there are no outputs, or the server has no program to pack them with.
    Empty,
    /// Nothing of use; why.
    Unusable(String),
}

/// Why they are not.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server does not have them.
    Missing(Missing),
    /// Not this time; why.
    Remaining(String),
    /// Somebody asked to stop.
    Stopped,
    /// No other job would fare better.
    Fatal(FetchError),
}

/// In which way outputs are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// There are none.
    All,
    /// One that every finished job has is missing.
    One(String),
    /// The server does not know the job any more.
    Job,
}

/// Fetches one job.
pub(super) struct Fetcher<'a> {
    pub(super) meta: &'a CampaignMeta,
    pub(super) client: &'a ProjectClient,
    pub(super) options: &'a Options,
    pub(super) place: &'a OutputDir,
    pub(super) shared: &'a Shared<'a>,
}

impl Fetcher<'_> {
    /// Downloads a job's outputs and puts them in place.
    pub(super) fn job(&self, row: &WorkunitRow) -> Result<Collected, Fault> {
        let dir = self
            .place
            .job_dir(&row.new.job)
            .ok_or_else(|| Fault::Remaining("its name cannot be a directory's".to_owned()))?;
        let Some(id) = row.server_id.map(|id| WorkunitId(id.unsigned_abs())) else {
            return Err(Fault::Remaining("the server did not tell its number".to_owned()));
        };
        let most: u64 = self.place.outputs().iter().map(|output| output.max_bytes).sum();
        let zip = match most <= ZIP_BYTES_MAX && self.shared.zips.load(Ordering::Relaxed) {
            true => Some(self.zip(row, id)?),
            false => None,
        };
        let mut note = None;
        let (present, bytes) = match zip {
            Some(Zip::Outputs(present, bytes)) => (present, bytes),
            Some(Zip::Empty) => {
                let found = self.singly(row, id)?;
                if !found.0.is_empty() {
                    self.shared.zips.store(false, Ordering::Relaxed);
                    note = Some("the server makes no zips: outputs come one by one".to_owned());
                }
                found
            }
            Some(Zip::Unusable(why)) => {
                note =
                    Some(format!("{}: its zip cannot be used, outputs come one by one: {why}", row.new.job));
                self.singly(row, id)?
            }
            None => self.singly(row, id)?,
        };
        let missing = |at: &usize| !self.place.outputs()[*at].optional && !present.contains(at);
        if let Some(at) = (0..self.place.outputs().len()).find(missing) {
            let missing = if present.is_empty() {
                Missing::All
            } else {
                Missing::One(self.place.outputs()[at].name.clone())
            };
            return Err(Fault::Missing(missing));
        }
        self.place.put(&row.new.name, &dir, &present).map_err(file)?;
        Ok(Collected { files: present.len(), bytes, verdict: self.told(row, &dir)?, note })
    }

    fn zip(&self, row: &WorkunitRow, id: WorkunitId) -> Result<Zip, Fault> {
        let path = self.place.zip(&row.new.name);
        let mut spool = File::create(&path).map_err(|error| file(FileError::at(&path, "write it")(error)))?;
        let downloaded = self.ask(&path, || {
            spool.set_len(0).and_then(|()| spool.rewind()).map_err(ProjectError::Write)?;
            self.client.download_workunit_zip(id, &mut self.sink(&mut spool))
        });
        let zip = match downloaded {
            Ok(downloaded) if downloaded.total_bytes == 0 => Zip::Empty,
            Ok(_) => match archive::unpack(&path, &row.new.name, self.place) {
                Ok((present, bytes)) => Zip::Outputs(present, bytes),
                Err(UnpackError::Unusable(why)) => Zip::Unusable(why),
                Err(UnpackError::File(error)) => return Err(file(error)),
            },
            // What the server says of single files is worth more.
            Err(Fault::Missing(_)) => Zip::Empty,
            Err(Fault::Remaining(why)) => Zip::Unusable(why),
            Err(fault) => return Err(fault),
        };
        remove_file(&path).map_err(file)?;
        // Parts of a zip that broke off are not the beginning of anything.
        if !matches!(zip, Zip::Outputs(..)) {
            for output in 0..self.place.outputs().len() {
                remove_file(&self.place.part(&row.new.name, output)).map_err(file)?;
            }
        }
        Ok(zip)
    }

    fn singly(&self, row: &WorkunitRow, id: WorkunitId) -> Result<(Vec<usize>, u64), Fault> {
        let instances = self.ask(Path::new(""), || self.client.instances(id))?;
        let canonical = row.canonical.and_then(|id| u64::try_from(id).ok());
        let Some(instance) = instances.into_iter().find(|instance| Some(instance.id.0) == canonical) else {
            return Err(Fault::Remaining("the server does not tell which of its results counts".to_owned()));
        };
        if instance.output_bytes.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let (mut present, mut bytes) = (Vec::new(), 0);
        for output in 0..self.place.outputs().len() {
            if let Some(size) = self.output(row, &instance, output)? {
                present.push(output);
                bytes += size;
            }
        }
        Ok((present, bytes))
    }

    /// One output, from where it was cut; its size, if the server has it.
    fn output(&self, row: &WorkunitRow, instance: &Instance, output: usize) -> Result<Option<u64>, Fault> {
        let part = self.place.part(&row.new.name, output);
        let failed = |error: io::Error| file(FileError::at(&part, "write it")(error));
        let mut spool = File::options().append(true).create(true).open(&part).map_err(failed)?;
        let number =
            u32::try_from(output).map_err(|_| Fault::Remaining("it has too many outputs".to_owned()))?;
        // More than the server has is of something else.
        let most = match instance.output_bytes.get(output) {
            Some(size) if instance.output_bytes.len() == self.place.outputs().len() => *size,
            _ => instance.output_bytes.iter().copied().max().unwrap_or(0),
        };
        if spool.metadata().map_err(failed)?.len() > most {
            spool.set_len(0).map_err(failed)?;
        }
        // If the first try goes on from a part and comes to another size, the part was wrong.
        for _ in 0..2 {
            let downloaded = self.ask(&part, || {
                let from = spool.seek(SeekFrom::End(0)).map_err(ProjectError::Write)?;
                self.client.download_output(&instance.name, number, from, &mut self.sink(&mut spool))
            });
            let size = match downloaded {
                Ok(downloaded) => downloaded.total_bytes,
                Err(Fault::Missing(_)) => {
                    remove_file(&part).map_err(file)?;
                    return Ok(None);
                }
                Err(fault) => return Err(fault),
            };
            if self.is_size(instance, output, size) {
                spool.sync_data().map_err(failed)?;
                return Ok(Some(size));
            }
            spool.set_len(0).map_err(failed)?;
        }
        remove_file(&part).map_err(file)?;
        Err(Fault::Remaining(format!(
            "{} did not come with the size that the server tells",
            self.place.outputs()[output].name
        )))
    }

    /// `query_job` tells the sizes of the files that are there: with one missing they cannot be told apart.
    fn is_size(&self, instance: &Instance, output: usize, size: u64) -> bool {
        if instance.output_bytes.len() == self.place.outputs().len() {
            return instance.output_bytes[output] == size;
        }
        instance.output_bytes.contains(&size)
    }

    /// Times and log of a finished job: what a table of results and a report show.
    fn told(&self, row: &WorkunitRow, dir: &Path) -> Result<Option<Verdict>, Fault> {
        if row.elapsed_seconds.is_some() || !self.shared.tells.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.ask(Path::new(""), || self.client.completed_job(&row.new.name)) {
            Ok(told) => {
                if !told.stderr.trim().is_empty() {
                    let log = visible_lines(&told.stderr);
                    write_whole(&dir.join(STDERR_FILE), log.as_bytes()).map_err(file)?;
                }
                Ok(Some(Verdict {
                    name: row.new.name.clone(),
                    exit_status: Some(told.exit_status),
                    cpu_seconds: Some(told.cpu_seconds),
                    elapsed_seconds: Some(told.elapsed_seconds),
                    ..Verdict::default()
                }))
            }
            // The outputs are here: they count more than how long they took.
            Err(Fault::Missing(_) | Fault::Remaining(_)) => {
                self.shared.tells.store(false, Ordering::Relaxed);
                Ok(None)
            }
            Err(Fault::Stopped) => Ok(None),
            Err(Fault::Fatal(error @ (FetchError::NoRoom { .. } | FetchError::File(_)))) => {
                Err(Fault::Fatal(error))
            }
            Err(Fault::Fatal(_)) => Ok(None),
        }
    }

    fn sink<'a>(&'a self, file: &'a mut File) -> Sink<'a> {
        Sink { file, shared: self.shared }
    }

    /// Makes a request, again if that can help, and sorts what went wrong; `path` is what it wrote to.
    fn ask<T>(&self, path: &Path, request: impl FnMut() -> Result<T, ProjectError>) -> Result<T, Fault> {
        let clock = Wait { clock: self.shared.clock, ended: &self.shared.ended };
        retry(&self.options.retry, &clock, request).map_err(|error| match error {
            _ if self.shared.is_ended() => Fault::Stopped,
            ProjectError::Write(source) => file(FileError::at(path, "write it")(source)),
            ProjectError::NoSuchOutput { .. } => Fault::Missing(Missing::All),
            ProjectError::NoSuchJob { .. } | ProjectError::NoSuchBatch { .. } => Fault::Missing(Missing::Job),
            ProjectError::Unreachable { .. }
            | ProjectError::Maintenance { .. }
            | ProjectError::Certificate { .. }
            | ProjectError::NotBoinc { .. }
            | ProjectError::Redirected { .. }
            | ProjectError::BadAuthenticator
            | ProjectError::NoPermission { .. }
            | ProjectError::NoFileAccess
            | ProjectError::NotOwner { .. } => Fault::Fatal(FetchError::project(self.meta, error)),
            error => Fault::Remaining(error.to_string()),
        })
    }
}

fn file(error: FileError) -> Fault {
    Fault::Fatal(error.into())
}

/// Where bytes go: counted, and refused once somebody has asked to stop, which ends a long download at once.
struct Sink<'a> {
    file: &'a mut File,
    shared: &'a Shared<'a>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shared.is_ended() {
            return Err(io::Error::other("stopped"));
        }
        let written = self.file.write(bytes)?;
        self.shared.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
