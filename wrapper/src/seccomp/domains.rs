//! Takes the socket families that lead out of a container away from a profile.

use super::rules::{Action, Comparison, Condition, EAFNOSUPPORT, ENOSYS, EPERM, Profile, Rule};

/// `AF_ALG`: the kernel's ciphers.
const AF_ALG: u32 = 38;
/// `AF_VSOCK`: from a virtual machine to its host, past all network namespaces.
const AF_VSOCK: u32 = 40;
/// The families that are denied, in ascending order.
const DENIED: [u32; 2] = [AF_ALG, AF_VSOCK];

/// The calls whose argument 0 is a socket family.
const BY_FAMILY: [&str; 2] = ["socket", "socketpair"];
/// All calls on sockets in one, for programs of 32 bits. Its arguments lie in memory, where a filter cannot read them; since Linux
/// 4.3 these programs have the calls under their own names, too.
const SOCKETCALL: &str = "socketcall";
/// Its requests open sockets of any family (`IORING_OP_SOCKET`), and they lie in memory.
const IO_URING: [&str; 3] = ["io_uring_setup", "io_uring_enter", "io_uring_register"];

/// The profile, with the families denied. What it says about all other calls and families stays.
pub fn close(mut profile: Profile) -> Profile {
    // First of all: for a program of 32 bits libseccomp adds to each rule on `socket` one on `socketcall`, which cannot look at
    // the family. They fall under a rule that is there already.
    let mut syscalls = vec![Rule::fail([SOCKETCALL], answer_to_socketcall(&profile))];
    for mut rule in profile.syscalls {
        // A rule that only answers with an error may stay, but for `socketcall`, whose answer is ours.
        rule.names.retain(|name| {
            name != SOCKETCALL && (is_denial(rule.action) || !IO_URING.contains(&name.as_str()))
        });
        let (by_family, others): (Vec<_>, Vec<_>) =
            rule.names.iter().cloned().partition(|name| BY_FAMILY.contains(&name.as_str()));
        if !others.is_empty() {
            syscalls.push(Rule { names: others, ..rule.clone() });
        }
        if !by_family.is_empty() {
            syscalls.extend(without_denied_families(&Rule { names: by_family, ..rule }));
        }
    }
    for family in DENIED {
        let condition = Condition::masked(0, LOW, family.into());
        syscalls.push(Rule::fail(BY_FAMILY, EAFNOSUPPORT).when(condition));
    }
    if !is_denial(profile.default_action) {
        syscalls.push(Rule::fail(IO_URING, ENOSYS));
    }
    profile.syscalls = syscalls;
    profile
}

/// ENOSYS: programs have the newer calls. A runtime leaves out a rule that answers as the default does, so under Podman, whose
/// default is ENOSYS, it must be another error.
fn answer_to_socketcall(profile: &Profile) -> u32 {
    if profile.default_errno_ret == Some(ENOSYS) { EPERM } else { ENOSYS }
}

fn is_denial(action: Action) -> bool {
    !matches!(action, Action::Allow | Action::Log)
}

/// The kernel takes a family as an `int`, so only these bits of the argument count. A comparison of all 64 bits, as in
/// the default profiles, lets `0x1_0000_0028` pass, which the kernel then takes for `AF_VSOCK`.
const LOW: u64 = 0xffff_ffff;

/// Bits of an argument: what is left of it after masking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pattern {
    mask: u64,
    value: u64,
}

impl Pattern {
    /// What matches both; `None` if nothing can.
    fn and(self, other: Self) -> Option<Self> {
        ((self.value ^ other.value) & self.mask & other.mask == 0)
            .then_some(Self { mask: self.mask | other.mask, value: self.value | other.value })
    }
}

/// The rule for all families but the denied ones: one rule for each pattern, because a condition cannot say "neither".
///
/// No rule has two conditions on one argument: runtimes take such conditions for alternatives.
fn without_denied_families(rule: &Rule) -> Vec<Rule> {
    alternatives(rule)
        .into_iter()
        .flat_map(|rule| {
            let (family, others): (Vec<Condition>, Vec<Condition>) =
                rule.args.iter().copied().partition(|condition| condition.index == 0);
            let wanted = family.first().map_or_else(|| patterns(0..=u32::MAX), |one| patterns_of(*one));
            let allowed = allowed_families();
            let mut rules = Vec::new();
            for pattern in wanted {
                for family in allowed.iter().filter_map(|allowed| pattern.and(*allowed)) {
                    let mut args = others.clone();
                    args.push(Condition::masked(0, family.mask, family.value));
                    rules.push(Rule { args, ..rule.clone() });
                }
            }
            rules
        })
        .collect()
}

/// A rule that has two conditions on one argument means each of its conditions alone: so runc and crun read it.
fn alternatives(rule: &Rule) -> Vec<Rule> {
    let repeated = rule
        .args
        .iter()
        .enumerate()
        .any(|(n, condition)| rule.args[..n].iter().any(|earlier| earlier.index == condition.index));
    if !repeated {
        return vec![rule.clone()];
    }
    rule.args.iter().map(|condition| Rule { args: vec![*condition], ..rule.clone() }).collect()
}

