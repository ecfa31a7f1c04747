//! The other side of a project: its transitioner, validator, assimilator and file deleter, and volunteers that a test
//! plays.

use crate::settings::FileDeletion;
use crate::state::{Data, State};
use crate::storage::StoredFile;
use crate::workunit::{
    Instance, Outcome, ServerState, TOO_MANY_ERRORS, TOO_MANY_SUCCESSES, TOO_MANY_TOTAL, Validation, Workunit,
};

/// What a volunteer's client reports of a job that succeeded.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The output files' contents, in the output template's order; `None` where an optional one is missing.
    pub outputs: Vec<Option<Vec<u8>>>,
    /// What the job wrote to standard error.
    pub stderr: String,
    /// CPU seconds.
    pub cpu_seconds: f64,
    /// Run time in seconds.
    pub elapsed_seconds: f64,
    /// Credit that the validator grants.
    pub credit: f64,
}

impl Report {
    /// A report with these outputs.
    #[must_use]
    pub fn with_outputs<T: Into<Vec<u8>>>(outputs: impl IntoIterator<Item = T>) -> Self {
        Self { outputs: outputs.into_iter().map(|output| Some(output.into())).collect(), ..Self::default() }
    }
}

/// Why a test's wish can't be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolunteerError {
    /// No workunit has this name.
    #[error("no workunit is named {0:?}: submit it first")]
    NoWorkunit(String),
    /// The workunit is over, or all its instances are at volunteers'.
    #[error("workunit {0:?} has no instance to send: it is over, or all its instances are in progress")]
    NothingToSend(String),
    /// No instance of the workunit is at a volunteer's.
    #[error("no instance of workunit {0:?} is in progress")]
    NotInProgress(String),
}

/// Makes the instances that a workunit needs, or gives it up (sched/transitioner.cpp).
pub(crate) fn transition(data: &mut Data, index: usize, state: &State) {
    let now = state.clock().seconds();
    let workunit = &mut data.tables.workunits[index];
    let count =
        |test: &dyn Fn(&Instance) -> bool| workunit.instances.iter().filter(|i| test(i)).count() as i64;
    let total = workunit.instances.len() as i64;
    let unsent = count(&|i| i.state == ServerState::Unsent);
    let in_progress = count(&|i| i.state == ServerState::InProgress);
    let successes = count(&|i| i.outcome == Outcome::Success && i.validation != Validation::Invalid);
    let errors = count(&|i| matches!(i.outcome, Outcome::ClientError | Outcome::ValidateError));
    let mut mask = workunit.error_mask;
    if errors > i64::from(workunit.max_error_results) {
        mask |= TOO_MANY_ERRORS;
    }
    let needed = (i64::from(workunit.target_nresults) - unsent - in_progress - successes).max(0);
    let allowed = i64::from(workunit.max_total_results) - total;
    if allowed < 0 || (allowed == 0 && needed > 0) {
        mask |= TOO_MANY_TOTAL;
    }
    if mask != workunit.error_mask {
        workunit.error_mask = mask;
        workunit.mod_time = now;
    }
    if workunit.error_mask != 0 {
        workunit.cancel_unsent();
        for instance in &mut workunit.instances {
            let is_open = matches!(instance.validation, Validation::None | Validation::Inconclusive);
            if instance.outcome == Outcome::Success && is_open {
                instance.validation = Validation::NoCheck;
            }
        }
    }
    if workunit.is_over() {
        workunit.files_ready_to_delete |= in_progress == 0;
        return;
    }
    let name = workunit.name.clone();
    for number in 0..needed.min(allowed) {
        let instance = Instance {
            name: format!("{name}_{}", total + number),
            create_time: now,
            random: (state.random() >> 33) as u32,
            ..Instance::default()
        };
        data.tables.insert_instance(index, instance);
    }
}

/// Gives an instance to a volunteer; its result's name.
pub(crate) fn send(data: &mut Data, index: usize, state: &State) -> Option<String> {
    transition(data, index, state);
    let now = state.clock().seconds();
    let workunit = &mut data.tables.workunits[index];
    let instance = workunit.instances.iter_mut().find(|instance| instance.state == ServerState::Unsent)?;
    instance.state = ServerState::InProgress;
    instance.sent_time = now;
    instance.host = 1;
    workunit.mod_time = now;
    Some(instance.name.clone())
}

/// Takes the first instance in progress and ends it as successful; validates when there are enough.
pub(crate) fn succeed(data: &mut Data, index: usize, state: &State, report: Report) -> Option<String> {
    let now = state.clock().seconds();
    let instance = data.tables.workunits[index].end_one(Outcome::Success)?;
    instance.client_state = 5;
    instance.stderr_out = stderr_out("", &report.stderr);
    instance.cpu_seconds = report.cpu_seconds;
    instance.elapsed_seconds = report.elapsed_seconds;
    instance.received_time = now;
    let name = instance.name.clone();
    for (number, output) in report.outputs.into_iter().enumerate() {
        let physical = format!("{name}_r{}_{number}", instance.random);
        instance.outputs.push(physical.clone());
        if let Some(bytes) = output {
            data.storage.upload.insert(physical, StoredFile::new(bytes));
        }
    }
    validate(data, index, now, report.credit);
    transition(data, index, state);
    Some(name)
}

