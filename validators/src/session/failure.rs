//! Why a call is not decided, whose circuit breaker that concerns, and how to go on.

use boinc::error_chain::chain;

use crate::routes::{Author, RouteError, Routed};
use crate::script::Purpose;
use crate::submitter_rules::RuleFileError;

/// The breaker of the routes file itself.
pub(crate) const ROUTES_KEY: &str = "routes";

/// The breaker of calls that make no sense, which no waiting mends.
pub(crate) const CALLS_KEY: &str = "calls";

/// The breaker of the upload directory.
pub(crate) const UPLOAD_KEY: &str = "upload";

/// What rules that submitters bring share: one time for waiting.
const SUBMITTER_RULES_BUDGET: &str = "submitter-rules";

/// What science apps without a route share.
const UNROUTED_BUDGET: &str = "unrouted";

/// The breaker of a science app without a route.
pub(crate) fn unrouted_key(app: &str) -> String {
    format!("unrouted-{app}")
}

/// Why a call is not decided.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// Whose breaker it is.
    pub key: String,
    /// Whose time for waiting it uses.
    pub budget: String,
    /// In words.
    pub message: String,
    /// How to go on.
    pub class: FailureClass,
}

/// How to go on after a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// The same call will never be decided: waiting is no use.
    Permanent,
    /// Something is broken; it may be mended meanwhile.
    Broken,
    /// A script says "later" of these results: nothing is broken.
    Later,
    /// It was not even tried, since it is broken and was just tried.
    BreakerOpen,
}

impl Failure {
    /// One with a time for waiting of its own.
    pub(crate) fn new(key: &str, class: FailureClass, message: String) -> Self {
        Self { key: key.to_owned(), budget: key.to_owned(), message, class }
    }

    /// A script's. "Later" has a time for waiting of its own.
    pub(crate) fn of_script(routed: &Routed, purpose: Purpose, class: FailureClass, message: String) -> Self {
        let budget = match routed.author {
            Author::Admin => routed.key.clone(),
            Author::Submitter => SUBMITTER_RULES_BUDGET.to_owned(),
        };
        let budget = if class == FailureClass::Later { format!("{budget}.later") } else { budget };
        Self { key: format!("{}.{}", routed.key, purpose.name()), budget, message, class }
    }

    /// That of a bundle's built-in rule that takes more than its time. It would again.
    pub(crate) fn of_slow_rule(routed: &Routed, bytes: u64) -> Self {
        let seconds = routed.allowance(bytes).unwrap_or_default().as_secs_f64();
        Self {
            key: routed.key.clone(),
            budget: SUBMITTER_RULES_BUDGET.to_owned(),
            message: format!(
                "the rules of bundle {} take more than {seconds} s of CPU time for outputs of {bytes} bytes; allowed: \
                 0.08 s plus 1 s for each megabyte, at most submitter_rules.rule_seconds",
                routed.key
            ),
            class: FailureClass::Permanent,
        }
    }

    /// That of a workunit without a usable route.
    pub(crate) fn of_route(error: &RouteError) -> Self {
        let message = chain(error);
        // No waiting mends what a submitter has uploaded; a file that is not there may still come.
        let is_permanent = matches!(error, RouteError::BundleRules(_, RuleFileError::Invalid(_)));
        let class = if is_permanent { FailureClass::Permanent } else { FailureClass::Broken };
        let (key, budget) = match error {
            RouteError::NoRoute { key, .. } => (unrouted_key(key), UNROUTED_BUDGET),
            RouteError::BundleRules(bundle, _) => (bundle.clone(), SUBMITTER_RULES_BUDGET),
            _ => (ROUTES_KEY.to_owned(), ROUTES_KEY),
        };
        Self { key, budget: budget.to_owned(), message, class }
    }
}