/// The families that a condition on argument 0 allows. Bits above the family's 32 count only where the condition needs
/// them to be a certain value; else they are ignored, as the kernel does.
fn patterns_of(condition: Condition) -> Vec<Pattern> {
    let exactly = |value| vec![Pattern { mask: u64::MAX, value }];
    let value = u32::try_from(condition.value).ok();
    match (condition.op, value) {
        (Comparison::MaskedEqual, _) => {
            vec![Pattern { mask: condition.value, value: condition.value_two & condition.value }]
        }
        (Comparison::Equal, _) => exactly(condition.value),
        (Comparison::NotEqual, Some(value)) => {
            let below = value.checked_sub(1).map(|end| patterns(0..=end));
            let above = value.checked_add(1).map(|start| patterns(start..=u32::MAX));
            below.into_iter().chain(above).flatten().collect()
        }
        (Comparison::Less, Some(value)) => {
            value.checked_sub(1).map(|end| narrow(patterns(0..=end))).unwrap_or_default()
        }
        (Comparison::LessOrEqual, Some(value)) => narrow(patterns(0..=value)),
        (Comparison::Greater, Some(value)) => {
            value.checked_add(1).map(|start| patterns(start..=u32::MAX)).unwrap_or_default()
        }
        (Comparison::GreaterOrEqual, Some(value)) => patterns(value..=u32::MAX),
        // No family is as large.
        (Comparison::NotEqual | Comparison::Less | Comparison::LessOrEqual, None) => patterns(0..=u32::MAX),
        (Comparison::Greater | Comparison::GreaterOrEqual, None) => Vec::new(),
    }
}

/// With nothing above the 32 bits.
fn narrow(patterns: Vec<Pattern>) -> Vec<Pattern> {
    patterns.into_iter().map(|pattern| Pattern { mask: pattern.mask | !LOW, ..pattern }).collect()
}

fn allowed_families() -> Vec<Pattern> {
    let mut allowed = Vec::new();
    let mut start = 0;
    for denied in DENIED {
        allowed.extend(patterns(start..=denied - 1));
        start = denied + 1;
    }
    allowed.extend(patterns(start..=u32::MAX));
    allowed
}

/// A range as blocks whose members share their upper bits, as networks are divided.
fn patterns(range: std::ops::RangeInclusive<u32>) -> Vec<Pattern> {
    let (mut start, end) = (u64::from(*range.start()), u64::from(*range.end()));
    let mut blocks = Vec::new();
    while start <= end {
        let mut size = 1 << start.trailing_zeros().min(32);
        while start + size - 1 > end {
            size /= 2;
        }
        blocks.push(Pattern { mask: LOW & !(size - 1), value: start });
        start += size;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(patterns: &[Pattern], family: u64) -> usize {
        patterns.iter().filter(|pattern| family & pattern.mask == pattern.value).count()
    }

    #[test]
    fn each_family_but_the_denied_ones_is_in_one_block() {
        let allowed = allowed_families();
        assert_eq!(allowed.len(), 34);
        for family in (0..100_000).chain((0..32).map(|bit| 1 << bit)).chain([u64::from(u32::MAX)]) {
            let expected = usize::from(!matches!(family, 38 | 40));
            assert_eq!(matches(&allowed, family), expected, "{family}");
            assert_eq!(
                matches(&allowed, family | 7 << 40),
                expected,
                "{family}, with what the kernel ignores"
            );
        }
    }

    #[test]
    fn each_comparison_is_what_it_was_for_all_other_families() {
        let compare = |op, value: u64, family: u64| match op {
            Comparison::NotEqual => family != value,
            Comparison::Less => family < value,
            Comparison::LessOrEqual => family <= value,
            Comparison::Equal => family == value,
            Comparison::GreaterOrEqual => family >= value,
            Comparison::Greater => family > value,
            Comparison::MaskedEqual => family & value == 0,
        };
        let operations = [
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Equal,
            Comparison::GreaterOrEqual,
            Comparison::Greater,
            Comparison::MaskedEqual,
        ];
        let values =
            [0, 1, 9, 16, 37, 38, 39, 40, 41, 64, u64::from(u32::MAX), 1 << 32, 1 << 32 | 40, u64::MAX];
        for (op, value) in operations.iter().flat_map(|op| values.map(|value| (*op, value))) {
            let rule = Rule::allow(["socket"]).when(Condition { index: 0, value, value_two: 0, op });
            let rules = without_denied_families(&rule);
            for family in (0..200).chain([u64::from(u32::MAX), 1 << 31]) {
                let allowed = rules.iter().any(|rule| {
                    family & rule.args[0].value == rule.args[0].value_two && rule.args.len() == 1
                });
                let expected = compare(op, value, family) && !matches!(family, 38 | 40);
                assert_eq!(allowed, expected, "{op:?} {value}: {family}");
            }
        }
    }

    #[test]
    fn conditions_on_other_arguments_stay_and_repeated_ones_are_alternatives() {
        let protocol = Condition { index: 2, value: 9, value_two: 0, op: Comparison::NotEqual };
        let rules = without_denied_families(&Rule::allow(["socket"]).when(protocol));
        assert_eq!(rules.len(), 34);
        assert!(rules.iter().all(|rule| rule.args[0] == protocol && rule.args.len() == 2));
        let two = Rule::allow(["socket"]).when(Condition::equal(0, 1)).when(Condition::equal(0, 40));
        let rules = without_denied_families(&two);
        assert_eq!(rules.iter().map(|rule| rule.args[0].value_two).collect::<Vec<_>>(), [1]);
    }
}
