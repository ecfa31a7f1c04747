//! A job by the name that a submitter typed.

use std::collections::HashSet;

use boinc::spelling::nearest;

use super::{Campaign, CampaignError};

/// So many names are told when none is like the one that was typed.
const TOLD: usize = 5;

impl Campaign {
    /// Checks that its jobs have these names.
    ///
    /// # Errors
    /// The campaign file cannot be read, or no job has one of the names.
    pub fn check_jobs(&self, names: &[String]) -> Result<(), CampaignError> {
        if names.is_empty() {
            return Ok(());
        }
        let known = self.job_names()?;
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        check_job_names(&known, names)
    }
}

/// Checks that jobs have these names, among all names of a campaign.
///
/// # Errors
/// None has the first such name; which ones are like it is said.
fn check_job_names(known: &[&str], names: &[String]) -> Result<(), CampaignError> {
    let all: HashSet<&str> = known.iter().copied().collect();
    match names.iter().find(|name| !all.contains(name.as_str())) {
        Some(name) => Err(unknown(known, name)),
        None => Ok(()),
    }
}

fn unknown(names: &[&str], name: &str) -> CampaignError {
    let hint = match nearest(name, names) {
        Some(near) => format!("; did you mean {near}?"),
        None => {
            let like: Vec<&str> =
                names.iter().copied().filter(|known| !name.is_empty() && known.contains(name)).collect();
            let told = if like.is_empty() { names } else { &like };
            let more = if told.len() > TOLD { ", …" } else { "" };
            format!(": {}{more}", told[..told.len().min(TOLD)].join(", "))
        }
    };
    CampaignError::UnknownJob { name: name.to_owned(), count: names.len(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_brings_those_that_are_like_it() {
        let jobs = ["harbour-light", "sea-sea", "sea-buoy", "a", "b", "c"];
        let message = |name: &str| check_job_names(&jobs, &[name.to_owned()]).unwrap_err().to_string();
        assert_eq!(message("sea-boy"), "no job sea-boy among the 6 of this campaign; did you mean sea-buoy?");
        assert_eq!(message("harbour"), "no job harbour among the 6 of this campaign: harbour-light");
        assert_eq!(
            message("zzz"),
            "no job zzz among the 6 of this campaign: harbour-light, sea-sea, sea-buoy, a, b, …"
        );
        assert!(check_job_names(&jobs, &["sea-sea".to_owned()]).is_ok());
    }

    #[test]
    fn each_of_many_names_is_looked_up_once() {
        let names: Vec<String> = (0..100_000).map(|n| format!("job-{n:020}")).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let begin = std::time::Instant::now();
        check_job_names(&known, &names[50_000..]).unwrap();
        // Each compared with each takes a minute.
        assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{:?}", begin.elapsed());
        let unknown = check_job_names(&known, &[names[7].clone(), "sea".to_owned()]).unwrap_err();
        assert!(unknown.to_string().starts_with("no job sea among the 100000"), "{unknown}");
    }
}