/// The validator: outputs of the same bytes agree.
fn validate(data: &mut Data, index: usize, now: i64, credit: f64) {
    let (workunits, upload) = (&mut data.tables.workunits, &data.storage.upload);
    let workunit = &mut workunits[index];
    let sums = |instance: &Instance| -> Vec<_> {
        instance.outputs.iter().map(|name| upload.get(name).map(|file| file.md5.clone())).collect()
    };
    let is_candidate = |instance: &Instance| {
        let is_left_out = matches!(instance.validation, Validation::Invalid | Validation::NoCheck);
        instance.outcome == Outcome::Success && !is_left_out
    };
    let mut candidates: Vec<usize> = (0..workunit.instances.len()).collect();
    candidates.retain(|i| is_candidate(&workunit.instances[*i]));
    let quorum = workunit.min_quorum.max(1) as usize;
    let canonical = if workunit.canonical_result != 0 {
        workunit.instances.iter().position(|instance| instance.id == workunit.canonical_result)
    } else if candidates.len() >= quorum {
        candidates.iter().copied().find(|first| {
            let wanted = sums(&workunit.instances[*first]);
            candidates.iter().filter(|other| sums(&workunit.instances[**other]) == wanted).count() >= quorum
        })
    } else {
        return;
    };
    let Some(canonical) = canonical else {
        for i in candidates {
            workunit.instances[i].validation = Validation::Inconclusive;
        }
        // Without a majority one more instance is needed.
        workunit.target_nresults = workunit.target_nresults.max(workunit.instances.len() as u32 + 1);
        if workunit.instances.len() as u32 > workunit.max_success_results {
            workunit.error_mask |= TOO_MANY_SUCCESSES;
        }
        workunit.mod_time = now;
        return;
    };
    let wanted = sums(&workunit.instances[canonical]);
    for i in candidates {
        let same = sums(&workunit.instances[i]) == wanted;
        let instance = &mut workunit.instances[i];
        instance.validation = if same { Validation::Valid } else { Validation::Invalid };
        if same {
            instance.granted_credit = credit;
        }
    }
    if workunit.canonical_result == 0 {
        workunit.canonical_result = workunit.instances[canonical].id;
        workunit.canonical_credit = credit;
        workunit.cancel_unsent();
    }
    workunit.mod_time = now;
}

/// Takes the first instance in progress and ends it as failed.
pub(crate) fn fail(
    data: &mut Data,
    index: usize,
    state: &State,
    exit_status: i32,
    stderr: &str,
) -> Option<String> {
    let now = state.clock().seconds();
    let workunit = &mut data.tables.workunits[index];
    let instance = workunit.end_one(Outcome::ClientError)?;
    // `RESULT_COMPUTE_ERROR` of lib/common_defs.h.
    instance.client_state = 3;
    instance.exit_status = exit_status;
    let message = format!(
        "<message>\nprocess exited with code {exit_status} (0x{exit_status:x}, {})</message>\n",
        exit_status - 256
    );
    instance.stderr_out = stderr_out(&message, stderr);
    instance.received_time = now;
    let name = instance.name.clone();
    workunit.mod_time = now;
    transition(data, index, state);
    Some(name)
}

/// Ends the first instance in progress as one that was never heard of again.
pub(crate) fn time_out(data: &mut Data, index: usize, state: &State) -> Option<String> {
    let workunit = &mut data.tables.workunits[index];
    let name = workunit.end_one(Outcome::NoReply)?.name.clone();
    workunit.mod_time = state.clock().seconds();
    transition(data, index, state);
    Some(name)
}

/// What the client writes around a job's standard error; the server keeps the last 63 KB.
fn stderr_out(message: &str, stderr: &str) -> String {
    const KEPT: usize = 63 * 1024;
    let mut start = stderr.len().saturating_sub(KEPT);
    while !stderr.is_char_boundary(start) {
        start += 1;
    }
    format!(
        "\n<core_client_version>8.3.0</core_client_version>\n<![CDATA[\n{message}<stderr_txt>\n{}\n</stderr_txt>\n]]>\n",
        &stderr[start..]
    )
}

/// The file deleter, if it runs by itself, for workunits that have just changed.
pub(crate) fn delete_files(data: &mut Data, deletion: FileDeletion, indexes: &[usize]) {
    if deletion == FileDeletion::AtOnce {
        for index in indexes {
            delete_files_of(data, *index);
        }
    }
}

/// Removes the files of all workunits that are over.
pub(crate) fn delete_all_files(data: &mut Data) {
    for index in 0..data.tables.workunits.len() {
        delete_files_of(data, index);
    }
}

/// Removes the files of a workunit that is over, but those marked with `<no_delete/>`, without asking who else needs
/// them.
fn delete_files_of(data: &mut Data, index: usize) {
    let workunit = &mut data.tables.workunits[index];
    if !workunit.files_ready_to_delete || workunit.files_deleted {
        return;
    }
    workunit.files_deleted = true;
    for input in workunit.inputs.iter().filter(|input| !input.no_delete) {
        data.storage.download.remove(&input.physical_name);
    }
    for output in deletable_outputs(workunit) {
        data.storage.upload.remove(output);
    }
}

fn deletable_outputs(workunit: &Workunit) -> impl Iterator<Item = &String> {
    workunit.instances.iter().flat_map(|instance| {
        instance.outputs.iter().enumerate().filter_map(|(index, name)| {
            let keep = workunit.outputs.get(index).is_some_and(|output| output.no_delete);
            (!keep).then_some(name)
        })
    })
}
