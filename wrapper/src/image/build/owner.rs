//! Who owns what a COPY or WORKDIR makes: names are those of the image.

use std::collections::HashMap;
use std::io::Read;

use crate::engine::Transport;
use boinc::archive::tar::Reader;

use super::Builder;
use super::copy::Pending;
use super::error::BuildError;

/// Longer user tables are not looked into.
const MAX_BYTES: u64 = 4 << 20;

/// The users and groups of an image.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Name → number, primary group.
    users: HashMap<String, (u32, u32)>,
    groups: HashMap<String, u32>,
}

impl Names {
    fn parse(passwd: &str, group: &str) -> Self {
        let mut names = Self::default();
        for line in passwd.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, uid, gid, ..] = fields[..]
                && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
            {
                names.users.entry(name.to_owned()).or_insert((uid, gid));
            }
        }
        for line in group.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, gid, ..] = fields[..]
                && let Ok(gid) = gid.parse()
            {
                names.groups.entry(name.to_owned()).or_insert(gid);
            }
        }
        names
    }

    /// Numbers of `user[:group]`. Without a group it is the user's own; of a number without a user it is `alone`.
    fn resolve(&self, owner: &str, alone: impl Fn(u32) -> u32) -> Result<(u32, u32), String> {
        let (user, group) = match owner.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (owner, None),
        };
        let (uid, own_group) = match user.parse::<u32>() {
            Ok(uid) => {
                let known = self.users.values().find(|(known, _)| *known == uid).map(|(_, gid)| *gid);
                (uid, known.unwrap_or_else(|| alone(uid)))
            }
            Err(_) => *self.users.get(user).ok_or_else(|| format!("the image has no user {user:?}"))?,
        };
        let gid = match group {
            None => own_group,
            Some(group) => match group.parse::<u32>() {
                Ok(gid) => gid,
                Err(_) => {
                    *self.groups.get(group).ok_or_else(|| format!("the image has no group {group:?}"))?
                }
            },
        };
        Ok((uid, gid))
    }
}

impl<T: Transport + Clone> Builder<'_, T> {
    /// The owner that `--chown` names.
    pub(super) fn owner_of_copy(
        &self,
        container: &str,
        line: u32,
        owner: &str,
        pending: &mut Pending,
    ) -> Result<(u32, u32), BuildError> {
        self.resolve_owner(container, line, owner, pending, |uid| uid)
    }

    /// The owner of a directory that WORKDIR makes for `USER user`.
    pub(super) fn owner_of_workdir(
        &self,
        container: &str,
        line: u32,
        user: &str,
        pending: &mut Pending,
    ) -> Result<(u32, u32), BuildError> {
        if user.is_empty() {
            return Ok((0, 0));
        }
        self.resolve_owner(container, line, user, pending, |_| 0)
    }

    fn resolve_owner(
        &self,
        container: &str,
        line: u32,
        owner: &str,
        pending: &mut Pending,
        alone: impl Fn(u32) -> u32,
    ) -> Result<(u32, u32), BuildError> {
        let whole: Option<Vec<u32>> = owner.split(':').map(|part| part.parse().ok()).collect();
        if let Some([uid, gid]) = whole.as_deref() {
            return Ok((*uid, *gid));
        }
        // The tables can be among the files that an instruction before this one copies.
        self.send(container, &std::mem::take(pending))?;
        let names = Names::parse(
            &self.text_file(container, "/etc/passwd")?,
            &self.text_file(container, "/etc/group")?,
        );
        names.resolve(owner, alone).map_err(|why| BuildError::Copy { line, why })
    }

    /// A small file of a container; empty if there is none.
    fn text_file(&self, container: &str, path: &str) -> Result<String, BuildError> {
        let read = self.read_path(container, path, |stream| {
            let mut reader = Reader::new(stream);
            let mut bytes = Vec::new();
            if reader.next_entry()?.is_some() {
                reader.take(MAX_BYTES).read_to_end(&mut bytes)?;
            }
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        });
        Ok(read?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_image() {
        let names = Names::parse("root:x:0:0::/:/bin/sh\nsci:x:1000:100::/:\nbad line\n", "users:x:100:\n");
        let resolve = |owner: &str| names.resolve(owner, |uid| uid);
        assert_eq!(resolve("sci"), Ok((1000, 100)));
        assert_eq!(resolve("sci:0"), Ok((1000, 0)));
        assert_eq!(resolve("7:users"), Ok((7, 100)));
        assert_eq!(resolve("7"), Ok((7, 7)));
        assert_eq!(resolve("1000"), Ok((1000, 100)));
        assert_eq!(names.resolve("7", |_| 0), Ok((7, 0)));
        assert!(resolve("nobody").unwrap_err().contains("nobody"));
        assert!(resolve("sci:wheel").unwrap_err().contains("wheel"));
    }
}
