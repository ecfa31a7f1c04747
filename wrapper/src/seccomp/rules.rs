//! A seccomp profile as engines read it: names of calls, conditions on their arguments, and what is answered.

use serde::{Deserialize, Serialize};

/// "You may not".
pub const EPERM: u32 = 1;
/// "This call does not exist here": programs fall back to an older one.
pub const ENOSYS: u32 = 38;
/// "No such kind of socket here".
pub const EAFNOSUPPORT: u32 = 97;

/// The whole file. A field that is not known here is an error: it might be a restriction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// For all calls without a rule.
    pub default_action: Action,
    /// The error of the default action; where it is absent, the runtime's (EPERM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_errno_ret: Option<u32>,
    /// The same error as a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_errno: Option<String>,
    /// The architectures, for a profile that is not for one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch_map: Option<Vec<Architecture>>,
    /// The architectures, as a plain list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architectures: Option<Vec<String>>,
    /// The rules. Their order has no meaning.
    pub syscalls: Vec<Rule>,
}

impl Profile {
    /// The file's text.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers, lists: there is nothing in it that JSON could not hold.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// An architecture, and those whose programs its kernel runs as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Architecture {
    /// Its name.
    pub architecture: String,
    /// The others.
    #[serde(default)]
    pub sub_architectures: Option<Vec<String>>,
}

/// What is done with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// It is carried out.
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
    /// It fails.
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
    /// The thread is killed.
    #[serde(rename = "SCMP_ACT_KILL", alias = "SCMP_ACT_KILL_THREAD")]
    Kill,
    /// The process is killed.
    #[serde(rename = "SCMP_ACT_KILL_PROCESS")]
    KillProcess,
    /// The process gets a signal.
    #[serde(rename = "SCMP_ACT_TRAP")]
    Trap,
    /// It is carried out and logged.
    #[serde(rename = "SCMP_ACT_LOG")]
    Log,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The calls.
    pub names: Vec<String>,
    /// What is done.
    pub action: Action,
    /// Conditions on arguments, all of which must hold.
    #[serde(default, deserialize_with = "list_or_null")]
    pub args: Vec<Condition>,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The rule is for hosts and containers like this only.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub includes: Filter,
    /// The rule is not for hosts and containers like this.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub excludes: Filter,
    /// The error that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno_ret: Option<u32>,
    /// The same error as a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
}

impl Rule {
    /// A rule without conditions for these calls.
    pub fn allow<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            names: names.into_iter().map(str::to_owned).collect(),
            action: Action::Allow,
            args: Vec::new(),
            comment: String::new(),
            includes: Filter::default(),
            excludes: Filter::default(),
            errno_ret: None,
            errno: None,
        }
    }

    /// These calls fail with this error.
    pub fn fail<'a>(names: impl IntoIterator<Item = &'a str>, errno: u32) -> Self {
        Self { action: Action::Errno, errno_ret: Some(errno), ..Self::allow(names) }
    }

    /// Under this condition besides the others.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.args.push(condition);
        self
    }

    /// Only on these architectures, as Go names them.
    #[must_use]
    pub fn only_on(mut self, architectures: &[&str]) -> Self {
        self.includes.arches = architectures.iter().map(ToString::to_string).collect();
        self
    }

    /// Only with this kernel or a later one.
    #[must_use]
    pub fn since_kernel(mut self, version: &str) -> Self {
        self.includes.min_kernel = Some(version.to_owned());
        self
    }

    /// Not on these architectures, as Go names them.
    #[must_use]
    pub fn not_on(mut self, architectures: &[&str]) -> Self {
        self.excludes.arches = architectures.iter().map(ToString::to_string).collect();
        self
    }
}

/// Kinds of hosts and containers. The engine judges by it, which knows the container's capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// Capabilities of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<String>,
    /// Architectures, as Go names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arches: Vec<String>,
    /// The oldest kernel, as `4.8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_kernel: Option<String>,
}

fn is_empty(filter: &Filter) -> bool {
    *filter == Filter::default()
}

fn list_or_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Condition>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A condition on one argument, which is a number of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// Which argument, from 0.
    pub index: u32,
    /// What it is compared with; for [`Comparison::MaskedEqual`] the mask.
    pub value: u64,
    /// For [`Comparison::MaskedEqual`] what is left after masking.
    #[serde(default)]
    pub value_two: u64,
    /// How.
    pub op: Comparison,
}

impl Condition {
    /// The argument `index` is this number.
    pub fn equal(index: u32, value: u64) -> Self {
        Self { index, value, value_two: 0, op: Comparison::Equal }
    }

    /// Of the argument `index` the bits in `mask` are those of `value`.
    pub fn masked(index: u32, mask: u64, value: u64) -> Self {
        Self { index, value: mask, value_two: value, op: Comparison::MaskedEqual }
    }
}

/// How an argument is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// It is another number.
    #[serde(rename = "SCMP_CMP_NE")]
    NotEqual,
    /// It is less.
    #[serde(rename = "SCMP_CMP_LT")]
    Less,
    /// It is at most this.
    #[serde(rename = "SCMP_CMP_LE")]
    LessOrEqual,
    /// It is this number.
    #[serde(rename = "SCMP_CMP_EQ")]
    Equal,
    /// It is at least this.
    #[serde(rename = "SCMP_CMP_GE")]
    GreaterOrEqual,
    /// It is more.
    #[serde(rename = "SCMP_CMP_GT")]
    Greater,
    /// Some of its bits are these.
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEqual,
}
