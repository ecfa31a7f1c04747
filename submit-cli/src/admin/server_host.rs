//! What a project's server computer is like: its name, its accounts, its settings under `/etc`.

use std::path::{Path, PathBuf};

/// The accounts that web servers run as, on Debian and its derivatives, and on Fedora and its derivatives.
const WEB_USERS: [&str; 4] = ["www-data", "apache", "nginx", "http"];

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its groups' numbers, the main one first.
    pub gids: Vec<u32>,
}

/// The server.
#[derive(Debug, Clone)]
pub struct ServerHost {
    /// Where `/etc` is.
    pub etc: PathBuf,
    /// The host name up to its first dot, as bin/start and the scheduler take it.
    pub name: String,
    /// The directories that programs are looked for in.
    pub path: Vec<PathBuf>,
    /// The account of the web server.
    pub web_user: Result<Account, AccountError>,
}

/// The web server's account is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The account that was named does not exist.
    #[error("{} has no account {name:?}", passwd.display())]
    Unknown {
        /// The account.
        name: String,
        /// The file.
        passwd: PathBuf,
    },
    /// None was named, and none of the usual ones exists.
    #[error("{} has none of the accounts {}", passwd.display(), WEB_USERS.join(", "))]
    NoneOfTheUsual {
        /// The file.
        passwd: PathBuf,
    },
}

impl ServerHost {
    /// This computer; `web_user` names the web server's account if it is not one of the usual ones.
    pub fn inspect(web_user: Option<&str>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::new(
            Path::new("/etc"),
            &boinc::platform::host_name(),
            std::env::split_paths(&path).collect(),
            web_user,
        )
    }

    /// A computer whose `/etc` is at `etc`.
    pub fn new(etc: &Path, name: &str, path: Vec<PathBuf>, web_user: Option<&str>) -> Self {
        let name = name.split('.').next().unwrap_or_default().to_owned();
        Self { etc: etc.to_path_buf(), name, path, web_user: account(etc, web_user) }
    }

    /// Whether there is a program of this name.
    pub fn has_program(&self, name: &str) -> bool {
        self.path.iter().any(|dir| dir.join(name).is_file())
    }

    /// The name of a group, or its number where it has none.
    pub fn group_name(&self, gid: u32) -> String {
        let groups = std::fs::read_to_string(self.etc.join("group")).unwrap_or_default();
        name_of(&groups, gid).map_or_else(|| gid.to_string(), str::to_owned)
    }
}

/// The name that /etc/passwd has for a user.
pub fn account_name(uid: u32) -> Option<String> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    name_of(&accounts, uid).map(str::to_owned)
}

/// The name that a text like /etc/passwd or /etc/group has for a number.
pub fn name_of(table: &str, id: u32) -> Option<&str> {
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then_some(name)
    })
}

fn account(etc: &Path, name: Option<&str>) -> Result<Account, AccountError> {
    let passwd = etc.join("passwd");
    let accounts = std::fs::read_to_string(&passwd).unwrap_or_default();
    let groups = std::fs::read_to_string(etc.join("group")).unwrap_or_default();
    let find = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        let uid = fields.next()?.parse().ok()?;
        let main: u32 = fields.next()?.parse().ok()?;
        let more = groups.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, _, gid, members] = fields[..] else { return None };
            members.split(',').any(|member| member == name).then(|| gid.parse().ok()).flatten()
        });
        Some(Account { name: name.to_owned(), uid, gids: std::iter::once(main).chain(more).collect() })
    };
    match name {
        Some(name) => find(name).ok_or_else(|| AccountError::Unknown { name: name.to_owned(), passwd }),
        None => WEB_USERS.into_iter().find_map(find).ok_or(AccountError::NoneOfTheUsual { passwd }),
    }
}
